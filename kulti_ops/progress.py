"""How long work tells what it is doing, without knowing who listens.

Pure values: the edge passes an implementation that writes to a terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Progress(Protocol):
    """A listener; inert unless a person watches."""

    def step(self, text: str) -> None:
        """Say that a new phase begins."""

    def advance(self, text: str) -> None:
        """Replace the phase's transient detail (bytes, rate, tables done of all)."""

    def clear(self) -> None:
        """Take the transient detail away before other text follows."""


class Silent:
    """A listener that says nothing."""

    def step(self, text: str) -> None:
        """Say nothing."""

    def advance(self, text: str) -> None:
        """Say nothing."""

    def clear(self) -> None:
        """Take nothing away."""


class Recorded:
    """A listener that hands each step on to a second one as well (telemetry's breadcrumbs)."""

    def __init__(self, listener: Progress, on_step: Callable[[str], None]) -> None:
        self._listener = listener
        self._on_step = on_step

    def step(self, text: str) -> None:
        """Say it to both."""
        self._on_step(text)
        self._listener.step(text)

    def advance(self, text: str) -> None:
        """Say it to the listener."""
        self._listener.advance(text)

    def clear(self) -> None:
        """Clear the listener."""
        self._listener.clear()


SILENT: Progress = Silent()


def size(size_bytes: float) -> str:
    """Return a size as a person reads it: `1.4 GB` (powers of 1000)."""
    value = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if abs(value) < 1000:  # noqa: PLR2004 - the step between units
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"
