"""Writing an object of a local storage: beside its name, synced, then linked under it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from typing import TYPE_CHECKING

from kulti_ops.storage.local.files import below, remove_unheld, sync_folder, translated

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

TEMPORARY_PREFIX = ".tmp-"
_TEMPORARY_DIGITS = 16


class LocalWriter:
    """One file being written beside its final name."""

    def __init__(self, path: Path, root: Path) -> None:
        self.path = path
        self._root = root
        nonce = secrets.token_hex(_TEMPORARY_DIGITS // 2)
        self._temporary = path.with_name(f"{TEMPORARY_PREFIX}{nonce}")
        self._descriptor = -1

    def write(self, chunk: bytes) -> None:
        """Append the whole chunk, however many writes that takes."""
        view = memoryview(chunk)
        with translated("write", self.path):
            while view:
                view = view[os.write(self._descriptor, view) :]

    def commit(self) -> None:
        """Sync the file, publish it under its name unless that is taken, sync the folders."""
        with translated("write", self.path):
            os.fsync(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1
            os.link(self._temporary, self.path)
            self._temporary.unlink()
            for folder in (*reversed(below(self.path.parent, self._root)), self._root):
                sync_folder(folder)

    def __enter__(self) -> Self:
        with translated("write", self.path):
            for folder in below(self.path.parent, self._root):
                folder.mkdir(mode=0o700, exist_ok=True)
            self._descriptor = os.open(
                self._temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600
            )
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)  # what nobody holds, `tidy` removes
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        with contextlib.suppress(OSError):
            self._temporary.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Remove writers' temporary files of dead processes that lie right in a folder."""
    for path in folder.glob(f"{TEMPORARY_PREFIX}{'[0-9a-f]' * _TEMPORARY_DIGITS}"):
        remove_unheld(path)
