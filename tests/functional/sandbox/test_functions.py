"""The platform's functions and triggers work, or fail, as they do there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from psycopg import errors

from tests.functional.sandbox.support import rows, value

if TYPE_CHECKING:
    import psycopg


def test_add_credits_changes_balance_and_ledger_together(postgres: psycopg.Connection) -> None:
    user, before = rows(
        postgres, "SELECT id, credits_balance FROM public.profiles WHERE credits_balance > 100"
    )[0]
    after = value(postgres, "SELECT public.add_credits(%s, -30, 'spent_feature', NULL, '{}')", user)
    assert after == before - 30
    assert rows(
        postgres,
        "SELECT p.credits_balance, t.amount, t.balance_after FROM public.profiles p"
        " JOIN public.credit_transactions t ON t.user_id = p.id"
        " WHERE p.id = %s ORDER BY t.created_at DESC LIMIT 1",
        user,
    ) == [(after, -30, after)]
    with pytest.raises(errors.CheckViolation):
        postgres.execute("SELECT public.add_credits(%s, -100000, 'spent_feature')", (user,))


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("public.create_initial_user_invite_codes(%(user)s)", errors.AmbiguousColumn),
        ("public.get_messages_with_votes(%(session)s)", errors.AmbiguousColumn),
        ("public.get_inspiration_chain('art', %(session)s)", errors.AmbiguousColumn),
        ("public.on_session_join(%(user)s, %(session)s)", errors.CheckViolation),
    ],
)
def test_function_that_is_broken_on_the_platform_is_broken_here(
    postgres: psycopg.Connection, call: str, error: type[Exception]
) -> None:
    user = value(postgres, "SELECT id FROM public.profiles LIMIT 1")
    session = value(postgres, "SELECT id FROM public.sessions LIMIT 1")
    postgres.execute(
        "UPDATE public.profiles SET current_streak = 6, last_active_date = current_date - 1"
        " WHERE id = %s",
        (user,),
    )
    with pytest.raises(error):
        postgres.execute(f"SELECT * FROM {call}", {"user": user, "session": session})


def test_signup_survives_its_broken_trigger(postgres: psycopg.Connection) -> None:
    codes = value(postgres, "SELECT count(*) FROM public.invites")
    user = value(postgres, "INSERT INTO auth.users (id) VALUES (gen_random_uuid()) RETURNING id")
    notices: list[str | None] = []
    postgres.add_notice_handler(lambda notice: notices.append(notice.message_primary))
    postgres.execute("INSERT INTO public.profiles (id, username) VALUES (%s, 'new')", (user,))
    assert "could not create invite codes" in str(notices[0])
    assert value(postgres, "SELECT count(*) FROM public.invites") == codes


def test_invite_code_is_used_once_and_pays_its_creator(postgres: psycopg.Connection) -> None:
    creator, user = rows(postgres, "SELECT id FROM public.profiles LIMIT 2")
    code = value(postgres, "SELECT public.create_invite_code(%s, 1)", creator)
    assert re.fullmatch(r"K[0-9A-F]{4}", code)
    assert value(postgres, "SELECT public.use_invite_code(%s, %s)", code, user) is True
    assert value(postgres, "SELECT public.use_invite_code(%s, %s)", code, user) is False
    assert (
        value(
            postgres,
            "SELECT type FROM public.credit_transactions WHERE user_id = %s"
            " ORDER BY created_at DESC LIMIT 1",
            creator,
        )
        == "referral_bonus"
    )


def test_custom_trigger_on_logins_reaches_the_profile(postgres: psycopg.Connection) -> None:
    user = value(postgres, "SELECT id FROM auth.users LIMIT 1")
    postgres.execute(
        "UPDATE auth.users SET last_sign_in_at = '2030-05-06 12:00+00' WHERE id = %s", (user,)
    )
    assert (
        str(value(postgres, "SELECT last_active_date FROM public.profiles WHERE id = %s", user))
        == "2030-05-06"
    )
