"""The catalog: all backups of a storage, from manifests and records only.

File names and modification times tell nothing here. A record is a later fact
about a backup (verified, drilled, pinned); the newest one of a kind counts.
"""

from __future__ import annotations

import gc
import hashlib
import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any

from kulti_ops.backup import manifest as manifests
from kulti_ops.clock import compact, iso, parse_iso
from kulti_ops.errors import KultiError, NotFoundError, StorageError, UnreachableError
from kulti_ops.report import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from kulti_ops.backup.manifest import Manifest
    from kulti_ops.storage import Storage

RECORD_SCHEMA_VERSION = 1
RECORD_LIMIT_BYTES = 16 * 1024 * 1024
GUESSED_FROM = 50  # of the newest backups: in a storage of many sources the last one may be older
LATEST = "latest"
LATEST_VERIFIED = "latest-verified"
PIN, UNPIN = "pin", "unpin"
_PINS = frozenset({PIN, UNPIN})
_BYTES, _CONTENTS, _DRILL = 1, 2, 3


class State(StrEnum):
    """How far a backup is proven."""

    CREATED = "created"
    VERIFIED = "verified"
    DRILLED = "drilled"
    FAILED = "failed"
    DAMAGED = "damaged"  # its manifest cannot be read: shown, never used


@dataclass(frozen=True, kw_only=True)
class Record:
    """A later fact: `kind` is verify, drill, pin or unpin; `status` a verdict or None."""

    kind: str
    at: datetime
    status: Verdict | None = None
    level: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    sequence: int = 0  # in the order of writing, which a clock set back cannot change

    @property
    def depth(self) -> int:
        """How deep it looked: 0 not at all, then bytes, contents, restored."""
        if self.kind == "drill":
            return _DRILL
        if self.kind != "verify":
            return 0
        return _CONTENTS if self.level == "contents" else _BYTES


@dataclass(frozen=True, kw_only=True)
class Pin:
    """A decision to keep a backup; `until` is None for good, and the first moment after it."""

    reason: str
    at: datetime
    until: datetime | None = None

    def holds_at(self, now: datetime) -> bool:
        """Return whether it has not run out."""
        return self.until is None or now < self.until


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One backup as the catalog sees it; `manifest` is None when that is damaged.

    `unreachable` says that the storage did not let us look: then nothing is known.
    `unread` counts the records that could not be read: they prove nothing, but one of
    them may be a pin or a crit.
    """

    backup_id: str
    manifest: Manifest | None
    records: tuple[Record, ...] = ()
    problem: str = ""
    unreachable: bool = False
    unread: int = 0

    @property
    def state(self) -> State:
        """The best that was proven; `failed` from a crit on until something as deep was ok."""
        if self.manifest is None:
            return State.DAMAGED
        failed_depth = 0
        good: list[Record] = []
        for record in self.records:
            if record.status is Verdict.CRIT:
                failed_depth = max(failed_depth, record.depth)
            elif record.status in {Verdict.OK, Verdict.WARN} and record.depth:
                good.append(record)
                failed_depth = 0 if record.depth >= failed_depth else failed_depth
        if failed_depth:
            return State.FAILED
        proven = max((record.depth for record in good), default=0)
        return {_DRILL: State.DRILLED, _CONTENTS: State.VERIFIED}.get(proven, State.CREATED)

    @property
    def pin(self) -> Pin | None:
        """The newest pin unless it was taken back; it may have run out."""
        pins = [r for r in self.records if r.kind in _PINS]
        if not pins or pins[-1].kind == UNPIN:
            return None
        data = pins[-1].data
        return Pin(reason=str(data.get("reason", "")), at=pins[-1].at, until=_until(data))

    def pinned_at(self, now: datetime) -> bool:
        """Return whether a pin holds."""
        return self.pin is not None and self.pin.holds_at(now)


def list_entries(storage: Storage) -> tuple[Entry, ...]:
    """Return every backup of the storage, the oldest first, damaged ones included."""
    names = [name for name in storage.folders() if manifests.is_id(name)]
    read = partial(read_entry, storage)
    with collecting_later(), ExitStack() as stack:
        if storage.reads_at_once > 1:
            pool = stack.enter_context(ThreadPoolExecutor(storage.reads_at_once))
            found = pool.map(read, names)
        else:
            found = map(read, names)
        return tuple(sorted((entry for entry in found if entry is not None), key=_order))


@contextmanager
def collecting_later() -> Iterator[None]:
    """Make many small values without looking for cycles among them: a quarter of the time.

    Freezing and thawing makes them old at once, or they would be looked through at the end.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.freeze()
            gc.unfreeze()
            gc.enable()


