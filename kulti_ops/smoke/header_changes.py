"""Which of a route's headers have become worse between two deploys. Pure.

Security headers are graded before and after, so that another wording of the same
protection is no change; of the rest it counts what was lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kulti_ops.message import Response, header_values
from kulti_ops.report import worst
from kulti_ops.smoke.caching import is_private, lifetime_s
from kulti_ops.smoke.grade import Evidence, Profile, grade
from kulti_ops.smoke.headers import shown
from kulti_ops.smoke.verdicts import verdict_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kulti_ops.smoke.baseline import Observation
    from kulti_ops.smoke.results import Judgement

ABSENT = "absent"
# Judged by the grade, with the header that each check reads.
_GRADED = frozenset(
    {"strict-transport-security", "content-security-policy", "x-frame-options", "set-cookie"}
    | {"content-security-policy-report-only", "x-content-type-options", "referrer-policy"}
    | {"cross-origin-resource-policy", "cross-origin-embedder-policy", "permissions-policy"}
    | {"cross-origin-opener-policy", "x-xss-protection", "server", "x-powered-by"}
)
# Judged by rules of their own below.
_BY_RULE = frozenset({"cache-control", "content-encoding", "content-type", "location"})
_CORS = ("access-control-allow-origin", "access-control-allow-credentials")
# What could be kept for a day or longer and now for less than half of that is fetched too often.
_LONG_S = 86_400
_LIFETIME_SHARE = 0.5


def header_changes(old: Observation, new: Observation) -> Iterator[tuple[str, str, str]]:
    """Yield what is worse: header or check, old, new."""
    yield from _graded(old, new)
    for name in ("content-type", "location"):
        before, after = _value(old, name), _value(new, name)
        if before and before.lower() != after.lower():
            yield name, shown(before), shown(after) or ABSENT
    before, after = _value(old, "content-encoding"), _value(new, "content-encoding")
    if before and not after:
        yield "content-encoding", shown(before), ABSENT
    yield from _cache_changes(_value(old, "cache-control"), _value(new, "cache-control"))
    for name in _CORS:
        before, after = _value(old, name), _value(new, name)
        if after and after != before:
            yield name, shown(before) or ABSENT, shown(after)
    ruled = _GRADED | _BY_RULE | set(_CORS)
    kept = {name for name, _ in new.headers}
    for name in sorted({name for name, _ in old.headers} - kept - ruled):
        yield name, "present", ABSENT


def _graded(old: Observation, new: Observation) -> Iterator[tuple[str, str, str]]:
    for before, after in zip(_judgements(old), _judgements(new), strict=True):
        was, found = verdict_of(before), verdict_of(after)
        worse_verdict = found is not was and worst((was, found)) is found
        if worse_verdict or after.score_modifier < before.score_modifier:
            first, second = before.detail, after.detail
            if first == second:
                first, second = str(before.result), str(after.result)
            yield before.check, first, second


def _judgements(observation: Observation) -> tuple[Judgement, ...]:
    response = Response(
        url="https://site.invalid/", status=observation.status, headers=observation.headers
    )
    return grade(Evidence(response=response), profile=Profile.KULTI).judgements


def _cache_changes(old: str, new: str) -> Iterator[tuple[str, str, str]]:
    lost_privacy = is_private(old) and not is_private(new)
    was_s = lifetime_s(old)
    is_shorter = was_s >= _LONG_S and lifetime_s(new) < _LIFETIME_SHARE * was_s
    if lost_privacy or is_shorter:
        yield "cache-control", shown(old), shown(new) or ABSENT


def _value(observation: Observation, name: str) -> str:
    return ", ".join(header_values(observation.headers, name)).strip()
