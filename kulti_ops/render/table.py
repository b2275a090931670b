"""The table a person reads: worst first, with the next command to type."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from kulti_ops.render.rows import table_of, visible
from kulti_ops.report import CheckResult, Verdict

if TYPE_CHECKING:
    from kulti_ops.report import Report

_STYLE = {
    Verdict.OK: "green",
    Verdict.WARN: "yellow",
    Verdict.CRIT: "bold red",
    Verdict.UNKNOWN: "magenta",
    Verdict.SKIPPED: "dim",
}
_FOLD_FROM = 4
_QUIET = (Verdict.OK, Verdict.SKIPPED)
_ORDER = (Verdict.CRIT, Verdict.UNKNOWN, Verdict.WARN, Verdict.OK, Verdict.SKIPPED)


def render(report: Report, *, colour: bool, width: int) -> str:
    """Return the report for a terminal of `width` columns."""
    buffer = io.StringIO()
    console = Console(
        file=buffer,
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        highlight=False,
        legacy_windows=False,
    )
    if report.bare_error is None:
        _body(console, report)
    return buffer.getvalue()


def _body(console: Console, report: Report) -> None:
    outcome = report.outcome
    if outcome.results is not None:
        shown = sorted(outcome.results, key=lambda r: _ORDER.index(r.status))
        _results(console, _without_ok(shown) if outcome.findings_first else shown)
    if outcome.human is not None:
        console.print(Text.from_ansi(outcome.human), soft_wrap=True)
    elif outcome.results is None:
        _plain_table(console, report)
    if report.status is not None:
        console.print(_status_line(report))


def _results(console: Console, results: list[CheckResult]) -> None:
    rows = _folded(results)
    widths = [max((len(text) for text in column), default=0) for column in _margins(rows)]
    for result in rows:
        table = Table(box=None, pad_edge=False, show_header=False)
        for width in widths:
            table.add_column(no_wrap=True, width=width)
        table.add_column(overflow="fold")
        status = Text(str(result.status), style=_STYLE[result.status])
        table.add_row(status, Text(result.id), Text(visible(result.summary)))
        console.print(table)
        if result.next and result.status not in _QUIET:
            # a line of its own, however long: it is there to be copied
            text = " " * (sum(widths) + 4) + f"→ {visible(result.next)}"
            console.print(Text(text, style="bold"), soft_wrap=True)


def _margins(results: list[CheckResult]) -> tuple[list[str], list[str]]:
    return [str(r.status) for r in results], [r.id for r in results]


def _without_ok(results: list[CheckResult]) -> list[CheckResult]:
    """Return findings whole and what is well as one row of names: it must not push them away.

    What has just changed stays a row of its own, and so does everything when all is well.
    """
    well = [r for r in results if r.status is Verdict.OK and "change" not in r.evidence]
    if len(well) < _FOLD_FROM or all(r.status in _QUIET for r in results):
        return results
    names = ", ".join(r.id for r in well)
    fold = CheckResult(id=f"{len(well)} checks", status=Verdict.OK, summary=names)
    rest = [r for r in results if r not in well]
    at = next((i for i, r in enumerate(rest) if r.status is Verdict.SKIPPED), len(rest))
    return [*rest[:at], fold, *rest[at:]]


def _folded(results: list[CheckResult]) -> list[CheckResult]:
    """Return results with many that are skipped for one reason as one row: they hide the rest."""
    reasons: dict[str, list[str]] = {}
    for result in results:
        if result.status is Verdict.SKIPPED:
            reasons.setdefault(result.summary, []).append(result.id)
    many = {reason: ids for reason, ids in reasons.items() if len(ids) >= _FOLD_FROM}
    rows = [r for r in results if r.status is not Verdict.SKIPPED or r.summary not in many]
    return rows + [
        CheckResult(
            id=f"{len(ids)} checks", status=Verdict.SKIPPED, summary=f"{reason} ({', '.join(ids)})"
        )
        for reason, ids in many.items()
    ]


def _plain_table(console: Console, report: Report) -> None:
    header, rows = table_of(report)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in header:
        table.add_column(escape(name), overflow="fold")
    for row in rows:
        table.add_row(*(Text(visible(c)) for c in row))
    console.print(table)


def _status_line(report: Report) -> Text:
    status = report.status or Verdict.UNKNOWN
    results = report.outcome.results or ()
    counts = ", ".join(
        f"{n} {verdict}" for verdict in _ORDER if (n := sum(r.status is verdict for r in results))
    )
    line = Text(f"\n{report.command}: ")
    line.append(str(status), style=_STYLE[status])
    line.append(f" ({counts or 'nothing was checked'}) in {report.duration_s:.1f} s")
    return line
