"""Renderers: turn a report into text, one file per format; they decide nothing."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from kulti_ops.report import Report

FORMATS = ("table", "json", "csv", "markdown", "junit", "github", "nagios")


class Renderer(Protocol):
    """One module of this package."""

    def render(self, report: Report, *, colour: bool, width: int) -> str:
        """Return the whole report as text ending in a newline, or an empty string."""


def render(report: Report, format_name: str, *, colour: bool = False, width: int = 100) -> str:
    """Render `report` in one of `FORMATS`; the module of the format is loaded here."""
    if format_name not in FORMATS:
        raise ValueError(f"no such format: {format_name}")
    module = cast("Renderer", import_module(f"kulti_ops.render.{format_name}"))
    return module.render(report, colour=colour, width=width)
