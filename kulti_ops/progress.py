"""How long work tells what it is doing, without knowing who listens.

Pure values: the edge passes an implementation that writes to a terminal.
"""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """A listener; inert unless a person watches."""

    def step(self, text: str) -> None:
        """Say that a new phase begins."""

    def advance(self, text: str) -> None:
        """Replace the phase's transient detail (bytes, rate, tables done of all)."""


class Silent:
    """A listener that says nothing."""

    def step(self, text: str) -> None:
        """Say nothing."""

    def advance(self, text: str) -> None:
        """Say nothing."""


SILENT: Progress = Silent()


def size(size_bytes: float) -> str:
    """Return a size as a person reads it: `1.4 GB` (powers of 1000)."""
    value = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if abs(value) < 1000:  # noqa: PLR2004 - the step between units
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"
