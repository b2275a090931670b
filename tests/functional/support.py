"""Running things as other processes and accounts, and looking at what they left."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import kulti_ops
from kulti_ops.pgserver.process import server_pids

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(kulti_ops.__file__).parents[1]


def as_ordinary_user(action: Callable[[], None]) -> None:
    """Run `action` in a child without root's rights (here when we have none anyway)."""
    if os.geteuid() != 0:
        action()
        return
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            action()
            code = 0
        except BaseException:  # noqa: BLE001 - the child must not go on as a second pytest
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, "see the child's traceback on stderr"


@contextmanager
def python_process(script: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Run a Python script as another process that can be killed; it is, at the end."""
    with subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            yield child
        finally:
            child.kill()
            child.communicate(timeout=30)


def read_line(child: subprocess.Popen[str]) -> str:
    """Return the next line that the process says."""
    assert child.stdout is not None
    line = child.stdout.readline().strip()
    assert line, "the process ended without a word"
    return line


def segment_of(data_dir: Path) -> str:
    """Return the key of a running server's SysV shared memory segment."""
    return (data_dir / "postmaster.pid").read_text().splitlines()[6].split()[0]


def segment_exists(key: str) -> bool:
    """Tell whether the machine has a shared memory segment of this key."""
    rows = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
    return key in {row.split()[0] for row in rows}


def processes_under(folder: Path) -> tuple[int, ...]:
    """Return the server processes working in the data folder of any folder in `folder`."""
    return tuple(
        pid for data in folder.rglob("data*") if data.is_dir() for pid in server_pids(data)
    )
