"""Disks that are full, read-only, gone, or no folders: one clear line, nothing half-way."""

from __future__ import annotations

import ctypes
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from kulti_ops.backup.catalog import State, list_entries
from kulti_ops.pgserver import ScratchOptions, scratch_server
from kulti_ops.pgserver.account import OVERFLOW_ID
from kulti_ops.storage.local import LocalStorage
from tests.functional.faults.stage import Pause, Stage, ask, do_at
from tests.functional.support import processes_under

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kulti_ops.pgtools import Installation

    Note = Callable[[object], None]

LIBC = ctypes.CDLL(None, use_errno=True)
SMALL_DISK_BYTES = 600_000  # the small database's dump has twice that


@contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[None]:
    """Mount a small disk on an empty folder.

    Only root may: the file-size limit stages a full disk for everybody else.
    """
    state = folder.stat()
    options = f"size={size_bytes},mode={state.st_mode & 0o777:o},uid={state.st_uid}"
    if LIBC.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", 0, options.encode()) != 0:
        pytest.skip("a small disk can only be mounted by root")
    try:
        yield
    finally:
        LIBC.umount2(os.fsencode(folder), 2)


def entries(stage: Stage) -> int:
    return len(list_entries(LocalStorage(str(stage.storage))))


@pytest.mark.fault("disk full while dumping")
@pytest.mark.parametrize("free_at_preflight", [True, False])
def test_create_full_disk_fails_in_one_line_and_leaves_nothing(
    stage: Stage, outcome: Note, *, free_at_preflight: bool
) -> None:
    """Full from the beginning is refused; filled by somebody else meanwhile fails."""
    with full_storage(stage, fill_later=free_at_preflight) as prepare:
        done = stage.forked("backup", "create", prepare=prepare)
        assert done.code == (5 if free_at_preflight else 6), done.err
        words = "no space left on device" if free_at_preflight else "the backup needs about"
        assert words in done.line
        assert entries(stage) == 0
        assert stage.rubbish == []
    outcome(f"exit {done.code}: {done.line}")


@contextmanager
def full_storage(stage: Stage, *, fill_later: bool) -> Iterator[Callable[[], None]]:
    filler = stage.storage / ".locks" / "filler"

    def fill() -> None:
        filler.parent.mkdir(exist_ok=True)
        filler.write_bytes(bytes(size - SMALL_DISK_BYTES))

    size = 40_000_000
    with small_disk(stage.storage, size):
        if not fill_later:
            fill()
        later = do_at("kulti_ops.backup.create:write_backup", fill)
        yield later if fill_later else lambda: None


@pytest.mark.fault("file-size limit while dumping")
def test_create_file_size_limit_fails_in_one_line_and_leaves_nothing(
    stage: Stage, outcome: Note
) -> None:
    def prepare() -> None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL_DISK_BYTES, SMALL_DISK_BYTES))

    done = stage.forked("backup", "create", prepare=prepare)
    assert done.code == 5
    assert "file too large" in done.line
    assert "ulimit -f" in done.err
    assert entries(stage) == 0
    assert stage.rubbish == []
    outcome(f"exit 5: {done.line}")


@pytest.fixture
def scratch_disk(damaged: Stage) -> Iterator[Path]:
    """A disk of its own for the drills of the damaged stage."""
    scratch = damaged.root / "scratch"
    scratch.mkdir()
    scratch.chmod(0o711)
    with small_disk(scratch, 300_000_000):
        yield scratch


def fill(folder: Path, *, leave_bytes: int) -> None:
    free = shutil.disk_usage(folder).free
    (folder / "filler").write_bytes(bytes(free - leave_bytes))


@pytest.mark.fault("disk full while drilling")
def test_drill_without_the_space_it_needs_is_refused(
    damaged: Stage, scratch_disk: Path, outcome: Note
) -> None:
    fill(scratch_disk, leave_bytes=90_000_000)
    done = damaged.forked("restore", "drill", "--format", "json")
    assert done.code == 6, done.err
    assert "a drill of this backup needs about" in done.line
    assert done.document["status"] == "unknown"
    outcome(f"exit 6: {done.line}")


@pytest.mark.fault("disk full while drilling")
def test_drill_disk_filled_meanwhile_fails_and_leaves_no_server(
    damaged: Stage, scratch_disk: Path, outcome: Note
) -> None:
    later = do_at(
        "kulti_ops.restore.native:NativeRestore.run",
        lambda: fill(scratch_disk, leave_bytes=300_000),
    )
    done = damaged.forked("restore", "drill", "--format", "json", prepare=later)
    assert done.code in {5, 10}, done.err
    assert done.document["status"] in {"crit", "unknown"}
    assert processes_under(scratch_disk) == ()
    assert [p.name for p in scratch_disk.glob("scratch-*")] == []
    (scratch_disk / "filler").unlink()
    assert damaged.forked("restore", "drill").code == 0
    outcome(f"exit {done.code}: {done.findings or done.line}")


@pytest.mark.fault("disk full while restoring")
def test_restore_full_disk_at_the_target_is_a_failure_that_says_so(
    damaged: Stage, server_root: Path, server_install: Installation, outcome: Note
) -> None:
    disk = server_root / "disk"
    disk.mkdir(mode=0o711)
    disk.chmod(0o711)
    options = ScratchOptions(listen="tcp", settings={"max_wal_size": "64MB"})
    with (
        small_disk(disk, 90_000_000),
        scratch_server(disk, server_install, options=options) as server,
    ):
        data = server.spec.data_dir
        fill(disk, leave_bytes=1_500_000)
        done = damaged.run(
            *("restore", "run", "--target", "env:RESTORE_URL", "--create-roles", "--yes"),
            *("--format", "json"),
            RESTORE_URL=server.dsn(),
        )
        assert data.exists()
        (disk / "filler").unlink()
    assert done.code in {5, 10}, done.err
    assert done.document["status"] in {"crit", "unknown"}
    said = done.findings or done.line
    outcome(f"exit {done.code}: {said}")


