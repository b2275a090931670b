"""The local folder: the contract, and what only files can do wrong."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kulti_ops.errors import (
    ConfigError,
    NotFoundError,
    RefusedError,
    StorageError,
    UnreachableError,
)
from kulti_ops.storage import open_storage
from kulti_ops.storage.local import LocalStorage
from tests.unit.storage.contract import BACKUP, KEY, StorageContract, get, put

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    made = LocalStorage(str(tmp_path / "backups"))
    made.prepare()
    return made


class TestLocalStorage(StorageContract):
    """The folder keeps the contract of every storage."""


def everything(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*")}


def test_local_everything_is_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o000)
    try:
        made = LocalStorage(str(tmp_path / "backups"))
        made.prepare()
        with made.claim(BACKUP), made.lock("source"):
            put(made, KEY)
            put(made, f"{BACKUP}/records/r.json")
            assert made.exposed() == ()
    finally:
        os.umask(before)
    for path in (made.root, *made.root.rglob("*")):
        mode = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == mode, path


def test_local_exposed_names_what_others_can_read(storage: LocalStorage) -> None:
    put(storage, KEY)
    (storage.root / KEY).chmod(0o640)
    (storage.root / BACKUP).chmod(0o711)
    assert storage.exposed() == (BACKUP, KEY)


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside"])
def test_local_read_all_follows_no_link(storage: LocalStorage, tmp_path: Path, target: str) -> None:
    (tmp_path / "outside").write_text("precious")
    put(storage, f"{BACKUP}/records/one.json", b"one")
    (storage.root / BACKUP / "records" / "two.json").symlink_to(target)
    (storage.root / BACKUP / "linked").symlink_to(storage.root / BACKUP / "records")
    assert list(storage.read_all(f"{BACKUP}/records", limit_bytes=100)) == [b"one"]
    assert list(storage.read_all(f"{BACKUP}/linked", limit_bytes=100)) == []


def test_local_read_all_gives_an_error_for_what_no_key_names(storage: LocalStorage) -> None:
    put(storage, f"{BACKUP}/records/one.json", b"one")
    (storage.root / BACKUP / "records" / "one (copy).json").write_text("two")
    first, second = sorted(storage.read_all(f"{BACKUP}/records", limit_bytes=100), key=str)
    assert {type(first), type(second)} == {bytes, StorageError}


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside"])
def test_local_link_is_never_followed(storage: LocalStorage, tmp_path: Path, target: str) -> None:
    (tmp_path / "outside").write_text("precious")
    (storage.root / BACKUP).mkdir()
    (storage.root / KEY).symlink_to(target)
    for read in (storage.reader, storage.info, storage.local_path):
        with pytest.raises(StorageError, match="symbolic link"):
            read(KEY)
    assert list(storage.list()) == []
    storage.delete(KEY)
    assert not (storage.root / KEY).is_symlink()
    assert (tmp_path / "outside").read_text() == "precious"


def test_local_linked_folder_is_no_backup_and_is_not_swept(
    storage: LocalStorage, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "dump.pgc").write_text("precious")
    (storage.root / BACKUP).symlink_to(outside)
    assert storage.folders() == ()
    assert list(storage.list()) == []
    with pytest.raises(StorageError):
        storage.reader(KEY)
    with pytest.raises(StorageError):
        storage.sweep(BACKUP)
    with pytest.raises(StorageError):
        storage.delete(KEY)
    with pytest.raises(StorageError), storage.writer(f"{BACKUP}/new"):
        pass
    assert [path.name for path in outside.iterdir()] == ["dump.pgc"]


def test_local_sweep_does_not_follow_links_inside(storage: LocalStorage, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").touch()
    put(storage, KEY)
    (storage.root / BACKUP / "link").symlink_to(outside)
    assert storage.sweep(BACKUP) is True
    assert (outside / "precious").exists()


WRITER = """
import sys
from kulti_ops.storage.local import LocalStorage
storage = LocalStorage(sys.argv[1])
with storage.lock("source"), storage.claim(sys.argv[2]):
    with storage.writer(sys.argv[2] + "/dump.pgc") as writer:
        writer.write(b"half")
        print("ready", flush=True)
        sys.stdin.read()
"""


@contextmanager
def other_writer(storage: LocalStorage) -> Iterator[subprocess.Popen[str]]:
    """Another process in the middle of a backup; killed at the end."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(storage.root), BACKUP],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
            yield child
        finally:
            child.kill()


