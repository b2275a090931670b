"""Server processes of the operating system: starting, recognising, ending them.

Owns the switch of account, the parent-death signal, the network namespace and
the detached start; recognises a server's processes by their working folder, never
by a bare process number. Knows nothing of databases.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kulti_ops.errors import OperationFailedError
from kulti_ops.interruption import put_off

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kulti_ops.pgserver.account import Account

# From <sys/prctl.h> and <sched.h>.
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_COLLECT_TIMEOUT_S = 10.0

_IS_LINUX = sys.platform == "linux"
# Loaded here, since a forked child must not load libraries.
_LIBC = ctypes.CDLL(None, use_errno=True)
# The child's world: nothing of ours (PG*, LD_PRELOAD, secrets) reaches a server.
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


@dataclass(frozen=True, kw_only=True)
class ChildPlan:
    """How a child is started.

    `death_signal` is sent to it when the *thread* that started it ends, so start
    servers in the main thread. `detached` gives it to init instead.
    """

    account: Account | None
    network: bool = True
    death_signal: signal.Signals | None = None
    detached: bool = False


@dataclass(frozen=True, kw_only=True)
class Child:
    """A started process; `handle` is None for a detached one."""

    pid: int
    handle: subprocess.Popen[bytes] | None

    def reap(self) -> int | None:
        """Return the exit code of an ended child of ours; None while it runs."""
        return None if self.handle is None else self.handle.poll()

    def collect(self) -> None:
        """Wait for an ended child of ours, so that no zombie stays."""
        if self.handle is not None:
            self.handle.wait(timeout=_COLLECT_TIMEOUT_S)


def spawn(argv: Sequence[str | Path], *, plan: ChildPlan, output_fd: int, cwd: Path) -> Child:
    """Start `argv` in a session of its own, both its outputs going to `output_fd`.

    With a server's data folder as `cwd` it is recognised from its first moment.

    Raises: OperationFailedError when it can't be started.
    """
    read_fd, write_fd = os.pipe()
    try:
        with put_off():  # Python's own hooks run around the fork
            handle = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output_fd,
                stderr=output_fd,
                cwd=cwd,
                env=_ENVIRONMENT,
                umask=0o077,
                start_new_session=True,
                preexec_fn=_preparation(plan, pid_fd=write_fd),  # noqa: PLW1509 - libc only
            )
    except (OSError, subprocess.SubprocessError) as error:
        raise OperationFailedError(f"{argv[0]} could not be started: {error}") from error
    finally:
        os.close(write_fd)
        told = os.read(read_fd, 32)
        os.close(read_fd)
    if plan.detached:
        handle.wait()
        return Child(pid=int(told), handle=None)
    return Child(pid=handle.pid, handle=handle)


def run_tool(argv: Sequence[str | Path], *, plan: ChildPlan, cwd: Path, timeout_s: float) -> None:
    """Run a program to its end.

    Raises: OperationFailedError with its last line when it fails or takes too long.
    """
    read_fd, write_fd = os.pipe()
    try:
        child = spawn(argv, plan=plan, output_fd=write_fd, cwd=cwd)
    except BaseException:
        os.close(read_fd)
        raise
    finally:
        os.close(write_fd)
    assert child.handle is not None  # noqa: S101 - a tool is never detached
    child.handle.stdout = os.fdopen(read_fd, "rb")
    try:
        said, _ = child.handle.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired as error:
        raise OperationFailedError(f"{argv[0]} took longer than {timeout_s:.0f} s") from error
    finally:
        if child.handle.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.handle.wait()
            child.handle.stdout.close()
    if child.handle.returncode != 0:
        cause = telling_line(said.decode(errors="replace"))
        raise OperationFailedError(f"{argv[0]} failed with code {child.handle.returncode}: {cause}")


def telling_line(output: str) -> str:
    """Return the line of a program's output that most likely says why it failed."""
    lines = output.strip().splitlines() or ["it said nothing"]
    for line in lines:
        for word in ("FATAL:", "PANIC:", "error:"):
            _, found, cause = line.partition(word)
            if found:
                return f"{word} {cause.strip()}"[:300]
    return lines[-1].strip()[:300]


