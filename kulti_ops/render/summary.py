"""The summary of a job on GitHub: Markdown with the worst first, and what is well folded away.

Not a format of its own: `--format github` writes it beside the annotations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kulti_ops.clock import iso
from kulti_ops.render.rows import visible
from kulti_ops.report import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kulti_ops.report import CheckResult, Report

_ORDER = (Verdict.CRIT, Verdict.UNKNOWN, Verdict.WARN, Verdict.OK, Verdict.SKIPPED)
_QUIET = frozenset({Verdict.OK, Verdict.SKIPPED})


def render_summary(report: Report) -> str:
    """Return a Markdown section."""
    status = report.status or Verdict.UNKNOWN
    lines = [f"### kulti-ops {_text(report.command)}: {status}", ""]
    if (error := report.bare_error) is not None:
        hint = f" → {error.hint}" if error.hint else ""
        return "\n".join([*lines, _text(error.message + hint), "", ""])
    results = sorted(report.outcome.results or (), key=lambda r: _ORDER.index(r.status))
    counts = ", ".join(
        f"{n} {verdict}" for verdict in _ORDER if (n := sum(r.status is verdict for r in results))
    )
    when = f"{iso(report.started_at)}, {report.duration_s:.1f} s"
    lines += [f"{counts or 'nothing was checked'}; {when}", ""]
    lines += _table(r for r in results if r.status not in _QUIET)
    well = [r for r in results if r.status in _QUIET]
    if well:
        title = f"{len(well)} ok or skipped"
        lines += [f"<details><summary>{title}</summary>", "", *_table(well), "</details>", ""]
    return "\n".join(lines) + "\n"


def _table(results: Iterable[CheckResult]) -> list[str]:
    rows = [
        f"| {r.status} | {_text(r.id)} | {_text(r.summary)} | "
        f"{_text((r.next or '') if r.status is not Verdict.OK else '')} |"
        for r in results
    ]
    return ["| status | check | finding | next |", "|---|---|---|---|", *rows, ""] if rows else []


def _text(text: str) -> str:
    """Return text as Markdown shows it, whatever it holds: one cell, no markup, no mention."""
    escaped = "".join(f"\\{c}" if c in "\\`*_{}[]()#+!|~>$" else c for c in visible(text))
    safe = escaped.replace("&", "&amp;").replace("<", "&lt;").replace("@", "@<!-- -->")
    return safe.replace("\r", "").replace("\n", "<br>")
