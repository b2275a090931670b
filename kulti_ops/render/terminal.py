"""Progress on a terminal's stderr; nothing where stderr is none."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TextIO

from kulti_ops.progress import SILENT, Progress

_REDRAW_EVERY_S = 0.1
_ERASE_LINE = "\r\x1b[2K"


class TerminalProgress:
    """Writes one line per step and a transient line that redraws itself."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._started = time.monotonic()
        self._drawn = 0.0
        self._step = ""

    def step(self, text: str) -> None:
        """Begin a phase on a line of its own."""
        self._step = text
        self._write(f"{_ERASE_LINE}{self._elapsed()} {text}\n")

    def advance(self, text: str) -> None:
        """Redraw the transient line, at most ten times a second."""
        now = time.monotonic()
        if now - self._drawn >= _REDRAW_EVERY_S:
            self._drawn = now
            width = shutil.get_terminal_size().columns - 1
            self._write(_ERASE_LINE + f"{self._elapsed()}   {text}"[:width])

    def clear(self) -> None:
        """Take the transient line away before other text follows."""
        if self._drawn:
            self._write(_ERASE_LINE)

    def _elapsed(self) -> str:
        return f"{time.monotonic() - self._started:6.1f}s"

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def progress_for(stream: TextIO | None = None) -> Progress:
    """Return a listener for `stream` (stderr by default): silent unless it is a terminal."""
    stream = sys.stderr if stream is None else stream
    return TerminalProgress(stream) if stream.isatty() else SILENT
