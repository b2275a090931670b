"""Sealing and opening streams, in threads and bounded memory.

A failure on either side ends both. The end of an opened stream is reached only when age
has vouched for every byte before it: what was cut or changed raises.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import os
import sys
import threading
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from kulti_ops.errors import DamagedError, OperationFailedError
from kulti_ops.sealing.keys import LockedError, load_recipients

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Protocol, Self

    from kulti_ops.sealing.keys import Identities

    class Sink(Protocol):
        """What takes sealed bytes."""

        def write(self, chunk: bytes, /) -> object:
            """Take the whole chunk."""


_PIECE_BYTES = 128 * 1000  # see CHUNK_BYTES; pyrage reads and writes 8 to 64 kB at a time
_F_SETPIPE_SZ = 1031  # Linux: fewer, larger reads
_PIPE_BYTES = 1024 * 1024
_END_TIMEOUT_S = 60.0
_NO_MATCH = "No matching keys"
_PROBE = b"kulti-ops"


def seal(data: bytes, recipients: tuple[str, ...]) -> bytes:
    """Return small data, sealed."""
    import pyrage

    return bytes(pyrage.encrypt(data, load_recipients(recipients)))


def open_sealed(data: bytes, identities: Identities, *, name: str) -> bytes:
    """Return what small sealed data holds; `name` is for messages.

    Raises: LockedError, DamagedError.
    """
    with Unsealed(cast("BinaryIO", io.BytesIO(data)), identities, name=name) as stream:
        return stream.read()


def opens(recipient: str, identities: Identities) -> bool:
    """Return whether the identities open what is sealed to a recipient, by doing both.

    Raises: LockedError when the identities cannot be read.
    """
    identities.load()
    try:
        return open_sealed(seal(_PROBE, (recipient,)), identities, name="a probe") == _PROBE
    except LockedError:
        return False


class Sealer:
    """Seals what is written to it into a sink, in a thread; size and digest are the sealed ones.

    Use it as a context manager. `finish` makes a whole; leaving without it ends the thread
    and promises nothing about what the sink got.
    """

    def __init__(self, sink: Sink, recipients: tuple[str, ...]) -> None:
        self._recipients = load_recipients(recipients)
        self._out = _Gathering(sink.write)
        self._failure: BaseException | None = None
        self._reading = self._writing = -1
        self._thread = threading.Thread(target=self._run, name="seal", daemon=True)

    @property
    def size_bytes(self) -> int:
        """The sealed bytes so far."""
        return self._out.size_bytes

    @property
    def sha256(self) -> str:
        """The digest of the sealed bytes, hexadecimal."""
        return self._out.sha256

    def write(self, chunk: bytes) -> None:
        """Seal the whole chunk; raises what the sink raised."""
        view = memoryview(chunk)
        try:
            while view:
                view = view[os.write(self._writing, view) :]
        except BrokenPipeError:
            self._join()
            raise

    def finish(self) -> None:
        """Seal the end and wait until the sink has everything; raises what it raised."""
        self._close_writing()
        self._join()

    def _join(self) -> None:
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        import pyrage

        try:
            with io.FileIO(self._reading, "rb", closefd=False) as reading:
                pyrage.encrypt_io(_Reading(reading), self._out, self._recipients)
            self._out.hand_on()
        except BaseException as error:  # noqa: BLE001 - handed to whoever writes
            self._failure = self._out.failure or OperationFailedError(f"age failed: {error}")
        finally:
            os.close(self._reading)  # whoever writes is told at once

    def _close_writing(self) -> None:
        if self._writing >= 0:
            os.close(self._writing)
            self._writing = -1

    def __enter__(self) -> Self:
        self._reading, self._writing = _pipe()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close_writing()
        self._thread.join(_END_TIMEOUT_S)


class Unsealed(io.RawIOBase):
    """Opens a sealed stream; reading raises where it was cut or changed, never just ends.

    Closing it early ends the thread that opens, and closes the sealed stream.
    """

    def __init__(self, sealed: BinaryIO, identities: Identities, *, name: str) -> None:
        super().__init__()
        self._sealed = sealed
        self._name = name
        self._origin = identities.origin
        try:
            self._identities = identities.load()
        except LockedError:
            sealed.close()
            raise
        self._reader = _Reading(sealed)
        self._failure: BaseException | None = None
        self._reading, self._writing = _pipe()
        self._thread = threading.Thread(target=self._run, name="unseal", daemon=True)
        self._thread.start()

    def readable(self) -> bool:
        """Say that it is for reading."""
        return True

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401 - whatever takes bytes
        """Read what is opened so far; 0 only at an end that age vouches for."""
        data = os.read(self._reading, len(buffer))
        if not data and len(buffer) > 0:
            self._thread.join()
            if self._failure is not None:
                raise self._failure
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """End the thread and close the sealed stream."""
        if not self.closed:
            os.close(self._reading)  # the thread's next write fails
            self._thread.join(_END_TIMEOUT_S)
            self._sealed.close()
        super().close()

    def _run(self) -> None:
        import pyrage

        try:
            with io.FileIO(self._writing, "wb", closefd=False) as writing:
                out = _Gathering(lambda piece: _write_all(writing, piece), hashed=False)
                pyrage.decrypt_io(self._reader, out, self._identities)
                out.hand_on()
        except BaseException as error:  # noqa: BLE001 - handed to whoever reads
            self._failure = self._reader.failure or self._judged(error)
        finally:
            os.close(self._writing)

    def _judged(self, error: BaseException) -> Exception:
        if _NO_MATCH in str(error):
            return LockedError(
                f"{self._name} is not encrypted to the identity of {self._origin}",
                hint="`kulti-ops backup show` names the recipients; use the identity of one",
            )
        return DamagedError(
            f"{self._name} is damaged: {str(error).lower()}",
            hint="use another backup: kulti-ops backup list",
        )


class _Reading:
    """Gives pyrage a stream in large reads, and keeps what the stream raised."""

    def __init__(self, stream: BinaryIO | io.RawIOBase) -> None:
        self._stream = stream
        self._buffer = b""
        self._at = 0
        self.failure: BaseException | None = None

    def read(self, size: int, /) -> bytes:
        if self._at >= len(self._buffer):
            try:
                self._buffer, self._at = self._stream.read(_PIECE_BYTES) or b"", 0
            except BaseException as error:
                self.failure = error
                raise
        data = self._buffer[self._at : self._at + size]
        self._at += len(data)
        return data


class _Gathering:
    """Takes pyrage's small writes, hands them on in large pieces, keeps what that raised."""

    def __init__(self, hand_on: Callable[[bytes], object], *, hashed: bool = True) -> None:
        self._take = hand_on
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._digest = hashlib.sha256()
        self._hashed = hashed
        self.size_bytes = 0
        self.failure: BaseException | None = None

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def write(self, data: bytes, /) -> int:
        self._waiting.append(bytes(data))
        self._waiting_bytes += len(data)
        if self._waiting_bytes >= _PIECE_BYTES:
            self.hand_on()
        return len(data)

    def flush(self) -> None:
        """Hold on to what is small: `hand_on` gives the rest."""

    def hand_on(self) -> None:
        """Hand on everything that waits."""
        piece = b"".join(self._waiting)
        self._waiting, self._waiting_bytes = [], 0
        if not piece:
            return
        try:
            self._take(piece)
        except BaseException as error:
            self.failure = error
            raise
        if self._hashed:
            self._digest.update(piece)
        self.size_bytes += len(piece)


def _write_all(file: io.FileIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) or 0 :]


def _pipe() -> tuple[int, int]:
    reading, writing = os.pipe()
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            fcntl.fcntl(writing, _F_SETPIPE_SZ, _PIPE_BYTES)
    return reading, writing
