"""Copies of a backup: whole and proven, or not there at all."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

from kulti_ops.backup.catalog import State, find, list_entries
from kulti_ops.errors import OperationFailedError, RefusedError, StorageError
from kulti_ops.flows.copy import copy_backup
from kulti_ops.report import Verdict
from kulti_ops.storage.local import LocalStorage
from kulti_ops.storage.s3 import S3Storage
from tests.unit.backup.storing import NOW, store

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from tests.s3server import S3Server


@pytest.fixture
def here(tmp_path: Path) -> LocalStorage:
    made = LocalStorage(str(tmp_path / "here"))
    made.prepare()
    return made


@pytest.fixture
def there(tmp_path: Path) -> LocalStorage:
    return LocalStorage(str(tmp_path / "there"))


def test_copy_is_the_same_with_its_records_and_proven_anew(
    here: LocalStorage, there: LocalStorage
) -> None:
    backup_id = store(here, NOW, State.VERIFIED)
    done = copy_backup(here, None, to=there, now=NOW)
    assert (done.already_there, done.records) == (False, 1)
    assert done.verification.status is Verdict.OK
    for name in ("dump.pgc", "SHA256SUMS", "manifest.json"):
        stored = (there.root / backup_id / name).read_bytes()
        assert stored == (here.root / backup_id / name).read_bytes()
    entry = find(there, backup_id)
    assert entry.state is State.VERIFIED
    assert [r.level for r in entry.records] == ["contents", "quick"]


def test_copy_that_is_there_is_read_back_and_gets_new_records(
    here: LocalStorage, there: LocalStorage
) -> None:
    store(here, NOW, State.CREATED)
    copy_backup(here, None, to=there, now=NOW)
    again = copy_backup(here, None, to=there, now=NOW)
    assert (again.already_there, again.records) == (True, 0)
    assert again.verification.status is Verdict.OK


def test_copy_that_is_there_and_damaged_is_crit(here: LocalStorage, there: LocalStorage) -> None:
    backup_id = store(here, NOW)
    copy_backup(here, None, to=there, now=NOW)
    (there.root / backup_id / "dump.pgc").write_bytes(b"DUMP" * 100)
    again = copy_backup(here, None, to=there, now=NOW)
    assert again.verification.status is Verdict.CRIT
    assert find(there, backup_id).state is State.FAILED


def test_copy_over_another_backup_of_that_id_is_refused(
    here: LocalStorage, there: LocalStorage
) -> None:
    backup_id = store(here, NOW)
    there.prepare()
    store(there, NOW, begun=NOW, host="elsewhere.example")
    before = (there.root / backup_id / "manifest.json").read_bytes()
    with pytest.raises(RefusedError, match="another backup under the id"):
        copy_backup(here, None, to=there, now=NOW)
    assert (there.root / backup_id / "manifest.json").read_bytes() == before


def test_copy_to_where_it_is_is_refused(here: LocalStorage) -> None:
    store(here, NOW)
    with pytest.raises(RefusedError, match="is where the backup is"):
        copy_backup(here, None, to=LocalStorage(here.url), now=NOW)


def test_copy_to_where_a_link_leads_back_is_refused(here: LocalStorage, tmp_path: Path) -> None:
    store(here, NOW)
    (tmp_path / "link").symlink_to(here.root)
    with pytest.raises(RefusedError, match="is where the backup is"):
        copy_backup(here, None, to=LocalStorage(str(tmp_path / "link")), now=NOW)


def test_copy_to_a_bucket_of_the_same_name_elsewhere_is_a_copy(
    swift: S3Server, moto: S3Server
) -> None:
    prefix = secrets.token_hex(6)
    source, to = (S3Storage(server.options(prefix)) for server in (swift, moto))
    source.client.creates_once = True
    backup_id = store(source, NOW)
    assert source.url == to.url
    copied = copy_backup(source, None, to=to, now=NOW)
    assert not copied.already_there
    assert [e.backup_id for e in list_entries(to)] == [backup_id]
    with pytest.raises(RefusedError, match="is where the backup is"):
        copy_backup(source, None, to=S3Storage(swift.options(prefix)), now=NOW)


def test_copy_of_a_damaged_backup_publishes_nothing(
    here: LocalStorage, there: LocalStorage
) -> None:
    backup_id = store(here, NOW)
    (here.root / backup_id / "dump.pgc").write_bytes(b"DUMP" * 100)
    with pytest.raises(StorageError, match="is not what its manifest says"):
        copy_backup(here, None, to=there, now=NOW)
    assert list_entries(there) == ()
    assert list(there.list()) == []


class Forgetful(LocalStorage):
    """Stores something else than it was given, and says nothing."""

    def reader(self, key: str) -> BinaryIO:
        if key.endswith("dump.pgc") and (self.root / key).exists():
            (self.root / key).write_bytes(b"DUMP" * 100)
        return super().reader(key)


def test_copy_that_reads_back_differently_is_not_published(
    here: LocalStorage, there: LocalStorage
) -> None:
    store(here, NOW)
    with pytest.raises(OperationFailedError, match="was not the same when it was read back"):
        copy_backup(here, None, to=Forgetful(there.url), now=NOW)
    assert list_entries(there) == ()
    assert list(there.list()) == []


def test_copy_takes_the_place_of_a_broken_one(here: LocalStorage, there: LocalStorage) -> None:
    backup_id = store(here, NOW)
    there.prepare()
    (there.root / backup_id).mkdir(mode=0o700)
    (there.root / backup_id / "dump.pgc").write_bytes(b"half")
    copy_backup(here, None, to=there, now=NOW)
    assert find(there, backup_id).manifest is not None
