"""S3: the contract on a real server and on moto, and what only a bucket can do wrong."""

from __future__ import annotations

import hashlib
import io
import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from urllib3.exceptions import SSLError

from kulti_ops.backup import create
from kulti_ops.backup.catalog import State, find, list_entries
from kulti_ops.errors import (
    ConfigError,
    RefusedError,
    StorageError,
    UnreachableError,
)
from kulti_ops.pgserver.process import wait_until
from kulti_ops.storage import HELD_FOR_GOOD
from kulti_ops.storage.s3 import CLAIMS, LOCKS, S3Storage, lease, listing
from kulti_ops.storage.s3.lease import Lease, LeaseTimes, look
from kulti_ops.storage.s3.options import MIB, S3Options
from tests.s3server import BUCKET, LOCKED_BUCKET
from tests.unit.backup.storing import NOW, store
from tests.unit.storage.contract import BACKUP, KEY, StorageContract, get, put

if TYPE_CHECKING:
    from tests.s3server import S3Server

PART = 64 * 1024
QUICK = LeaseTimes(beat_s=0.05, stale_s=120, settle_s=0.05)
# What `prepare` finds out about each server, so that not every test asks again.
KNOWN = {"swift": (True, False), "moto": (True, True)}


def small_parts(server: S3Server, **more: Any) -> S3Options:
    part = PART if server.access_key_id != "moto" else 5 * MIB  # moto insists, as AWS does
    return server.options(**{"part_min_bytes": part, "part_max_bytes": part, **more})


@pytest.fixture(scope="session", params=["swift", "moto"])
def server(request: pytest.FixtureRequest) -> S3Server:
    found: S3Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def storage(server: S3Server) -> S3Storage:
    made = S3Storage(small_parts(server), times=QUICK)
    name = "moto" if server.access_key_id == "moto" else "swift"
    made.client.creates_once, made.client.replaces_known = KNOWN[name]
    return made


@pytest.fixture
def unused_tcp_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


class TestS3Storage(StorageContract):
    """The bucket keeps the contract of every storage."""


def noise(size_bytes: int) -> bytes:
    return hashlib.shake_128(b"noise").digest(size_bytes)


def prefix_of(storage: S3Storage) -> str:
    return storage.client.options.prefix.rstrip("/")


def on(server: S3Server, **more: Any) -> S3Storage:
    """A storage on a server; small parts where it takes them."""
    return S3Storage(small_parts(server, **more), times=QUICK)


