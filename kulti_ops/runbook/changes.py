"""What is different between two rounds of the same checks: pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kulti_ops.report import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kulti_ops.report import CheckResult

_TROUBLE = frozenset({Verdict.CRIT, Verdict.UNKNOWN, Verdict.WARN})


def mark_changes(
    now: Iterable[CheckResult], before: Iterable[CheckResult] | None
) -> tuple[CheckResult, ...]:
    """Return the results with what has changed since `before` in front of their summaries.

    Nothing is marked where there is no round before.
    """
    if before is None:
        return tuple(now)
    past = {result.id: result for result in before}
    return tuple(_marked(result, past.get(result.id)) for result in now)


def mark_rows(
    now: Iterable[CheckResult], before: Iterable[CheckResult] | None
) -> tuple[CheckResult, ...]:
    """Return the results with a column `change` in front of their rows: + new, - gone since.

    Nothing is marked where there is no round before, and nothing called gone that may only
    be past the limit.
    """
    past = {result.id: result for result in before or ()}
    return tuple(_with_marks(r, past[r.id]) if r.id in past else r for r in now)


def gone(now: Iterable[CheckResult], before: Iterable[CheckResult] | None) -> tuple[str, ...]:
    """Return what was asked in the round before and could not be asked now, with its verdict."""
    there = {result.id for result in now}
    return tuple(f"{r.id} (was {r.status})" for r in before or () if r.id not in there)


def change_of(now: CheckResult, before: CheckResult | None) -> str:
    """Return what has changed in one result, in a few words; empty when nothing has."""
    if before is None:
        return "new"
    words = []
    if now.status is not before.status:
        words.append(_turn(now.status, before.status))
    counts = [r.evidence.get("findings") for r in (before, now)]
    if None not in counts and counts[0] != counts[1]:
        words.append(f"findings {counts[0]} → {counts[1]}")
    return ", ".join(words)


def _turn(now: Verdict, before: Verdict) -> str:
    if now in _TROUBLE and before not in _TROUBLE:
        return f"new, was {before}"
    if now not in _TROUBLE and before in _TROUBLE:
        return f"gone, was {before}"
    return f"was {before}"


def _marked(now: CheckResult, before: CheckResult | None) -> CheckResult:
    change = change_of(now, before)
    if not change:
        return now
    evidence = {**now.evidence, "change": change}
    return replace(now, summary=f"[{change}] {now.summary}", evidence=evidence)


def _with_marks(now: CheckResult, before: CheckResult) -> CheckResult:
    there = {_identity(row) for row in now.rows}
    known = {_identity(row) for row in before.rows}
    whole = len(now.rows) >= now.evidence.get("rows", len(now.rows))
    left = [row for row in before.rows if whole and _identity(row) not in there]
    if there <= known and not left:
        return now
    rows = [{"change": "" if _identity(row) in known else "+", **row} for row in now.rows]
    return replace(now, rows=(*rows, *({"change": "-", **row} for row in left)))


def _identity(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what stays the same of a row while its figures change: pids, else its texts."""
    pids = tuple(row[name] for name in ("root_pid", "pid") if name in row)
    return pids or tuple(v for k, v in row.items() if isinstance(v, str) and k != "level")
