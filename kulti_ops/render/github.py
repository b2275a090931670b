"""GitHub's workflow commands: an annotation for every check that somebody has to act on.

Crit and unknown are errors, warn is a warning. The last line sums up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kulti_ops.report import Verdict

if TYPE_CHECKING:
    from kulti_ops.report import Report

_LEVELS = {Verdict.CRIT: "error", Verdict.UNKNOWN: "error", Verdict.WARN: "warning"}


def render(report: Report, *, colour: bool, width: int) -> str:  # noqa: ARG001 - one interface
    """Return the annotations, one a line."""
    if (error := report.bare_error) is not None:
        text = f"{error.message} → {error.hint}".removesuffix(" → ")
        return _annotation("error", f"{report.command}: {error.kind}", text)
    lines = []
    for result in report.outcome.results or ():
        level = _LEVELS.get(result.status)
        if level is not None:
            text = f"{result.status}: {result.summary}" + (
                f" → {result.next}" if result.next else ""
            )
            lines.append(_annotation(level, f"{report.command}: {result.id}", text))
    count = len(report.outcome.results or ())
    lines.append(f"{report.command}: {report.status} ({count} checks)\n")
    return "".join(lines)


def _annotation(level: str, title: str, text: str) -> str:
    return f"::{level} title={_property(title)}::{_data(text)}\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