def test_local_living_writer_keeps_its_folder_and_its_lock(storage: LocalStorage) -> None:
    with other_writer(storage) as child:
        assert storage.sweep(BACKUP) is False
        with pytest.raises(RefusedError, match=f"process {child.pid} on "):
            storage.lock("source").__enter__()
        assert list(storage.list()) == []


def test_local_dead_writer_leaves_nothing_that_stays(storage: LocalStorage) -> None:
    with other_writer(storage) as child:
        child.send_signal(signal.SIGKILL)
        child.wait(10)
    assert everything(storage.root / BACKUP), "the crash was to leave something"
    assert list(storage.list()) == []
    with storage.lock("source"):
        assert storage.sweep(BACKUP) is True
    assert storage.folders() == ()


def test_local_full_disk_is_one_line_and_leaves_nothing(storage: LocalStorage) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(StorageError, match="file too large") as caught:
            put(storage, KEY, b"x" * 200_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert caught.value.hint
    assert [name for name in everything(storage.root) if name != BACKUP] == []


def test_local_folder_that_vanished_is_named(storage: LocalStorage) -> None:
    with storage.writer(KEY) as writer:
        writer.write(b"x")
        shutil.rmtree(storage.root)
        with pytest.raises(StorageError, match="cannot write") as caught:
            writer.commit()
    assert "vanished" in caught.value.hint


def test_local_root_that_vanished_is_not_made_again_by_a_writer(storage: LocalStorage) -> None:
    shutil.rmtree(storage.root)
    with pytest.raises(StorageError), storage.writer(KEY):
        pass
    assert not storage.root.exists()
    assert storage.folders() == ()
    assert storage.free_bytes() > 0


def test_local_file_in_the_place_of_the_root_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(StorageError, match="cannot use"):
            LocalStorage(str(path)).prepare()


def test_local_prepare_leaves_no_probe(storage: LocalStorage) -> None:
    storage.prepare()
    assert everything(storage.root) == set()


def test_local_short_writes_are_continued(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, bytes(data)[:3]))
    put(storage, KEY, b"0123456789")
    monkeypatch.undo()
    assert get(storage, KEY) == b"0123456789"


def test_local_folder_of_an_object_is_none(storage: LocalStorage) -> None:
    put(storage, f"{BACKUP}/records/r.json")
    with pytest.raises(NotFoundError):
        storage.reader(f"{BACKUP}/records")


def test_open_storage_takes_paths_and_file_urls(tmp_path: Path) -> None:
    for url in (str(tmp_path), f"file://{tmp_path}"):
        assert open_storage(url).url == str(tmp_path)
    with pytest.raises(ConfigError, match="no storage of kind ftp"):
        open_storage("ftp://host/x")


@pytest.mark.parametrize("url", ["s3:/bucket/prefix", "s3:bucket", "file:/srv/backups"])
def test_open_storage_takes_no_mistyped_address_for_a_folder(url: str) -> None:
    with pytest.raises(ConfigError, match="neither a folder nor a bucket"):
        open_storage(url)


def test_local_root_may_begin_with_a_tilde() -> None:
    assert LocalStorage("~/x").root == Path.home() / "x"


def test_local_folder_that_cannot_be_listed_is_an_error_not_empty(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(storage, KEY)

    def refuse(path: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr("os.scandir", refuse)
    with pytest.raises(UnreachableError, match="cannot list"):
        list(storage.list(BACKUP))


def test_local_folder_locks_nothing_and_keeps_no_versions(storage: LocalStorage) -> None:
    put(storage, KEY)
    assert storage.locked_until(KEY) is None
    assert storage.keeps_versions() is False


def test_local_folder_that_is_not_there_is_no_storage_without_leftovers(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match="cannot look at"):
        LocalStorage(str(tmp_path / "unmounted")).unfinished()


def test_local_claim_that_was_swept_before_its_lock_is_none(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = fcntl.flock

    def sweep_first(descriptor: int, operation: int) -> None:
        shutil.rmtree(storage.root / BACKUP, ignore_errors=True)
        lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", sweep_first)
    with pytest.raises(StorageError, match="cannot create"), storage.claim(BACKUP):
        pytest.fail("nobody holds the folder")
