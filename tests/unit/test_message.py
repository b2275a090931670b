from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kulti_ops.message import (
    Response,
    is_host,
    is_private_address,
    location_of,
    retry_after_s,
)

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


@pytest.mark.parametrize(
    ("status", "location", "url"),
    [
        (302, "/b?c=1", "https://a.example/b?c=1"),
        (308, "//b.example/", "https://b.example/"),
        (302, "http://[::1", None),
        (302, "http://a.example:99999/", None),
        (302, "", None),
        (200, "/b", None),
        (304, "/b", None),
    ],
)
def test_location_is_that_of_a_redirect_and_a_url(
    status: int, location: str, url: str | None
) -> None:
    answer = Response(url="https://a.example/x", status=status, headers=(("Location", location),))
    assert location_of(answer) == url


@pytest.mark.parametrize(
    ("host", "named"),
    [
        ("a.example", True),
        ("exämple.example", True),
        ("::1", True),
        ("10.0.0.1", True),
        ("a_b.example", True),
        (" ", False),
        ("a b", False),
        ("a..b", False),
        (".a", False),
        ("a" * 64, False),
        ("<a>", False),
        ("", False),
    ],
)
def test_host_is_a_name_or_an_address(host: str, *, named: bool) -> None:
    assert is_host(host) is named


@pytest.mark.parametrize(
    ("address", "private"),
    [
        ("64:ff9b::7f00:1", True),
        ("64:ff9b::a00:1", True),
        ("64:ff9b::808:808", False),
        ("2002:a00:1::", True),
        ("::ffff:10.0.0.1", True),
        ("2606:4700::1", False),
        ("fe80::1%eth0", True),
    ],
)
def test_private_address_is_seen_through_a_translation(address: str, *, private: bool) -> None:
    assert is_private_address(address) is private
