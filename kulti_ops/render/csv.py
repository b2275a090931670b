"""CSV: one table, a header line, RFC 4180 quoting."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from kulti_ops.render.rows import table_of

if TYPE_CHECKING:
    from kulti_ops.report import Report


def render(report: Report, *, colour: bool, width: int) -> str:  # noqa: ARG001 - one interface
    """Return the report's table as CSV."""
    header, rows = table_of(report)
    return "".join(_line(row) for row in (header, *rows))


def _line(row: list[str]) -> str:
    """Return one record; written with CR LF as its end, a CR alone in a cell is quoted too."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(row)
    return buffer.getvalue().removesuffix("\r\n") + "\n"