def read_entry(storage: Storage, backup_id: str) -> Entry | None:
    """Return one backup, None when there is no manifest: then it is no backup."""
    try:
        return _read_entry(storage, backup_id)
    except NotFoundError:
        return None
    except StorageError as error:
        unreachable = isinstance(error, UnreachableError)
        return Entry(
            backup_id=backup_id, manifest=None, problem=error.message, unreachable=unreachable
        )


def _read_entry(storage: Storage, backup_id: str) -> Entry:
    manifest, file_sha256 = _read_manifest(storage, backup_id)
    records, unread = _read_records(storage, backup_id, file_sha256)
    return Entry(backup_id=backup_id, manifest=manifest, records=records, unread=unread)


def _read_manifest(storage: Storage, backup_id: str) -> tuple[Manifest, str]:
    """Return a manifest and its file's sha-256."""
    key = f"{backup_id}/{manifests.FILE_NAME}"
    data = storage.read_small(key, limit_bytes=manifests.LIMIT_BYTES)
    manifest = manifests.from_json(data, backup_id=backup_id)
    return manifest, hashlib.sha256(data).hexdigest()


def last_size_bytes(storage: Storage, backup_ids: Iterable[str], *, source: str) -> int | None:
    """Return how large the last backup of a source is, None when none of the newest is its.

    A guess at the next one's size, and so by the ids' times; it takes one small read where
    reading the whole catalog takes several for each backup.
    """
    newest = sorted(filter(manifests.is_id, backup_ids), reverse=True)
    for backup_id in newest[:GUESSED_FROM]:
        try:
            manifest, _ = _read_manifest(storage, backup_id)
        except (StorageError, NotFoundError):
            continue
        if manifest.source.identity == source:
            return manifest.size_bytes
    return None


def find(storage: Storage, name: str | None) -> Entry:
    """Return the backup that `latest`, `latest-verified`, an id or a unique prefix names.

    `latest` means the newest, and None means `latest`. A damaged backup has no snapshot
    time; one whose id is newer than every usable one's is the newest, and is not passed
    over in silence: whoever needs its manifest gets the error.

    Raises: NotFoundError when there is none or the prefix is not unique.
    """
    hint = "`kulti-ops backup list` shows what is there"
    if name and manifests.is_id(name) and (exact := read_entry(storage, name)) is not None:
        return exact
    entries = list_entries(storage)
    if name in (None, LATEST, LATEST_VERIFIED):
        wanted = {State.VERIFIED, State.DRILLED} if name == LATEST_VERIFIED else set(State)
        usable = [e for e in entries if e.state in wanted - {State.DAMAGED}]
        if not usable and entries and name != LATEST_VERIFIED:
            return entries[-1]  # nothing but damaged ones
        if not usable:
            kind = "verified backup" if name == LATEST_VERIFIED else "backup"
            if not entries:
                hint = "is KULTI_OPS_STORAGE the right place? if so: kulti-ops backup create"
            raise NotFoundError(f"{storage.url} holds no {kind}", hint=hint)
        return _newest(usable[-1], entries) if name != LATEST_VERIFIED else usable[-1]
    matches = [e for e in entries if name and e.backup_id.startswith(name)]
    if not matches:
        raise NotFoundError(f"no backup {name} in {storage.url}", hint=hint)
    if len(matches) > 1:
        raise NotFoundError(f"{name} names {len(matches)} backups", hint="give more of the id")
    return matches[0]