def dead_process() -> int:
    """The id of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait(30)
    return child.pid


def plant_lease(server: S3Server, storage: S3Storage, key: str, **said: object) -> None:
    """Leave a lease as another holder wrote it."""
    document = {"nonce": "other", "host": "elsewhere", "pid": 7, **said}
    server.boto().put_object(
        Bucket=BUCKET, Key=storage.client.key(key), Body=json.dumps(document).encode()
    )


def begin_upload(server: S3Server, storage: S3Storage, key: str) -> None:
    """Leave an upload that nobody finishes."""
    boto = server.boto()
    where = {"Bucket": BUCKET, "Key": storage.client.key(key)}
    upload = boto.create_multipart_upload(**where)["UploadId"]
    boto.upload_part(**where, UploadId=upload, PartNumber=1, Body=b"half")


def test_s3_prepare_learns_what_the_server_honours(server: S3Server) -> None:
    made = on(server)
    made.prepare()
    name = "moto" if server.access_key_id == "moto" else "swift"
    assert (made.client.creates_once, made.client.replaces_known) == KNOWN[name]
    assert server.keys(prefix_of(made)) == []


def test_s3_large_object_goes_in_equal_parts(swift: S3Server) -> None:
    storage = on(swift)
    content = noise(3 * PART + 17)
    put(storage, KEY, content)
    assert get(storage, KEY) == content
    found = swift.boto().head_object(Bucket=BUCKET, Key=storage.client.key(KEY))
    assert found["ETag"].endswith('-4"')
    assert swift.uploads(prefix_of(storage)) == []
    assert swift.keys(prefix_of(storage)) == [KEY]


def test_s3_failed_writer_leaves_no_upload(swift: S3Server) -> None:
    storage = on(swift)

    def fail() -> None:
        with storage.claim(BACKUP), storage.writer(KEY) as writer:
            writer.write(bytes(3 * PART))
            assert swift.uploads(prefix_of(storage)) == [KEY]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert swift.uploads(prefix_of(storage)) == []
    assert swift.keys(prefix_of(storage)) == []


def test_s3_large_object_is_never_overwritten(swift: S3Server) -> None:
    storage = on(swift)
    put(storage, KEY, b"first")
    with pytest.raises(StorageError, match="never overwritten"):
        put(storage, KEY, bytes(3 * PART))
    assert get(storage, KEY) == b"first"
    assert swift.uploads(prefix_of(storage)) == []


@pytest.mark.parametrize("creates_once", [True, False, None])
def test_s3_two_writers_of_one_key_only_one_wins(
    swift: S3Server,
    creates_once: bool | None,  # noqa: FBT001 - a parameter of the test
) -> None:
    storage = on(swift)
    storage.client.creates_once = creates_once
    with storage.writer(KEY) as slow:
        slow.write(b"slow")
        put(storage, KEY, b"fast")
        with pytest.raises(StorageError, match="never overwritten"):
            slow.commit()
    assert get(storage, KEY) == b"fast"


def test_s3_expectation_that_does_not_fit_is_refused_beforehand(swift: S3Server) -> None:
    storage = on(swift, max_parts=10)
    with pytest.raises(RefusedError, match="do not fit into 10 parts") as caught:
        storage.writer(KEY, expected_bytes=11 * PART)
    assert "KULTI_OPS_S3_PART_MAX_MIB" in caught.value.hint


def test_s3_object_larger_than_its_parts_hold_is_given_up(swift: S3Server) -> None:
    storage = on(swift, max_parts=2)
    with (
        pytest.raises(StorageError, match="larger than expected: 2 parts of"),
        storage.writer(KEY) as writer,
    ):
        writer.write(bytes(3 * PART + 1))
    assert swift.uploads(prefix_of(storage)) == []


def test_s3_reader_reads_pieces_of_every_size(swift: S3Server) -> None:
    storage = on(swift)
    content = noise(2 * PART + 5)
    put(storage, KEY, content)
    with storage.reader(KEY) as reader:
        start = reader.read(3)
        buffer = bytearray(7)
        assert reader.readinto(buffer) == 7  # type: ignore[attr-defined]
        assert start + buffer + reader.read() == content
        assert reader.read(10) == b""


def test_s3_reader_of_a_replaced_object_never_mixes_two(swift: S3Server) -> None:
    storage = on(swift)
    put(storage, KEY, bytes(3 * PART))
    with storage.reader(KEY) as reader:
        reader.read(10)
        storage.delete(KEY)
        put(storage, KEY, b"x" * (3 * PART))
        reader._body.close()  # type: ignore[attr-defined]
        reader._body = io.BytesIO()  # type: ignore[attr-defined]
        with pytest.raises(UnreachableError, match="replaced or removed while it was read"):
            reader.read(10)


def test_s3_hidden_and_foreign_names_are_no_objects(swift: S3Server) -> None:
    storage = on(swift)
    put(storage, KEY)
    for key in (".hidden/x", f"{BACKUP}/.part", "folder/"):
        swift.boto().put_object(Bucket=BUCKET, Key=storage.client.key(key), Body=b"x")
    with storage.lock("source"):
        assert [info.key for info in storage.list()] == [KEY]
    assert storage.folders() == (BACKUP, "folder")


def test_s3_listing_goes_on_behind_its_first_page(
    swift: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = on(swift)
    keys = {f"{BACKUP}/records/{n}.json" for n in range(5)} | {"other/manifest.json"}
    for key in keys:
        swift.boto().put_object(Bucket=BUCKET, Key=storage.client.key(key), Body=b"x")
    page = listing.page
    monkeypatch.setattr(
        listing, "page", lambda client, prefix, **more: page(client, prefix, MaxKeys=2, **more)
    )
    assert {info.key for info in storage.list()} == keys
    assert storage.folders() == (BACKUP, "other")


def test_s3_missing_bucket_is_an_error_and_never_an_empty_storage(server: S3Server) -> None:
    storage = S3Storage(server.options(bucket="no-such-bucket"))
    for use in (
        storage.prepare,
        storage.folders,
        lambda: list(storage.list()),
        lambda: storage.info(KEY),
        lambda: storage.reader(KEY),
        lambda: storage.read_small(KEY, limit_bytes=9),
        lambda: put(storage, KEY),
        storage.unfinished,
    ):
        with pytest.raises(UnreachableError, match="there is no bucket no-such-bucket"):
            use()


def test_s3_wrong_secret_is_one_line_for_everything(swift: S3Server) -> None:
    storage = S3Storage(swift.options(secret_access_key="wrong-secret"))
    for use in (storage.prepare, storage.folders, lambda: storage.info(KEY)):
        with pytest.raises(UnreachableError, match="the secret key is not") as caught:
            use()
        assert "wrong-secret" not in str(caught.value)
        assert "AWS_SECRET_ACCESS_KEY" in caught.value.hint


def test_s3_endpoint_nobody_listens_on_is_named(unused_tcp_port: int) -> None:
    endpoint = f"http://127.0.0.1:{unused_tcp_port}"
    storage = S3Storage(
        S3Options(
            bucket="bucket", endpoint=endpoint, access_key_id="x", secret_access_key="y", attempts=1
        )
    )
    with pytest.raises(UnreachableError, match="the server cannot be reached") as caught:
        storage.folders()
    assert endpoint in caught.value.message


def test_s3_what_the_server_does_not_offer_is_named(swift: S3Server) -> None:
    for more, setting in (
        ({"sse": "AES256"}, "KULTI_OPS_S3_SSE=AES256"),
        ({"storage_class": "STANDARD_IA"}, "KULTI_OPS_S3_STORAGE_CLASS=STANDARD_IA"),
        ({"lock_days": 1}, "KULTI_OPS_S3_LOCK_DAYS"),
    ):
        storage = on(swift, **more)
        with pytest.raises((StorageError, ConfigError), match=setting):
            use_it(storage)
        assert swift.keys(prefix_of(storage)) == []


def use_it(storage: S3Storage) -> None:
    storage.prepare()
    put(storage, KEY)


def test_s3_object_is_kept_as_the_settings_ask(moto: S3Server) -> None:
    storage = on(
        moto,
        bucket=LOCKED_BUCKET,
        sse="AES256",
        storage_class="STANDARD_IA",
        lock_days=3,
        lock_mode="compliance",
    )
    use_it(storage)
    put(storage, f"{BACKUP}/large", bytes(5 * MIB + 1))
    for key in (KEY, f"{BACKUP}/large"):
        where = {"Bucket": LOCKED_BUCKET, "Key": storage.client.key(key)}
        found = moto.boto().head_object(**where)
        assert found["ServerSideEncryption"] == "AES256"
        assert found["StorageClass"] == "STANDARD_IA"
        if key == KEY:  # moto forgets the lock of what came in parts
            assert found["ObjectLockMode"] == "COMPLIANCE"
            left = found["ObjectLockRetainUntilDate"] - found["LastModified"]
            assert abs(left.total_seconds() - 3 * 86400) < 3600


@pytest.mark.parametrize("checksum", ["md5", "crc32"])
def test_s3_checksums_that_go_along_are_taken(server: S3Server, checksum: str) -> None:
    storage = on(server, checksum=checksum)
    part = storage.client.options.part_min_bytes
    put(storage, KEY, bytes(part + 1))
    assert len(get(storage, KEY)) == part + 1


def test_s3_part_that_changes_on_the_way_is_refused(
    swift: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = on(swift)
    flip = flip_bodies(storage)
    monkeypatch.setattr(storage.client, "_made", flip)
    with pytest.raises(UnreachableError, match="what arrived is not what was sent"):
        put(storage, KEY, bytes(100))
    assert storage.info(KEY) is None


def flip_bodies(storage: S3Storage) -> Any:
    """Return the storage's client, changed so that the wire alters what was signed."""
    boto = storage.client._boto

    def alter(request: Any, **_: object) -> None:
        if request.method == "PUT" and hasattr(request.body, "getvalue"):
            request.body = io.BytesIO(b"!" + request.body.getvalue()[1:])

    boto.meta.events.register_last("before-send.s3", alter)
    return boto


