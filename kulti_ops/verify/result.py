"""The shape that most checks of a verification share: all there, or crit with the names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kulti_ops.report import CheckResult, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES_SHOWN = 5


def all_or_crit(
    check_id: str,
    *,
    missing: tuple[str, ...],
    good: str,
    bad: str,
    evidence: Mapping[str, Any] | None = None,
    duration_s: float = 0.0,
) -> CheckResult:
    """Return ok with `good` when nothing is missing, else crit with `bad` and the names."""
    if not missing:
        return CheckResult(
            id=check_id,
            status=Verdict.OK,
            summary=good,
            evidence=evidence or {},
            duration_s=duration_s,
        )
    more = f" and {len(missing) - NAMES_SHOWN} more" if len(missing) > NAMES_SHOWN else ""
    return CheckResult(
        id=check_id,
        status=Verdict.CRIT,
        summary=f"{bad}: {', '.join(missing[:NAMES_SHOWN])}{more}",
        evidence=evidence or {},
        rows=tuple({"name": name} for name in missing),
        next="use another backup: kulti-ops backup list",
        duration_s=duration_s,
    )


def not_compared(reason: str) -> CheckResult:
    """Return the result for contents that could not be looked at."""
    return CheckResult(
        id="contents",
        status=Verdict.UNKNOWN,
        summary=f"the contents could not be compared: {reason}",
        next="use another backup: kulti-ops backup list",
    )