def server_pids(data_dir: Path) -> tuple[int, ...]:
    """Return every living process of the server on `data_dir`, the postmaster included."""
    if not _IS_LINUX:
        pid = recorded_pid(data_dir)
        return () if pid is None or not runs_in(pid, data_dir) else (pid,)
    real = os.path.realpath(data_dir)
    return tuple(
        int(entry)
        for entry in os.listdir("/proc")  # noqa: PTH208 - names are what is wanted
        if entry.isdecimal() and _works_in(int(entry), real)
    )


def runs_in(pid: int, data_dir: Path) -> bool:
    """Tell whether `pid` is a living process of the server on `data_dir`.

    PostgreSQL's processes work in their data folder; a zombie works nowhere.
    """
    if _IS_LINUX:
        return _works_in(pid, os.path.realpath(data_dir))
    done = subprocess.run(
        ["/bin/ps", "-o", "command=", "-p", str(pid)],
        capture_output=True,
        check=False,
        timeout=5,
    )
    return f"-D {data_dir} " in done.stdout.decode(errors="replace")


def recorded_pid(data_dir: Path) -> int | None:
    """Return the process number in the folder's postmaster.pid; None without a good one."""
    try:
        first = (data_dir / "postmaster.pid").read_text().split("\n", 1)[0]
        return int(first)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal; a process that is gone already is fine."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def is_alive(pid: int) -> bool:
    """Tell whether a process exists and is no zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return not _IS_LINUX
    return state.rpartition(")")[2].split()[0] not in {"Z", "X"}


def network_isolated(pid: int) -> bool:
    """Tell whether `pid` provably has another network than we have."""
    try:
        return Path(f"/proc/{pid}/ns/net").readlink() != Path("/proc/self/ns/net").readlink()
    except OSError:
        return False


def wait_until(condition: Callable[[], bool], *, timeout_s: float) -> bool:
    """Poll `condition` with growing pauses (2 to 50 ms); False when time runs out."""
    deadline = time.monotonic() + timeout_s
    pause_s = 0.002
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, 0.05)
    return True


def _works_in(pid: int, folder: str) -> bool:
    try:
        working_dir = str(Path(f"/proc/{pid}/cwd").readlink())
    except OSError:
        return False
    return working_dir in {folder, f"{folder} (deleted)"}


def _preparation(plan: ChildPlan, *, pid_fd: int) -> Callable[[], None]:
    """Return what the child does between fork and exec, in the one order that works.

    The namespace needs root's rights, so it comes before the switch of account; the
    switch clears the death signal, so that comes last.
    """
    parent = os.getpid()

    def prepare() -> None:
        if plan.detached and os.fork():
            os._exit(0)
        os.write(pid_fd, str(os.getpid()).encode())
        if not plan.network:
            _leave_network()
        if plan.account is not None:
            os.setgroups([])
            os.setgid(plan.account.gid)
            os.setuid(plan.account.uid)
        if plan.death_signal is not None and _IS_LINUX:
            _LIBC.prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(plan.death_signal), 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

    return prepare


def _leave_network() -> None:
    """Enter a network namespace of our own where the system allows; else do nothing."""
    if not _IS_LINUX or os.geteuid() == 0:
        if _IS_LINUX:
            _LIBC.unshare(_CLONE_NEWNET)
        return
    uid, gid = os.geteuid(), os.getegid()
    if _LIBC.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) != 0:
        return
    # A process that once changed its account may write its own maps only after this.
    _LIBC.prctl(_PR_SET_DUMPABLE, ctypes.c_ulong(1), 0, 0, 0)
    # Without maps every account looks like `nobody` to the server, which it can live with.
    with suppress(OSError):
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{uid} {uid} 1"),
            ("gid_map", f"{gid} {gid} 1"),
        ):
            handle = os.open(f"/proc/self/{name}", os.O_WRONLY)
            os.write(handle, text.encode())
            os.close(handle)
