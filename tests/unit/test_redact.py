from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import PurePosixPath
from time import process_time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kulti_ops.redact import MASK, redact, redact_personal, redact_value
from kulti_ops.report import Verdict

CANARY = "cAnArY-31337"
ODD = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Z"]), min_size=1)


@given(ODD, st.sampled_from(["postgresql", "postgres", "redis", "rediss"]))
def test_redact_password_of_a_database_url_never_survives(tail: str, scheme: str) -> None:
    password = f"{CANARY}{tail}"
    shown = redact(f"cannot open {scheme}://someone:{password}@db.example:5432/app?x=1 now")
    assert CANARY not in shown
    assert shown.startswith(f"cannot open {scheme}://someone:{MASK}@")
    assert shown.endswith(" now")


@pytest.mark.parametrize("odd", ["@", ":", "/", "%", "?", "#", "&", "'", '"', "\\", "=", "%40"])
@pytest.mark.parametrize("place", ["{odd}" + CANARY, CANARY + "{odd}", CANARY + "{odd}b"])
def test_redact_password_with_odd_characters_never_survives(odd: str, place: str) -> None:
    password = place.format(odd=odd)
    shown = redact(f"postgresql://u:{password}@h:5432/d")
    assert shown == f"postgresql://u:{MASK}@h:5432/d"


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer {}",
        "authorization=Basic {}",
        '{{"access_token": "{}"}}',
        "PGPASSWORD={}",
        "SUPABASE_SERVICE_ROLE_KEY={}",
        "https://h.example/x?token={}&page=2",
        "https://h.example/x?page=2&api_key={}",
        "https://user:{}@h.example/x",
        "host=h password='{} with blanks' user=u",
        'password = "{} with \\" blanks"',
        "client-secret: {}",
        "a eyJhbGciOiJI.eyJzdWIiOiIx.{} b",
        "sk-ant-api03-{}",
        "sbp_{}",
        "AGE-SECRET-KEY-1{}",
    ],
)
def test_redact_what_is_shaped_like_a_secret_is_masked(text: str) -> None:
    shown = redact(text.format(CANARY.replace("-", "").upper() if "AGE" in text else CANARY))
    assert CANARY.lower().replace("-", "") not in shown.lower().replace("-", "")
    assert "blanks" not in shown


@given(ODD.filter(lambda s: len(s) >= 6), st.text(), st.text())
def test_redact_known_secret_never_survives(secret: str, before: str, after: str) -> None:
    shown = redact(f"{before}{secret}{after}", [secret])
    assert secret not in shown.replace(MASK, "") or secret in f"{before}{MASK}{after}"


def test_redact_known_secret_is_masked_in_its_url_form_too() -> None:
    secret = "p@ss/w:rd#1"
    assert redact(f"see {quote(secret, safe='')}.", [secret]) == f"see {MASK}."


def test_redact_longer_secret_wins_over_its_part() -> None:
    assert redact("abcdef-abcdef-123", ["abcdef", "abcdef-abcdef-123"]) == MASK


@pytest.mark.parametrize(
    "text",
    [
        "the password is wrong for role postgres",
        "check the password in your settings; special characters in a URL must be %-encoded",
        "see https://docs.example:8080/guide/tokens.html#secrets and mail@example.org",
        "3 tokens, 2 secrets, 1 key",
        "public.ai_agent_x_connections: access_token text NOT NULL",
        "connected to postgres@127.0.0.1:5432/postgres",
        "2026-11-22T03:00:00.000Z took 1.5 s",
        "relation public.tasks: index sk_short",
        "",
    ],
)
def test_redact_ordinary_text_is_untouched(text: str) -> None:
    assert redact(text) == text


@given(st.text(alphabet="abc xyz.,-\n0123456789()", max_size=200))
def test_redact_text_without_marks_is_untouched(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("unit", ["a", "a.", "a-", "token", "x@", "://", "eyJ", "1 ", "+49 "])
def test_redact_long_text_takes_linear_time(unit: str) -> None:
    started = process_time()
    redact_personal(unit * (200_000 // len(unit)))
    assert process_time() - started < 2.0


def test_redact_personal_takes_the_servers_detail_to_its_end() -> None:
    text = (
        'duplicate key value violates unique constraint "profiles_username_key"\n'
        "DETAIL:  Failing row contains (1, Jane Doe,\nsecond line of Jane, 1980-01-01).\n"
        'CONTEXT:  COPY profiles, line 3: "Jane"'
    )
    assert "Jane" not in redact_personal(text)
    assert "profiles_username_key" in redact_personal(text)


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("mail to jane.doe+x@mail.example.org", "jane"),
        ("call +491701234567", "4917"),
        ("call +49 170 123-4567 now", "170"),
        ("phone 491701234567", "4917"),
        ("Key (email)=(jane@x.org) already exists", "jane"),
        ("Key (name)=(Jane Doe) already exists.", "Jane"),
        ('invalid input syntax for type integer: "Jane"', "Jane"),
    ],
)
def test_redact_personal_data_is_masked(text: str, gone: str) -> None:
    assert gone not in redact_personal(text)


@dataclass(frozen=True)
class Finding:
    text: str
    status: Verdict


def test_redact_value_goes_through_everything() -> None:
    url = f"postgresql://u:{CANARY}@h/d"
    value = {
        "list": [url, ("deep", {url})],
        "path": PurePosixPath("/tmp/x"),
        "finding": Finding(url, Verdict.CRIT),
        "password": CANARY,
        "access_token": None,
        "count": 3,
    }
    shown = redact_value(value)
    assert CANARY not in repr(shown)
    assert shown["finding"].status is Verdict.CRIT
    assert (shown["password"], shown["access_token"], shown["count"]) == (MASK, None, 3)
    assert shown["path"] == PurePosixPath("/tmp/x")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    ),
    st.text(min_size=6),
)
def test_redact_value_stays_json_and_holds_no_secret(value: object, secret: str) -> None:
    shown = redact_value({"value": value, "canary": f"<{secret}>"}, [secret])
    assert secret not in shown["canary"].replace(MASK, "")
    json.loads(json.dumps(shown))


@pytest.mark.parametrize(
    "label", ["postgres@127.0.0.1:5432/app", "postgres.ref@pooler.kulti.example:5432/postgres"]
)
def test_redact_personal_leaves_a_database_s_label_and_takes_addresses(label: str) -> None:
    shown = redact_personal(f"cannot connect to {label}: ask jane.doe@mail.example:now")
    assert label in shown
    assert "jane" not in shown
