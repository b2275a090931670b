"""Whatever a site sends: never an exception, and never a better grade for garbage."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kulti_ops.errors import UsageError
from kulti_ops.message import Response
from kulti_ops.smoke.cookies import judge_cookies
from kulti_ops.smoke.csp import parse_policies
from kulti_ops.smoke.csp_judge import judge_csp
from kulti_ops.smoke.grade import Evidence, Profile, grade
from kulti_ops.smoke.page import read_page
from kulti_ops.smoke.remarks import parse_permissions
from kulti_ops.smoke.results import MODIFIERS
from kulti_ops.smoke.saved import parse_saved
from tests.unit.smoke.support import URL, graded, judged, response

SCORED = (
    "Content-Security-Policy",
    "Strict-Transport-Security",
    "X-Frame-Options",
    "X-Content-Type-Options",
    "Referrer-Policy",
    "Set-Cookie",
    "Cross-Origin-Resource-Policy",
    "Cross-Origin-Embedder-Policy",
    "Cross-Origin-Opener-Policy",
)
ALL = (*SCORED, "Permissions-Policy", "X-XSS-Protection", "Cache-Control", "Content-Type", "Server")
# Pieces that parsers stumble over, among any text.
PIECES = st.sampled_from(
    [
        "'",
        '"',
        ";",
        ",",
        "=",
        "(",
        ")",
        " ",
        "\t",
        "\x00",
        "\r\n",
        "'nonce-",
        "'self'",
        "*",
        "default-src",
        "script-src",
        "max-age",
        "max-age=",
        "camera",
        "https://",
        "data:",
        "%",
        "[::",
    ]
)
HOSTILE = st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=20).map("".join))
# Words that no header knows: no known directive, token or number is among them.
GARBAGE = st.text(alphabet="qxzQXZ§ßé@^~|<>{}?!\x00\x7f ", min_size=1, max_size=60)


@given(st.lists(st.tuples(st.sampled_from(ALL), HOSTILE), max_size=6), HOSTILE)
@settings(max_examples=150, deadline=None)
def test_grade_of_anything_is_a_grade(headers: list[tuple[str, str]], body: str) -> None:
    page = Response(
        url=URL, status=200, headers=tuple(headers), body=body.encode("utf-8", "replace")
    )
    for profile in Profile:
        found = grade(Evidence(response=page, cors=page), profile=profile)
        assert 0 <= found.score <= 160
        assert found.score % 5 == 0


@given(st.sampled_from(SCORED), GARBAGE)
@settings(max_examples=200, deadline=None)
def test_grade_of_garbage_is_no_better_than_nothing(name: str, value: str) -> None:
    assert graded((name, value), profile=Profile.KULTI).score <= graded(profile=Profile.KULTI).score
    for found, absent in zip(
        graded((name, value), profile=Profile.KULTI).judgements,
        graded(profile=Profile.KULTI).judgements,
        strict=True,
    ):
        assert found.score_modifier <= absent.score_modifier, found


@given(st.sampled_from(["default-src", "script-src", "object-src", "style-src"]), GARBAGE)
@settings(max_examples=100, deadline=None)
def test_csp_garbage_among_sources_makes_no_policy_better(name: str, garbage: str) -> None:
    good = "default-src 'self'; script-src 'self'; object-src 'none'; style-src 'self'"
    worse = good.replace(f"{name} ", f"{name} {garbage.replace(';', '')} ")
    csp = "content-security-policy"
    before = judged(graded((csp, good), profile=Profile.KULTI), csp).score_modifier
    assert judged(graded((csp, worse), profile=Profile.KULTI), csp).score_modifier <= before


@given(HOSTILE, HOSTILE)
@settings(max_examples=100, deadline=None)
def test_csp_stricter_profile_is_never_milder(first: str, second: str) -> None:
    policies = parse_policies([first, second])
    points = [
        MODIFIERS.get(judge_csp(policies, report_only=False, https=True, strict=s).result, 0)
        for s in (True, False)
    ]
    assert points[0] <= points[1]


@given(HOSTILE)
@settings(max_examples=100, deadline=None)
def test_parsers_of_anything_answer(text: str) -> None:
    parse_permissions(text)
    read_page(text)
    judge_cookies([text], hsts=True)
    with suppress(UsageError):
        parse_saved(text.encode("utf-8", "replace"), url=URL)


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_saved_bytes_of_any_kind_answer(content: bytes) -> None:
    with suppress(UsageError):
        page = parse_saved(content, url=URL)
        grade(Evidence(response=page), profile=Profile.KULTI)


@pytest.mark.parametrize("size", [100_000])
def test_parsers_of_huge_values_take_no_time(size: int) -> None:
    for piece in ("'", "(", "a=(", "; ", ", ", "x-src ", '"', "camera=(self "):
        value = piece * (size // len(piece))
        graded(("Content-Security-Policy", value), profile=Profile.KULTI)
        parse_permissions(value)
        judge_cookies([value], hsts=False)
    read_page("<" * size)
    assert response().status == 200
