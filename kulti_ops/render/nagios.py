"""One line as monitoring plugins write it, and the exit status that belongs to it.

`KULTI_OPS STATUS - what was found|figures`; status 0 ok, 1 warning, 2 critical, 3 for
everything else. The worst finding comes first, since many systems cut the line.
"""

from __future__ import annotations

import re
from math import isfinite
from typing import TYPE_CHECKING

from kulti_ops.render.rows import visible
from kulti_ops.report import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kulti_ops.report import CheckResult, Report

PLUGIN = "KULTI_OPS"
TEXT_LIMIT = 1000  # characters; with the figures the line stays below the 4 kB that NRPE carries
FIGURES_LIMIT = 2000
UNKNOWN_STATUS = 3
_STATUS = {Verdict.OK: 0, Verdict.WARN: 1, Verdict.CRIT: 2}
_WORDS = {Verdict.OK: "OK", Verdict.WARN: "WARNING", Verdict.CRIT: "CRITICAL"}
_ORDER = (Verdict.CRIT, Verdict.UNKNOWN, Verdict.WARN, Verdict.OK, Verdict.SKIPPED)
_UNITS = {"_s": "s", "_bytes": "B", "_percent": "%"}
_NOT_IN_LABELS = re.compile(r"[^A-Za-z0-9_.-]")


def render(report: Report, *, colour: bool, width: int) -> str:  # noqa: ARG001 - one interface
    """Return the plugin's line."""
    if (error := report.bare_error) is not None:
        return unknown_line(f"{report.command}: {error.message} ({error.hint})".removesuffix(" ()"))
    results = sorted(report.outcome.results or (), key=lambda r: _ORDER.index(r.status))
    found = "; ".join(map(_finding, results)) or "nothing was checked"
    word = _WORDS.get(report.status or Verdict.UNKNOWN, "UNKNOWN")
    return f"{PLUGIN} {word} - {_text(f'{report.command}: {found}')}|{_figures(report)}\n"


def exit_status(report: Report) -> int:
    """Return the plugin's exit status: anything but a verdict that stands is 3."""
    status = None if report.bare_error is not None else report.status
    return _STATUS.get(status or Verdict.UNKNOWN, UNKNOWN_STATUS)


def unknown_line(text: str) -> str:
    """Return the line of a plugin that could not look."""
    return f"{PLUGIN} UNKNOWN - {_text(text)}\n"


def _finding(result: CheckResult) -> str:
    advice = result.status not in {Verdict.OK, Verdict.SKIPPED} and result.next
    return f"{result.id} {result.status}: {result.summary}" + (f" ({advice})" if advice else "")


def _text(text: str) -> str:
    """Return text on one line, without the bar that begins the figures."""
    line = visible(" ".join(text.split())).replace("|", "/")
    return line if len(line) <= TEXT_LIMIT else f"{line[: TEXT_LIMIT - 3]}..."


def _figures(report: Report) -> str:
    """Return as many whole figures as fit."""
    shown = ""
    for figure in _all_figures(report):
        if len(shown) + len(figure) >= FIGURES_LIMIT:
            break
        shown = f"{shown} {figure}" if shown else figure
    return shown


def _all_figures(report: Report) -> Iterator[str]:
    results = report.outcome.results or ()
    for verdict in _ORDER:
        yield f"{verdict}={sum(r.status is verdict for r in results)}"
    yield f"time={_number(report.duration_s)}s"
    for result in results:
        for key, value in result.evidence.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
                continue
            unit = next((u for end, u in _UNITS.items() if key.endswith(end)), "")
            label = _NOT_IN_LABELS.sub("_", f"{result.id}.{key}")
            yield f"{label}={_number(value)}{unit}"


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.3f}".rstrip("0").rstrip(".")
