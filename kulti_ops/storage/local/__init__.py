"""Backups in a local folder: private files, atomic publication, flock.

Objects are written to a temporary name in the same folder, synced, then linked
under their key without overwriting. Symbolic links are never followed below the
root: a link planted in a backup must not make us read or remove something else.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from kulti_ops.errors import NotFoundError, StorageError
from kulti_ops.lock import held, try_flock
from kulti_ops.storage import Exposure, ObjectInfo, Unfinished, read_each, valid_key
from kulti_ops.storage.local.files import (
    Reading,
    below,
    is_unheld,
    raise_error,
    remove_unheld,
    scan,
    translated,
    unreachable,
)
from kulti_ops.storage.local.ordinary import read_files, read_ordinary
from kulti_ops.storage.local.writer import TEMPORARY_PREFIX, LocalWriter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kulti_ops.errors import KultiError

CLAIM_NAME = ".claim"
LOCK_FOLDER = ".locks"


class LocalStorage:
    """A folder (0700) of backups (0700) of files (0600)."""

    reads_at_once = 1
    elsewhere = False

    def __init__(self, root: str) -> None:
        self.root = Path(root).expanduser().absolute()
        # what keys are joined to: text, since paths cost more than looking
        self._root = str(self.root).removesuffix("/")

    @property
    def url(self) -> str:
        """The folder's path."""
        return str(self.root)

    @property
    def place(self) -> str:
        """The folder, whatever links lead to it."""
        return str(self.root.resolve())

    def prepare(self) -> None:
        """Create the folder, and prove that it can be written."""
        with translated("use", self.root):
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            probe = self.root / f"{TEMPORARY_PREFIX}{secrets.token_hex(4)}"
            os.close(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            probe.unlink(missing_ok=True)

    def writer(self, key: str, *, expected_bytes: int | None = None) -> LocalWriter:  # noqa: ARG002 - a folder takes what comes
        """Begin an object that must not exist yet."""
        return LocalWriter(self._unlinked(key), self.root)

    def reader(self, key: str) -> BinaryIO:
        """Open an object for reading."""
        path = self._existing(key)
        return Reading(path)

    def read_small(self, key: str, *, limit_bytes: int) -> bytes:
        """Return a whole small object."""
        data = self._read_at_once(valid_key(key), limit_bytes + 1)
        if data is None:
            data = self._read_carefully(key, limit_bytes + 1)
        if len(data) > limit_bytes:
            raise StorageError(f"{key} is larger than {limit_bytes} bytes")
        return data

    def _read_at_once(self, key: str, limit_bytes: int) -> bytes | None:
        """Read an ordinary file by as few system calls as that takes; None for whatever is odd.

        Listing thousands of backups is thousands of these.
        """
        folder, _, name = key.rpartition("/")
        try:
            path = self._plain_folder(folder)
        except OSError:
            return None
        return None if path is None else read_ordinary(f"{path}/{name}", limit_bytes)

    def _plain_folder(self, folder: str) -> str | None:
        """Return the path of a folder that no symbolic link leads to, None for another."""
        path = self._root
        for part in filter(None, folder.split("/")):
            path = f"{path}/{part}"
            if not stat.S_ISDIR(os.lstat(path).st_mode):
                return None
        return path

    def _read_carefully(self, key: str, limit_bytes: int) -> bytes:
        """Read a file however the system hands it out, and say what is wrong with it."""
        with self.reader(key) as file, translated("read", self.root / key):
            data = b""
            while len(data) < limit_bytes and (chunk := file.read(limit_bytes - len(data))):
                data += chunk
        return data

    def read_all(self, folder: str, *, limit_bytes: int) -> Iterator[bytes | KultiError]:
        """Yield every object below a folder, or why it is not to be had."""
        found = self._read_all_at_once(valid_key(folder), limit_bytes + 1)
        return read_each(self, folder, limit_bytes=limit_bytes) if found is None else iter(found)

    def _read_all_at_once(self, folder: str, limit_bytes: int) -> tuple[bytes, ...] | None:
        """Read a folder of nothing but ordinary files; None for whatever is odd."""
        above, _, name = folder.rpartition("/")
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
        try:
            path = self._plain_folder(above)
            descriptor = -1 if path is None else os.open(f"{path}/{name}", flags)
        except FileNotFoundError:
            return ()
        except OSError:
            return None
        if descriptor < 0:
            return None
        try:
            return read_files(descriptor, limit_bytes)
        finally:
            os.close(descriptor)

    def info(self, key: str) -> ObjectInfo | None:
        """Return an object's size."""
        try:
            path = self._existing(key)
        except NotFoundError:
            return None
        return ObjectInfo(key=key, size_bytes=path.lstat().st_size)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Yield the objects below a folder; one that vanishes meanwhile is passed over."""
        base = f"{self._root}/{valid_key(prefix)}" if prefix else self._root
        waiting = [] if prefix and os.path.islink(base) else [base]  # noqa: PTH114 - quick
        while waiting:
            folder = waiting.pop()
            try:
                found = scan(folder)
            except OSError as error:
                raise unreachable("list", Path(folder), error) from error
            for path, size_bytes in found:
                if size_bytes is None:
                    waiting.append(path)
                else:
                    yield ObjectInfo(key=path[len(self._root) + 1 :], size_bytes=size_bytes)

    def folders(self) -> tuple[str, ...]:
        """Return the names of the root's folders."""
        with translated("list", self.root):
            if not self.root.exists():
                return ()
            return tuple(
                sorted(
                    entry.name
                    for entry in os.scandir(self.root)
                    if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")
                )
            )

    def folders_with(self, name: str) -> dict[str, bool]:
        """Return the root's folders, and whether each has an entry of this name."""
        inside = valid_key(name)
        return {
            folder: os.path.lexists(f"{self._root}/{folder}/{inside}") for folder in self.folders()
        }

    def delete(self, key: str) -> None:
        """Remove an object, and its folder when that is empty."""
        path = self._unlinked(key)
        with translated("remove", path):
            path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                path.parent.rmdir()

    def locked_until(self, key: str) -> None:
        """Return None: a folder locks nothing."""
        self._unlinked(key)

    def keeps_versions(self) -> bool:
        """Return False: what is removed is gone."""
        return False

    @contextmanager
    def claim(self, folder: str) -> Iterator[None]:
        """Create the folder and hold it by a lock that the kernel gives up with the process."""
        path = self.root / valid_key(folder)
        with translated("create", path):
            path.mkdir(mode=0o700)
            descriptor = os.open(path / CLAIM_NAME, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        try:
            with translated("create", path):
                # unlocked for a moment, it may have been swept as a dead one's
                (path / CLAIM_NAME).lstat()
            yield
        finally:
            with contextlib.suppress(OSError):
                (path / CLAIM_NAME).unlink()
            with contextlib.suppress(OSError):
                path.rmdir()  # succeeds only where nothing was written
            os.close(descriptor)

    def sweep(self, folder: str, *, unless: str | None = None) -> bool:
        """Remove a folder whose claim nobody holds."""
        path = self.root / valid_key(folder)
        try:
            descriptor = os.open(path / CLAIM_NAME, os.O_RDWR | os.O_NOFOLLOW)
        except FileNotFoundError:
            descriptor = None
        except OSError:
            return False
        try:
            if descriptor is not None and not try_flock(descriptor):
                return False
            # only now: whoever finished it meanwhile has given up the claim behind `unless`
            if unless is not None and self.info(f"{folder}/{unless}") is not None:
                return False
            with translated("remove", path):
                shutil.rmtree(path)
        finally:
            if descriptor is not None:
                os.close(descriptor)
        return True

    def tidy(self) -> None:
        """Remove temporary files and claims of dead processes where the rest stays."""
        for folder, folders, files in os.walk(self.root, followlinks=False):
            folders[:] = [name for name in folders if not name.startswith(".")]
            published = any(not name.startswith(".") for name in files)
            for name in files:
                claimed = name == CLAIM_NAME and published
                if claimed or name.startswith(TEMPORARY_PREFIX):
                    remove_unheld(Path(folder) / name)

    def unfinished(self) -> tuple[Unfinished, ...]:
        """Return temporary files, and claims of folders with nothing finished in them."""
        with translated("look at", self.root):
            return tuple(self._unfinished())

    def _unfinished(self) -> Iterator[Unfinished]:
        for folder, folders, files in os.walk(self.root, onerror=raise_error, followlinks=False):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(files):
                if name == CLAIM_NAME or name.startswith(TEMPORARY_PREFIX):
                    path = Path(folder) / name
                    held = "" if is_unheld(path) else "a running process"
                    yield Unfinished(key=path.relative_to(self.root).as_posix(), holder=held)

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold a named lock; the kernel gives it up when the holder dies."""
        path = self.root / LOCK_FOLDER / valid_key(name)
        with contextlib.ExitStack() as stack:
            with translated("lock", path):
                stack.enter_context(held(path, name=name))
            yield

    def free_bytes(self) -> int:
        """Return the bytes that an ordinary user may still write."""
        folder = self.root
        with translated("look at", folder):
            while not folder.exists():
                folder = folder.parent
            return shutil.disk_usage(folder).free

    def exposed(self) -> tuple[str, ...]:
        """Return what others than the owner can read or change, the root as `.`."""
        with translated("look at", self.root):
            return tuple(self._exposed())

    def exposures(self) -> tuple[Exposure, ...]:
        """Look at the modes of all files and folders."""
        return (Exposure(id="modes", good="only this user can read it", open_to=self.exposed()),)

    def _exposed(self) -> Iterator[str]:
        for folder, folders, files in os.walk(self.root, onerror=raise_error, followlinks=False):
            for path in (Path(folder), *(Path(folder, name) for name in files)):
                if not path.is_symlink() and path.lstat().st_mode & 0o077:
                    yield path.relative_to(self.root).as_posix()
            folders.sort()

    def local_path(self, key: str) -> Path:
        """Return the object's path."""
        return self._existing(key)

    def _existing(self, key: str) -> Path:
        """Return the path of a regular file below the root, reached without symbolic links."""
        path = self._unlinked(key)
        with translated("look at", path):
            linked, there = path.is_symlink(), path.is_file()
        if linked:
            raise StorageError(f"{key}: {path.name} is a symbolic link, not followed")
        if not there:
            raise NotFoundError(f"{self.root} has no {key}")
        return path

    def _unlinked(self, key: str) -> Path:
        """Return the path of a key; no folder below the root on the way is a symbolic link."""
        path = self.root / valid_key(key)
        for folder in below(path.parent, self.root):
            with translated("look at", folder):
                linked = folder.is_symlink()
            if linked:
                raise StorageError(f"{key}: {folder.name} is a symbolic link, not followed")
        return path
