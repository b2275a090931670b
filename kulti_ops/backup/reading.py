"""Reading a backup's artifacts, wherever they are stored.

What is opened here is held against the manifest: reading to the end raises when the
bytes were not those that the manifest names, because a storage can change between a
verification and what is done on the strength of it. What is encrypted is opened on the
way; its plaintext is never written anywhere.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from kulti_ops.errors import DamagedError
from kulti_ops.following import CHUNK_BYTES
from kulti_ops.sealing import (
    NO_IDENTITIES,
    OVERHEAD_BYTES,
    Identities,
    LockedError,
    Unsealed,
    open_sealed,
)

if TYPE_CHECKING:
    from pathlib import Path

    from kulti_ops.archive import Toc
    from kulti_ops.backup.manifest import Artifact, Manifest
    from kulti_ops.storage import Storage


@dataclass(frozen=True, kw_only=True)
class StoredArtifact:
    """One artifact of a backup: its plaintext, as pg_dump or we wrote it.

    `toc` is a dump's table of contents as it was verified, None where nobody did.
    """

    storage: Storage
    key: str
    artifact: Artifact
    identities: Identities = NO_IDENTITIES
    toc: Toc | None = None

    @property
    def path(self) -> Path | None:
        """The file that holds exactly this, where there is one on this machine."""
        return None if self.artifact.sealed else self.storage.local_path(self.key)

    def open(self) -> BinaryIO:
        """Open it at its start; the end is refused when the bytes were not the manifest's.

        Raises: StorageError, NotFoundError; LockedError when it cannot be decrypted.
        """
        stream = self.storage.reader(self.key)
        if self.artifact.sealed:
            stream = self._unsealed(stream)
        return _buffered(_Proven(stream, self.key, sha256=self._plain_sha256))

    def open_unproven(self) -> BinaryIO:
        """Open it for a verification, which compares the plaintext's digest itself.

        Where it is encrypted, the stored bytes are still held against the manifest.
        """
        stream = self.storage.reader(self.key)
        if not self.artifact.sealed:
            return stream
        return self._unsealed(_buffered(_Proven(stream, self.key, sha256=self.artifact.sha256)))

    def read(self, *, limit_bytes: int) -> bytes:
        """Return the whole of a small artifact.

        Raises: StorageError, also when it is larger than `limit_bytes`; LockedError when
        it cannot be decrypted.
        """
        sealed = self.artifact.sealed
        limit_bytes += OVERHEAD_BYTES if sealed else 0
        data = self.storage.read_small(self.key, limit_bytes=limit_bytes)
        if hashlib.sha256(data).hexdigest() != self.artifact.sha256:
            raise _other_bytes(self.key)
        return open_sealed(data, self.identities, name=self.key) if sealed else data

    def _unsealed(self, stream: BinaryIO) -> BinaryIO:
        return _buffered(Unsealed(stream, self.identities, name=self.key))

    @property
    def _plain_sha256(self) -> str:
        return self.artifact.plain_sha256 or self.artifact.sha256


def stored(
    manifest: Manifest,
    storage: Storage,
    kind: str,
    *,
    identities: Identities = NO_IDENTITIES,
    toc: Toc | None = None,
) -> StoredArtifact:
    """Return the artifact of a kind: dump, globals, inventory.

    Raises: StorageError when the manifest names none.
    """
    artifact = manifest.artifact(kind)
    return StoredArtifact(
        storage=storage,
        key=manifest.key(artifact),
        artifact=artifact,
        identities=identities,
        toc=toc,
    )


def judge_identities(manifest: Manifest, identities: Identities) -> None:
    """Refuse early what cannot be read without an identity when there is none.

    Raises: LockedError that names the recipients.
    """
    if not manifest.recipients:
        return
    try:
        identities.load()
    except LockedError as error:
        raise LockedError(
            f"{manifest.backup_id} is encrypted to {', '.join(manifest.recipients)}; "
            f"{error.message}",
            hint=error.hint,
        ) from error


def _buffered(stream: io.RawIOBase) -> BinaryIO:
    return io.BufferedReader(stream, CHUNK_BYTES)


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

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401 - whatever takes bytes
        data = self._stream.read(len(buffer))
        self._digest.update(data)
        if not data and len(buffer) > 0 and self._digest.hexdigest() != self._sha256:
            raise _other_bytes(self._key)
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()


def _other_bytes(key: str) -> DamagedError:
    return DamagedError(
        f"{key} is not what its manifest says: sha-256 is wrong",
        hint="it was damaged, or changed since it was verified: kulti-ops verify backup",
    )
