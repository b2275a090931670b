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
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return buffer.getvalue()
