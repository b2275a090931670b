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
                f"another run holds the lock {name}: {_named(path)}",
                hint="wait for it to end; a dead holder's lock is taken over by itself",
            )
        holder = {"pid": os.getpid(), "host": socket.gethostname()}
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(holder).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def is_held_by(path: Path, pid: int) -> bool:
    """Return whether that process holds the lock in the file `path`; a number alone proves none.

    Raises: OSError when the file cannot be looked at.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        return not try_flock(descriptor, fcntl.LOCK_SH) and (_holder(path) or (0, ""))[0] == pid
    finally:
        os.close(descriptor)


def try_flock(descriptor: int, kind: int = fcntl.LOCK_EX) -> bool:
    """Take a lock on an open file, exclusive unless said; False when another one is in its way."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        raise
    return True


def _holder(path: Path) -> tuple[int, str] | None:
    """Return the process and the host that a lock's file names; None before it names any."""
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
        return int(holder["pid"]), str(holder["host"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _named(path: Path) -> str:
    holder = _holder(path)
    return "process {} on {}".format(*holder) if holder else "a process that has just begun"
