"""Locks between processes of one machine: flock on a file that names its holder.

The kernel gives a lock up with the process, so a run that was killed leaves none.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kulti_ops.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def held(path: Path, *, name: str) -> Iterator[None]:
    """Hold the lock in the file `path`, known to people as `name`.

    Raises: RefusedError naming the holder when another process has it; OSError when the
    file cannot be used.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        if not try_flock(descriptor):
            raise RefusedError(
                f"another run holds the lock {name}: {_holder(path)}",
                hint="wait for it to end; a dead holder's lock is taken over by itself",
            )
        holder = {"pid": os.getpid(), "host": socket.gethostname()}
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(holder).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def try_flock(descriptor: int) -> bool:
    """Take an exclusive lock on an open file; False when another process holds one."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        raise
    return True


def _holder(path: Path) -> str:
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
        return f"process {int(holder['pid'])} on {holder['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "a process that has just begun"
