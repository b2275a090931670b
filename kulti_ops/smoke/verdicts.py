"""Turns grades into check results: which result is which verdict, and what to do next. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from kulti_ops.message import origin_of
from kulti_ops.report import CheckResult, Verdict, worst
from kulti_ops.smoke.advice import ADVICE
from kulti_ops.smoke.grade import Grade, is_worse
from kulti_ops.smoke.results import Judgement, Result

if TYPE_CHECKING:
    from kulti_ops.smoke.survey import Survey

# From this penalty on a finding alone is reason to act at once.
_CRIT_FROM = -30
_WARN = frozenset(
    {
        Result.VIDEO_OPEN,
        Result.PERMISSIONS_INVALID,
        Result.BANNERS_SHOWN,
        Result.XFO_SHARED_HOST,
        Result.CACHE_SHARED,
    }
)
_SKIPPED = frozenset({Result.NOT_SEEN, Result.CACHE_NOT_NEEDED})


def verdict_of(judgement: Judgement) -> Verdict:
    """Return what a judgement means for who has to act."""
    if judgement.result in _SKIPPED:
        return Verdict.SKIPPED
    if judgement.result is Result.VIDEO_DENIED or judgement.score_modifier <= _CRIT_FROM:
        return Verdict.CRIT
    if judgement.score_modifier < 0 or judgement.result in _WARN or judgement.notes:
        return Verdict.WARN
    return Verdict.OK


def results_of(survey: Survey, *, min_grade: str | None) -> tuple[CheckResult, ...]:
    """Return one result per check over all routes, then the grade's own."""
    if survey.is_kept_out:
        return (_kept_out(survey),)
    checks = [_result(judgement, survey.others) for judgement in survey.page.judgements]
    unseen = tuple(
        CheckResult(id=f"route {_path(item.url)}", status=Verdict.UNKNOWN, summary=item.reason)
        for item in survey.unseen
    )
    return (*checks, *unseen, _grade_result(survey, min_grade=min_grade))


def data_of(survey: Survey, *, profile: str) -> dict[str, Any]:
    """Return the document's `data`: the page's score, grade and checks, and the routes'."""
    if survey.is_kept_out:
        return {"url": _bare(survey.page.url), "profile": profile, "score": None, "grade": None}
    return {
        "url": _bare(survey.page.url),
        "profile": profile,
        "score": survey.page.score,
        "grade": survey.page.letter,
        "checks": _checks(survey.page),
        "routes": [
            {
                "path": _path(other.url),
                "http_status": other.status,
                "score": other.score,
                "grade": other.letter,
                "checks": _checks(other),
            }
            for other in survey.others
        ],
    }


def _checks(graded: Grade) -> list[dict[str, Any]]:
    return [
        {"id": j.check, "result": str(j.result), "score_modifier": j.score_modifier}
        for j in graded.judgements
    ]


def _result(judgement: Judgement, others: tuple[Grade, ...]) -> CheckResult:
    """Return a check's result: that of the worst route, with the routes that differ."""
    elsewhere = [
        (other, found)
        for other in others
        for found in other.judgements
        if found.check == judgement.check
    ]
    own = verdict_of(judgement)
    verdicts = [own, *(verdict_of(found) for _, found in elsewhere)]
    looked_at = [v for v in verdicts if v is not Verdict.SKIPPED]
    status = worst(looked_at) if looked_at else Verdict.SKIPPED
    rows = tuple(
        {
            "path": _path(other.url),
            "result": str(found.result),
            "score_modifier": found.score_modifier,
            "detail": found.detail,
        }
        for other, found in elsewhere
        if found.result is not judgement.result and found.result not in _SKIPPED
    )
    advice = ADVICE[judgement.check]
    bad = status in {Verdict.WARN, Verdict.CRIT}
    return CheckResult(
        id=judgement.check,
        status=status,
        summary=_summary(judgement, rows, why=advice.why if bad else ""),
        evidence={
            "result": str(judgement.result),
            "score_modifier": judgement.score_modifier,
            "notes": judgement.notes,
            "why": advice.why,
            "set": advice.set,
        },
        rows=rows,
        next=f"set {advice.set}" if bad else None,
    )


def _summary(judgement: Judgement, rows: tuple[dict[str, Any], ...], *, why: str) -> str:
    if judgement.result is Result.NOT_SEEN:
        return judgement.detail
    points = f" ({judgement.score_modifier:+d})" if judgement.score_modifier else ""
    parts = [f"{judgement.result}{points}: {judgement.detail}", *judgement.notes]
    parts += [f"{row['path']}: {row['result']}" for row in rows]
    return "; ".join([*parts, why] if why else parts)


def _grade_result(survey: Survey, *, min_grade: str | None) -> CheckResult:
    grades = (survey.page, *survey.others)
    lowest = min(grades, key=lambda graded: graded.score)
    text = f"{survey.page.letter}, {survey.page.score} points"
    if lowest.score < survey.page.score:
        text += f"; worst {_path(lowest.url)}: {lowest.letter}, {lowest.score}"
    status = Verdict.OK if lowest.score >= 90 else Verdict.WARN  # noqa: PLR2004 - an A
    if min_grade is not None:
        below = is_worse(lowest.letter, min_grade)
        status = Verdict.CRIT if below else Verdict.OK
        text += f"; {min_grade} was asked for"
    return CheckResult(
        id="grade",
        status=status,
        summary=text,
        evidence={"score": survey.page.score, "grade": survey.page.letter, "lowest": lowest.letter},
        next="set the headers named above" if status is not Verdict.OK else None,
    )


def _kept_out(survey: Survey) -> CheckResult:
    return CheckResult(
        id="grade",
        status=Verdict.UNKNOWN,
        summary=f"a gatekeeper answers {survey.page.status}: the application's headers "
        "cannot be told",
        next="let the runner pass: set VERCEL_AUTOMATION_BYPASS_SECRET",
    )


def _path(url: str) -> str:
    return urlsplit(url).path or "/"


def _bare(url: str) -> str:
    """Return a URL without its query and user, which may hold a secret."""
    return origin_of(url) + urlsplit(url).path
