"""Damage to encrypted backups: a cut stream is no end, and what is locked is never ok."""

from __future__ import annotations

import json
import shutil
import signal
from typing import TYPE_CHECKING

import pyrage
import pytest

from kulti_ops.backup.catalog import State, read_entry
from kulti_ops.pgtools import find_installations
from kulti_ops.report import Verdict
from kulti_ops.sealing import NO_IDENTITIES, Identities
from kulti_ops.storage.local import LocalStorage
from kulti_ops.verify import Level
from kulti_ops.verify.backup import Verification, verify_backup
from tests.functional.faults.stage import REAL_BIN, Stage, die_at
from tests.functional.faults.test_damage import bad, resign
from tests.functional.faults.test_s3_runs import prefix_of, small_parts
from tests.s3server import BUCKET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.functional.conftest import Database
    from tests.s3server import S3Server

DUMP = "dump.pgc.age"
CHUNK = 65536
TAG = 16


@pytest.fixture(scope="module")
def identity() -> Identities:
    return Identities(text=str(pyrage.x25519.Identity.generate()))


@pytest.fixture(scope="module")
def good_sealed(
    _stages: Path, session_root: Path, small: Database, identity: Identities
) -> Iterator[Stage]:
    """A stage with one good encrypted backup. Copy it, don't touch it."""
    stage = Stage.make(_stages / "sealed", cache=session_root / "cache", url=small.url)
    recipient = pyrage.x25519.Identity.from_str(identity.text).to_public()
    stage.environment["KULTI_OPS_ENCRYPT_TO"] = str(recipient)
    stage.create()
    yield stage
    shutil.rmtree(stage.root)


@pytest.fixture
def sealed(_stages: Path, session_root: Path, good_sealed: Stage) -> Iterator[Stage]:
    """A copy of the encrypted backup, to be damaged."""
    made = Stage.make(_stages / "copy", cache=session_root / "cache", url=good_sealed.url)
    made.environment["KULTI_OPS_ENCRYPT_TO"] = good_sealed.environment["KULTI_OPS_ENCRYPT_TO"]
    shutil.copytree(good_sealed.storage, made.storage, dirs_exist_ok=True)
    yield made
    shutil.rmtree(made.root)


def look(
    stage: Stage, identities: Identities = NO_IDENTITIES, level: Level = Level.CONTENTS
) -> Verification:
    """Verify the only backup in this process."""
    storage = LocalStorage(str(stage.storage))
    entry = read_entry(storage, stage.backup.name)
    assert entry is not None
    assert entry.manifest is not None, entry.problem
    return verify_backup(
        entry.manifest,
        storage,
        level=level,
        installations=find_installations(REAL_BIN, search_path=""),
        identities=identities,
    )


