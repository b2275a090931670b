"""Storages that hold backups: one interface, one file each.

A storage holds objects under keys (`<backup id>/dump.pgc`). Writing is
all-or-nothing: an object appears under its key only when its writer commits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO, Protocol

from kulti_ops.errors import ConfigError, NotFoundError, StorageError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from kulti_ops.config import Settings
    from kulti_ops.errors import KultiError

_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
_LONGEST_KEY = 400
HELD_FOR_GOOD = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class ObjectInfo:
    """One stored object: its key and its size in bytes."""

    key: str
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class Unfinished:
    """Something that was begun and not finished; `holder` names the living one who writes it.

    What is `ours` and has no living holder is removed by the next run.
    """

    key: str
    holder: str
    ours: bool = True


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """Who else gets at what is stored, by one way of looking.

    `open_to` names what stands open; `unanswered` why it could not be told whether anything
    does; `good` says it when nothing does.
    """

    id: str
    good: str
    open_to: tuple[str, ...] = ()
    unanswered: str = ""


class ObjectWriter(Protocol):
    """An object being written; leaving the context without `commit` leaves nothing."""

    def write(self, chunk: bytes) -> None:
        """Append; raises StorageError when the storage does not take it."""

    def commit(self) -> None:
        """Publish the object under its key; durable when this returns."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Abort unless committed."""


class Storage(Protocol):
    """What every storage offers.

    Every method raises StorageError when the storage cannot be reached or does not
    permit it, and NotFoundError when a key that must exist does not.
    """

    @property
    def url(self) -> str:
        """How the storage is named in messages and manifests; no secrets."""

    @property
    def place(self) -> str:
        """What no other storage has in common with it: the address, and on whose server."""

    @property
    def reads_at_once(self) -> int:
        """How many small reads at once pay: more where each of them is a round trip."""

    @property
    def elsewhere(self) -> bool:
        """Whether objects go over a network, which may be slower than a dump."""

    def prepare(self) -> None:
        """Make the storage usable: the root exists, is private and writable."""

    def writer(self, key: str, *, expected_bytes: int | None = None) -> ObjectWriter:
        """Begin an object that must not exist yet; RefusedError when what is expected won't fit."""

    def reader(self, key: str) -> BinaryIO:
        """Open an object for reading from its start."""

    def read_small(self, key: str, *, limit_bytes: int) -> bytes:
        """Return a whole object; StorageError when it is larger than `limit_bytes`."""

    def read_all(self, folder: str, *, limit_bytes: int) -> Iterator[bytes | KultiError]:
        """Yield every object below a folder, in no particular order; nothing for no folder.

        One that is larger than `limit_bytes`, vanished, or is none of ours is its error instead.

        Raises: UnreachableError when one cannot be looked at.
        """

    def info(self, key: str) -> ObjectInfo | None:
        """Return an object's size, None when there is none."""

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Yield the objects below a folder, in no particular order; nothing unfinished."""

    def folders(self) -> tuple[str, ...]:
        """Return the top-level folders' names: candidates for backups."""

    def folders_with(self, name: str) -> Mapping[str, bool]:
        """Return each top-level folder, and whether an object of this name lies right in it."""

    def delete(self, key: str) -> None:
        """Remove an object; none there is no error."""

    def locked_until(self, key: str) -> datetime | None:
        """Return until when the storage itself refuses to remove an object.

        None where nothing keeps it, `HELD_FOR_GOOD` for a hold without an end.
        """

    def keeps_versions(self) -> bool:
        """Return whether removed objects stay as older versions, which take up space."""

    def claim(self, folder: str) -> AbstractContextManager[None]:
        """Hold a new folder as being written, so that nobody sweeps it."""

    def sweep(self, folder: str, *, unless: str | None = None) -> bool:
        """Remove a folder that a dead process left; False when a living one holds it.

        False too when it holds an object `unless`, looked for once nobody writes there.
        """

    def tidy(self) -> None:
        """Remove what dead processes left beside finished objects; living ones' stays."""

    def unfinished(self) -> tuple[Unfinished, ...]:
        """Return what was begun to be written and is not finished, folders by their claims."""

    def exposures(self) -> tuple[Exposure, ...]:
        """Look who else than this user gets at what is stored."""

    def lock(self, name: str) -> AbstractContextManager[None]:
        """Hold the lock `name`; RefusedError naming the holder when another process does."""

    def free_bytes(self) -> int | None:
        """Return the free space, None where the storage has no such limit."""

    def local_path(self, key: str) -> Path | None:
        """Return the object's path where it is a local file, else None."""


def valid_key(key: str) -> str:
    """Return `key` when it is one: no `..`, no absolute path, no odd characters.

    Raises: StorageError otherwise. Every storage calls this first, whatever wrote the key.
    """
    if len(key) > _LONGEST_KEY or not _KEY.fullmatch(key):
        raise StorageError(f"not a storage key: {key[:80]!r}")
    return key


def read_each(storage: Storage, folder: str, *, limit_bytes: int) -> Iterator[bytes | KultiError]:
    """Do what `Storage.read_all` promises, by a listing and a request for each object."""
    for info in storage.list(folder):
        try:
            yield storage.read_small(info.key, limit_bytes=limit_bytes)
        except UnreachableError:
            raise
        except (StorageError, NotFoundError) as error:
            yield error


def open_storage(url: str, *, settings: Settings | None = None) -> Storage:
    """Return the storage that `url` names: a folder, file:///folder or s3://bucket/prefix.

    Raises: ConfigError for a kind that does not exist.
    """
    scheme, found, rest = url.partition("://")
    if not found and url.startswith(("s3:", "file:")):
        raise ConfigError(
            f"{url} is neither a folder nor a bucket's address",
            hint="two slashes: s3://bucket/prefix; a folder of that name is ./NAME",
        )
    if not found or scheme == "file":
        from kulti_ops.storage.local import LocalStorage

        return LocalStorage(rest if found else url)
    if scheme == "s3":
        from kulti_ops.storage.s3 import S3Storage
        from kulti_ops.storage.s3.options import s3_options

        return S3Storage(s3_options(url, settings))
    raise ConfigError(
        f"no storage of kind {scheme}://",
        hint="set KULTI_OPS_STORAGE to a folder or to s3://bucket/prefix",
    )
