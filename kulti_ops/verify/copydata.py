r"""Reading the rows out of pg_restore's output, without being fooled by them.

Pure. The script holds only table data (the caller's list of entries sees to it),
and the exact COPY statements come from the archive's table of contents, in order:
a row, a name or a comment that looks like SQL is never taken for a statement. COPY's
text format escapes backslashes, so a line that is just `\.` can only be the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Protocol

    class Sink(Protocol):
        """What takes the bytes of one table's rows."""

        def update(self, data: bytes | memoryview) -> None:
            """Take bytes."""


_END = b"\n\\.\n"
_END_AT_START = b"\\.\n"


class CopyDataError(ValueError):
    """The script does not hold the announced tables in the announced order."""


class CopyReader:
    """Splits a script, given in any pieces, into the rows of one table after the other."""

    def __init__(self, statements: Sequence[str], begin: Callable[[int], Sink]) -> None:
        """`begin(i)` is called at the start of `statements[i]`'s rows and returns their sink."""
        self._statements = [b"\n" + s.encode("utf-8", "surrogateescape") for s in statements]
        self._begin = begin
        self._next = 0
        self._buffer = b"\n"  # a statement may be the very first line
        self._sink: Sink | None = None

    def feed(self, data: bytes) -> None:
        """Take the next piece of the script."""
        self._buffer += data
        while self._step():
            pass

    def finish(self) -> None:
        """Say that the script has ended.

        Raises: CopyDataError when a table is missing or its rows have no end.
        """
        if self._sink is not None:
            raise CopyDataError("the rows of a table have no end")
        if self._next < len(self._statements):
            missing = len(self._statements) - self._next
            raise CopyDataError(f"the data of {missing} table(s) did not come out of the archive")

    def _step(self) -> bool:
        """Do one thing with the buffer; False when more input is needed."""
        return self._find_statement() if self._sink is None else self._take_rows(self._sink)

    def _find_statement(self) -> bool:
        if self._next >= len(self._statements):
            self._buffer = b""
            return False
        statement = self._statements[self._next]
        at = self._buffer.find(statement)
        if at < 0:
            self._buffer = self._buffer[-len(statement) :]
            return False
        self._buffer = self._buffer[at + len(statement) :]
        self._sink = self._begin(self._next)
        self._next += 1
        self._at_start = True
        return True

    def _take_rows(self, sink: Sink) -> bool:
        """Give the sink what are certainly rows; keep what may be the beginning of the end."""
        if self._at_start:
            if len(self._buffer) < len(_END_AT_START):
                return False
            self._at_start = False
            if self._buffer.startswith(_END_AT_START):
                return self._end(len(_END_AT_START))
        at = self._buffer.find(_END)
        if at >= 0:
            sink.update(self._buffer[: at + 1])
            return self._end(at + len(_END))
        certain = len(self._buffer) - len(_END) + 1
        if certain > 0:
            sink.update(self._buffer[:certain])
            self._buffer = self._buffer[certain:]
        return False

    def _end(self, consumed: int) -> bool:
        self._sink = None
        self._buffer = b"\n" + self._buffer[consumed:]
        return True

    _at_start = False
