"""The catalog: which backup `latest` is, and how far each is proven."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from kulti_ops.backup import catalog
from kulti_ops.backup import manifest as manifests
from kulti_ops.backup.catalog import Record, State
from kulti_ops.errors import NotFoundError
from kulti_ops.report import Verdict
from kulti_ops.storage.local import LocalStorage
from tests.unit.backup.test_manifest import make

if TYPE_CHECKING:
    from pathlib import Path

AT = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    storage = LocalStorage(str(tmp_path / "backups"))
    storage.prepare()
    return storage


def put(
    storage: LocalStorage, hours: int, *, created: int | None = None, damaged: bool = False
) -> str:
    """Store a manifest whose snapshot is so many hours after AT."""
    begun = AT + timedelta(hours=hours if created is None else created)
    backup_id = manifests.new_id(begun, "x", f"{hours:04d}")
    manifest = make(backup_id=backup_id, created_at=begun, snapshot_at=AT + timedelta(hours=hours))
    data = b"{}" if damaged else manifests.to_json(manifest)
    with storage.writer(f"{backup_id}/{manifests.FILE_NAME}") as writer:
        writer.write(data)
        writer.commit()
    return backup_id


def record(storage: LocalStorage, backup_id: str, kind: str, status: Verdict, level: str) -> None:
    entry = catalog.find(storage, backup_id)
    catalog.add_record(storage, entry, Record(kind=kind, at=AT, status=status, level=level))


def state(storage: LocalStorage, backup_id: str) -> State:
    return catalog.find(storage, backup_id).state


def test_latest_goes_by_the_databases_clock(storage: LocalStorage) -> None:
    put(storage, 1)
    newest = put(storage, 5, created=-100)
    put(storage, 2, created=50)
    assert catalog.find(storage, None).backup_id == newest


def test_latest_does_not_pass_over_a_newer_damaged_one(storage: LocalStorage) -> None:
    older = put(storage, 1)
    damaged = put(storage, 2, damaged=True)
    assert catalog.find(storage, "latest").backup_id == damaged
    newest = put(storage, 3)
    assert catalog.find(storage, "latest").backup_id == newest
    assert catalog.find(storage, older).backup_id == older


def test_latest_of_nothing_but_damaged_is_the_damaged_one(storage: LocalStorage) -> None:
    damaged = put(storage, 2, damaged=True)
    assert catalog.find(storage, None).state is State.DAMAGED
    assert catalog.find(storage, None).backup_id == damaged


def test_state_is_what_was_proven_last(storage: LocalStorage) -> None:
    backup_id = put(storage, 1)
    assert state(storage, backup_id) is State.CREATED
    record(storage, backup_id, "verify", Verdict.OK, "quick")
    assert state(storage, backup_id) is State.CREATED
    record(storage, backup_id, "verify", Verdict.OK, "contents")
    assert state(storage, backup_id) is State.VERIFIED
    record(storage, backup_id, "drill", Verdict.WARN, "drill")
    assert state(storage, backup_id) is State.DRILLED
    record(storage, backup_id, "verify", Verdict.CRIT, "quick")
    assert state(storage, backup_id) is State.FAILED
    record(storage, backup_id, "verify", Verdict.UNKNOWN, "contents")
    assert state(storage, backup_id) is State.FAILED
    record(storage, backup_id, "verify", Verdict.OK, "quick")
    assert state(storage, backup_id) is State.DRILLED


def test_state_stays_failed_until_something_as_deep_is_ok(storage: LocalStorage) -> None:
    backup_id = put(storage, 1)
    record(storage, backup_id, "drill", Verdict.CRIT, "drill")
    record(storage, backup_id, "verify", Verdict.OK, "contents")
    assert state(storage, backup_id) is State.FAILED
    record(storage, backup_id, "drill", Verdict.OK, "drill")
    assert state(storage, backup_id) is State.DRILLED


def test_latest_verified_takes_proven_ones_only(storage: LocalStorage) -> None:
    proven = put(storage, 1)
    put(storage, 2)
    record(storage, proven, "verify", Verdict.OK, "contents")
    assert catalog.find(storage, "latest-verified").backup_id == proven


def test_prefix_that_is_not_unique_is_refused(storage: LocalStorage) -> None:
    put(storage, 1)
    put(storage, 2)
    with pytest.raises(NotFoundError, match="names 2 backups"):
        catalog.find(storage, "2026")
    with pytest.raises(NotFoundError, match="no backup nothing"):
        catalog.find(storage, "nothing")


def test_records_of_a_changed_manifest_prove_nothing(storage: LocalStorage) -> None:
    backup_id = put(storage, 1)
    record(storage, backup_id, "verify", Verdict.OK, "contents")
    path = storage.root / backup_id / manifests.FILE_NAME
    changed = make(backup_id=backup_id, snapshot_at=AT, label="other")
    path.write_bytes(manifests.to_json(changed))
    assert state(storage, backup_id) is State.CREATED
