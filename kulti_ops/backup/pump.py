"""The pump: moves pg_dump's output into a storage, hashing on the way.

One thread, one buffer: memory does not grow with the database. A failing storage
ends the dump at once, a failing dump is noticed by whoever waits for it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from kulti_ops.process import Child
    from kulti_ops.storage import ObjectWriter

CHUNK_BYTES = 1024 * 1024
END_TIMEOUT_S = 60.0
_F_SETPIPE_SZ = 1031  # Linux: fewer, larger reads


class Pump:
    """Copies a child's stdout to a writer in a thread of its own.

    Use it as a context manager inside the child's and the writer's: leaving it ends the
    child and waits, so that nothing is written to a file that was closed meanwhile.
    """

    def __init__(self, child: Child, writer: ObjectWriter) -> None:
        self._child = child
        self._writer = writer
        self._digest = hashlib.sha256()
        self.size_bytes = 0
        self.error: BaseException | None = None
        if sys.platform == "linux":
            with contextlib.suppress(OSError):
                fcntl.fcntl(child.stdout.fileno(), _F_SETPIPE_SZ, CHUNK_BYTES)
        self._thread = threading.Thread(target=self._run, name="pump", daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether there is more to come."""
        return self._thread.is_alive()

    @property
    def sha256(self) -> str:
        """The digest of everything that was moved, hexadecimal."""
        return self._digest.hexdigest()

    def join(self, timeout_s: float) -> None:
        """Wait for the end, at most `timeout_s`."""
        self._thread.join(timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._child.end()
        self._thread.join(END_TIMEOUT_S)

    def _run(self) -> None:
        descriptor = self._child.stdout.fileno()
        try:
            while chunk := os.read(descriptor, CHUNK_BYTES):
                self._digest.update(chunk)
                self._writer.write(chunk)
                self.size_bytes += len(chunk)
        except BaseException as error:  # noqa: BLE001 - handed to the waiting thread
            self.error = error
            self._child.end()
