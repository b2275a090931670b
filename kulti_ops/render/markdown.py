"""Markdown: a heading, the status, and one table; for tickets and reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tabulate import tabulate

from kulti_ops.clock import iso
from kulti_ops.render.rows import table_of

if TYPE_CHECKING:
    from kulti_ops.report import Report


def render(report: Report, *, colour: bool, width: int) -> str:  # noqa: ARG001 - one interface
    """Return the report as a Markdown section."""
    header, rows = table_of(report)
    status = f"**{report.status}**, " if report.status else ""
    lines = [
        f"## {report.command}",
        "",
        f"{status}{iso(report.started_at)}, {report.duration_s:.1f} s",
        "",
        tabulate(
            [[_escape(c) for c in row] for row in rows], header, "github", disable_numparse=True
        ),
    ]
    return "\n".join(lines) + "\n"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\r", "").replace("\n", "<br>")
