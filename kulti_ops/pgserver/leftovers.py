"""Ending what is left of a server by force, and removing what it left behind.

Used where a server does not stop when told, or was killed. Touches only processes
that work in the given data folder and shared memory that its own lock file names.
"""

from __future__ import annotations

import ctypes
import shutil
import signal
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from kulti_ops.errors import OperationFailedError
from kulti_ops.pgserver.process import send, server_pids, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# From <sys/ipc.h>.
_IPC_RMID = 0
_LIBC = ctypes.CDLL(None, use_errno=True)
_SYSV_TABLE = Path("/proc/sysvipc/shm")
# Immediate shutdown needs well under a second; PostgreSQL itself kills after five.
_QUIT_PATIENCE_S = 6.0
_KILL_PATIENCE_S = 5.0


def end_processes(data_dir: Path, *, reap: Callable[[], object] = lambda: None) -> None:
    """End every process of the server on `data_dir`: asked to quit first, killed then.

    `reap` is called while waiting, to collect a child of ours.
    Raises: OperationFailedError when one can't be ended.
    """

    def gone() -> bool:
        reap()
        return not server_pids(data_dir)

    for number, patience_s in (
        (signal.SIGQUIT, _QUIT_PATIENCE_S),
        (signal.SIGKILL, _KILL_PATIENCE_S),
    ):
        for pid in server_pids(data_dir):
            send(pid, number)
        if wait_until(gone, timeout_s=patience_s):
            return
    raise OperationFailedError(f"processes of the server on {data_dir} can't be ended")


def remove_shared_memory(data_dir: Path) -> None:
    """Remove the shared memory segment that a killed postmaster left, if nobody uses it."""
    try:
        lines = (data_dir / "postmaster.pid").read_text().splitlines()
        key, segment = (int(word) for word in lines[6].split())
        table = _SYSV_TABLE.read_text().splitlines()[1:]
    except (OSError, ValueError, IndexError):
        return
    for row in table:
        columns = row.split()
        if [int(columns[0]), int(columns[1]), int(columns[6])] == [key, segment, 0]:
            _LIBC.shmctl(segment, _IPC_RMID, None)


def remove_stale_lock(data_dir: Path) -> None:
    """Remove the lock file of a dead server.

    PostgreSQL would keep it when its process number now belongs to somebody else.
    The caller makes sure that no process of the server lives.
    """
    remove_shared_memory(data_dir)
    (data_dir / "postmaster.pid").unlink(missing_ok=True)


def remove_paths(paths: Iterable[Path]) -> None:
    """Remove files and folders; absent ones are fine, links are removed, not followed."""
    for path in paths:
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            continue
        if stat.S_ISDIR(mode):
            shutil.rmtree(path)
        else:
            path.unlink()
