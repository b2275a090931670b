"""What counts as worse than a baseline, and what does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kulti_ops.message import Response, Timings
from kulti_ops.report import CheckResult, Verdict
from kulti_ops.smoke.baseline import Baseline, Observation, observe
from kulti_ops.smoke.probe import Exchange
from kulti_ops.smoke.regressions import IDS, Tolerances, changes_of, compare
from tests.unit.smoke.support import HSTS, NOSNIFF

if TYPE_CHECKING:
    from collections.abc import Iterable

BASE = "https://kulti.example"
HTML = ("Content-Type", "text/html")
JSON = ("Content-Type", "application/json")
ASSET = ("Cache-Control", "public, max-age=31536000, immutable")


def seen(
    *headers: tuple[str, str],
    status: int = 200,
    body: bytes = b"",
    total_s: float = 0.1,
    samples: int = 1,
    truncated: bool = False,
) -> Observation:
    response = Response(
        url=f"{BASE}/x",
        status=status,
        headers=headers,
        body=body,
        truncated=truncated,
        timings=Timings(total_s=total_s),
    )
    exchange = Exchange(probe="pages", route="GET /x", response=response)
    return observe([exchange] * samples, hide=str)["GET /x"]


def worse(old: Observation, new: Observation) -> list[tuple[str, str, str, str]]:
    found = changes_of("GET /x", old, new, Tolerances())
    return [(change.aspect, change.what, change.old, change.new) for change in found]


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        (200, 500, Verdict.CRIT),
        (200, 404, Verdict.CRIT),
        (307, 404, Verdict.CRIT),
        (404, 503, Verdict.CRIT),
        (401, 200, Verdict.CRIT),
        (403, 204, Verdict.CRIT),
        (307, 200, Verdict.WARN),
        (307, 308, Verdict.WARN),
        (401, 403, Verdict.WARN),
        (404, 200, None),
        (500, 200, None),
        (503, 401, None),
        (200, 200, None),
    ],
)
def test_status_that_is_worse_is_named(old: int, new: int, verdict: Verdict | None) -> None:
    found = list(changes_of("GET /x", seen(status=old), seen(status=new), Tolerances()))
    assert [change.status for change in found] == ([verdict] if verdict else [])


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (HSTS, None, "strict-transport-security"),
        (HSTS, ("Strict-Transport-Security", "max-age=60"), "strict-transport-security"),
        (NOSNIFF, None, "x-content-type-options"),
        (("Cache-Control", "private"), ("Cache-Control", "public, max-age=60"), "cache-control"),
        (("Cache-Control", "no-store"), None, "cache-control"),
        (ASSET, ("Cache-Control", "public, max-age=60"), "cache-control"),
        (("Content-Encoding", "gzip"), None, "content-encoding"),
        (HTML, ("Content-Type", "text/plain"), "content-type"),
        (("Location", "/login"), ("Location", "/other"), "location"),
        (("X-Kulti-Version", "1"), None, "x-kulti-version"),
        (
            ("Set-Cookie", "session=a; Secure; HttpOnly; SameSite=Lax"),
            ("Set-Cookie", "session=b; Secure; SameSite=Lax"),
            "cookies",
        ),
        (None, ("Access-Control-Allow-Origin", "*"), "access-control-allow-origin"),
        (None, ("X-Powered-By", "Next.js"), "banners"),
        (
            ("Permissions-Policy", "camera=(self)"),
            ("Permissions-Policy", "camera=()"),
            "permissions-policy",
        ),
    ],
)
def test_header_that_is_worse_is_named_and_the_other_way_round_is_not(
    old: tuple[str, str] | None, new: tuple[str, str] | None, what: str
) -> None:
    before, after = (seen(*([header] if header else [])) for header in (old, new))
    assert [(aspect, name) for aspect, name, _, _ in worse(before, after)] == [("headers", what)]
    if what not in {"content-type", "location"}:
        assert worse(after, before) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (("Date", "a"), ("Date", "b")),
        (("X-Request-Id", "a"), ("X-Request-Id", "b")),
        (("Set-Cookie", "a=1; Secure"), ("Set-Cookie", "a=2; Secure; Max-Age=9")),
        (("Strict-Transport-Security", "max-age=31536000"), HSTS),
        (
            ("Content-Security-Policy", "default-src 'self'; script-src 'nonce-aaaa'"),
            ("Content-Security-Policy", "default-src 'self'; script-src 'nonce-bbbb'"),
        ),
        (("X-Custom", "a"), ("X-Custom", "b")),
        (("Location", "/login?a=1"), ("Location", "/login?a=2")),
    ],
)
def test_header_that_is_the_same_or_better_is_no_finding(
    old: tuple[str, str], new: tuple[str, str]
) -> None:
    assert worse(seen(old), seen(new)) == []


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (b'{"a":1,"b":2}', b'{"a":1}', [("$.b", "number", "gone")]),
        (b'{"a":1}', b'{"a":"1"}', [("$.a", "number", "string")]),
        (b'{"a":{"b":1}}', b'{"c":1}', [("$.a", "object", "gone")]),
        (b'[{"a":1}]', b'[{"b":1}]', [("$[].a", "number", "gone")]),
        (b'{"a":1}', b'{"a":1,"b":2}', []),
        (b'{"a":1}', b'{"a":null}', []),
        (b'{"a":null}', b'{"a":1}', []),
        (b'[{"a":1}]', b"[]", []),
        (b'[{"a":1},{"b":1}]', b'[{"a":1}]', []),
        (b'{"a":{"b":1}}', b'{"a":null}', []),
        (b'{"a":1}', b'{"a":1.5}', []),
    ],
)
def test_json_field_that_is_gone_or_another_is_named(
    old: bytes, new: bytes, found: list[tuple[str, str, str]]
) -> None:
    assert [f[1:] for f in worse(seen(JSON, body=old), seen(JSON, body=new))] == found


def test_page_that_lost_its_title_or_styles_is_named() -> None:
    old = b"<title>Kulti</title><link rel=stylesheet><script></script>"
    found = worse(seen(HTML, body=old), seen(HTML, body=b"<title>Error</title><script></script>"))
    assert found == [
        ("body", "title", "'Kulti'", "'Error'"),
        ("body", "stylesheets", "1", "0"),
    ]


def test_page_with_a_script_more_is_no_finding_and_with_many_is() -> None:
    one, two, many = (b"<title>x</title>" + b"<script></script>" * n for n in (1, 2, 8))
    assert worse(seen(HTML, body=one), seen(HTML, body=two)) == []
    assert worse(seen(HTML, body=one), seen(HTML, body=many)) == [("body", "scripts", "1", "8")]


def test_body_of_another_kind_is_critical_where_json_was_expected() -> None:
    found = list(changes_of("GET /x", seen(JSON, body=b"{}"), seen(HTML, body=b"x"), Tolerances()))
    assert Verdict.CRIT in {change.status for change in found if change.aspect == "body"}


@pytest.mark.parametrize(
    ("kind", "old", "new", "is_worse"),
    [
        (HTML, 100_000, 151_000, True),
        (HTML, 100_000, 149_000, False),
        (HTML, 100_000, 40_000, True),
        (HTML, 1_000, 9_000, False),
        (JSON, 10_000, 45_000, False),
        (JSON, 100_000, 399_000, False),
        (JSON, 100_000, 401_000, True),
        (JSON, 400_000, 100, False),
    ],
)
def test_size_is_worse_beyond_its_tolerance(
    kind: tuple[str, str], old: int, new: int, *, is_worse: bool
) -> None:
    def body(size: int) -> bytes:
        return b'"' + b"x" * (size - 2) + b'"'

    found = worse(seen(kind, body=body(old)), seen(kind, body=body(new)))
    assert [aspect for aspect, *_ in found] == (["size"] if is_worse else [])


def test_size_of_a_body_that_was_cut_is_not_compared() -> None:
    assert worse(seen(body=b"x" * 50_000), seen(body=b"x", truncated=True)) == []


@pytest.mark.parametrize(
    ("old_s", "new_s", "samples", "is_worse"),
    [
        (0.3, 0.46, 5, True),
        (0.3, 0.44, 5, False),
        (0.01, 0.1, 5, False),
        (0.3, 3.0, 4, False),
        (3.0, 0.3, 5, False),
    ],
)
def test_latency_is_worse_beyond_its_tolerance(
    old_s: float, new_s: float, samples: int, *, is_worse: bool
) -> None:
    old, new = seen(total_s=old_s, samples=samples), seen(total_s=new_s, samples=samples)
    assert [aspect for aspect, *_ in worse(old, new)] == (["latency"] if is_worse else [])


def compared(
    old: dict[str, Observation], new: dict[str, Observation], *, chosen: Iterable[str] = ("pages",)
) -> dict[str, CheckResult]:
    baseline = Baseline(base_url=BASE, saved_at="2026-03-01T00:00:00Z", routes=old)
    results = compare(
        baseline, new, chosen=frozenset(chosen), base_url=BASE, tolerances=Tolerances()
    )
    assert tuple(r.id for r in results) == IDS[:-1]
    return {result.id: result for result in results}


def test_compare_says_what_was_not_looked_at() -> None:
    found = compared({"GET /a": seen(), "GET /b": seen()}, {"GET /a": seen(), "GET /c": seen()})
    assert (found["baseline"].status, "without an answer" in found["baseline"].summary) == (
        Verdict.UNKNOWN,
        True,
    )
    assert "1 new" in found["baseline"].summary
    left_out = compared({"GET /a": seen(), "GET /b": seen()}, {"GET /a": seen()}, chosen=())
    assert left_out["baseline"].status is Verdict.OK
    assert "did not run: pages" in left_out["baseline"].summary


def test_compare_with_nothing_in_common_is_unknown_and_never_ok() -> None:
    found = compared({"GET /a": seen()}, {}, chosen=())
    assert found.pop("baseline").status is Verdict.UNKNOWN
    assert {result.status for result in found.values()} == {Verdict.SKIPPED}


def test_compare_names_each_regression_in_one_line_and_one_for_many_routes() -> None:
    old = {f"GET /{n}": seen(HSTS, NOSNIFF) for n in range(5)}
    new = {**{f"GET /{n}": seen(NOSNIFF) for n in range(5)}, "GET /0": seen(HSTS)}
    found = compared(old, new)["baseline-headers"]
    assert (found.status, len(found.rows)) == (Verdict.WARN, 5)
    assert sorted(found.summary.split("\n")) == [
        "GET /0: x-content-type-options nosniff → absent",
        f"GET /1, GET /2, GET /3 and 1 more: strict-transport-security {HSTS[1]} → absent",
    ]
