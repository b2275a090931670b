from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kulti_ops.message import Response, retry_after_s

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def asked(value: str, *more: tuple[str, str]) -> float | None:
    headers = (("Retry-After", value), *more)
    return retry_after_s(Response(url="https://x/", status=503, headers=headers), now=NOW)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("Sunday, 01-Mar-26 12:00:05 GMT", 5.0),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("٣", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert asked(value) == seconds


def test_retry_after_date_is_counted_from_the_server_s_own_clock() -> None:
    behind = (NOW - timedelta(hours=1)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    until = (NOW - timedelta(hours=1) + timedelta(seconds=20)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    assert asked(until, ("Date", behind)) == 20.0
    assert asked(until) == 0.0


def test_retry_after_absent_is_none() -> None:
    assert retry_after_s(Response(url="https://x/", status=503), now=NOW) is None


@settings(deadline=None)
@given(st.text())
def test_retry_after_of_anything_is_no_negative_number(value: str) -> None:
    found = asked(value)
    assert found is None or found >= 0
