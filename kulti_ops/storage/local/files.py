"""Files and folders of a local storage: what the operating system says, and how it is asked.

Links are not followed, errors become the storage's, with what to do about them.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kulti_ops.errors import UnreachableError
from kulti_ops.lock import try_flock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NO_FOLDER = "something else stands there: name a folder with KULTI_OPS_STORAGE"
_HINTS = {
    errno.EEXIST: _NO_FOLDER,
    errno.ENOTDIR: _NO_FOLDER,
    errno.ENOSPC: "free space there, or choose another storage",
    errno.EDQUOT: "the quota is used up",
    errno.EACCES: "give this user the right to read and write there",
    errno.EPERM: "give this user the right to read and write there",
    errno.EROFS: "the file system is read-only",
    errno.EFBIG: "a file-size limit is in force (ulimit -f)",
    errno.ENOENT: "the folder has vanished: is its disk mounted?",
}


@contextmanager
def translated(verb: str, path: Path) -> Iterator[None]:
    """Turn an OSError into the storage's error: what failed on what, and what to do."""
    try:
        yield
    except OSError as error:
        raise unreachable(verb, path, error) from error


def unreachable(verb: str, path: Path, error: OSError) -> UnreachableError:
    """Return the storage's error for what could not be done with a path."""
    return UnreachableError(
        f"cannot {verb} {path}: {_reason(error)}", hint=_HINTS.get(error.errno or 0, "")
    )


def _reason(error: OSError) -> str:
    return (os.strerror(error.errno) if error.errno else str(error)).lower()


class Reading(io.FileIO):
    """A file whose read errors are the storage's, not the caller's bugs."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with translated("read", path):
            super().__init__(path, "rb", opener=_open_unlinked)

    def read(self, size: int | None = -1, /) -> bytes:
        """Read up to `size` bytes; empty at the end."""
        with translated("read", self._path):
            return super().read(-1 if size is None else size) or b""

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401 - whatever takes bytes
        """Read into a buffer; 0 at the end."""
        with translated("read", self._path):
            return super().readinto(buffer) or 0


def _open_unlinked(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW)


def scan(folder: str) -> tuple[tuple[str, int | None], ...]:
    """Return a folder's visible entries: path and size, None for a folder; no links."""
    found: list[tuple[str, int | None]] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.is_symlink():
                    continue
                if entry.is_dir(follow_symlinks=False):
                    found.append((entry.path, None))
                else:
                    with contextlib.suppress(FileNotFoundError):
                        found.append((entry.path, entry.stat(follow_symlinks=False).st_size))
    except FileNotFoundError:
        return ()
    return tuple(found)


def below(folder: Path, root: Path) -> tuple[Path, ...]:
    """Return the folders from below `root` down to `folder`; the root itself is not one."""
    parts = folder.relative_to(root).parts
    return tuple(root.joinpath(*parts[: n + 1]) for n in range(len(parts)))


def sync_folder(path: Path) -> None:
    """Make renames in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def raise_error(error: OSError) -> None:
    """Raise it: a folder that cannot be listed is no empty one."""
    raise error


def remove_unheld(path: Path) -> None:
    """Remove a file that no living process holds; one that cannot be removed does no harm."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
        try:
            if try_flock(descriptor):
                path.unlink()
        finally:
            os.close(descriptor)


def is_unheld(path: Path) -> bool:
    """Tell whether no living process holds a file, or it has gone meanwhile."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return True  # finished or removed meanwhile
    try:
        return try_flock(descriptor)
    finally:
        os.close(descriptor)
