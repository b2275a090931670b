"""The platform's invariants: clean on clean data, also later, and each finds its violation."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest

from kulti_ops.invariants import InvariantResult, check_invariants
from kulti_ops.platform.invariants import Invariant, load_invariants, parse_invariant
from kulti_ops.report import Verdict
from tests.functional.sandbox.conftest import NOW

if TYPE_CHECKING:
    from uuid import UUID

    from tests.functional.sandbox.conftest import Built

# What breaks each invariant. Every text runs as superuser in a transaction that is rolled back;
# {now} is the moment that the check takes for now.
PLANTS = {
    "accounts_identities": "DELETE FROM auth.identities WHERE user_id = {user}",
    "accounts_profiles": """
        INSERT INTO auth.users (id, created_at) VALUES (gen_random_uuid(), '2026-01-01')""",
    "credits_balance": """
        UPDATE public.profiles SET credits_balance = credits_balance + 1 WHERE id = {user}""",
    "credits_chain": """
        UPDATE public.credit_transactions SET balance_after = balance_after + 1
         WHERE id = (SELECT id FROM public.credit_transactions WHERE user_id = {user}
                      ORDER BY created_at OFFSET 3 LIMIT 1)""",
    "credits_milestones": """
        DELETE FROM public.credit_milestones
         WHERE user_id = {user} AND milestone_type = 'first_session'""",
    "credits_not_negative": """
        ALTER TABLE public.profiles DROP CONSTRAINT profiles_credits_balance_check;
        UPDATE public.profiles SET credits_balance = -1 WHERE id = {user}""",
    "credits_referrals": """
        DELETE FROM public.credit_transactions WHERE id =
            (SELECT id FROM public.credit_transactions WHERE type = 'referral_bonus' LIMIT 1)""",
    "credits_sessions": """
        UPDATE public.sessions SET total_credits_distributed = total_credits_distributed * 2
         WHERE id = {session}""",
    "credits_tips": """
        DELETE FROM public.credit_transactions WHERE id =
            (SELECT id FROM public.credit_transactions WHERE type = 'received_tip' LIMIT 1)""",
    "credits_totals": """
        UPDATE public.profiles SET total_credits_spent = total_credits_spent + 1
         WHERE id = {user}""",
    "foreign_keys": """
        SET LOCAL session_replication_role = replica;
        DELETE FROM public.invites WHERE id = (SELECT invite_id FROM public.invite_uses LIMIT 1)""",
    "invites_overused": """
        ALTER TABLE public.invites DROP CONSTRAINT invites_current_uses_check;
        UPDATE public.invites SET current_uses = max_uses + 1
         WHERE id = (SELECT invite_id FROM public.invite_uses LIMIT 1)""",
    "invites_used_twice": """
        INSERT INTO public.invite_uses (invite_id, used_by)
        SELECT invite_id, used_by FROM public.invite_uses LIMIT 1""",
    "invites_uses_counted": """
        UPDATE public.invites SET current_uses = current_uses - 1
         WHERE id = (SELECT invite_id FROM public.invite_uses LIMIT 1)""",
    "presence_stale": """
        UPDATE public.user_presence SET is_online = true, last_seen = {now} - interval '6 minutes'
         WHERE user_id = (SELECT user_id FROM public.user_presence LIMIT 1)""",
    "profiles_invite_code": "UPDATE public.profiles SET invite_code = 'KFFFF!' WHERE id = {user}",
    "profiles_referral_cycle": """
        UPDATE public.profiles p SET referred_by = x.id FROM public.profiles x
         WHERE x.referred_by = p.id AND p.referred_by IS NULL""",
    "profiles_referrer": """
        UPDATE public.profiles SET referred_by = {user}
         WHERE id = (SELECT id FROM public.profiles WHERE referred_by <> {user} LIMIT 1)""",
    "recordings_duplicate": """
        INSERT INTO public.recordings (session_id, hms_recording_id, status)
        SELECT session_id, hms_recording_id, 'failed' FROM public.recordings LIMIT 1""",
    "recordings_on_ended_session": """
        INSERT INTO public.recordings (session_id, hms_recording_id, status)
        VALUES ({session}, 'x', 'recording')""",
    "recordings_stuck_processing": """
        INSERT INTO public.recordings (session_id, hms_recording_id, status, updated_at)
        VALUES ({session}, 'x', 'processing', {now} - interval '61 minutes')""",
    "recordings_without_url": """
        INSERT INTO public.recordings (session_id, hms_recording_id, status, recording_url)
        VALUES ({session}, 'x', 'completed', ' ')""",
    "sessions_end_before_start": """
        UPDATE public.sessions SET ended_at = started_at - interval '1 second'
         WHERE id = {session}""",
    "sessions_end_missing": "UPDATE public.sessions SET ended_at = NULL WHERE id = {session}",
    "sessions_live_too_long": """
        UPDATE public.sessions SET status = 'live', ended_at = NULL,
               started_at = {now} - interval '12 hours 1 minute' WHERE id = {session}""",
    "sessions_live_without_heartbeat": """
        UPDATE public.sessions SET status = 'live', ended_at = NULL,
               started_at = {now} - interval '3 hours' WHERE id = {session};
        UPDATE public.session_participants SET last_heartbeat_at = {now} - interval '121 minutes'
         WHERE session_id = {session}""",
    "sessions_live_without_people": """
        UPDATE public.sessions SET status = 'live', ended_at = NULL,
               started_at = {now} - interval '601 seconds' WHERE id = {session}""",
    "sessions_not_settled": """
        UPDATE public.sessions SET credits_calculated = false WHERE id = {session}""",
    "sessions_overdue": """
        UPDATE public.sessions SET started_at = {now} - interval '1 second'
         WHERE id = (SELECT id FROM public.sessions WHERE status = 'scheduled' LIMIT 1)""",
    "suggestions_overdue": """
        UPDATE public.matchmaking_suggestions SET status = 'pending',
               expires_at = {now} - interval '1 second'
         WHERE id = (SELECT id FROM public.matchmaking_suggestions LIMIT 1)""",
}

# Near misses: just inside the limit, or a rule's exception.
NEAR_MISSES = {
    "sessions_live_without_people": """
        UPDATE public.sessions SET status = 'live', ended_at = NULL,
               started_at = {now} - interval '599 seconds' WHERE id = {session}""",
    "presence_stale": """
        UPDATE public.user_presence
           SET is_online = true, last_seen = {now} - interval '4 minutes'""",
    "recordings_stuck_processing": """
        INSERT INTO public.recordings (session_id, hms_recording_id, status, updated_at)
        VALUES ({session}, 'x', 'processing', {now} - interval '59 minutes')""",
    "accounts_profiles": """
        INSERT INTO auth.users (id, created_at)
        VALUES (gen_random_uuid(), {now} - interval '1 hour')""",
    "suggestions_overdue": """
        UPDATE public.matchmaking_suggestions SET status = 'pending',
               expires_at = {now} + interval '1 second'""",
    "profiles_referrer": "UPDATE public.profiles SET referred_by = NULL",
    "sessions_live_without_heartbeat": """
        UPDATE public.sessions SET status = 'live', ended_at = NULL,
               started_at = {now} - interval '3 hours' WHERE id = {session};
        UPDATE public.session_participants SET last_heartbeat_at = {now} - interval '1 hour'
         WHERE session_id = {session}""",
    "sessions_not_settled": """
        UPDATE public.sessions
           SET credits_calculated = false, ended_at = {now} - interval '1 minute'
         WHERE id = {session}""",
}


def plant(connection: psycopg.Connection, text: str) -> None:
    """Run a plant with a user and an ended session that have something to break."""
    found = connection.execute(
        "SELECT quote_literal(p.id), quote_literal(s.id) FROM public.profiles p"
        " JOIN public.credit_milestones m ON m.user_id = p.id"
        " AND m.milestone_type = 'first_session'"
        " JOIN public.session_participants sp ON sp.user_id = p.id AND sp.credits_earned > 0"
        " JOIN public.sessions s ON s.id = sp.session_id AND s.status = 'ended'"
        " WHERE p.credits_balance > 0 AND p.referred_by IS NOT NULL ORDER BY p.id, s.id LIMIT 1"
    ).fetchone()
    assert found is not None
    user, session = found
    connection.execute(
        text.format(user=user, session=session, now=f"'{NOW}'::timestamptz").encode()
    )


def judge(
    connection: psycopg.Connection, now: datetime = NOW, *only: Invariant
) -> dict[str, InvariantResult]:
    connection.execute("SELECT set_config('kulti_ops.now', %s, true)", (now.isoformat(),))
    results = check_invariants(connection, only or None)
    return {result.invariant.id: result for result in results}


def by_id(name: str) -> Invariant:
    return next(one for one in load_invariants() if one.id == name)


@pytest.mark.parametrize("later", [timedelta(0), timedelta(hours=6), timedelta(1), timedelta(30)])
def test_invariants_hold_on_clean_data_now_and_later(
    postgres: psycopg.Connection, later: timedelta
) -> None:
    results = judge(postgres, NOW + later)
    assert set(results) == {one.id for one in load_invariants()}
    assert [r for r in results.values() if r.status is not Verdict.OK] == []


def test_every_invariant_has_a_planted_violation() -> None:
    assert set(PLANTS) == {one.id for one in load_invariants()}


@pytest.mark.parametrize("name", sorted(PLANTS))
def test_invariant_finds_its_planted_violation(admin: psycopg.Connection, name: str) -> None:
    assert judge(admin, NOW, by_id(name))[name].status is Verdict.OK
    plant(admin, PLANTS[name])
    result = judge(admin, NOW, by_id(name))[name]
    assert result.status is Verdict.CRIT
    assert 0 < len(result.rows) <= result.violations


@pytest.mark.parametrize("name", sorted(NEAR_MISSES))
def test_invariant_lets_a_near_miss_pass(admin: psycopg.Connection, name: str) -> None:
    plant(admin, NEAR_MISSES[name])
    assert judge(admin, NOW, by_id(name))[name].status is Verdict.OK


def test_chain_of_one_transaction_in_any_order_holds(admin: psycopg.Connection) -> None:
    found = admin.execute("SELECT id FROM public.profiles WHERE credits_balance > 100").fetchone()
    assert found is not None
    for amount in (-30, 50, -20, 7, -7):
        admin.execute("SELECT public.add_credits(%s, %s, 'admin_adjustment')", (found[0], amount))
    names = ("credits_chain", "credits_balance", "credits_totals")
    results = judge(admin, NOW, *map(by_id, names))
    assert [r.status for r in results.values()] == [Verdict.OK] * 3
    admin.execute(
        "UPDATE public.credit_transactions SET balance_after = balance_after + 1"
        " WHERE user_id = %s AND amount = 50 AND created_at = now()",
        (found[0],),
    )
    assert judge(admin, NOW, by_id("credits_chain"))["credits_chain"].status is Verdict.CRIT


# Ledgers of one user as (minute, amount, balance_after), and the rows that may be called its first
# break, by their place here; none when the chain holds.
LEDGERS: dict[str, tuple[tuple[tuple[float, int, int], ...], frozenset[int]]] = {
    "no rows": ((), frozenset()),
    "one row": (((1, 5, 5),), frozenset()),
    "one row from elsewhere": (((1, 5, 6),), frozenset({0})),
    "broken first row": (((1, 5, 6), (2, 1, 7), (3, 1, 8)), frozenset({0})),
    "broken last row": (((1, 5, 5), (2, 1, 6), (3, 1, 8)), frozenset({2})),
    "a lost row": (((1, 5, 5), (3, 1, 8)), frozenset({1})),
    "out of order in the heap": (((3, 1, 7), (1, 5, 5), (2, 1, 6)), frozenset()),
    "a time that was changed": (((3, 5, 5), (2, 1, 6)), frozenset({1})),
    "ties that rise": (((1, 5, 5), (2, 1, 6), (2, 2, 8), (3, 1, 9)), frozenset()),
    "ties that rise and fall": (((1, 5, 5), (2, -3, 2), (2, 4, 6), (2, -1, 5)), frozenset()),
    "ties that fall to nothing": (((1, 5, 5), (2, -2, 3), (2, -3, 0), (3, 1, 1)), frozenset()),
    "ties of nothing": (((1, 5, 5), (2, 0, 5), (2, 0, 5), (3, 1, 6)), frozenset()),
    "a tie that leads nowhere": (((1, 5, 5), (2, 1, 6), (2, 2, 9), (3, 1, 9)), frozenset({1, 2})),
    "a tie of nothing from nowhere": (((1, 5, 5), (2, 0, 7), (2, 1, 6)), frozenset({1})),
    "ties first": (((1, 2, 5), (1, 3, 3)), frozenset()),
    "ties first, from elsewhere": (((1, 2, 6), (1, 3, 4)), frozenset({0, 1})),
    "a break after ties": (((1, 3, 3), (1, 2, 5), (2, 1, 7)), frozenset({2})),
    "overlapping transactions": (((1, 5, 5), (2, 1, 8), (2.1, 2, 7), (3, 1, 9)), frozenset()),
    "overlapping ones at the end": (((1, 5, 5), (2, 1, 8), (2.1, 2, 7)), frozenset()),
    "an order that nothing explains": (((1, 5, 5), (2, 1, 8), (3, 2, 7)), frozenset({1})),
    "an update lost near another": (((1, 5, 5), (2, 1, 6), (2.1, 2, 7), (3, 1, 8)), frozenset({1})),
    "a balance that was left twice": (((1, 5, 5), (2, -5, 0), (2.1, -5, 0)), frozenset({1, 2})),
    "an amount that no integer holds": (((1, -2_000_000_000, 2_000_000_000),), frozenset({0})),
}


@pytest.mark.parametrize("case", list(LEDGERS))
def test_chain_of_an_odd_ledger_names_the_first_break(admin: psycopg.Connection, case: str) -> None:
    ledger, breaks = LEDGERS[case]
    user = _with_ledger(admin, ledger)
    (result,) = judge(admin, NOW, by_id("credits_chain")).values()
    assert (result.status, result.violations) == ((Verdict.CRIT, 1) if breaks else (Verdict.OK, 0))
    for row in result.rows:
        found = (row["created_at"], row["amount"], row["balance_after"])
        broken = {(_moment(minute), *rest) for minute, *rest in map(ledger.__getitem__, breaks)}
        assert (row["user_id"], found) in {(user, one) for one in broken}


@pytest.mark.parametrize(
    ("ledger", "balance", "broken"),
    [
        ((), 0, 0),
        ((), 1, 1),
        (((1, 5, 5), (2, 1, 6), (2, 2, 8)), 8, 0),
        (((1, 5, 5), (2, 2, 8), (2, 1, 6)), 8, 0),
        # the sum is right, and no row of the newest instant says so
        (((1, 5, 5), (2, 1, 6), (2, 2, 7)), 8, 1),
        (((1, 8, 8), (2, 0, 7)), 8, 1),
        (((1, 5, 5), (2, 1, 6)), 5, 1),
        (((1, 5, 5), (2, 1, 8), (2.1, 2, 7)), 8, 0),
        (((1, 5, 5), (2, 1, 8), (3, 2, 7)), 8, 1),
    ],
)
def test_balance_is_the_sum_and_a_newest_rows(
    admin: psycopg.Connection, ledger: tuple[tuple[float, int, int], ...], balance: int, broken: int
) -> None:
    user = _with_ledger(admin, ledger)
    admin.execute("UPDATE public.profiles SET credits_balance = %s WHERE id = %s", (balance, user))
    (result,) = judge(admin, NOW, by_id("credits_balance")).values()
    assert [row["user_id"] for row in result.rows] == [user] * broken


def _with_ledger(admin: psycopg.Connection, ledger: tuple[tuple[float, int, int], ...]) -> UUID:
    """Give one user this ledger instead of the own one; returns the user."""
    found = admin.execute("SELECT id FROM public.profiles ORDER BY id LIMIT 1").fetchone()
    assert found is not None
    user: UUID = found[0]
    admin.execute("DELETE FROM public.credit_transactions WHERE user_id = %s", (user,))
    for minute, amount, balance in ledger:
        admin.execute(
            "INSERT INTO public.credit_transactions (user_id, amount, balance_after, type,"
            " created_at) VALUES (%s, %s, %s, 'admin_adjustment', %s)",
            (user, amount, balance, _moment(minute)),
        )
    return user


def _moment(minute: float) -> datetime:
    return NOW.replace(minute=0, second=0, microsecond=0) + timedelta(minutes=minute)


def test_threshold_of_an_invariant_can_be_set(admin: psycopg.Connection) -> None:
    plant(admin, PLANTS["recordings_stuck_processing"])
    admin.execute("SELECT set_config('kulti_ops.processing_max_hours', '2', true)")
    name = "recordings_stuck_processing"
    assert judge(admin, NOW, by_id(name))[name].status is Verdict.OK


def test_check_bounds_its_rows_and_counts_them_all(admin: psycopg.Connection) -> None:
    admin.execute("UPDATE public.profiles SET credits_balance = credits_balance + 1")
    (result,) = check_invariants(admin, [by_id("credits_balance")], row_limit=5)
    assert result.violations == 200
    assert len(result.rows) == 5
    assert set(result.rows[0]) == {
        "user_id",
        "credits_balance",
        "ledger_sum",
        "newest_row_at",
    }


def test_check_of_a_missing_table_is_skipped_by_name(admin: psycopg.Connection) -> None:
    admin.execute("DROP TABLE public.invite_uses")
    results = judge(admin)
    skipped = {r.invariant.id: r.reason for r in results.values() if r.status is Verdict.SKIPPED}
    assert set(skipped) == {
        one.id for one in load_invariants() if "public.invite_uses" in one.requires
    }
    assert set(skipped.values()) == {"not in this database: public.invite_uses"}


def test_check_whose_query_fails_is_unknown_and_the_others_run(admin: psycopg.Connection) -> None:
    admin.execute("ALTER TABLE public.invites RENAME COLUMN current_uses TO uses")
    results = judge(admin)
    unknown = {r.invariant.id for r in results.values() if r.status is Verdict.UNKNOWN}
    assert unknown == {"invites_overused", "invites_uses_counted"}
    assert "42703" in results["invites_overused"].reason
    assert results["credits_chain"].status is Verdict.OK


def test_check_by_a_role_that_sees_too_little_is_unknown(built: Built) -> None:
    with psycopg.connect(built.url, connect_timeout=10) as connection:
        connection.execute("SET ROLE anon")
        results = judge(connection)
        connection.rollback()
    assert results["credits_balance"].status is Verdict.UNKNOWN
    assert "row-level security" in results["credits_balance"].reason


def test_check_only_reads_and_leaves_the_transaction_as_it_was(admin: psycopg.Connection) -> None:
    writer = parse_invariant(
        "writer",
        "-- title: t\n-- group: g\n-- source: s\n-- requires: public.profiles\n"
        "SELECT setval('edge_cases.serials_big_seq', 1)",
    )
    (result,) = check_invariants(admin, [writer])
    assert result.status is Verdict.UNKNOWN
    assert "read-only" in result.reason
    assert admin.execute("SHOW transaction_read_only").fetchone() == ("off",)
    admin.execute("UPDATE public.profiles SET bio = bio")