def become_ordinary() -> None:
    """Give up root's rights for good: permissions bind from now on."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(OVERFLOW_ID)
        os.setuid(OVERFLOW_ID)


def hand_over(folder: Path) -> None:
    """Give a folder with all it holds to the ordinary user."""
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, OVERFLOW_ID, OVERFLOW_ID)


@pytest.mark.fault("unwritable storage")
def test_create_storage_not_writable_is_one_clear_line(stage: Stage, outcome: Note) -> None:
    hand_over(stage.root)
    stage.storage.chmod(0o500)
    done = stage.forked("backup", "create", prepare=become_ordinary)
    assert done.code == 5, done.err
    assert "permission denied" in done.line
    outcome(f"exit 5: {done.line}")


@pytest.mark.fault("unreadable storage")
@pytest.mark.parametrize("above", [False, True])
@pytest.mark.parametrize(
    "command",
    ["backup list", "backup create", "verify backup", "restore drill", "restore history"],
)
def test_storage_not_readable_is_one_clear_line(
    damaged: Stage, command: str, outcome: Note, *, above: bool
) -> None:
    hand_over(damaged.root)
    locked = damaged.root if above else damaged.storage
    locked.chmod(0o000)

    def prepare() -> None:
        os.chdir("/")
        become_ordinary()

    done = damaged.forked(*command.split(), prepare=prepare, HOME="/")
    locked.chmod(0o711)
    assert done.code == 5, done.err
    assert "permission denied" in done.line
    outcome(f"exit 5: {done.line}")


@pytest.mark.fault("unreadable storage")
@pytest.mark.parametrize("level", ["quick", "contents"])
@pytest.mark.parametrize(
    "part", ["", "dump.pgc", "globals.sql", "inventory.json", "SHA256SUMS", "manifest.json"]
)
def test_verify_part_that_may_not_be_read_is_not_called_damaged(
    damaged: Stage, part: str, level: str
) -> None:
    """What cannot be looked at is unknown: it must not mark a good backup as failed."""
    hand_over(damaged.root)
    locked = damaged.backup / part
    locked.chmod(0o000)
    name = damaged.backup.name
    arguments = ("verify", "backup", name, "--level", level, "--format", "json")
    done = damaged.forked(*arguments, prepare=become_ordinary)
    locked.chmod(0o700)
    assert done.code in {3, 5}, done.out
    assert done.document["status"] == "unknown"
    (entry,) = list_entries(LocalStorage(str(damaged.storage)))
    assert entry.state is State.CREATED


@pytest.mark.fault("a file in place of the storage")
@pytest.mark.parametrize(
    "command", [("backup", "create"), ("backup", "list"), ("verify", "backup")]
)
def test_storage_that_is_a_file_is_one_clear_line(
    stage: Stage, command: tuple[str, ...], outcome: Note
) -> None:
    file = stage.root / "file"
    file.write_text("precious")
    done = stage.forked(*command, KULTI_OPS_STORAGE=str(file))
    assert done.code == 5
    assert str(file) in done.line
    assert file.read_text() == "precious"
    outcome(f"exit 5: {done.line}")


@pytest.mark.fault("an empty storage")
@pytest.mark.parametrize("where", ["storage", "not-there"])
def test_storage_empty_or_absent_is_never_ok(stage: Stage, where: str, outcome: Note) -> None:
    folder = str(stage.root / where)
    listed = stage.forked("backup", "list", "--format", "json", KULTI_OPS_STORAGE=folder)
    assert listed.code == 0
    assert listed.document["data"]["backups"] == []
    for command in (("verify", "backup"), ("restore", "drill"), ("backup", "show")):
        done = stage.forked(*command, KULTI_OPS_STORAGE=folder)
        assert done.code == 5
        assert "holds no backup" in done.line
    history = stage.forked("restore", "history", KULTI_OPS_STORAGE=folder)
    assert history.code == 3
    outcome(f"exit 5: {done.line}")


@pytest.mark.fault("storage vanished during the dump")
def test_create_storage_vanished_fails_in_one_line(stage: Stage, outcome: Note) -> None:
    pause = Pause.at(stage, 5000)
    with stage.begun("backup", "create", **pause.environment) as child:
        pause.wait()
        shutil.rmtree(stage.storage)
        pause.end()
        done = child.finish()
    assert done.code == 5
    assert "no such file or directory" in done.line
    assert not stage.storage.exists()
    outcome(f"exit 5: {done.line}")


@pytest.mark.fault("storage vanished during the dump")
def test_create_storage_replaced_by_another_is_no_backup(stage: Stage) -> None:
    """As when a disk is unmounted and the folder below it comes to light."""
    pause = Pause.at(stage, 5000)
    with stage.begun("backup", "create", **pause.environment) as child:
        pause.wait()
        stage.storage.rename(stage.root / "away")
        stage.storage.mkdir()
        pause.end()
        done = child.finish()
    assert done.code == 5
    assert stage.rubbish == []
    assert entries(stage) == 0
    stage.storage.rmdir()
    (stage.root / "away").rename(stage.storage)
    assert stage.forked("backup", "create").code == 0
    assert len(stage.folders) == 1
    assert ask(stage.url, "SELECT 1") == 1
