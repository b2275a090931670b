"""Whole runs of the tool on a real S3 server: what works, what dies, what is damaged."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import psycopg
import pytest
from pyrage import x25519

from kulti_ops.backup.catalog import State, find, read_entry, usable_manifest
from kulti_ops.report import Verdict
from kulti_ops.storage.s3 import S3Storage
from kulti_ops.verify import Level
from kulti_ops.verify.backup import verify_backup
from tests.faulty_proxy import faulty_proxy
from tests.functional.faults.stage import Stage, die_at, sessions, until
from tests.s3server import BUCKET

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.functional.conftest import Database
    from tests.s3server import S3Server

WRITER = "kulti_ops.storage.s3.writer:S3Writer"
ROWS = "SELECT sum(id), count(*), md5(string_agg(body, '' ORDER BY id)) FROM public.bulk"


def prefix_of(stage: Stage) -> str:
    return stage.environment["KULTI_OPS_STORAGE"].removeprefix(f"s3://{BUCKET}/")


def storage_of(stage: Stage, swift: S3Server) -> S3Storage:
    return S3Storage(swift.options(prefix_of(stage)))


def small_parts() -> None:
    """Have parts of 128 kB instead of 12 MB, so that a small dump has several."""
    from kulti_ops.storage.s3 import options

    options.MIB = 16 * 1024  # type: ignore[misc]


@pytest.fixture
def on_s3(stage: Stage, swift: S3Server) -> Stage:
    """A stage whose storage is an empty place in the bucket."""
    stage.environment.update(swift.environment())
    return stage


def test_s3_backup_is_made_proven_and_restored(
    on_s3: Stage, small: Database, empty_database: Callable[[], Database]
) -> None:
    created = on_s3.forked("backup", "create", prepare=small_parts)
    assert created.code == 0, created.err
    listed = on_s3.json("backup", "list")
    assert [b["backup_id"] for b in listed.document["data"]["backups"]] == [created.out.strip()]
    verified = on_s3.json("verify", "backup")
    assert verified.code == 0, verified.findings
    target = empty_database()
    command = ("restore", "run", "--target", "env:RESTORE_URL", "--create-roles", "--yes")
    restored = on_s3.json(*command, RESTORE_URL=target.url)
    assert restored.code == 0, restored.findings
    with psycopg.connect(small.url) as source, psycopg.connect(target.url) as there:
        assert source.execute(ROWS).fetchone() == there.execute(ROWS).fetchone()


@pytest.mark.fault("S3: slower than the dump")
@pytest.mark.parametrize("sealed", [False, True])
def test_s3_storage_that_stands_still_does_not_hold_the_snapshot_open(
    on_s3: Stage,
    small: Database,
    swift: S3Server,
    outcome: Callable[[object], None],
    *,
    sealed: bool,
) -> None:
    identity = x25519.Identity.generate()
    if sealed:
        on_s3.environment["KULTI_OPS_ENCRYPT_TO"] = str(identity.to_public())
        on_s3.environment["KULTI_OPS_IDENTITY"] = str(identity)
    on_s3.environment["KULTI_OPS_SPOOL_AFTER_S"] = "0.05"
    with faulty_proxy(swift) as proxy:
        on_s3.environment["KULTI_OPS_S3_ENDPOINT"] = proxy.as_server.endpoint
        proxy.stage("held", lambda r: r.part > 0)
        with on_s3.begun("backup", "create", prepare=small_parts) as child:
            until(lambda: proxy.staged)
            until(lambda: sessions(small.url, small.name) == 0)
            assert child.poll() is None
            assert not any(r.completes for r in proxy.seen)
            proxy.heal()
            done = child.finish()
        assert done.code == 0, done.err
        verified = on_s3.json("verify", "backup")
    assert verified.code == 0, verified.findings
    outcome("the snapshot ended while the storage stood still; stored and verified later")


def test_s3_sealed_backup_is_made_drilled_and_copied(on_s3: Stage, swift: S3Server) -> None:
    identity = x25519.Identity.generate()
    on_s3.environment["KULTI_OPS_ENCRYPT_TO"] = str(identity.to_public())
    on_s3.environment["KULTI_OPS_IDENTITY"] = str(identity)
    created = on_s3.forked("backup", "create", prepare=small_parts)
    assert created.code == 0, created.err
    drilled = on_s3.json("restore", "drill")
    assert drilled.code == 0, drilled.findings
    here = str(on_s3.storage)
    copied = on_s3.json("backup", "copy", "--to", here)
    assert copied.code == 0, copied.findings
    assert copied.document["data"]["records"] == 1
    again = on_s3.json("backup", "copy", "--to", here)
    assert (again.code, again.document["data"]["already_there"]) == (0, True)
    shown = on_s3.json("backup", "show", KULTI_OPS_STORAGE=here)
    assert shown.document["data"]["state"] == "drilled"
    looked = on_s3.json("verify", "storage")
    assert {i: v for i, v in looked.verdicts.items() if v != "ok"} == {"public-settings": "unknown"}
    keys = swift.keys(prefix_of(on_s3))
    assert [key for key in keys if "/." in f"/{key}"] == []
    assert sum(key.endswith(".age") for key in keys) == 3


@pytest.mark.fault("S3: SIGKILL during the upload")
def test_s3_create_killed_during_the_upload_is_cleaned_up_by_the_next_run(
    on_s3: Stage, swift: S3Server, outcome: Callable[[object], None]
) -> None:
    def prepare() -> None:
        small_parts()
        die_at(f"{WRITER}._send_part", signal.SIGKILL, call=3)()

    assert on_s3.forked("backup", "create", prepare=prepare).code == -signal.SIGKILL
    left = swift.uploads(prefix_of(on_s3))
    assert [key.partition("/")[2] for key in left] == ["dump.pgc"]
    on_s3.create()
    assert swift.uploads(prefix_of(on_s3)) == []
    listed = on_s3.json("backup", "list").document["data"]["backups"]
    assert len(listed) == 1
    assert {key.partition("/")[0] for key in swift.keys(prefix_of(on_s3))} == {
        listed[0]["backup_id"]
    }
    outcome("its upload is aborted, its leases are taken over at once")


@pytest.mark.fault("S3: SIGINT during the upload")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_s3_create_interrupted_during_the_upload_leaves_nothing(
    on_s3: Stage, swift: S3Server, number: signal.Signals
) -> None:
    def prepare() -> None:
        small_parts()
        die_at(f"{WRITER}._send_part", number, call=3)()

    done = on_s3.forked("backup", "create", prepare=prepare)
    assert done.code == 128 + number
    assert swift.uploads(prefix_of(on_s3)) == []
    assert swift.keys(prefix_of(on_s3)) == []


@pytest.mark.fault("S3: disk full on download")
def test_s3_copy_to_a_full_disk_publishes_nothing_there(
    on_s3: Stage, outcome: Callable[[object], None]
) -> None:
    def prepare() -> None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    on_s3.create()
    done = on_s3.forked("backup", "copy", "--to", str(on_s3.storage), prepare=prepare)
    assert done.code == 5
    outcome(done.line)
    assert on_s3.folders == []
    assert on_s3.rubbish == []
    assert on_s3.json("verify", "backup", "--level", "quick").code == 0


@pytest.mark.fault("S3: stored objects are damaged")
def test_s3_damage_of_every_kind_is_found(
    on_s3: Stage, swift: S3Server, outcome: Callable[[object], None]
) -> None:
    backup_id = on_s3.create()
    storage, boto = storage_of(on_s3, swift), swift.boto()
    manifest = usable_manifest(find(storage, backup_id))

    def put(name: str, data: bytes) -> None:
        boto.put_object(Bucket=BUCKET, Key=storage.client.key(f"{backup_id}/{name}"), Body=data)

    for name in ("dump.pgc", "inventory.json", "SHA256SUMS"):
        with storage.reader(f"{backup_id}/{name}") as reader:
            good = reader.read()
        flipped = bytearray(good)
        flipped[len(good) // 2] ^= 1
        for bad in (bytes(flipped), good[:-1], good + b"\0", b""):
            put(name, bad)
            done = verify_backup(manifest, storage, level=Level.QUICK)
            assert done.status is Verdict.CRIT, name
        storage.delete(f"{backup_id}/{name}")
        assert verify_backup(manifest, storage, level=Level.QUICK).status is Verdict.CRIT
        put(name, good)
    assert verify_backup(manifest, storage, level=Level.QUICK).status is Verdict.OK
    put("manifest.json", b"{}")
    damaged = read_entry(storage, backup_id)
    assert damaged is not None
    assert damaged.state is State.DAMAGED
    found = on_s3.json("verify", "storage")
    assert (found.code, found.verdicts["manifests"]) == (10, "crit")
    outcome("crit for a flipped byte, one byte less, one more, nothing, no object")
