"""Child processes: argv lists, no shell, both pipes drained at once, always ended.

Adapter over `subprocess`. Failure modes it takes care of: a child that fills its
stderr while we read its stdout (drained by a thread), a child that outlives us
(parent-death signal on Linux, own process group ended on every way out), an exit
code nobody looked at (`finish` raises), secrets in argv (callers pass them by
environment), output without end (only a bounded tail of stderr is kept).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from kulti_ops.errors import OperationFailedError
from kulti_ops.interruption import put_off

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType
    from typing import Self

STDERR_TAIL_LINES = 200
STDERR_LINE_BYTES = 2000
END_TIMEOUT_S = 5.0
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True, kw_only=True)
class Completed:
    """A child that ended: its exit code and what it printed."""

    argv: tuple[str, ...]
    returncode: int
    stdout: bytes
    stderr_tail: tuple[str, ...]


class ToolFailedError(OperationFailedError):
    """A child process ended with an exit code other than zero, or by a signal."""

    kind = "tool"

    def __init__(
        self, tool: str, returncode: int, stderr_tail: tuple[str, ...], *, hint: str = ""
    ) -> None:
        how = f"ended by signal {-returncode}" if returncode < 0 else f"exit code {returncode}"
        cause = _cause(stderr_tail)
        super().__init__(f"{tool} failed ({how}){': ' + cause if cause else ''}", hint=hint)
        self.returncode = returncode
        self.stderr_tail = stderr_tail


class Child:
    """A running child with a pipe on stdout (and on stdin where asked for).

    Start it from the main thread: the parent-death signal follows the thread that
    started the child. Use it as a context manager; leaving it ends the process group.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        stdin: int | IO[bytes] | None = subprocess.DEVNULL,
        stdout: int | IO[bytes] | None = subprocess.PIPE,
        on_stderr: Callable[[str], bool] | None = None,
        user: int | None = None,
        cwd: str | None = None,
        pass_fds: tuple[int, ...] = (),
    ) -> None:
        """Start `argv`. `on_stderr` sees every line; where it returns True the line is not kept.

        The child inherits `pass_fds` under the same numbers, and nothing else.
        """
        self.argv = tuple(argv)
        self.tool = os.path.basename(argv[0])  # noqa: PTH119 - a name, not a path
        self._tail: deque[str] = deque(maxlen=STDERR_TAIL_LINES)
        self._on_stderr = on_stderr
        try:
            with put_off():  # Python's own hooks run around the fork
                self._process = self._start(
                    env=dict(env),
                    stdin=stdin,
                    stdout=stdout,
                    user=user,
                    group=user,
                    extra_groups=[] if user is not None else None,
                    cwd=cwd,
                    pass_fds=pass_fds,
                )
                self._drain = threading.Thread(target=self._drain_stderr, daemon=True)
                self._drain.start()
        except OSError as error:
            raise OperationFailedError(
                f"cannot start {self.tool}: {error.strerror or error}",
                hint="`kulti-ops doctor` shows which tools are found",
            ) from error
        except BaseException:  # interrupted meanwhile
            if hasattr(self, "_drain"):
                self.__exit__(None, None, None)
            raise

    def _start(self, **options: Any) -> subprocess.Popen[bytes]:  # noqa: ANN401 - Popen's own
        return subprocess.Popen(
            self.argv,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - one prctl call, nothing else
            **options,
        )

    @property
    def stdout(self) -> IO[bytes]:
        """The child's output."""
        assert self._process.stdout is not None  # noqa: S101 - for the type checker
        return self._process.stdout

    @property
    def stdin(self) -> IO[bytes]:
        """The child's input."""
        assert self._process.stdin is not None  # noqa: S101 - for the type checker
        return self._process.stdin

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    @property
    def stderr_tail(self) -> tuple[str, ...]:
        """The last lines of stderr; complete once the child has ended."""
        return tuple(self._tail)

    def poll(self) -> int | None:
        """Return the exit code, None while the child runs."""
        return self._process.poll()

    def wait(self, *, timeout_s: float | None = None) -> int:
        """Wait for the end and return the exit code.

        Raises: OperationFailedError when it takes longer than `timeout_s`; the child is ended.
        """
        try:
            code = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            self.end()
            raise OperationFailedError(
                f"{self.tool} did not end within {timeout_s:.0f} s and was stopped"
            ) from error
        self._drain.join(END_TIMEOUT_S)
        return code

    def finish(self, *, timeout_s: float | None = None) -> None:
        """Wait for the end and insist on exit code 0.

        Raises: ToolFailedError with the cause from stderr.
        """
        code = self.wait(timeout_s=timeout_s)
        if code != 0:
            raise ToolFailedError(self.tool, code, self.stderr_tail)

    def end(self) -> None:
        """End the child's process group: politely, then for certain.

        A child that ended by itself may have left others: they hold its stderr open.
        """
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self._process.poll() is not None and not self._drain.is_alive():
                break
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(END_TIMEOUT_S)
            self._drain.join(END_TIMEOUT_S)

    def _drain_stderr(self) -> None:
        stream = self._process.stderr
        assert stream is not None  # noqa: S101 - for the type checker
        with contextlib.suppress(ValueError, OSError):  # closed while we read: the child was ended
            while line := stream.readline(STDERR_LINE_BYTES):
                text = line.decode("utf-8", "replace").rstrip("\n")
                if self._on_stderr is None or not self._on_stderr(text):
                    self._tail.append(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()
        self._drain.join(END_TIMEOUT_S)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


def run_tool(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    timeout_s: float,
    stdin: bytes = b"",
    check: bool = True,
) -> Completed:
    """Run a tool whose output is small, and return it.

    Raises: ToolFailedError when `check` and the exit code is not 0; OperationFailedError
    when it cannot be started or takes longer than `timeout_s`.
    """
    with Child(argv, env=env, stdin=subprocess.PIPE if stdin else subprocess.DEVNULL) as child:
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            child.end()

        timer = threading.Timer(timeout_s, expire)
        timer.start()
        try:
            if stdin:
                with contextlib.suppress(BrokenPipeError):
                    child.stdin.write(stdin)
                    child.stdin.close()
            output = child.stdout.read()
            code = child.wait(timeout_s=END_TIMEOUT_S)
        finally:
            timer.cancel()
        if expired.is_set():
            raise OperationFailedError(f"{child.tool} took longer than {timeout_s:.0f} s")
        if check and code != 0:
            raise ToolFailedError(child.tool, code, child.stderr_tail)
        return Completed(
            argv=child.argv, returncode=code, stdout=output, stderr_tail=child.stderr_tail
        )


def _die_with_parent() -> None:
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _cause(stderr_tail: tuple[str, ...]) -> str:
    """Return the line that names the cause: the first error, without the server's details."""
    lines = [line for line in stderr_tail if line.strip()]
    for line in lines:
        if "error:" in line.lower() or "fatal:" in line.lower():
            return line.split("error: ", 1)[-1].strip()
    return lines[-1].strip() if lines else ""
