"""Copying a backup to another storage: streamed, read back there, the manifest last."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kulti_ops.backup import manifest as manifests
from kulti_ops.backup.catalog import Record, add_record, find, usable_manifest
from kulti_ops.backup.create import discard, sweep_leftovers
from kulti_ops.errors import NotFoundError, OperationFailedError, RefusedError, StorageError
from kulti_ops.following import CHUNK_BYTES
from kulti_ops.progress import SILENT, Progress, size
from kulti_ops.report import Verdict
from kulti_ops.verify import Level
from kulti_ops.verify.backup import Verification, verify_backup

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from kulti_ops.backup.catalog import Entry
    from kulti_ops.backup.manifest import Artifact, Manifest
    from kulti_ops.storage import Storage


@dataclass(frozen=True, kw_only=True)
class Copied:
    """What was done: the bytes read back at the destination, and how much had to be moved."""

    manifest: Manifest
    verification: Verification
    already_there: bool
    records: int


def copy_backup(
    source: Storage,
    name: str | None,
    *,
    to: Storage,
    now: datetime,
    progress: Progress = SILENT,
) -> Copied:
    """Copy one backup with its records; the same one may be there already.

    Raises: RefusedError when another backup has its id there; StorageError when an artifact
    is not what its manifest says, here or there. Nothing stays there then.
    """
    if source.place == to.place:
        raise RefusedError(f"{to.url} is where the backup is", hint="name another storage by --to")
    entry = find(source, name)
    manifest = usable_manifest(entry)
    raw = _manifest_bytes(source, entry)
    to.prepare()
    sweep_leftovers(to)
    already_there = _is_there(to, entry, raw)
    if already_there:
        progress.step(f"{entry.backup_id} is there already; reading it back")
        verification = verify_backup(manifest, to, level=Level.QUICK, progress=progress)
    else:
        verification = _copy(source, manifest, raw, to=to, progress=progress)
    if verification.status is not Verdict.OK and not already_there:
        raise OperationFailedError(
            f"{entry.backup_id} was not the same when it was read back from {to.url}",
            hint="nothing was published there; run it again",
        )
    records = _copy_records(source, entry.backup_id, to=to)
    there = find(to, entry.backup_id)
    add_record(
        to, there, Record(kind="verify", at=now, status=verification.status, level=Level.QUICK)
    )
    return Copied(
        manifest=manifest,
        verification=verification,
        already_there=already_there,
        records=records,
    )


def _manifest_bytes(storage: Storage, entry: Entry) -> bytes:
    """Return the manifest as it is stored; it was read and found whole before."""
    key = f"{entry.backup_id}/{manifests.FILE_NAME}"
    return storage.read_small(key, limit_bytes=manifests.LIMIT_BYTES)


def _is_there(to: Storage, entry: Entry, raw: bytes) -> bool:
    try:
        there = _manifest_bytes(to, entry)
    except NotFoundError:
        return False
    if there != raw:
        raise RefusedError(
            f"{to.url} holds another backup under the id {entry.backup_id}",
            hint="look at both: kulti-ops backup show",
        )
    return True


def _copy(
    source: Storage, manifest: Manifest, raw: bytes, *, to: Storage, progress: Progress
) -> Verification:
    """Copy the artifacts, read them back, and only then publish the manifest."""
    backup_id = manifest.backup_id
    with to.claim(backup_id):
        try:
            for artifact in manifest.artifacts:
                _copy_artifact(source, manifest, artifact, to=to, progress=progress)
            verification = verify_backup(manifest, to, level=Level.QUICK, progress=progress)
            if verification.status is Verdict.OK:
                _put(to, f"{backup_id}/{manifests.FILE_NAME}", raw)
            else:
                discard(to, backup_id)
        except BaseException:
            discard(to, backup_id)
            raise
    return verification


def _copy_artifact(
    source: Storage, manifest: Manifest, artifact: Artifact, *, to: Storage, progress: Progress
) -> None:
    """Stream one artifact; it is not committed when it is not what the manifest says."""
    key, digest, moved = manifest.key(artifact), hashlib.sha256(), 0
    progress.step(f"copying {artifact.name}")
    with (
        source.reader(key) as stream,
        to.writer(key, expected_bytes=artifact.size_bytes) as writer,
    ):
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
            writer.write(chunk)
            moved += len(chunk)
            progress.advance(f"{size(moved)} of {size(artifact.size_bytes)}")
        if moved != artifact.size_bytes or digest.hexdigest() != artifact.sha256:
            raise StorageError(
                f"{key} in {source.url} is not what its manifest says",
                hint=f"kulti-ops verify backup {manifest.backup_id}",
            )
        writer.commit()


def _copy_records(source: Storage, backup_id: str, *, to: Storage) -> int:
    """Copy the records that are not there yet; they are bound to this very manifest."""
    there = {info.key for info in to.list(f"{backup_id}/records")}
    missing = tuple(_records(source, backup_id, without=there))
    for key, data in missing:
        _put(to, key, data)
    return len(missing)


def _records(source: Storage, backup_id: str, *, without: set[str]) -> Iterator[tuple[str, bytes]]:
    for info in source.list(f"{backup_id}/records"):
        if info.key not in without:
            yield info.key, source.read_small(info.key, limit_bytes=info.size_bytes)


def _put(to: Storage, key: str, data: bytes) -> None:
    with to.writer(key) as writer:
        writer.write(data)
        writer.commit()
