"""The spool: nobody waits for the storage longer than agreed, and nothing is lost or reordered."""

from __future__ import annotations

import resource
import threading
from typing import TYPE_CHECKING

import pytest

from kulti_ops.backup import spool as spools
from kulti_ops.backup.spool import Spool
from kulti_ops.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType
    from typing import Self

PIECES = tuple(bytes([n]) * (40_000 + n) for n in range(6))
PATIENCE_S = 30.0


class Writer:
    """A storage's writer that takes pieces only while its gate is open."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.begun = threading.Event()
        self.taken: list[bytes] = []
        self.failure: Exception | None = None
        self.committed = self.left = False

    def write(self, chunk: bytes) -> None:
        self.begun.set()
        assert self.gate.wait(PATIENCE_S)
        if self.failure is not None:
            raise self.failure
        self.taken.append(chunk)

    def commit(self) -> None:
        self.committed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.left = True

    def open_when_begun(self) -> None:
        """Open the gate from another thread once somebody stands before it."""

        def run() -> None:
            self.begun.wait(PATIENCE_S)
            self.gate.set()

        threading.Thread(target=run, daemon=True).start()


@pytest.fixture
def writer() -> Iterator[Writer]:
    made = Writer()
    yield made
    made.gate.set()


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spools, "RESERVED_BYTES", 0)
    monkeypatch.setattr(spools, "QUEUE_BYTES", 1)  # full with one piece


def spool(writer: Writer, folder: Path | None, *, after_s: float = 0.0) -> Spool:
    return Spool(writer, folder=folder, after_s=after_s)


def write_all(made: Spool) -> None:
    for piece in PIECES:
        made.write(piece)


def test_spool_hands_everything_over_in_order_and_makes_no_file(
    writer: Writer, tmp_path: Path
) -> None:
    writer.gate.set()
    with spool(writer, tmp_path / "new", after_s=PATIENCE_S) as made:
        for piece in PIECES:
            made.write(piece)
        made.commit()
    assert writer.taken == list(PIECES)
    assert writer.committed
    assert not (tmp_path / "new").exists()


def test_spool_takes_what_a_storage_at_a_standstill_does_not(
    writer: Writer, tmp_path: Path
) -> None:
    with spool(writer, tmp_path / "new") as made:
        for piece in PIECES:
            made.write(piece)
        assert made.waiting_bytes == sum(map(len, PIECES[1:]))
        assert not made.settle(0)
        assert writer.taken == []
        assert list((tmp_path / "new").iterdir()) == []  # a file without a name
        writer.gate.set()
        made.commit()
        assert made.waiting_bytes == 0
    assert b"".join(writer.taken) == b"".join(PIECES)
    assert writer.committed


def test_spool_starts_its_file_anew_when_the_storage_has_caught_up(
    writer: Writer, tmp_path: Path
) -> None:
    with spool(writer, tmp_path) as made:
        for piece in PIECES[:3]:
            made.write(piece)
        writer.gate.set()
        for _ in range(1000):
            if made.waiting_bytes == 0 and len(writer.taken) >= 2:
                break
            threading.Event().wait(0.01)
        made.write(PIECES[3])
        assert made._kept == len(PIECES[3])
        made.commit()
    assert b"".join(writer.taken) == b"".join(PIECES[:4])


def test_spool_raises_the_storages_error_at_a_later_write(writer: Writer, tmp_path: Path) -> None:
    writer.gate.set()
    writer.failure = StorageError("no")
    with spool(writer, tmp_path, after_s=PATIENCE_S) as made:
        with pytest.raises(StorageError, match="no"):
            write_all(made)  # a full queue waits for the storage, and meets its error
        with pytest.raises(StorageError, match="no"):
            made.commit()
    assert (writer.committed, writer.left) == (False, True)


def test_spool_raises_the_storages_error_at_the_commit_at_the_latest(
    writer: Writer, tmp_path: Path
) -> None:
    with spool(writer, tmp_path) as made:
        made.write(PIECES[0])
        made.write(PIECES[1])
        writer.failure = StorageError("no")
        writer.gate.set()
        with pytest.raises(StorageError, match="no"):
            made.commit()
    assert not writer.committed


@pytest.mark.parametrize("why", ["no folder", "a file in its place", "others need the disk"])
def test_spool_without_room_waits_for_the_storage(
    writer: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    folder: Path | None = tmp_path / "spool"
    if why == "no folder":
        folder = None
    elif why == "a file in its place":
        (tmp_path / "spool").write_text("")
    else:
        monkeypatch.setattr(spools, "RESERVED_BYTES", 2**62)
    writer.open_when_begun()
    with spool(writer, folder) as made:
        for piece in PIECES:
            made.write(piece)
        made.commit()
    assert b"".join(writer.taken) == b"".join(PIECES)
    assert made.waiting_bytes == 0


def test_spool_on_a_full_disk_waits_until_the_storage_has_emptied_it(
    writer: Writer, tmp_path: Path
) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with spool(writer, tmp_path) as made:
        made.write(PIECES[0])
        resource.setrlimit(resource.RLIMIT_FSIZE, (70_000, hard))  # one piece and a half
        try:
            made.write(PIECES[1])
            writer.open_when_begun()
            for piece in PIECES[2:]:
                made.write(piece)
            assert made._kept <= 70_000
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        made.commit()
    assert b"".join(writer.taken) == b"".join(PIECES)


def test_spool_left_without_commit_ends_its_thread_and_leaves_the_writer(
    writer: Writer, tmp_path: Path
) -> None:
    def leave() -> None:
        with spool(writer, tmp_path) as made:
            made.write(PIECES[0])
            made.write(PIECES[1])
            writer.gate.set()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        leave()
    assert (writer.committed, writer.left) == (False, True)
    assert not any(t.name == "storing" for t in threading.enumerate())
    assert list(tmp_path.iterdir()) == []
