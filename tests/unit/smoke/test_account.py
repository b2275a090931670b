"""What a test account's answers come to."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kulti_ops.message import Response
from kulti_ops.platform.surface import ACCOUNT_READS, BALANCE, RECORDINGS, TRANSACTIONS
from kulti_ops.report import Verdict
from kulti_ops.smoke.probes.account import judge_account

PRIVATE = "private, no-store"
BODIES: dict[str, Any] = {
    BALANCE: {"credits_balance": 70, "total_credits_earned": 100, "total_credits_spent": 30},
    TRANSACTIONS: {
        "transactions": [{"amount": -30, "balance_after": 70}],
        "count": 1,
        "limit": 50,
        "offset": 0,
    },
    RECORDINGS: {
        "recordings": [{"id": "x"}],
        "pagination": {"limit": 1, "offset": 0, "total": 2, "hasMore": True},
    },
}


def judge(
    path: str = BALANCE, body: Any = None, *, cache: str = PRIVATE, status: int = 200
) -> tuple[Verdict, str]:
    answers = {}
    for route in ACCOUNT_READS:
        used = body if route == path and body is not None else BODIES[route]
        control = cache if route == path else PRIVATE
        answers[route] = Response(
            url=f"https://kulti.example{route}",
            status=status if route == path else 200,
            headers=(("Content-Type", "application/json"), ("Cache-Control", control)),
            body=used if isinstance(used, bytes) else json.dumps(used).encode(),
        )
    found = judge_account(answers)
    return found.status, found.summary


def test_account_with_plausible_private_answers_is_ok() -> None:
    assert judge()[0] is Verdict.OK


@pytest.mark.parametrize(
    ("path", "change", "verdict", "word"),
    [
        (BALANCE, {"credits_balance": 71}, Verdict.WARN, "earned less"),
        (BALANCE, {"credits_balance": -1}, Verdict.CRIT, "credits_balance"),
        (BALANCE, {"credits_balance": "70"}, Verdict.CRIT, "credits_balance"),
        (BALANCE, {"total_credits_spent": None}, Verdict.CRIT, "total_credits_spent"),
        (TRANSACTIONS, {"transactions": None}, Verdict.CRIT, "shape"),
        (TRANSACTIONS, {"count": None}, Verdict.CRIT, "shape"),
        (TRANSACTIONS, {"count": 0}, Verdict.WARN, "count"),
        (TRANSACTIONS, {"transactions": [{"amount": 1}]}, Verdict.CRIT, "amount"),
        (
            TRANSACTIONS,
            {"transactions": [{"amount": 1, "balance_after": -1}]},
            Verdict.CRIT,
            "below 0",
        ),
        (RECORDINGS, {"pagination": {}}, Verdict.CRIT, "shape"),
        (RECORDINGS, {"recordings": [1]}, Verdict.CRIT, "shape"),
        (
            RECORDINGS,
            {"pagination": {"limit": 1, "offset": 0, "total": 1, "hasMore": True}},
            Verdict.WARN,
            "add up",
        ),
    ],
)
def test_account_answer_that_is_wrong_is_named(
    path: str, change: dict[str, Any], verdict: Verdict, word: str
) -> None:
    status, text = judge(path, {**BODIES[path], **change})
    assert (status, path in text, word in text) == (verdict, True, True)


@pytest.mark.parametrize(
    ("cache", "verdict"),
    [
        ("private", Verdict.OK),
        ("no-store", Verdict.OK),
        ("", Verdict.WARN),
        ("max-age=60", Verdict.WARN),
        ("public, max-age=60", Verdict.CRIT),
        ("s-maxage=60", Verdict.CRIT),
        ("public, no-cache", Verdict.CRIT),
    ],
)
def test_account_answer_that_a_shared_cache_may_keep_is_named(cache: str, verdict: Verdict) -> None:
    assert judge(cache=cache)[0] is verdict


def test_account_route_that_fails_alone_is_critical() -> None:
    assert judge(RECORDINGS, status=500)[0] is Verdict.CRIT
    assert judge(BALANCE, status=401)[0] is Verdict.CRIT
    assert judge(BALANCE, b"<html>")[0] is Verdict.CRIT


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@settings(deadline=None)
@given(
    st.sampled_from(ACCOUNT_READS),
    JSON | st.fixed_dictionaries({}, optional=dict.fromkeys([*BODIES[BALANCE], "count"], JSON)),
)
def test_account_of_any_answer_never_fails_and_shows_no_value(path: str, body: Any) -> None:
    status, text = judge(path, b"null" if body is None else body)
    assert status in {Verdict.OK, Verdict.WARN, Verdict.CRIT}
    assert "canary" not in text