def header_bytes(stage: Stage) -> int:
    """Return where the dump's nonce and chunks begin."""
    document = json.loads((stage.backup / "manifest.json").read_text())
    dump = next(a for a in document["artifacts"] if a["kind"] == "dump")
    chunks = -(-dump["plain_size_bytes"] // CHUNK)
    assert chunks > 3
    return int(dump["size_bytes"] - dump["plain_size_bytes"] - chunks * TAG - TAG)


def flip(data: bytes, place: int) -> bytes:
    changed = bytearray(data)
    changed[place] ^= 1
    return bytes(changed)


@pytest.mark.parametrize(
    "damage",
    [
        *(
            pytest.param(
                lambda data, header, where=where: flip(data, where(len(data), header)),
                id=name,
                marks=pytest.mark.fault(
                    "encrypted: a byte flipped at header, middle and last chunk"
                ),
            )
            for name, where in {
                "version": lambda _size, _header: 3,
                "recipient": lambda _size, _header: 60,
                "header's end": lambda _size, header: header - 5,
                "nonce": lambda _size, header: header + 3,
                "middle": lambda size, _header: size // 2,
                "last chunk": lambda size, _header: size - 100,
                "last byte": lambda size, _header: size - 1,
            }.items()
        ),
        pytest.param(
            lambda data, _header: data[:-1],
            id="cut by one",
            marks=pytest.mark.fault("encrypted: cut by one byte"),
        ),
        *(
            pytest.param(
                lambda data, header, chunks=chunks: data[: header + TAG + chunks * (CHUNK + TAG)],
                id=f"{chunks} chunks",
                marks=pytest.mark.fault("encrypted: cut at a chunk's boundary"),
            )
            for chunks in (0, 1, 3)
        ),
        pytest.param(
            lambda data, _header: data + b"\0",
            id="longer",
            marks=pytest.mark.fault("encrypted: one byte longer"),
        ),
    ],
)
def test_encrypted_dump_damaged_is_found_even_when_its_sums_were_made_to_fit(
    sealed: Stage,
    identity: Identities,
    damage: Callable[[bytes, int], bytes],
    outcome: Callable[[object], None],
) -> None:
    dump = sealed.backup / DUMP
    data = dump.read_bytes()
    header = header_bytes(sealed)
    assert data[header - 50 : header].rpartition(b"\n--- ")[1], "the header does not end there"
    dump.write_bytes(damage(data, header))
    for level in Level:
        for identities in (identity, NO_IDENTITIES):
            assert DUMP in " ".join(bad(look(sealed, identities, level)).values())
    resign(sealed.backup)
    found = bad(look(sealed, identity))
    assert "the archive is damaged" in found["archive"]
    assert look(sealed, NO_IDENTITIES).status is Verdict.UNKNOWN
    outcome(f"crit even with right sums: {found['archive']}")


@pytest.mark.fault("encrypted: cut at a chunk's boundary")
def test_encrypted_dump_cut_is_believed_by_no_command(
    sealed: Stage, identity: Identities, outcome: Callable[[object], None]
) -> None:
    dump = sealed.backup / DUMP
    dump.write_bytes(dump.read_bytes()[: header_bytes(sealed) + TAG + 3 * (CHUNK + TAG)])
    resign(sealed.backup)
    sealed.environment["KULTI_OPS_IDENTITY"] = identity.text
    verified = sealed.json("verify", "backup")
    assert verified.code == 10
    assert sealed.json("restore", "drill").code == 10
    assert sealed.json("restore", "run", "--target", "env:DATABASE_URL", "--yes").code == 6
    entry = read_entry(LocalStorage(str(sealed.storage)), sealed.backup.name)
    assert entry is not None
    assert entry.state is State.FAILED
    outcome(verified.findings)


@pytest.mark.fault("encrypted: another backup's, for the same recipient")
def test_encrypted_dump_of_another_backup_is_found_by_its_plaintext(
    sealed: Stage, identity: Identities, outcome: Callable[[object], None]
) -> None:
    dump = sealed.backup / DUMP
    data = pyrage.decrypt(dump.read_bytes(), identity.load())
    recipients = [k.to_public() for k in identity.load()]
    dump.write_bytes(pyrage.encrypt(flip(data, 20), recipients))  # the time of the dump
    resign(sealed.backup)
    found = bad(look(sealed, identity))
    assert found["checksum"].endswith(DUMP)
    outcome(f"crit even with right sums: {found['checksum']}")


@pytest.mark.fault("encrypted: wrong identity")
def test_encrypted_backup_with_a_wrong_identity_is_unknown(
    sealed: Stage, outcome: Callable[[object], None]
) -> None:
    other = Identities(text=str(pyrage.x25519.Identity.generate()))
    found = look(sealed, other)
    assert found.status is Verdict.UNKNOWN
    outcome(found.results[-1].summary)


@pytest.mark.fault("encrypted: no identity")
def test_encrypted_backup_without_identity_is_unknown(
    sealed: Stage, outcome: Callable[[object], None]
) -> None:
    found = look(sealed)
    assert found.status is Verdict.UNKNOWN
    assert look(sealed, level=Level.QUICK).status is Verdict.OK
    outcome(found.results[-1].summary)


@pytest.mark.fault("encrypted: storage full while sealing")
@pytest.mark.parametrize("limit_bytes", [20_000, 70_000, 500_000])
def test_encrypted_create_on_a_full_storage_fails_and_leaves_nothing(
    stage: Stage, good_sealed: Stage, limit_bytes: int, outcome: Callable[[object], None]
) -> None:
    def limit() -> None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

    stage.environment["KULTI_OPS_ENCRYPT_TO"] = good_sealed.environment["KULTI_OPS_ENCRYPT_TO"]
    done = stage.forked("backup", "create", prepare=limit)
    assert done.code == 5
    assert stage.folders == []
    assert stage.rubbish == []
    outcome(done.line)


@pytest.fixture
def sealed_on_s3(stage: Stage, swift: S3Server, good_sealed: Stage) -> Stage:
    """A stage that encrypts into an empty place of a bucket."""
    stage.environment.update(swift.environment())
    stage.environment["KULTI_OPS_ENCRYPT_TO"] = good_sealed.environment["KULTI_OPS_ENCRYPT_TO"]
    return stage


@pytest.mark.fault("encrypted: cut at a chunk's boundary")
def test_encrypted_backup_on_s3_is_drilled_and_a_cut_one_is_believed_by_nobody(
    sealed_on_s3: Stage,
    swift: S3Server,
    identity: Identities,
    outcome: Callable[[object], None],
) -> None:
    sealed_on_s3.create()
    bucket, prefix = swift.boto(), prefix_of(sealed_on_s3)
    objects = {
        key: bucket.get_object(Bucket=BUCKET, Key=f"{prefix}/{key}")["Body"].read()
        for key in swift.keys(prefix)
    }
    assert {key.rpartition("/")[2] for key in objects} == {
        *(DUMP, "globals.sql.age", "inventory.json.age", "SHA256SUMS", "manifest.json")
    }
    assert not any(b"PGDMP" in data or b"room_guests" in data for data in objects.values())
    assert sealed_on_s3.json("verify", "backup", "--level", "quick").code == 0
    assert sealed_on_s3.json("verify", "backup").code == 3
    sealed_on_s3.environment["KULTI_OPS_IDENTITY"] = identity.text
    drilled = sealed_on_s3.json("restore", "drill")
    assert drilled.code == 0, drilled.findings
    key = next(k for k in objects if k.endswith(DUMP))
    header = objects[key].index(b"\n", objects[key].index(b"\n--- ") + 1) + 1
    cut = objects[key][: header + TAG + 3 * (CHUNK + TAG)]
    bucket.put_object(Bucket=BUCKET, Key=f"{prefix}/{key}", Body=cut)
    verified = sealed_on_s3.json("verify", "backup")
    assert verified.code == 10
    assert sealed_on_s3.json("restore", "drill").code == 10
    outcome(verified.findings)


def test_encrypted_create_interrupted_during_the_upload_leaves_nothing(
    sealed_on_s3: Stage, swift: S3Server
) -> None:
    done = sealed_on_s3.forked("backup", "create", prepare=_interrupted)
    assert done.code == 128 + signal.SIGTERM
    assert swift.uploads(prefix_of(sealed_on_s3)) == []
    assert swift.keys(prefix_of(sealed_on_s3)) == []


def _interrupted() -> None:
    """Have parts of 128 kB, and end the run while it sends the third."""
    small_parts()
    die_at("kulti_ops.storage.s3.writer:S3Writer._send_part", signal.SIGTERM, call=3)()
