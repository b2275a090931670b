"""The grade, held against what the reference grader gave to the same headers."""

from __future__ import annotations

import pytest

from kulti_ops.smoke.advice import ADVICE
from kulti_ops.smoke.grade import (
    DIVERGENCES,
    GRADES,
    Evidence,
    Profile,
    grade,
    is_worse,
    letter_of,
    score,
)
from kulti_ops.smoke.results import MODIFIERS, Judgement, Result
from tests.unit.smoke.support import (
    DENY,
    HSTS,
    NOSNIFF,
    PLATFORM,
    PRIVATE,
    graded,
    judged,
    response,
)

NONCE_CSP = (
    "Content-Security-Policy",
    (
        "default-src 'self'; script-src 'nonce-r4nd0m' 'strict-dynamic'; "
        "style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'"
    ),
)


@pytest.mark.parametrize(
    ("headers", "points", "letter"),
    [
        ((HSTS,), 50, "C"),
        ((HSTS, DENY, NOSNIFF, PRIVATE), 75, "B"),
        ((HSTS, DENY, NOSNIFF, PRIVATE, NONCE_CSP), 110, "A+"),
        (PLATFORM, 75, "B"),
        ((), 30, "D"),
    ],
    ids=["hsts-only", "no-csp", "nonce", "platform", "nothing"],
)
def test_grade_of_measured_sites_is_the_reference_s(
    headers: tuple[tuple[str, str], ...], points: int, letter: str
) -> None:
    found = graded(*headers)
    assert (found.score, found.letter) == (points, letter)


def test_grade_of_the_platform_is_b_in_both_profiles() -> None:
    found = graded(*PLATFORM, profile=Profile.KULTI)
    assert (found.score, found.letter) == (75, "B")
    results = {j.check: j.result for j in found.judgements}
    assert results["permissions-policy"] is Result.VIDEO_OPEN
    assert results["x-frame-options"] is Result.XFO_SHARED_HOST
    assert results["banners"] is Result.BANNERS_SHOWN


def _with(*modifiers: Result) -> int:
    return score(Judgement(check="x", result=result) for result in modifiers)


def test_score_bonus_counts_from_ninety_on() -> None:
    assert _with(Result.CSP_UNSAFE_EVAL, Result.COOP_SAME_ORIGIN) == 100
    assert _with(Result.CSP_UNSAFE_EVAL, Result.XCTO_ABSENT, Result.COOP_SAME_ORIGIN) == 85
    assert _with(Result.CORS_UNIVERSAL, Result.SRI_MISSING_INSECURE, Result.CSP_ABSENT) == 0


@pytest.mark.parametrize(
    ("points", "letter"),
    [
        (135, "A+"),
        (100, "A+"),
        (95, "A"),
        (90, "A"),
        (85, "A-"),
        (80, "B+"),
        (75, "B"),
        (70, "B"),
        (65, "B-"),
        (60, "C+"),
        (55, "C"),
        (50, "C"),
        (45, "C-"),
        (40, "D+"),
        (35, "D"),
        (30, "D"),
        (25, "D-"),
        (20, "F"),
        (0, "F"),
    ],
)
def test_letter_goes_by_the_table(points: int, letter: str) -> None:
    assert letter_of(points) == letter


def test_letters_are_ordered() -> None:
    assert is_worse("B-", "B")
    assert not is_worse("A+", "A")
    assert not is_worse("B", "B")
    assert len(GRADES) == 13


def test_grade_of_what_was_not_seen_costs_nothing() -> None:
    page = response(HSTS, DENY, NOSNIFF, PRIVATE)
    found = grade(Evidence(response=page), profile=Profile.OBSERVATORY)
    assert judged(found, "redirection").result is Result.NOT_SEEN
    assert judged(found, "cross-origin-resource-sharing").score_modifier == 0
    assert found.score == 75


def test_grade_of_every_profile_has_its_checks() -> None:
    lenient = {j.check for j in graded(HSTS).judgements}
    strict = {j.check for j in graded(HSTS, profile=Profile.KULTI).judgements}
    extra = {"permissions-policy", "x-xss-protection", "banners", "cache-control"}
    assert len(lenient) == 12
    assert strict - lenient == extra
    assert strict == set(ADVICE)


def test_modifiers_are_steps_of_five_between_known_bounds() -> None:
    assert all(m % 5 == 0 and -50 <= m <= 10 for m in MODIFIERS.values())
    assert len({d.id for d in DIVERGENCES}) == len(DIVERGENCES)
