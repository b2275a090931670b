"""The spool: takes what a slow storage does not take yet, so that the dump need not wait for it.

A snapshot that is held open for hours bloats the source. When the storage has kept the dump
waiting for `after_s` in all, what comes next goes into a file without a name, sealed like
what is stored, and from there into the storage, in order. A full disk means waiting again,
nothing worse.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from kulti_ops.errors import OperationFailedError
from kulti_ops.following import CHUNK_BYTES
from kulti_ops.pgserver import make_enterable_dir

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import IO, Self

    from kulti_ops.storage import ObjectWriter

END_TIMEOUT_S = 60.0
QUEUE_BYTES = 4 * 1024 * 1024  # what may wait in memory: nobody waits for a single piece
RESERVED_BYTES = 1024**3  # of the disk, for others: a database may live on it


class Spool:
    """A writer around a writer: whoever writes waits for the storage `after_s` in all, not longer.

    An error of the storage is raised by a later write, or by `commit`. Without a `folder` it
    never spools.
    """

    def __init__(self, writer: ObjectWriter, *, folder: Path | None, after_s: float) -> None:
        self._writer = writer
        self._folder = folder
        self._patience_s = after_s
        self._changed = threading.Condition()
        self._queue: deque[bytes] = deque()
        self._queued = 0  # bytes in memory that the storage has not taken
        self._file: IO[bytes] | None = None
        self._kept = self._stored = 0  # bytes of the file: written to it, and taken by the storage
        self._ended = self._aborted = False
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._store, name="storing", daemon=True)

    @property
    def waiting_bytes(self) -> int:
        """What is in the file and not in the storage yet."""
        with self._changed:
            return self._kept - self._stored

    def write(self, chunk: bytes) -> None:
        """Have the chunk stored, or kept for the storage."""
        with self._changed:
            if self._file is None:
                self._hand_over(chunk)
            else:
                self._keep(chunk)
            self._raise_failure()

    def settle(self, timeout_s: float) -> bool:
        """Say that nothing more comes; tell whether the storage has everything by then."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def commit(self) -> None:
        """Wait until the storage has everything, and publish the object."""
        while not self.settle(END_TIMEOUT_S):
            pass
        self._raise_failure()
        self._writer.commit()

    def __enter__(self) -> Self:
        self._writer.__enter__()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._changed:
            self._aborted = True
            self._changed.notify_all()
        self._thread.join(END_TIMEOUT_S)
        if self._file is not None:
            self._file.close()
        self._writer.__exit__(kind, error, trace)

    def _hand_over(self, chunk: bytes) -> None:
        """Queue a piece for the storage; when the queue is full, wait as long as there is patience.

        Then the piece is the first in the file.
        """
        while self._queued >= QUEUE_BYTES and not self._is_over():
            if self._folder is None:
                self._changed.wait()
            elif self._patience_s > 0:
                started = time.monotonic()
                self._changed.wait(self._patience_s)
                self._patience_s -= time.monotonic() - started
            elif self._begin_file(self._folder):
                self._keep(chunk)
                return
            else:
                self._folder = None
        self._queue.append(chunk)
        self._queued += len(chunk)
        self._changed.notify_all()

    def _begin_file(self, folder: Path) -> bool:
        try:
            make_enterable_dir(folder)
            self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - see exit
        except OSError:
            return False  # waiting is slow, but it is no failure
        return True

    def _keep(self, chunk: bytes) -> None:
        """Write a piece to the file; where that is full, wait until the storage has emptied it."""
        view = memoryview(chunk)
        while view and not self._is_over():
            assert self._file is not None  # noqa: S101 - the caller looked
            if self._kept == self._stored:
                self._kept = self._stored = 0
                with contextlib.suppress(OSError):
                    self._file.truncate(0)
            written = _append(self._file, view, self._kept)
            self._kept += written
            view = view[written:]
            self._changed.notify_all()
            if written == 0 and not self._has_caught_up():
                self._changed.wait_for(self._has_caught_up)
            elif written == 0:
                self._give_up_file()
                self._hand_over(bytes(view))
                return

    def _has_caught_up(self) -> bool:
        """Tell whether the storage has all that was given, or nothing will change any more."""
        return (not self._queued and self._kept == self._stored) or self._is_over()

    def _is_over(self) -> bool:
        return self._failure is not None or self._aborted

    def _give_up_file(self) -> None:
        """Go back to waiting: there is no room for even one piece."""
        if self._file is not None:
            self._file.close()
        self._file = self._folder = None

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _store(self) -> None:
        """Give the storage one piece after the other: what is in memory, then the file."""
        try:
            while (piece := self._next()) is not None:
                self._writer.write(piece[0])
                self._count(piece)
        except BaseException as error:  # noqa: BLE001 - handed to whoever writes or commits
            with self._changed:
                self._failure = error
                self._changed.notify_all()

    def _next(self) -> tuple[bytes, bool] | None:
        """Return the next piece and whether it comes from the file; None at the end."""
        with self._changed:
            while not self._aborted:
                if self._queue:  # what is in the file came later
                    return self._queue.popleft(), False
                if self._file is not None and self._stored < self._kept:
                    return self._read(self._file), True
                if self._ended:
                    return None
                self._changed.wait()
        return None

    def _read(self, file: IO[bytes]) -> bytes:
        wanted = min(CHUNK_BYTES, self._kept - self._stored)
        try:
            data = os.pread(file.fileno(), wanted, self._stored)
        except OSError as error:
            raise OperationFailedError(
                f"cannot read what was spooled: {(error.strerror or str(error)).lower()}"
            ) from error
        if not data:
            raise OperationFailedError("the spool's file has become shorter")
        return data

    def _count(self, piece: tuple[bytes, bool]) -> None:
        data, from_file = piece
        with self._changed:
            if from_file:
                self._stored += len(data)
            else:
                self._queued -= len(data)
            self._changed.notify_all()


def _append(file: IO[bytes], data: memoryview, at: int) -> int:
    """Return how much of the data the file took at an offset: none where the disk is full."""
    try:
        disk = os.fstatvfs(file.fileno())
        if disk.f_bavail * disk.f_frsize < RESERVED_BYTES:
            return 0
        return os.pwrite(file.fileno(), data, at)
    except OSError:
        return 0
