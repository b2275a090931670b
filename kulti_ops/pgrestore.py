"""Running pg_restore on some entries of an archive, from a file or fed through a pipe.

Adapter over the program. The list of entries goes by an inherited descriptor, so that
nothing is on disk that a kill could leave behind. What is fed is read to its end, where
the source proves itself: pg_restore's success alone does not mean that the bytes it got
were the right ones.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from contextlib import ExitStack, contextmanager
from typing import IO, TYPE_CHECKING, BinaryIO, Protocol

from kulti_ops.errors import DamagedError
from kulti_ops.following import CHUNK_BYTES, Following
from kulti_ops.process import Child, ToolFailedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from kulti_ops.archive import Entry, Toc
    from kulti_ops.pgtools import Installation

TO_STDOUT = ("--file=-",)
# Only its messages' language matters where it does not connect to a server.
PLAIN_ENVIRONMENT: Mapping[str, str] = {"LC_ALL": "C"}
END_TIMEOUT_S = 60.0


class ArchiveSource(Protocol):
    """An archive in pg_dump's custom format, to be read from its start any number of times.

    `toc` is its table of contents as it was verified, None where nobody did.
    """

    @property
    def toc(self) -> Toc | None:
        """What it must begin with."""

    @property
    def path(self) -> Path | None:
        """The file that holds exactly this, where there is one on this machine."""

    def open(self) -> BinaryIO:
        """Open it at its start; reading raises when the end comes and the bytes were others."""


class Feed:
    """Feeds a child's stdin from a stream in a thread, following the archive on the way.

    Where it must begin with `toc`, anything else is refused; with `toc_only` no more than
    that is read.
    """

    def __init__(
        self,
        stream: BinaryIO,
        child: Child,
        *,
        on_bytes: Callable[[int], None] = lambda _size: None,
        toc: Toc | None = None,
        toc_only: bool = False,
    ) -> None:
        self._toc = toc
        self._toc_only = toc_only
        self.archive = Following(stream, self._forward)
        self._child = child
        self._on_bytes = on_bytes
        self._refused = False
        self._stopped = False
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Wait until everything was read; raises what reading raised."""
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Read no further; to be called when the child is gone."""
        self._stopped = True
        self._thread.join(END_TIMEOUT_S)

    def _run(self) -> None:
        try:
            if self._toc_only:
                self.archive.run_toc()
            else:
                self.archive.run()
            self._judge_toc()
        except _StoppedError:
            pass
        except BaseException as error:  # noqa: BLE001 - handed to the waiting thread
            self._failure = error
            self._child.end()
        finally:
            self._close()

    def _judge_toc(self) -> None:
        found = self.archive.toc
        if self._toc is not None and (found is None or found.sha256 != self._toc.sha256):
            raise DamagedError(
                "the archive's table of contents is not the one that was verified",
                hint="it changed since: kulti-ops verify backup",
            )

    def _forward(self, data: bytes) -> None:
        if self._stopped:
            raise _StoppedError
        self._on_bytes(self.archive.size_bytes)
        if not self._refused:
            try:
                self._child.stdin.write(data)
            except BrokenPipeError:
                self._refused = True  # it has what it wants, or has failed: its exit tells

    def _close(self) -> None:
        try:
            self._child.stdin.close()
        except OSError:
            self._refused = True


class PgRestore:
    """One run of pg_restore."""

    def __init__(self, child: Child) -> None:
        self.child = child

    def output(self) -> Iterator[bytes]:
        """Yield what it prints, in pieces."""
        while chunk := os.read(self.child.stdout.fileno(), CHUNK_BYTES):
            yield chunk

    def wait(self, *, timeout_s: float) -> int:
        """Wait for its end and return its exit code.

        Raises: StorageError when what it was fed could not be read, or was not what it
        had to be; OperationFailedError when it takes longer than `timeout_s`.
        """
        return self.child.wait(timeout_s=timeout_s)

    def finish(self) -> None:
        """Wait for its end and insist on success.

        Raises: what `wait` raises; ToolFailedError with the cause from stderr.
        """
        code = self.wait(timeout_s=END_TIMEOUT_S)
        if code != 0:
            raise ToolFailedError(self.child.tool, code, self.child.stderr_tail)


class Fed(PgRestore):
    """One run of pg_restore that reads from a pipe."""

    def __init__(self, child: Child, feed: Feed) -> None:
        super().__init__(child)
        self.feed = feed

    def wait(self, *, timeout_s: float) -> int:
        """Wait for its end, and until all was read that it should have been fed."""
        code = super().wait(timeout_s=timeout_s)
        if code != 0:  # whatever comes behind what it stumbled over explains nothing
            self.feed.stop()
        self.feed.finish()
        return code


@contextmanager
def pg_restore(
    source: ArchiveSource,
    entries: Iterable[Entry],
    *,
    tools: Installation,
    arguments: Sequence[str] = TO_STDOUT,
    environment: Mapping[str, str] = PLAIN_ENVIRONMENT,
    on_stderr: Callable[[str], bool] | None = None,
    quiet: bool = False,
) -> Iterator[PgRestore]:
    """Run pg_restore on some entries: on the source's file, else fed from its stream.

    What is fed is read to its end, which proves it; entries without data need no more than
    the table of contents, which is proven by itself.
    `quiet` when it prints nothing on stdout. Leaving the context ends it.

    Raises: OperationFailedError when it cannot be started; StorageError.
    """
    with ExitStack() as stack:
        wanted = tuple(entries)
        option, descriptor = stack.enter_context(entry_list(wanted))
        argv = [str(tools.tool("pg_restore")), *arguments, option]
        stream = None
        if source.path is None:
            stream = stack.enter_context(source.open())
        else:
            argv.append(str(source.path))
        child = stack.enter_context(
            Child(
                argv,
                env=environment,
                stdin=subprocess.DEVNULL if stream is None else subprocess.PIPE,
                stdout=None if quiet else subprocess.PIPE,
                on_stderr=on_stderr,
                pass_fds=(descriptor,),
            )
        )
        if stream is None:
            yield PgRestore(child)
            return
        rows = any(e.has_data for e in wanted)
        feed = Feed(stream, child, toc=source.toc, toc_only=source.toc is not None and not rows)
        yield stack.enter_context(_feeding(child, feed))


@contextmanager
def pg_restore_of(
    stream: BinaryIO,
    entries: Iterable[Entry],
    *,
    tools: Installation,
    on_bytes: Callable[[int], None] = lambda _size: None,
) -> Iterator[Fed]:
    """Run pg_restore to stdout on some entries of an archive that is read here and now.

    Raises: OperationFailedError when it cannot be started.
    """
    with (
        entry_list(entries) as (option, descriptor),
        Child(
            [str(tools.tool("pg_restore")), *TO_STDOUT, option],
            env=PLAIN_ENVIRONMENT,
            stdin=subprocess.PIPE,
            pass_fds=(descriptor,),
        ) as child,
        _feeding(child, Feed(stream, child, on_bytes=on_bytes)) as run,
    ):
        yield run


@contextmanager
def _feeding(child: Child, feed: Feed) -> Iterator[Fed]:
    """Have a child fed; leaving ends the child first, then the feeding."""
    try:
        yield Fed(child, feed)
    finally:
        child.end()
        feed.stop()


@contextmanager
def entry_list(entries: Iterable[Entry]) -> Iterator[tuple[str, int]]:
    """Hold a list of entries for pg_restore; yield the option that names it and its descriptor.

    It is in memory, or where the system cannot do that, in a file without a name.
    """
    with _nameless_file() as file:
        file.write("".join(f"{entry.dump_id};\n" for entry in entries).encode())
        file.flush()
        file.seek(0)  # where /dev/fd gives the same open file, not a new one
        yield f"--use-list=/dev/fd/{file.fileno()}", file.fileno()


def _nameless_file() -> IO[bytes]:
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("kulti-ops entries"), "w+b")
    return tempfile.TemporaryFile()


class _StoppedError(Exception):
    """The feeding was told to stop."""