# leases


def test_s3_lock_of_a_living_holder_elsewhere_is_refused(swift: S3Server) -> None:
    storage = on(swift)
    plant_lease(swift, storage, f"{LOCKS}source")
    with pytest.raises(RefusedError, match="process 7 on elsewhere, last heard of") as caught:
        storage.lock("source").__enter__()
    assert "120 s" in caught.value.hint


@pytest.mark.parametrize("replaces_known", [True, False, None])
def test_s3_lock_that_went_stale_is_taken_over(
    server: S3Server,
    replaces_known: bool | None,  # noqa: FBT001 - a parameter of the test
) -> None:
    if replaces_known and server.access_key_id != "moto":
        replaces_known = None
    storage = S3Storage(small_parts(server), times=replace(QUICK, stale_s=-2))
    storage.client.replaces_known = replaces_known
    plant_lease(server, storage, f"{LOCKS}source")
    lease = Lease(storage.client, f"{LOCKS}source", times=replace(QUICK, stale_s=-2))
    lease.take()
    holder = look(storage.client, f"{LOCKS}source")
    assert holder is not None
    assert holder.text.startswith(f"process {os.getpid()} on ")
    lease.release()
    assert server.keys(prefix_of(storage)) == []


def test_s3_lock_of_a_dead_process_of_this_machine_is_taken_over_at_once(swift: S3Server) -> None:
    storage = on(swift)
    plant_lease(
        swift, storage, f"{LOCKS}source", pid=dead_process(), machine=lease._machine(), started="1"
    )
    with storage.lock("source"):
        pass


