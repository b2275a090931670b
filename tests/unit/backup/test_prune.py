"""Pruning: what goes from a storage, what stays there, and what is said about it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from kulti_ops.backup import catalog
from kulti_ops.backup import manifest as manifests
from kulti_ops.backup.catalog import Record, State
from kulti_ops.backup.prune import plan_prune, run_prune
from kulti_ops.backup.retention import RetentionPolicy
from kulti_ops.errors import NotFoundError, OperationFailedError, RefusedError, UnreachableError
from kulti_ops.report import Verdict
from kulti_ops.storage import HELD_FOR_GOOD
from kulti_ops.storage.local import LocalStorage
from tests.unit.backup.storing import NOW, SOURCE, store

if TYPE_CHECKING:
    from pathlib import Path

    from kulti_ops.backup.prune import Pruned

LAST = RetentionPolicy(last=2, floor=1)


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    storage = LocalStorage(str(tmp_path / "backups"))
    storage.prepare()
    return storage


def fill(storage: LocalStorage, count: int = 5) -> list[str]:
    """Store verified backups, one a day; the newest first."""
    return [store(storage, NOW - timedelta(days=day), number=day) for day in range(count)]


def prune(storage: LocalStorage, state: Path, policy: RetentionPolicy = LAST) -> Pruned:
    plans = plan_prune(storage, policy, now=NOW)
    return run_prune(storage, plans, policy, now=NOW, state=state)


def test_plan_touches_nothing(storage: LocalStorage) -> None:
    ids = fill(storage)
    before = sorted(storage.root.rglob("*"))
    (plan,) = plan_prune(storage, LAST, now=NOW)
    assert [r.entry.backup_id for r in plan.remove] == ids[2:]
    assert sorted(storage.root.rglob("*")) == before


def test_prune_removes_the_plans_backups_wholly_and_writes_it_down(
    storage: LocalStorage, tmp_path: Path
) -> None:
    ids = fill(storage)
    done = prune(storage, tmp_path)
    assert done.removed == ids[:1:-1]
    assert done.freed_bytes == done.removed_bytes == 3 * 475
    assert storage.folders() == tuple(sorted(ids[:2]))
    lines = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert [(line["action"], line["target"]) for line in lines] == [
        ("prune begun", f"{storage.url} ({SOURCE})"),
        ("prune ended", f"{storage.url} ({SOURCE})"),
    ]
    assert lines[0]["details"]["backups"] == lines[1]["details"]["removed"] == done.removed


def test_prune_without_audit_log_removes_nothing(storage: LocalStorage, tmp_path: Path) -> None:
    ids = fill(storage)
    (tmp_path / "state").write_text("no folder")
    with pytest.raises(OperationFailedError, match="audit log"):
        prune(storage, tmp_path / "state")
    assert len(storage.folders()) == len(ids)


def test_prune_beside_a_run_that_holds_the_lock_is_refused(
    storage: LocalStorage, tmp_path: Path
) -> None:
    ids = fill(storage)
    with storage.lock(manifests.lock_name(SOURCE)), pytest.raises(RefusedError, match="lock"):
        prune(storage, tmp_path)
    assert len(storage.folders()) == len(ids)
    assert not (tmp_path / "audit.jsonl").exists()


def test_prune_spares_what_was_pinned_or_pruned_since_the_plan(
    storage: LocalStorage, tmp_path: Path
) -> None:
    ids = fill(storage)
    plans = plan_prune(storage, LAST, now=NOW)
    pin = Record(kind="pin", at=NOW, data={"reason": "court", "until": None})
    catalog.add_record(storage, catalog.find(storage, ids[2]), pin)
    storage.delete(f"{ids[3]}/{manifests.FILE_NAME}")
    done = run_prune(storage, plans, LAST, now=NOW, state=tmp_path)
    assert done.removed == [ids[4]]
    assert {left.backup_id: left.reason for left in done.changed} == {
        ids[2]: "pinned: court",
        ids[3]: "it is gone already",
    }
    assert done.swept == (ids[3],)


def test_prune_spares_what_is_pinned_at_the_last_moment(
    storage: LocalStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = fill(storage, 3)
    pin = Record(kind="pin", at=NOW, data={"reason": "court", "until": None})

    def pin_first(key: str) -> None:
        if key.endswith(manifests.FILE_NAME):
            catalog.add_record(storage, catalog.find(storage, ids[2]), pin)

    monkeypatch.setattr(storage, "locked_until", pin_first)
    done = prune(storage, tmp_path)
    assert done.removed == []
    assert [left.reason for left in done.changed] == ["it was changed meanwhile"]


@pytest.mark.parametrize("harm", ["missing", "cut"])
def test_prune_leans_on_no_proven_backup_whose_files_are_gone(
    storage: LocalStorage, harm: str
) -> None:
    ids = fill(storage)
    dump = storage.root / ids[0] / "dump.pgc"
    dump.unlink() if harm == "missing" else dump.write_bytes(b"d")
    (plan,) = plan_prune(storage, RetentionPolicy(last=1, floor=1), now=NOW)
    reasons = {k.entry.backup_id: k.reasons for k in plan.keep}
    assert list(reasons) == ids[:2]
    assert reasons[ids[0]][0].startswith("not whole any more: dump.pgc ")


def test_prune_with_every_file_gone_removes_nothing(storage: LocalStorage) -> None:
    for backup_id in fill(storage):
        (storage.root / backup_id / "dump.pgc").unlink()
    (plan,) = plan_prune(storage, LAST, now=NOW)
    assert plan.remove == ()


def test_prune_does_not_lean_on_a_drill_whose_files_are_gone(storage: LocalStorage) -> None:
    drilled = [
        store(storage, NOW - timedelta(days=d), State.DRILLED, number=50 + d) for d in (8, 9)
    ]
    fill(storage, 3)
    (storage.root / drilled[0] / "dump.pgc").unlink()
    (plan,) = plan_prune(storage, LAST, now=NOW)
    kept = {k.entry.backup_id: k.reasons[0] for k in plan.keep}
    assert kept[drilled[1]] == "the newest drilled"


def test_prune_record_that_cannot_be_read_keeps_the_backup(
    storage: LocalStorage, tmp_path: Path
) -> None:
    ids = fill(storage)
    pin = Record(kind="pin", at=NOW, data={"reason": "court", "until": None})
    catalog.add_record(storage, catalog.find(storage, ids[4]), pin)
    (record,) = (storage.root / ids[4] / "records").glob("*-pin-*")
    record.write_text("torn")
    assert ids[4] not in prune(storage, tmp_path).removed


def test_prune_reports_what_the_storage_locks_and_goes_on(
    storage: LocalStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = fill(storage)
    until = NOW + timedelta(days=3)
    locks: dict[str, datetime | None] = {
        f"{ids[2]}/dump.pgc": until,
        f"{ids[3]}/{manifests.FILE_NAME}": HELD_FOR_GOOD,
        f"{ids[4]}/dump.pgc": NOW - timedelta(days=1),
    }
    monkeypatch.setattr(storage, "locked_until", locks.get)
    done = prune(storage, tmp_path)
    assert done.removed == [ids[4]]
    assert {left.backup_id: left.reason for left in done.locked} == {
        ids[2]: "the storage keeps it until 2026-11-25T04:00:00.000Z (object lock)",
        ids[3]: "the storage holds it without an end (legal hold)",
    }
    assert done.failed == []


def test_prune_where_versions_are_kept_frees_nothing(
    storage: LocalStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(storage)
    monkeypatch.setattr(storage, "keeps_versions", lambda: True)
    done = prune(storage, tmp_path)
    assert (done.freed_bytes, done.removed_bytes) == (0, 3 * 475)


def test_prune_goes_on_after_one_that_cannot_be_removed(
    storage: LocalStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = fill(storage)
    delete = storage.delete

    def refuse(key: str) -> None:
        if key.startswith(ids[3]):
            raise UnreachableError("no right to remove it")
        delete(key)

    monkeypatch.setattr(storage, "delete", refuse)
    done = prune(storage, tmp_path)
    assert done.removed == [ids[4], ids[2]]
    assert [(left.backup_id, left.reason) for left in done.failed] == [
        (ids[3], "no right to remove it")
    ]


def test_prune_sweeping_that_fails_says_that_the_rest_is_left(
    storage: LocalStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = fill(storage, 3)

    def refuse(_folder: str) -> bool:
        raise UnreachableError("gone")

    monkeypatch.setattr(storage, "sweep", refuse)
    done = prune(storage, tmp_path)
    assert done.removed == [ids[2]]
    assert done.freed_bytes == 0
    assert done.failed[0].reason.startswith("only its manifest is gone, the next run sweeps")
    monkeypatch.undo()
    store(storage, NOW - timedelta(days=9), number=99)
    assert prune(storage, tmp_path).swept == (ids[2],)


def test_prune_of_one_source_leaves_the_others_alone(storage: LocalStorage, tmp_path: Path) -> None:
    for day in range(4):
        for host in ("a.kulti.example", "b.kulti.example"):
            store(storage, NOW - timedelta(days=day), number=day * 2 + (host[0] == "b"), host=host)
    plans = plan_prune(storage, LAST, now=NOW, source="a.kulti.example:5432/postgres")
    done = run_prune(storage, plans, LAST, now=NOW, state=tmp_path)
    left = [e.manifest.source.host[0] for e in catalog.list_entries(storage) if e.manifest]
    assert len(done.removed) == 2
    assert (left.count("a"), left.count("b")) == (2, 4)
    with pytest.raises(NotFoundError, match="no backup of c"):
        plan_prune(storage, LAST, now=NOW, source="c")


def test_failed_verification_after_the_fact_gives_way_to_the_older(storage: LocalStorage) -> None:
    ids = fill(storage)
    crit = Record(kind="verify", at=NOW, status=Verdict.CRIT, level="quick")
    catalog.add_record(storage, catalog.find(storage, ids[0]), crit)
    (plan,) = plan_prune(storage, RetentionPolicy(last=1, floor=1), now=NOW)
    assert [k.entry.backup_id for k in plan.keep] == ids[:2]


def test_prune_whose_artifacts_stay_does_not_claim_their_space(
    storage: LocalStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = fill(storage, 3)
    monkeypatch.setattr(storage, "sweep", lambda *_, **__: False)
    done = prune(storage, tmp_path)
    assert (done.removed, done.removed_bytes) == ([ids[2]], 0)
    (left,) = done.failed
    assert left.backup_id == ids[2]
    assert left.reason.startswith("only its manifest is gone")


def test_prune_of_servers_behind_one_tunnel_lets_none_displace_another(
    storage: LocalStorage, tmp_path: Path
) -> None:
    ids: dict[str, list[str]] = {"production": [], "staging": []}
    for day in range(4):
        for hour, server in enumerate(ids):
            at = NOW - timedelta(days=day, hours=hour)
            ids[server].append(
                store(
                    storage, at, number=2 * day + hour, host="localhost", system_identifier=server
                )
            )
    done = prune(storage, tmp_path)
    assert set(done.removed) == {*ids["production"][2:], *ids["staging"][2:]}
    assert (done.failed, done.changed) == ([], [])
    assert set(storage.folders()) == {*ids["production"][:2], *ids["staging"][:2]}


def test_plan_of_a_server_with_a_name_of_its_own_is_one(storage: LocalStorage) -> None:
    """An upgrade gives the same database another identifier."""
    for day in range(4):
        store(storage, NOW - timedelta(days=day), number=day, system_identifier=f"{day}")
    (plan,) = plan_prune(storage, LAST, now=NOW)
    assert len(plan.remove) == 2
