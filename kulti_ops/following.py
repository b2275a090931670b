"""Following an archive: every byte hashed, handed on, and held against the archive's structure.

Pure. Whoever reads an archive anyway learns on the way whether it is whole: nothing is
kept, decompressed, or read twice.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from kulti_ops import archive

if TYPE_CHECKING:
    from collections.abc import Callable

    from kulti_ops.archive import Readable, Toc

# Small enough for the processor's cache, and below 128 KiB: anything larger the C library takes
# from the system anew each time, which costs more than copying (it was half of `verify backup`).
CHUNK_BYTES = 128 * 1000


class Following:
    """Reads a stream in pieces, hashing and forwarding every byte exactly once.

    `problem` is what was wrong with the archive's structure, empty when it is whole;
    size and digest cover all bytes, also those behind the problem.
    """

    def __init__(self, stream: Readable, forward: Callable[[bytes], None]) -> None:
        self._stream = stream
        self._forward = forward
        self._digest = hashlib.sha256()
        self._buffer = b""
        self._at = 0
        self.size_bytes = 0
        self.toc: Toc | None = None
        self.problem = ""

    @property
    def sha256(self) -> str:
        """The digest of what was read so far, hexadecimal."""
        return self._digest.hexdigest()

    def run(self) -> None:
        """Read to the end; raises what the stream and `forward` raise."""
        try:
            self.toc, _ = archive.walk(self)
        except archive.ArchiveError as error:
            self.problem = str(error)
        self._refill()
        while self._buffer:
            self._refill()

    def run_toc(self) -> None:
        """Read the table of contents, and what comes with it in one piece."""
        try:
            self.toc = archive.read_toc(self)
        except archive.ArchiveError as error:
            self.problem = str(error)

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes of what was read ahead, none at the end."""
        if self._at >= len(self._buffer):
            self._refill()
        data = self._buffer[self._at : self._at + size]
        self._at += len(data)
        return data

    def _refill(self) -> None:
        self._buffer, self._at = self._stream.read(CHUNK_BYTES), 0
        self._digest.update(self._buffer)
        self.size_bytes += len(self._buffer)
        if self._buffer:
            self._forward(self._buffer)
