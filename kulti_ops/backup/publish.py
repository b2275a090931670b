"""Publishing a backup: globals, inventory and sums beside the dump, last of all the manifest.

What is written before the manifest is looked at once more, all of it at once: the manifest
vouches for it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kulti_ops import __version__, sealing
from kulti_ops.backup import manifest as manifests
from kulti_ops.backup.globals import render_globals
from kulti_ops.backup.manifest import Artifact, Manifest
from kulti_ops.errors import StorageError
from kulti_ops.inventory import Inventory, to_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from kulti_ops.backup.preflight import Survey
    from kulti_ops.db import Target
    from kulti_ops.storage import Storage

DUMP_NAME = "dump.pgc"
GLOBALS_NAME = "globals.sql"
INVENTORY_NAME = "inventory.json"

# What no dump of a Supabase database holds, said in every manifest.
NOT_COVERED = (
    "stored files (the rows of storage.objects are here, the files are not)",
    "passwords of roles",
    "keys of the vault",
    "edge functions, secrets and settings of the project",
)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known about a finished dump; the manifest is made of it."""

    backup_id: str
    label: str
    created_at: datetime
    snapshot_at: datetime
    target: Target
    survey: Survey
    system_identifier: str | None
    pg_dump_version: str
    compression: str
    artifacts: tuple[Artifact, ...]
    rows_counted: bool
    without_data: tuple[str, ...]
    large_objects: bool
    recipients: tuple[str, ...] = ()


def put_expectations(
    storage: Storage, backup_id: str, inventory: Inventory, *, recipients: tuple[str, ...]
) -> tuple[Artifact, ...]:
    """Write what was learned under the snapshot: the roles and the inventory.

    It needs nothing of the dump, and so can be written while that runs.

    Raises: StorageError when the storage does not take it.
    """
    contents = (
        (GLOBALS_NAME, "globals", render_globals(inventory).encode()),
        (INVENTORY_NAME, "inventory", to_json(inventory)),
    )
    return tuple(
        _put_sealed(storage, f"{backup_id}/{name}", kind, data, recipients)
        for name, kind, data in contents
    )


def put_sums(storage: Storage, backup_id: str, artifacts: tuple[Artifact, ...]) -> Artifact:
    """Write the checksums of artifacts; they need not be stored yet.

    Raises: StorageError when the storage does not take it.
    """
    key = f"{backup_id}/{manifests.SUMS_NAME}"
    return _put(storage, key, "sums", manifests.sums(artifacts))


def publish(
    storage: Storage, facts: Facts, inventory: Inventory, *, durations_s: Mapping[str, float]
) -> Manifest:
    """Write the manifest of artifacts that are already stored, and return it.

    Raises: StorageError when the storage does not take it, or has not kept what it took.
    """
    folder, artifacts = facts.backup_id, facts.artifacts
    _insist(storage, folder, artifacts)
    manifest = _manifest(facts, inventory, artifacts, durations_s)
    written = _put(
        storage, f"{folder}/{manifests.FILE_NAME}", "manifest", manifests.to_json(manifest)
    )
    _insist(storage, folder, (*artifacts, written))
    return manifest


def _insist(storage: Storage, folder: str, artifacts: tuple[Artifact, ...]) -> None:
    """Make sure that the storage has every artifact in its size.

    One listing serves for all; what a listing does not show (some come late) is asked for.
    """
    stored = {info.key: info.size_bytes for info in storage.list(folder)}
    for artifact in artifacts:
        key = f"{folder}/{artifact.name}"
        found = stored.get(key)
        if found != artifact.size_bytes:
            info = storage.info(key)
            found = info.size_bytes if info is not None else None
        if found != artifact.size_bytes:
            raise StorageError(
                f"{folder}/{artifact.name}: {artifact.size_bytes} bytes were written, "
                f"{'none' if found is None else found} are stored",
                hint=f"look at {storage.url}: it does not keep what it takes",
            )


def _put_sealed(
    storage: Storage, key: str, kind: str, data: bytes, recipients: tuple[str, ...]
) -> Artifact:
    """Write an artifact that holds something of the database: encrypted where it is wanted."""
    if not recipients:
        return _put(storage, key, kind, data)
    return replace(
        _put(storage, f"{key}{sealing.SUFFIX}", kind, sealing.seal(data, recipients)),
        plain_size_bytes=len(data),
        plain_sha256=hashlib.sha256(data).hexdigest(),
    )


def _put(storage: Storage, key: str, kind: str, data: bytes) -> Artifact:
    with storage.writer(key) as writer:
        writer.write(data)
        writer.commit()
    return Artifact(
        name=key.rpartition("/")[2],
        kind=kind,
        size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
    )


def _manifest(
    facts: Facts,
    inventory: Inventory,
    artifacts: tuple[Artifact, ...],
    durations_s: Mapping[str, float],
) -> Manifest:
    counted = (count for count in inventory.row_counts.values() if count is not None)
    excluded = tuple(manifests.rows_of(identity) for identity in facts.without_data)
    large = () if facts.large_objects else ("large objects",)
    return Manifest(
        backup_id=facts.backup_id,
        label=facts.label,
        created_at=facts.created_at,
        snapshot_at=facts.snapshot_at,
        source=_source(facts),
        tools={"kulti-ops": __version__, "pg_dump": facts.pg_dump_version},
        compression=facts.compression,
        artifacts=artifacts,
        totals=manifests.Totals(
            tables=len(inventory.row_counts),
            rows=sum(counted) if facts.rows_counted else None,
            large_objects=sum(1 for _ in inventory.of("large object")),
            database_bytes=facts.survey.database_bytes,
        ),
        durations_s={name: round(seconds, 3) for name, seconds in durations_s.items()},
        left_out=(*facts.survey.vendors, *excluded, *large),
        not_covered=NOT_COVERED,
        schema_version=manifests.schema_of(sealed=bool(facts.recipients)),
        recipients=tuple(sealing.describe(r) for r in facts.recipients),
    )


def _source(facts: Facts) -> manifests.Source:
    return manifests.Source(
        host=facts.target.host,
        port=facts.target.port,
        database=facts.target.database,
        user=facts.target.user,
        server_version=facts.survey.server_version,
        server_version_num=facts.survey.server_version_num,
        system_identifier=facts.system_identifier,
    )