def test_s3_same_pid_in_another_container_is_no_dead_holder(swift: S3Server) -> None:
    storage = on(swift)
    plant_lease(swift, storage, f"{LOCKS}source", pid=dead_process(), machine="other", started="1")
    with pytest.raises(RefusedError):
        storage.lock("source").__enter__()


def test_s3_lease_is_renewed_as_long_as_it_is_held(swift: S3Server) -> None:
    storage = on(swift)
    with storage.lock("source"):
        held = storage._locks["source"]
        first = held._heard
        wait_until(lambda: held._heard > first, timeout_s=10)
        assert held._heard > first


def test_s3_nothing_is_published_once_the_claim_is_lost(swift: S3Server) -> None:
    storage = S3Storage(small_parts(swift), times=replace(QUICK, beat_s=3600))
    with storage.claim(BACKUP), storage.writer(KEY) as writer:
        writer.write(b"late")
        plant_lease(swift, storage, CLAIMS + BACKUP)
        storage._claims[BACKUP]._beat()
        with pytest.raises(StorageError, match="was lost: it was taken over"):
            writer.commit()
    assert swift.keys(prefix_of(storage)) == [CLAIMS + BACKUP]  # the other's, left alone


def test_s3_lease_that_was_silent_for_long_is_not_trusted(
    swift: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = S3Storage(small_parts(swift), times=LeaseTimes(beat_s=3600, stale_s=60))
    with storage.lock("source"), storage.writer(KEY) as writer:
        writer.write(b"late")
        now_s = lease._now_s()
        monkeypatch.setattr(lease, "_now_s", lambda: now_s + 3601)
        with pytest.raises(StorageError, match="could not be renewed in time"):
            writer.commit()


def test_s3_tidy_aborts_uploads_of_the_dead_and_no_others(swift: S3Server) -> None:
    storage = on(swift)
    dead, alive, foreign = (f"20261122T030000Z-{n}-1a2b" for n in ("dead", "alive", "foreign"))
    for backup in (dead, alive, foreign):
        begin_upload(swift, storage, f"{backup}/dump.pgc")
    plant_lease(swift, storage, CLAIMS + alive)
    plant_lease(
        swift, storage, CLAIMS + dead, pid=dead_process(), machine=lease._machine(), started="1"
    )
    assert {(u.key.split("/")[0], bool(u.holder), u.ours) for u in storage.unfinished()} == {
        (dead, False, True),  # its claim as well as its upload
        (alive, True, True),
        (foreign, False, False),
    }
    storage.tidy()
    assert swift.uploads(prefix_of(storage)) == [f"{b}/dump.pgc" for b in (alive, foreign)]
    assert swift.keys(prefix_of(storage)) == [CLAIMS + alive]


def test_s3_tidy_removes_old_probes(swift: S3Server) -> None:
    storage = on(swift)
    swift.boto().put_object(Bucket=BUCKET, Key=storage.client.key(".kulti/probe-1"), Body=b"")
    storage.tidy()
    assert swift.keys(prefix_of(storage)) == [".kulti/probe-1"]
    S3Storage(storage.client.options, times=replace(QUICK, stale_s=-2)).tidy()
    assert swift.keys(prefix_of(storage)) == []


def test_s3_sweep_removes_the_uploads_too(swift: S3Server) -> None:
    storage = on(swift)
    put(storage, f"{BACKUP}/globals.sql")
    begin_upload(swift, storage, KEY)
    assert storage.sweep(BACKUP) is True
    assert swift.uploads(prefix_of(storage)) == []
    assert swift.keys(prefix_of(storage)) == []


def test_s3_upload_that_could_not_be_aborted_keeps_its_claim(
    swift: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = on(swift)
    call = storage.client.call

    def fail_aborts(operation: str, doing: str, **arguments: Any) -> Any:
        if operation == "abort_multipart_upload":
            raise UnreachableError("the network is gone")
        return call(operation, doing, **arguments)

    monkeypatch.setattr(storage.client, "call", fail_aborts)

    def fail() -> None:
        with storage.claim(BACKUP), storage.writer(KEY) as writer:
            writer.write(bytes(3 * PART))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    monkeypatch.undo()
    assert swift.uploads(prefix_of(storage)) == [KEY]
    assert swift.keys(prefix_of(storage)) == [CLAIMS + BACKUP]
    S3Storage(storage.client.options, times=replace(QUICK, stale_s=-2)).tidy()
    assert swift.uploads(prefix_of(storage)) == []


# what pruning asks


def test_s3_object_that_nothing_keeps_is_not_locked(server: S3Server) -> None:
    storage = on(server)
    put(storage, KEY)
    assert storage.locked_until(KEY) is None
    assert storage.locked_until(f"{BACKUP}/missing") is None
    assert storage.keeps_versions() is False


def test_s3_object_that_a_lock_keeps_says_until_when(moto: S3Server) -> None:
    storage = on(moto, bucket=LOCKED_BUCKET, lock_days=3)
    put(storage, KEY)
    until = storage.locked_until(KEY)
    assert until is not None
    assert until > datetime.now(UTC) + timedelta(days=2)
    where = {"Bucket": LOCKED_BUCKET, "Key": storage.client.key(KEY)}
    moto.boto().put_object_legal_hold(**where, LegalHold={"Status": "ON"})
    assert storage.locked_until(KEY) == HELD_FOR_GOOD
    assert storage.keeps_versions() is True


def test_s3_catalog_takes_three_requests_a_backup(
    moto: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = on(moto)
    ids = {store(storage, NOW - timedelta(days=n), number=n) for n in range(8)}
    asked: list[str] = []
    call = storage.client.call

    def count(operation: str, doing: str, **arguments: Any) -> Any:
        asked.append(operation)
        return call(operation, doing, **arguments)

    monkeypatch.setattr(storage.client, "call", count)
    entries = list_entries(storage)
    assert {entry.backup_id for entry in entries} == ids
    assert {entry.state for entry in entries} == {State.VERIFIED}
    assert len(asked) == 1 + 3 * len(ids)  # the folders; then manifest, records' list, record
    asked.clear()
    assert find(storage, min(ids)).backup_id == min(ids)
    assert len(asked) == 3


def test_s3_sweep_removes_what_is_no_key_of_ours(swift: S3Server) -> None:
    storage = on(swift)
    for name in ("", "a b.txt", ".hidden"):
        swift.boto().put_object(Bucket=BUCKET, Key=storage.client.key(f"{BACKUP}/{name}"), Body=b"")
    assert storage.folders() == (BACKUP,)
    assert storage.sweep(BACKUP) is True
    assert swift.keys(prefix_of(storage)) == []


@pytest.mark.parametrize("held", ["claim", "lock"])
def test_s3_nothing_is_removed_once_a_lease_is_lost(swift: S3Server, held: str) -> None:
    """A machine that slept must not remove what another made there meanwhile."""
    storage = S3Storage(small_parts(swift), times=replace(QUICK, beat_s=3600))
    name, leases = (BACKUP, storage._claims) if held == "claim" else ("source", storage._locks)
    with getattr(storage, held)(name):
        others = (CLAIMS if held == "claim" else LOCKS) + name
        plant_lease(swift, storage, others)
        put(on_same(storage), KEY)
        leases[name]._beat()
        with pytest.raises(StorageError, match="was lost: it was taken over"):
            storage.delete(KEY)
        create.discard(storage, BACKUP)
    assert swift.keys(prefix_of(storage)) == sorted([others, KEY])


def on_same(storage: S3Storage) -> S3Storage:
    return S3Storage(storage.client.options, times=QUICK)


def test_s3_reader_goes_on_after_a_damaged_tls_record(
    swift: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = on(swift)
    put(storage, KEY, b"content")

    class Damaged:
        def read(self, _size: int) -> bytes:
            raise SSLError("bad record mac")

        def close(self) -> None:
            pass

    with storage.reader(KEY) as reader:
        monkeypatch.setattr(reader, "_body", Damaged())
        assert reader.read(100) == b"content"
