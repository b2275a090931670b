"""What every storage must do: a class of tests that each storage's own module inherits.

A subclass gives the fixture `storage`. Nothing here knows how a storage keeps its objects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kulti_ops.errors import KultiError, NotFoundError, RefusedError, StorageError
from kulti_ops.storage import ObjectInfo

if TYPE_CHECKING:
    from kulti_ops.storage import Storage

BACKUP = "20261122T030000Z-kulti-1a2b"
KEY = f"{BACKUP}/dump.pgc"
BAD_KEYS = (
    "",
    "/",
    "..",
    "../outside",
    f"{BACKUP}/../../outside",
    "/etc/passwd",
    "a//b",
    "a/",
    ".hidden/x",
    "a/.hidden",
    "a/./b",
    "a\\b",
    "a b",
    "a\nb",
    "a\0b",
    "ä",
    "x" * 500,
)


def put(storage: Storage, key: str, content: bytes = b"content") -> None:
    with storage.writer(key) as writer:
        writer.write(content)
        writer.commit()


def get(storage: Storage, key: str) -> bytes:
    with storage.reader(key) as file:
        return file.read()


class StorageContract:
    """The tests; `storage` is prepared and empty."""

    def test_storage_committed_object_is_read_back(self, storage: Storage) -> None:
        content = bytes(range(256)) * 1000
        with storage.writer(KEY) as writer:
            for start in range(0, len(content), 7919):
                writer.write(content[start : start + 7919])
            writer.commit()
        assert get(storage, KEY) == content
        assert storage.info(KEY) == ObjectInfo(key=KEY, size_bytes=len(content))
        assert storage.read_small(KEY, limit_bytes=len(content)) == content

    def test_storage_empty_object_is_an_object(self, storage: Storage) -> None:
        put(storage, KEY, b"")
        assert storage.info(KEY) == ObjectInfo(key=KEY, size_bytes=0)

    def test_storage_object_is_not_there_before_its_commit(self, storage: Storage) -> None:
        with storage.writer(KEY) as writer:
            writer.write(b"half")
            assert storage.info(KEY) is None
            assert list(storage.list()) == []
            with pytest.raises(NotFoundError):
                storage.reader(KEY)
        assert storage.info(KEY) is None
        assert list(storage.list()) == []

    def test_storage_object_of_a_failed_writer_is_never_there(self, storage: Storage) -> None:
        def fail() -> None:
            with storage.writer(KEY) as writer:
                writer.write(b"half")
                raise RuntimeError

        with pytest.raises(RuntimeError):
            fail()
        assert storage.info(KEY) is None
        put(storage, KEY)

    def test_storage_object_is_never_overwritten(self, storage: Storage) -> None:
        put(storage, KEY, b"first")
        with pytest.raises(StorageError):
            put(storage, KEY, b"second")
        assert get(storage, KEY) == b"first"

    def test_storage_read_small_refuses_what_is_larger(self, storage: Storage) -> None:
        put(storage, KEY, b"12345")
        with pytest.raises(StorageError, match="larger than 4"):
            storage.read_small(KEY, limit_bytes=4)

    def test_storage_tells_which_folders_have_an_object(self, storage: Storage) -> None:
        for key in ("whole/manifest.json", "whole/dump", "half/dump", "deep/in/manifest.json"):
            put(storage, key)
        with storage.claim("claimed"), storage.lock("source"):
            found = storage.folders_with("manifest.json")
        assert found.pop("claimed", False) is False
        assert found == {"whole": True, "half": False, "deep": False}

    def test_storage_read_all_gives_every_object_below(self, storage: Storage) -> None:
        for name in ("records/one.json", "records/deeper/two.json", "manifest.json"):
            put(storage, f"{BACKUP}/{name}", name.encode())
        found = storage.read_all(f"{BACKUP}/records", limit_bytes=100)
        assert sorted(found, key=str) == [b"records/deeper/two.json", b"records/one.json"]
        assert list(storage.read_all(f"{BACKUP}/nothing", limit_bytes=100)) == []
        assert list(storage.read_all("nowhere/at/all", limit_bytes=100)) == []

    def test_storage_read_all_gives_an_error_for_what_is_larger(self, storage: Storage) -> None:
        put(storage, f"{BACKUP}/records/small", b"12345")
        put(storage, f"{BACKUP}/records/large", b"123456")
        found = list(storage.read_all(f"{BACKUP}/records", limit_bytes=5))
        assert [f for f in found if isinstance(f, bytes)] == [b"12345"]
        assert [type(f) for f in found if not isinstance(f, bytes)] == [StorageError]

    def test_storage_missing_object_is_not_found(self, storage: Storage) -> None:
        assert storage.info(KEY) is None
        for read in (storage.reader, lambda key: storage.read_small(key, limit_bytes=9)):
            with pytest.raises(NotFoundError):
                read(KEY)

    def test_storage_delete_removes_and_does_not_mind_nothing(self, storage: Storage) -> None:
        put(storage, KEY)
        storage.delete(KEY)
        storage.delete(KEY)
        assert storage.info(KEY) is None
        assert storage.folders() == ()

    def test_storage_lists_what_is_below_a_folder(self, storage: Storage) -> None:
        keys = {KEY, f"{BACKUP}/records/20261122T030000Z-verify-1.json", "other-backup/dump.pgc"}
        for key in keys:
            put(storage, key)
        assert {info.key for info in storage.list()} == keys
        assert {info.key for info in storage.list(f"{BACKUP}/records")} == {
            key for key in keys if "records" in key
        }
        assert {info.key for info in storage.list(BACKUP)} == {k for k in keys if BACKUP in k}
        assert list(storage.list("no-such-folder")) == []
        assert storage.folders() == (BACKUP, "other-backup")

    @pytest.mark.parametrize("key", BAD_KEYS)
    def test_storage_key_that_is_none_is_refused_everywhere(
        self, storage: Storage, key: str
    ) -> None:
        for use in (
            storage.writer,
            storage.reader,
            storage.info,
            storage.delete,
            storage.sweep,
            storage.local_path,
            lambda k: storage.read_small(k, limit_bytes=1),
            lambda k: storage.claim(k).__enter__(),
            lambda k: storage.lock(k).__enter__(),
        ):
            with pytest.raises(StorageError, match="not a storage key"):
                use(key)

    def test_storage_claimed_folder_is_not_swept(self, storage: Storage) -> None:
        with storage.claim(BACKUP):
            put(storage, KEY)
            assert storage.sweep(BACKUP) is False
            assert get(storage, KEY) == b"content"
        assert get(storage, KEY) == b"content"

    def test_storage_unclaimed_folder_is_swept_whole(self, storage: Storage) -> None:
        put(storage, KEY)
        put(storage, f"{BACKUP}/records/r.json")
        put(storage, "other/dump.pgc")
        assert storage.sweep(BACKUP) is True
        assert storage.folders() == ("other",)

    def test_storage_folder_that_was_finished_meanwhile_is_not_swept(
        self, storage: Storage
    ) -> None:
        put(storage, KEY)
        put(storage, f"{BACKUP}/manifest.json")
        assert storage.sweep(BACKUP, unless="manifest.json") is False
        assert get(storage, KEY) == b"content"
        storage.delete(f"{BACKUP}/manifest.json")
        assert storage.sweep(BACKUP, unless="manifest.json") is True

    def test_storage_finished_objects_are_not_unfinished(self, storage: Storage) -> None:
        put(storage, KEY)
        assert storage.unfinished() == ()

    def test_storage_tidy_leaves_everything_finished(self, storage: Storage) -> None:
        put(storage, KEY)
        with storage.claim("other"), storage.writer("other/dump.pgc") as writer:
            writer.write(b"half")
            storage.tidy()
            writer.commit()
        assert {info.key for info in storage.list()} == {KEY, "other/dump.pgc"}

    def test_storage_claim_of_nothing_leaves_nothing(self, storage: Storage) -> None:
        with storage.claim(BACKUP):
            assert list(storage.list()) == []
        assert storage.folders() == ()

    def test_storage_folder_is_claimed_once(self, storage: Storage) -> None:
        with (
            storage.claim(BACKUP),
            pytest.raises(StorageError),
            storage.claim(BACKUP),
        ):
            pass

    def test_storage_lock_is_held_by_one(self, storage: Storage) -> None:
        with storage.lock("source"):
            with pytest.raises(RefusedError, match="another run holds the lock source"):
                storage.lock("source").__enter__()
            with storage.lock("another"):
                pass
        with storage.lock("source"):
            pass

    def test_storage_lock_is_given_up_after_an_error(self, storage: Storage) -> None:
        with pytest.raises(KultiError), storage.lock("source"):
            raise StorageError("x")
        with storage.lock("source"):
            pass
