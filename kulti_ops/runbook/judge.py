"""From a diagnostic's rows to its verdict: pure.

Owns the rules: what counts as a finding, what accepted means, what the summary says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from string import Formatter
from typing import TYPE_CHECKING, Any

from kulti_ops.report import CheckResult, Verdict, worst
from kulti_ops.runbook.diagnostic import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from kulti_ops.runbook.diagnostic import Diagnostic, Rule
    from kulti_ops.runbook.library import Accepted

ACCEPTED = "accepted"
_NO_FINDING = ("ok", None)
_PLAIN = re.compile(r"[\w .,()\[\]-]+")
_PLAIN_IN_SINGLE_QUOTES = re.compile(r'[\w .,()\[\]"-]+')


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the database said: rows (the first ones), how many there are, the evidence's row.

    `over_warn` and `over_crit` count rows whose measure passes the threshold.
    """

    rows: tuple[Mapping[str, Any], ...]
    total: int
    over_warn: int = 0
    over_crit: int = 0
    evidence: Mapping[str, Any] | None = None


def judge(
    diagnostic: Diagnostic,
    answer: Answer,
    *,
    accepted: Iterable[Accepted] = (),
    limit: int,
    duration_s: float = 0.0,
) -> CheckResult:
    """Return the diagnostic's result; rows are the findings first, bounded by `limit`."""
    waived = _waivers(diagnostic, accepted)
    rows = tuple(_flat(row) for row in answer.rows)
    levels = [_row_level(diagnostic.rule, row) for row in rows]
    reasons = [
        None if level in _NO_FINDING else waived(row)
        for row, level in zip(rows, levels, strict=True)
    ]
    findings = _found(diagnostic.rule, answer) - sum(r is not None for r in reasons)
    level = _verdict(diagnostic.rule, answer, findings, levels, reasons)
    shown = _shown(rows, levels, reasons, level)
    evidence = _evidence(diagnostic, answer, findings, reasons)
    status = _status(level, evidence, diagnostic.rule)
    first = next((row for row in shown if row["level"] not in (*_NO_FINDING, ACCEPTED)), {})
    return CheckResult(
        id=diagnostic.id,
        status=status,
        summary=_summary(diagnostic, status, findings, first, evidence),
        evidence=evidence,
        rows=tuple(shown[:limit]),
        next=None if status in (Verdict.OK, Verdict.SKIPPED) else _next(diagnostic, first),
        duration_s=duration_s,
    )


def fill(template: str, row: Mapping[str, Any]) -> str:
    """Fill a template's `{column}`s from a row; a column that isn't there is shown as `?`."""
    return template.format_map(_Cells({k: cell(v) for k, v in row.items()}))


def cell(value: Any) -> str:  # noqa: ANN401 - any value of a row
    """Return a value as people read it."""
    if value is None:
        return "?"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal | float):
        text = f"{value:.1f}"
        return text.removesuffix(".0")
    if isinstance(value, timedelta):
        return f"{value.total_seconds():.0f} s"
    if isinstance(value, list | tuple):
        return ", ".join(cell(item) for item in value)
    return " ".join(str(value).split())


def _next(diagnostic: Diagnostic, first: Mapping[str, Any]) -> str:
    """Return the command to type.

    Names that would mean something to a shell are not put in: who may create a table must
    not be able to write what an engineer pastes at night.
    """
    names = [name for _, name, _, _ in Formatter().parse(diagnostic.next) if name]
    plain = _PLAIN_IN_SINGLE_QUOTES if "-c '" in diagnostic.next else _PLAIN
    if all(plain.fullmatch(cell(first.get(name))) for name in names):
        return fill(diagnostic.next, first)
    return f"kulti-ops runbook check {diagnostic.id} --format json"


