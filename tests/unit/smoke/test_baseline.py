from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kulti_ops.errors import OperationFailedError
from kulti_ops.message import Response, Timings
from kulti_ops.smoke.baseline import (
    Baseline,
    baseline_of,
    kept_headers,
    observe,
    parse_baseline,
    to_text,
)
from kulti_ops.smoke.probe import Exchange

NOW = datetime(2026, 3, 1, tzinfo=UTC)
URL = "https://kulti.example/x?token=canary-1"


def exchange(
    *headers: tuple[str, str], body: bytes = b"", route: str = "GET /x", total_s: float = 0.1
) -> Exchange:
    response = Response(
        url=URL, status=200, headers=headers, body=body, timings=Timings(total_s=total_s)
    )
    return Exchange(probe="pages", route=route, response=response)


def saved(*exchanges: Exchange) -> Baseline:
    return baseline_of(exchanges, base_url="https://kulti.example", now=NOW, hide=str)


def test_headers_that_change_by_themselves_are_not_kept() -> None:
    volatile = (
        ("Date", "x"),
        ("Age", "1"),
        ("ETag", "x"),
        ("X-Request-Id", "x"),
        ("X-Vercel-Id", "x"),
        ("CF-Ray", "x"),
        ("X-RateLimit-Remaining", "3"),
        ("Content-Length", "9"),
        ("X-CSRF-Token", "x"),
    )
    assert kept_headers(exchange(*volatile).response) == ()


def test_headers_kept_hold_no_cookie_value_nonce_query_or_host() -> None:
    kept = dict(
        kept_headers(
            exchange(
                ("Set-Cookie", "s=canary-2; Path=/; Secure; Expires=Wed, 01 Jan 2027; HttpOnly"),
                ("Location", "https://kulti.example/login?redirectTo=canary-3#canary-4"),
                (
                    "Content-Security-Policy",
                    (
                        "script-src 'nonce-canary5' https://kulti.example:8443; "
                        "report-uri https://r.example/1?key=canary-6"
                    ),
                ),
                ("X-Custom", "canary-7"),
            ).response
        )
    )
    assert kept["set-cookie"] == "s=x; HttpOnly; Path=/; Secure"
    assert kept["location"] == "/login"
    assert kept["content-security-policy"] == (
        "script-src 'nonce-normalised' https://site.invalid; report-uri https://r.example/1"
    )
    assert kept["x-custom"] == ""


def test_headers_location_elsewhere_keeps_its_host() -> None:
    assert kept_headers(exchange(("Location", "https://other.example/a?b")).response) == (
        ("location", "https://other.example/a"),
    )
    assert kept_headers(exchange(("Location", "https://[x")).response) == (
        ("location", "(no URL)"),
    )


def test_observe_takes_the_first_answer_and_all_times() -> None:
    found = observe([exchange(body=b"ab", total_s=t) for t in (0.1, 0.3, 0.2)], hide=str)
    assert (found["GET /x"].samples, found["GET /x"].median_s, found["GET /x"].size_bytes) == (
        3,
        0.2,
        2,
    )


def test_observe_hides_known_secrets_wherever_they_stand() -> None:
    html = ("Content-Type", "text/html")
    found = observe(
        [exchange(html, ("Server", "canary"), body=b"<title>canary</title>", route="GET /canary")],
        hide=lambda text: text.replace("canary", "***"),
    )
    assert "canary" not in repr(found)


def test_baseline_text_is_read_back_as_it_was() -> None:
    json_type = ("Content-Type", "application/json")
    kept = saved(exchange(json_type, body=b'{"a":[{"b":1}]}'), exchange(route="GET /y"))
    assert parse_baseline(to_text(kept), "b.json") == kept
    assert "canary" not in to_text(kept)


def altered(**changes: Any) -> str:
    return json.dumps({**json.loads(to_text(saved(exchange()))), **changes})


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "damaged"),
        ("[]", "no baseline"),
        ("{}", "no baseline"),
        (to_text(saved(exchange()))[:-40], "damaged"),
        (altered(schema_version=2), "of form 2"),
        (altered(schema_version="1"), "no baseline"),
        (altered(schema_version=0), "no baseline"),
        (altered(routes=[]), "damaged"),
        (altered(routes={"GET /": {}}), "damaged"),
        (altered(kind="other"), "no baseline"),
    ],
)
def test_baseline_that_cannot_be_used_is_refused_in_one_line(text: str, word: str) -> None:
    with pytest.raises(OperationFailedError) as caught:
        parse_baseline(text, "b.json")
    assert word in caught.value.message
    assert "\n" not in caught.value.message + caught.value.hint
    assert "--save-baseline b.json" in caught.value.hint


@settings(deadline=None)
@given(st.text() | st.from_regex(r'\{"kind": ?"kulti-ops smoke baseline".*\}'))
def test_baseline_of_any_text_is_refused(text: str) -> None:
    with pytest.raises(OperationFailedError):
        parse_baseline(text, "b.json")
