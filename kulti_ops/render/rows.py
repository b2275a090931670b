"""The tabular view of a report that csv and markdown share."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from kulti_ops.render.json import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kulti_ops.report import Report

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # all but tab and new line


def table_of(report: Report) -> tuple[list[str], list[list[str]]]:
    """Return header and rows: the check results, else the command's own table, else its data."""
    if (error := report.bare_error) is not None:
        return ["error", "message", "hint"], [[error.kind, error.message, error.hint]]
    if report.outcome.results is not None:
        header = ["id", "status", "summary", "next"]
        return header, [
            [r.id, str(r.status), r.summary, r.next or ""] for r in report.outcome.results
        ]
    if report.outcome.table is not None:
        return _columns(report.outcome.table)
    return ["name", "value"], [[key, cell(value)] for key, value in report.outcome.data.items()]


def cell(value: Any) -> str:  # noqa: ANN401 - any cell of a table
    """Return one value as the text of a cell."""
    shown = plain(value)
    if shown is None:
        return ""
    if isinstance(shown, bool):
        return "yes" if shown else "no"
    if isinstance(shown, list):
        return ", ".join(cell(item) for item in shown)
    return str(shown)


def visible(text: str) -> str:
    """Return text with control characters spelt out: foreign names must not steer a terminal."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def _columns(rows: tuple[Mapping[str, Any], ...]) -> tuple[list[str], list[list[str]]]:
    header = list(dict.fromkeys(key for row in rows for key in row))
    return header, [[cell(row.get(key)) for key in header] for row in rows]