class _Cells(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "?"


def _flat(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Take a violation that came as one JSON value apart."""
    violation = row.get("violation")
    if not isinstance(violation, dict):
        return row
    return {**{k: v for k, v in row.items() if k != "violation"}, **violation}


def _row_level(rule: Rule, row: Mapping[str, Any]) -> str | None:
    """Return what one row is: crit, warn, ok; None when it belongs to another and is not judged."""
    if rule.kind is Kind.INFO:
        return "ok"
    if rule.kind is Kind.COUNT:
        return "found"
    value = row.get(rule.measure)
    if value is None:
        return None
    for level, threshold in (("crit", rule.crit), ("warn", rule.warn)):
        if threshold is not None and _passes(rule, float(value), threshold):
            return level
    return "ok"


def _passes(rule: Rule, value: float, threshold: float) -> bool:
    return value < threshold if rule.below else value >= threshold


def _waivers(
    diagnostic: Diagnostic, accepted: Iterable[Accepted]
) -> Callable[[Mapping[str, Any]], str | None]:
    entries = [entry for entry in accepted if entry.diagnostic == diagnostic.id]

    def reason(row: Mapping[str, Any]) -> str | None:
        for entry in entries:
            if str(row.get(entry.key)) in entry.values:
                return f"{entry.reason} ({entry.date})"
        return None

    return reason


def _found(rule: Rule, answer: Answer) -> int:
    if rule.kind is Kind.INFO:
        return 0
    if rule.kind is Kind.COUNT:
        return answer.total
    return answer.over_crit if rule.warn is None else max(answer.over_warn, answer.over_crit)


def _verdict(
    rule: Rule,
    answer: Answer,
    findings: int,
    levels: list[str | None],
    reasons: list[str | None],
) -> Verdict:
    if rule.kind is Kind.COLUMN:
        waived = sum(
            level == "crit" and reason is not None
            for level, reason in zip(levels, reasons, strict=True)
        )
        if answer.over_crit - waived > 0:
            return Verdict.CRIT
        return Verdict.WARN if findings > 0 else Verdict.OK
    for verdict, threshold in ((Verdict.CRIT, rule.crit), (Verdict.WARN, rule.warn)):
        if rule.kind is Kind.COUNT and threshold is not None and findings >= max(threshold, 1):
            return verdict
    return Verdict.OK


def _shown(
    rows: tuple[Mapping[str, Any], ...],
    levels: list[str | None],
    reasons: list[str | None],
    verdict: Verdict,
) -> list[dict[str, Any]]:
    """Return the rows with their level: findings first, accepted ones, then the rest."""
    marked: list[dict[str, Any]] = []
    for row, level, reason in zip(rows, levels, reasons, strict=True):
        if reason is not None:
            marked.append({"level": ACCEPTED, **row, ACCEPTED: reason})
        else:
            marked.append({"level": str(verdict) if level == "found" else level, **row})
    order = ("crit", "warn", ACCEPTED, "ok", None)
    return sorted(marked, key=lambda row: order.index(row["level"]))


def _evidence(
    diagnostic: Diagnostic, answer: Answer, findings: int, reasons: list[str | None]
) -> dict[str, Any]:
    evidence: dict[str, Any] = {}
    if diagnostic.rule.kind is not Kind.INFO:
        evidence["findings"] = findings
        evidence |= {"warn": diagnostic.rule.warn, "crit": diagnostic.rule.crit}
    accepted = sum(reason is not None for reason in reasons)
    if accepted:
        evidence[ACCEPTED] = accepted
    evidence["rows"] = answer.total
    return {**evidence, **(answer.evidence or {})}


def _status(level: Verdict, evidence: Mapping[str, Any], rule: Rule) -> Verdict:
    if evidence.get("unexamined"):
        return worst([level, Verdict.UNKNOWN])
    # rows of which none could be judged are no reason to say that all is well
    nothing = evidence.get("examined") == 0 and level is Verdict.OK
    if nothing or (rule.kind is Kind.INFO and not evidence["rows"]):
        return Verdict.SKIPPED
    return level


def _summary(
    diagnostic: Diagnostic,
    status: Verdict,
    findings: int,
    first: Mapping[str, Any],
    evidence: Mapping[str, Any],
) -> str:
    if status is Verdict.SKIPPED:
        return f"nothing to look at: there are no {diagnostic.noun}"
    unexamined = evidence.get("unexamined")
    parts = [_claim(diagnostic, findings, first, evidence)]
    if unexamined and findings <= 0:
        # what is good is not said in front of what was not seen
        parts = ["nothing was found in the others"] if evidence.get("examined") else []
    if evidence.get(ACCEPTED):
        parts.append(f"{evidence[ACCEPTED]} known and accepted")
    if unexamined:
        at = len(parts) if findings > 0 else 0
        parts.insert(at, f"{unexamined} {diagnostic.noun} could not be examined")
    if findings <= 0 and evidence.get("examined"):
        parts.append(f"examined {evidence['examined']} {diagnostic.noun}")
    return "; ".join(parts)


def _claim(
    diagnostic: Diagnostic, findings: int, first: Mapping[str, Any], evidence: Mapping[str, Any]
) -> str:
    """Return the finding in words, or what is good."""
    if findings > 0 and first:
        text = fill(diagnostic.finding, first)
        return text + (f" (and {findings - 1} more)" if findings > 1 else "")
    if diagnostic.rule.kind is Kind.INFO:
        return f"{diagnostic.title}: {evidence['rows']} rows"
    return diagnostic.title