def _newest(usable: Entry, entries: tuple[Entry, ...]) -> Entry:
    """Return a damaged backup that was begun after the newest usable one, else that one."""
    damaged = [e for e in entries if e.state is State.DAMAGED and e.backup_id > usable.backup_id]
    return max(damaged, key=lambda e: e.backup_id, default=usable)


def usable_manifest(entry: Entry) -> Manifest:
    """Return the entry's manifest.

    Raises: StorageError when it is damaged.
    """
    if entry.manifest is None:
        raise StorageError(entry.problem, hint="use another backup; keep this one to look at")
    return entry.manifest


def add_record(storage: Storage, entry: Entry, record: Record) -> None:
    """Write a fact beside a backup; it is bound to the manifest as it is now."""
    key = f"{entry.backup_id}/{manifests.FILE_NAME}"
    data = storage.read_small(key, limit_bytes=manifests.LIMIT_BYTES)
    earlier, _unread = _read_records(storage, entry.backup_id, hashlib.sha256(data).hexdigest())
    document = {
        "schema_version": RECORD_SCHEMA_VERSION,
        "backup_id": entry.backup_id,
        "manifest_file_sha256": hashlib.sha256(data).hexdigest(),
        "kind": record.kind,
        "at": iso(record.at),
        "status": record.status,
        "level": record.level,
        "data": dict(record.data),
        "sequence": max((r.sequence for r in earlier), default=0) + 1,
    }
    name = f"{compact(record.at)}-{record.kind}-{secrets.token_hex(4)}.json"
    with storage.writer(f"{entry.backup_id}/records/{name}") as writer:
        writer.write(json.dumps(document, ensure_ascii=False).encode())
        writer.commit()


def _read_records(
    storage: Storage, backup_id: str, manifest_sha256: str
) -> tuple[tuple[Record, ...], int]:
    """Return the readable records of this very manifest, the oldest first; how many are not.

    Raises: UnreachableError when one cannot be looked at: it might be the one that counts.
    """
    records, unread = [], 0
    for data in storage.read_all(f"{backup_id}/records", limit_bytes=RECORD_LIMIT_BYTES):
        record = None if isinstance(data, KultiError) else _record_of(data, manifest_sha256)
        if record is None:
            unread += 1
        else:
            records.append(record)
    return tuple(sorted(records, key=lambda r: (r.sequence, r.at))), unread


def _record_of(data: bytes, manifest_sha256: str) -> Record | None:
    """Return the record in `data`; None when it is another manifest's or cannot be read."""
    try:
        document = json.loads(data)
        if document["manifest_file_sha256"] != manifest_sha256:
            return None
        return _record(document)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _until(data: Mapping[str, Any]) -> datetime | None:
    """Return a pin's end; one that cannot be read is none: then the pin stays."""
    try:
        return parse_iso(data["until"])
    except (KeyError, TypeError, ValueError):
        return None


def _record(document: Mapping[str, Any]) -> Record:
    status = document["status"]
    if not isinstance(document["data"], dict):
        raise TypeError("a record's data is no mapping")
    return Record(
        kind=document["kind"],
        at=parse_iso(document["at"]),
        status=None if status is None else Verdict(status),
        level=document["level"],
        data=document["data"],
        sequence=int(document["sequence"]),
    )


def _order(entry: Entry) -> tuple[bool, datetime, str]:
    """By the snapshot's time on the database's clock; damaged ones first."""
    if entry.manifest is None:
        return (False, datetime.min, entry.backup_id)  # noqa: DTZ901 - compared with its like only
    return (True, entry.manifest.snapshot_at, entry.backup_id)
