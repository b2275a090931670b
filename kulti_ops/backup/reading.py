"""Reading a backup's artifacts, wherever they are stored.

What is opened here is held against the manifest: reading to the end raises when the
bytes were not those that the manifest names, because a storage can change between a
verification and what is done on the strength of it. Writes nothing.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from kulti_ops.errors import StorageError

if TYPE_CHECKING:
    from pathlib import Path

    from kulti_ops.backup.manifest import Artifact, Manifest
    from kulti_ops.storage import Storage


@dataclass(frozen=True, kw_only=True)
class StoredArtifact:
    """One artifact of a backup, as pg_dump or we wrote it."""

    storage: Storage
    key: str
    artifact: Artifact

    @property
    def path(self) -> Path | None:
        """The file that holds exactly this, where there is one on this machine."""
        return self.storage.local_path(self.key)

    def open(self) -> BinaryIO:
        """Open it at its start; the end is refused when the bytes were not the manifest's.

        Raises: StorageError, NotFoundError.
        """
        proven = _Proven(self.storage.reader(self.key), self.key, sha256=self.artifact.sha256)
        return cast("BinaryIO", proven)

    def read(self, *, limit_bytes: int) -> bytes:
        """Return the whole of a small artifact.

        Raises: StorageError, also when it is larger than `limit_bytes`.
        """
        data = self.storage.read_small(self.key, limit_bytes=limit_bytes)
        if hashlib.sha256(data).hexdigest() != self.artifact.sha256:
            raise _other_bytes(self.key)
        return data


def stored(manifest: Manifest, storage: Storage, kind: str) -> StoredArtifact:
    """Return the artifact of a kind: dump, globals, inventory.

    Raises: StorageError when the manifest names none.
    """
    artifact = manifest.artifact(kind)
    return StoredArtifact(storage=storage, key=manifest.key(artifact), artifact=artifact)


class _Proven(io.RawIOBase):
    """A stream that is hashed while it is read, and raises at its end when it was another."""

    def __init__(self, stream: BinaryIO, key: str, *, sha256: str) -> None:
        super().__init__()
        self._stream = stream
        self._key = key
        self._sha256 = sha256
        self._digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        data = self._stream.read(size)
        self._digest.update(data)
        if (size < 0 or (not data and size > 0)) and self._digest.hexdigest() != self._sha256:
            raise _other_bytes(self._key)
        return data

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401 - whatever takes bytes
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()


def _other_bytes(key: str) -> StorageError:
    return StorageError(
        f"{key} is not what its manifest says: sha-256 is wrong",
        hint="it was damaged, or changed since it was verified: kulti-ops verify backup",
    )
