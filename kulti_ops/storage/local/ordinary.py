"""Reading ordinary files by as few system calls as that takes; None for whatever is odd.

Links, folders, devices, files that are too large or change meanwhile: who gets None looks
again, carefully, and says what is wrong.
"""

from __future__ import annotations

import os
import stat

from kulti_ops.errors import StorageError
from kulti_ops.storage import valid_key


def read_files(folder: int, limit_bytes: int) -> tuple[bytes, ...] | None:
    """Read the files of an open folder; None when something in it is odd."""
    found = []
    try:
        for name in os.listdir(folder):
            if name.startswith("."):
                continue
            data = read_ordinary(valid_key(name), limit_bytes, folder=folder)
            if data is None:
                return None
            found.append(data)
    except (OSError, StorageError):
        return None
    return tuple(found)


def read_ordinary(path: str, limit_bytes: int, *, folder: int | None = None) -> bytes | None:
    """Read a small file, relative to an open folder if given; None for whatever is odd."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except OSError:
        return None
    try:
        state = os.fstat(descriptor)
        small = stat.S_ISREG(state.st_mode) and state.st_size < limit_bytes
        data = os.read(descriptor, state.st_size + 1) if small else b""
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return data if small and len(data) == state.st_size else None
