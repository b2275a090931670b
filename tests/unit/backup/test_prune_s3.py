"""Pruning a bucket: locked objects stay and are named, versions are no space freed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from kulti_ops.backup import catalog
from kulti_ops.backup.catalog import State
from kulti_ops.backup.prune import plan_prune, run_prune
from kulti_ops.backup.retention import RetentionPolicy
from kulti_ops.storage.s3 import S3Storage
from tests.s3server import BUCKET, LOCKED_BUCKET
from tests.unit.backup.storing import NOW, store
from tests.unit.storage.s3.test_storage import KNOWN, QUICK

if TYPE_CHECKING:
    from pathlib import Path

    from kulti_ops.backup.prune import Pruned
    from tests.s3server import S3Server

LAST = RetentionPolicy(last=1, floor=1)


def on(server: S3Server, **more: Any) -> S3Storage:
    """Return a storage that knows its server, and waits for no other host."""
    made = S3Storage(server.options(**more), times=QUICK)
    name = "moto" if server.access_key_id == "moto" else "swift"
    made.client.creates_once, made.client.replaces_known = KNOWN[name]
    return made


def prune(storage: S3Storage, state: Path) -> Pruned:
    plans = plan_prune(storage, LAST, now=NOW)
    return run_prune(storage, plans, LAST, now=NOW, state=state)


def test_prune_of_a_real_bucket_leans_on_what_is_there_and_removes_the_rest(
    swift: S3Server, tmp_path: Path
) -> None:
    storage = on(swift)
    prefix = storage.client.options.prefix
    ids = [store(storage, NOW - timedelta(days=d), number=d) for d in range(3)]
    dump = {"Bucket": BUCKET, "Key": f"{prefix}{ids[0]}/dump.pgc"}
    client = swift.boto()
    content = client.get_object(**dump)["Body"].read()
    for harm in ("missing", "of another size"):
        client.delete_object(**dump)
        if harm == "of another size":
            client.put_object(**dump, Body=b"d")
        (plan,) = plan_prune(storage, LAST, now=NOW)
        assert [r.entry.backup_id for r in plan.remove] == [ids[2]], harm
    client.put_object(**dump, Body=content)

    done = prune(storage, tmp_path)
    assert done.removed == ids[:0:-1]
    assert done.freed_bytes == done.removed_bytes == 2 * 475
    assert (done.locked, done.failed, done.changed) == ([], [], [])
    (left,) = catalog.list_entries(storage)
    assert (left.backup_id, left.state) == (ids[0], State.VERIFIED)
    folders = {key.split("/")[0] for key in swift.keys(prefix.rstrip("/"))}
    assert folders == {ids[0]}


def test_prune_of_a_locked_bucket_names_what_stays(moto: S3Server, tmp_path: Path) -> None:
    storage = on(moto, bucket=LOCKED_BUCKET, lock_days=30)
    ids = [store(storage, NOW - timedelta(days=d), number=d) for d in range(3)]
    moto.boto().put_object_legal_hold(
        Bucket=LOCKED_BUCKET,
        Key=f"{storage.client.options.prefix}{ids[2]}/dump.pgc",
        LegalHold={"Status": "ON"},
    )
    done = prune(storage, tmp_path)
    assert (done.removed, done.failed) == ([], [])
    hold, lock = done.locked
    assert (hold.backup_id, lock.backup_id) == (ids[2], ids[1])
    assert hold.reason == "the storage holds it without an end (legal hold)"
    assert lock.reason.startswith("the storage keeps it until 20")
    assert len(catalog.list_entries(storage)) == 3


def test_prune_of_a_bucket_with_versions_frees_nothing(moto: S3Server, tmp_path: Path) -> None:
    client = moto.boto()
    client.create_bucket(Bucket="kulti-versions")
    client.put_bucket_versioning(
        Bucket="kulti-versions", VersioningConfiguration={"Status": "Enabled"}
    )
    storage = on(moto, bucket="kulti-versions")
    ids = [store(storage, NOW - timedelta(days=d), number=d) for d in range(2)]
    done = prune(storage, tmp_path)
    assert done.removed == [ids[1]]
    assert (done.freed_bytes, done.removed_bytes, done.keeps_versions) == (0, 475, True)
