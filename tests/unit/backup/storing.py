"""Whole backups in a storage, and entries without one, for tests of what happens to them later."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kulti_ops.backup import catalog
from kulti_ops.backup import manifest as manifests
from kulti_ops.backup.catalog import Entry, Record, State
from kulti_ops.report import Verdict
from tests.unit.backup.test_manifest import make

if TYPE_CHECKING:
    from kulti_ops.storage import Storage

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
DUMP = b"dump" * 100
SOURCE = "db.kulti.example:5432/postgres"
# how each state is reached
_RECORDS: dict[State, tuple[tuple[str, Verdict, str], ...]] = {
    State.CREATED: (),
    State.VERIFIED: (("verify", Verdict.OK, "contents"),),
    State.DRILLED: (("drill", Verdict.OK, "drill"),),
    State.FAILED: (("verify", Verdict.OK, "contents"), ("verify", Verdict.CRIT, "quick")),
}


def manifest_at(at: datetime, number: int = 0, **changes: Any) -> manifests.Manifest:
    """Make the manifest of a backup whose snapshot is of that time; `host` is its source's."""
    host = changes.pop("host", "db.kulti.example")
    identifier = changes.pop("system_identifier", None)
    label = changes.setdefault("label", "postgres")
    begun = changes.pop("begun", at)
    backup_id = manifests.new_id(begun, label, f"{number % 65536:04x}")
    made = make(backup_id=backup_id, created_at=begun, snapshot_at=at, **changes)
    source = replace(made.source, host=host)
    if identifier is not None:
        source = replace(source, system_identifier=identifier)
    return replace(made, source=source)


def entry_at(at: datetime, state: State = State.VERIFIED, number: int = 0, **changes: Any) -> Entry:
    """Make the entry of a backup in that state; `pinned` gives it a pin, `unread` bad records."""
    pinned, unread = changes.pop("pinned", None), changes.pop("unread", 0)
    records = [_record(at, *found) for found in _RECORDS[state]]
    if pinned is not None:
        records.append(Record(kind="pin", at=at, data=pinned))
    manifest = manifest_at(at, number, **changes)
    return Entry(
        backup_id=manifest.backup_id, manifest=manifest, records=tuple(records), unread=unread
    )


def store(
    storage: Storage, at: datetime, state: State = State.VERIFIED, number: int = 0, **changes: Any
) -> str:
    """Store a whole backup in that state; return its id."""
    dump = _artifact("dump.pgc", "dump", DUMP)
    sums = manifests.sums((dump,))
    artifacts = (dump, _artifact(manifests.SUMS_NAME, "sums", sums))
    manifest = manifest_at(at, number, artifacts=artifacts, **changes)
    contents = {
        dump.name: DUMP,
        manifests.SUMS_NAME: sums,
        manifests.FILE_NAME: manifests.to_json(manifest),
    }
    for name, content in contents.items():
        with storage.writer(f"{manifest.backup_id}/{name}") as writer:
            writer.write(content)
            writer.commit()
    entry = catalog.find(storage, manifest.backup_id)
    for found in _RECORDS[state]:
        catalog.add_record(storage, entry, _record(at, *found))
    return manifest.backup_id


def _artifact(name: str, kind: str, content: bytes) -> manifests.Artifact:
    digest = hashlib.sha256(content).hexdigest()
    return manifests.Artifact(name=name, kind=kind, size_bytes=len(content), sha256=digest)


def _record(at: datetime, kind: str, status: Verdict, level: str) -> Record:
    return Record(kind=kind, at=at, status=status, level=level)
