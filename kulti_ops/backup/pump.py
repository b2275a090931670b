"""The pump: moves pg_dump's output into a storage, hashing, following and sealing on the way.

One thread and one buffer, two when it is encrypted: memory does not grow with the
database, and no plaintext gets anywhere but into the seal. A failing storage ends the dump
at once, a failing dump is noticed by whoever waits for it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
import threading
from typing import TYPE_CHECKING

from kulti_ops.backup.manifest import Artifact
from kulti_ops.following import Following
from kulti_ops.sealing import SUFFIX, Sealer

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from kulti_ops.process import Child
    from kulti_ops.storage import ObjectWriter

END_TIMEOUT_S = 60.0
_F_SETPIPE_SZ = 1031  # Linux
PIPE_BYTES = 1024 * 1024  # what the dump may be ahead of us


class Pump:
    """Copies a child's stdout to a writer in a thread of its own, sealed to the recipients.

    Use it as a context manager inside the child's and the writer's: leaving it ends the
    child and waits, so that nothing is written to a file that was closed meanwhile.
    """

    def __init__(
        self, child: Child, writer: ObjectWriter, *, recipients: tuple[str, ...] = ()
    ) -> None:
        self._child = child
        self._sealer = Sealer(writer, recipients) if recipients else None
        self.archive = Following(_Output(child), (self._sealer or writer).write)
        self.error: BaseException | None = None
        if sys.platform == "linux":
            with contextlib.suppress(OSError):
                fcntl.fcntl(child.stdout.fileno(), _F_SETPIPE_SZ, PIPE_BYTES)
        self._thread = threading.Thread(target=self._run, name="pump", daemon=True)

    @property
    def running(self) -> bool:
        """Whether there is more to come."""
        return self._thread.is_alive()

    @property
    def size_bytes(self) -> int:
        """What the child has given so far."""
        return self.archive.size_bytes

    def artifact(self, name: str) -> Artifact:
        """Return what was stored when everything was moved; `name` as it is unencrypted."""
        plain = self.archive
        if self._sealer is None:
            return Artifact(
                name=name, kind="dump", size_bytes=plain.size_bytes, sha256=plain.sha256
            )
        return Artifact(
            name=f"{name}{SUFFIX}",
            kind="dump",
            size_bytes=self._sealer.size_bytes,
            sha256=self._sealer.sha256,
            plain_size_bytes=plain.size_bytes,
            plain_sha256=plain.sha256,
        )

    def join(self, timeout_s: float) -> None:
        """Wait for the end, at most `timeout_s`."""
        self._thread.join(timeout_s)

    def __enter__(self) -> Self:
        if self._sealer is not None:
            self._sealer.__enter__()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._child.end()
        self._thread.join(END_TIMEOUT_S)
        if self._sealer is not None:
            self._sealer.__exit__(kind, error, trace)

    def _run(self) -> None:
        try:
            self.archive.run()
            if self._sealer is not None:
                self._sealer.finish()
        except BaseException as error:  # noqa: BLE001 - handed to the waiting thread
            self.error = error
            self._child.end()


class _Output:
    """A child's stdout, given as soon as there is something."""

    def __init__(self, child: Child) -> None:
        self._descriptor = child.stdout.fileno()

    def read(self, size: int, /) -> bytes:
        return os.read(self._descriptor, size)
