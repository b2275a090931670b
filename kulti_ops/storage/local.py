"""Backups in a local folder: private files, atomic publication, flock.

Objects are written to a temporary name in the same folder, synced, then linked
under their key without overwriting. Symbolic links are never followed below the
root: a link planted in a backup must not make us read or remove something else.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import io
import os
import secrets
import shutil
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from kulti_ops.errors import NotFoundError, StorageError, UnreachableError
from kulti_ops.lock import held, try_flock
from kulti_ops.storage import Exposure, ObjectInfo, Unfinished, valid_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Self

TEMPORARY_PREFIX = ".tmp-"
_TEMPORARY_DIGITS = 16
CLAIM_NAME = ".claim"
LOCK_FOLDER = ".locks"


class LocalStorage:
    """A folder (0700) of backups (0700) of files (0600)."""

    reads_at_once = 1
    elsewhere = False

    def __init__(self, root: str) -> None:
        self.root = Path(root).expanduser().absolute()

    @property
    def _root(self) -> str:
        """The folder as keys are joined to it: text, since paths cost more than looking."""
        return str(self.root).removesuffix("/")

    @property
    def url(self) -> str:
        """The folder's path."""
        return str(self.root)

    def prepare(self) -> None:
        """Create the folder, and prove that it can be written."""
        with _translated("use", self.root):
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
        return _Reading(path)

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
        path = self._root
        try:
            for part in filter(None, folder.split("/")):
                path = f"{path}/{part}"
                if not stat.S_ISDIR(os.lstat(path).st_mode):
                    return None
            descriptor = os.open(f"{path}/{name}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                state = os.fstat(descriptor)
                small = stat.S_ISREG(state.st_mode) and state.st_size < limit_bytes
                data = os.read(descriptor, state.st_size + 1) if small else b""
                return data if small and len(data) == state.st_size else None
            finally:
                os.close(descriptor)
        except OSError:
            return None

    def _read_carefully(self, key: str, limit_bytes: int) -> bytes:
        """Read a file however the system hands it out, and say what is wrong with it."""
        with self.reader(key) as file, _translated("read", self.root / key):
            data = b""
            while len(data) < limit_bytes and (chunk := file.read(limit_bytes - len(data))):
                data += chunk
        return data

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
                found = _scan(folder)
            except OSError as error:
                raise _unreachable("list", Path(folder), error) from error
            for path, size_bytes in found:
                if size_bytes is None:
                    waiting.append(path)
                else:
                    yield ObjectInfo(key=path[len(self._root) + 1 :], size_bytes=size_bytes)

    def folders(self) -> tuple[str, ...]:
        """Return the names of the root's folders."""
        with _translated("list", self.root):
            if not self.root.exists():
                return ()
            return tuple(
                sorted(
                    entry.name
                    for entry in os.scandir(self.root)
                    if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")
                )
            )

    def delete(self, key: str) -> None:
        """Remove an object, and its folder when that is empty."""
        path = self._unlinked(key)
        with _translated("remove", path):
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
        with _translated("create", path):
            path.mkdir(mode=0o700)
            descriptor = os.open(path / CLAIM_NAME, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        try:
            with _translated("create", path):
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
            with _translated("remove", path):
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
                    _remove_unheld(Path(folder) / name)

    def unfinished(self) -> tuple[Unfinished, ...]:
        """Return temporary files, and claims of folders with nothing finished in them."""
        with _translated("look at", self.root):
            return tuple(self._unfinished())

    def _unfinished(self) -> Iterator[Unfinished]:
        for folder, folders, files in os.walk(self.root, onerror=_raise, followlinks=False):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(files):
                if name == CLAIM_NAME or name.startswith(TEMPORARY_PREFIX):
                    path = Path(folder) / name
                    held = "" if _is_unheld(path) else "a running process"
                    yield Unfinished(key=path.relative_to(self.root).as_posix(), holder=held)

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold a named lock; the kernel gives it up when the holder dies."""
        path = self.root / LOCK_FOLDER / valid_key(name)
        with contextlib.ExitStack() as stack:
            with _translated("lock", path):
                stack.enter_context(held(path, name=name))
            yield

    def free_bytes(self) -> int:
        """Return the bytes that an ordinary user may still write."""
        folder = self.root
        with _translated("look at", folder):
            while not folder.exists():
                folder = folder.parent
            return shutil.disk_usage(folder).free

    def exposed(self) -> tuple[str, ...]:
        """Return what others than the owner can read or change, the root as `.`."""
        with _translated("look at", self.root):
            return tuple(self._exposed())

    def exposures(self) -> tuple[Exposure, ...]:
        """Look at the modes of all files and folders."""
        return (Exposure(id="modes", good="only this user can read it", open_to=self.exposed()),)

    def _exposed(self) -> Iterator[str]:
        for folder, folders, files in os.walk(self.root, onerror=_raise, followlinks=False):
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
        with _translated("look at", path):
            linked, there = path.is_symlink(), path.is_file()
        if linked:
            raise StorageError(f"{key}: {path.name} is a symbolic link, not followed")
        if not there:
            raise NotFoundError(f"{self.root} has no {key}")
        return path

    def _unlinked(self, key: str) -> Path:
        """Return the path of a key; no folder below the root on the way is a symbolic link."""
        path = self.root / valid_key(key)
        for folder in _below(path.parent, self.root):
            with _translated("look at", folder):
                linked = folder.is_symlink()
            if linked:
                raise StorageError(f"{key}: {folder.name} is a symbolic link, not followed")
        return path


class _Reading(io.FileIO):
    """A file whose read errors are the storage's, not the caller's bugs."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with _translated("read", path):
            super().__init__(path, "rb", opener=_open_unlinked)

    def read(self, size: int | None = -1, /) -> bytes:
        """Read up to `size` bytes; empty at the end."""
        with _translated("read", self._path):
            return super().read(-1 if size is None else size) or b""

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401 - whatever takes bytes
        """Read into a buffer; 0 at the end."""
        with _translated("read", self._path):
            return super().readinto(buffer) or 0


def _open_unlinked(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW)


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
        with _translated("write", self.path):
            while view:
                view = view[os.write(self._descriptor, view) :]

    def commit(self) -> None:
        """Sync the file, publish it under its name unless that is taken, sync the folders."""
        with _translated("write", self.path):
            os.fsync(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1
            os.link(self._temporary, self.path)
            self._temporary.unlink()
            for folder in (*reversed(_below(self.path.parent, self._root)), self._root):
                sync_folder(folder)

    def __enter__(self) -> Self:
        with _translated("write", self.path):
            for folder in _below(self.path.parent, self._root):
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
        _remove_unheld(path)


def _scan(folder: str) -> tuple[tuple[str, int | None], ...]:
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


def _below(folder: Path, root: Path) -> tuple[Path, ...]:
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


def _raise(error: OSError) -> None:
    raise error


def _remove_unheld(path: Path) -> None:
    """Remove a file that no living process holds; one that cannot be removed does no harm."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
        try:
            if try_flock(descriptor):
                path.unlink()
        finally:
            os.close(descriptor)


def _is_unheld(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return True  # finished or removed meanwhile
    try:
        return try_flock(descriptor)
    finally:
        os.close(descriptor)


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
def _translated(verb: str, path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _unreachable(verb, path, error) from error


def _unreachable(verb: str, path: Path, error: OSError) -> UnreachableError:
    return UnreachableError(
        f"cannot {verb} {path}: {_reason(error)}", hint=_HINTS.get(error.errno or 0, "")
    )


def _reason(error: OSError) -> str:
    return (os.strerror(error.errno) if error.errno else str(error)).lower()
