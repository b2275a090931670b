"""The spool: when an archive is fetched, that it is proven, and that it has no name."""

from __future__ import annotations

import hashlib
import subprocess
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from kulti_ops.backup.manifest import Artifact
from kulti_ops.backup.reading import StoredArtifact
from kulti_ops.errors import DamagedError, OperationFailedError
from kulti_ops.progress import SILENT
from kulti_ops.restore import spool
from kulti_ops.restore.spool import Spooled, spooled
from kulti_ops.storage.local import LocalStorage

if TYPE_CHECKING:
    from pathlib import Path

DATA = bytes(range(256)) * 8000


class Remote(LocalStorage):
    """A storage whose objects are no files here."""

    def local_path(self, key: str) -> Path:
        super().local_path(key)
        return None  # type: ignore[return-value]  # as a storage elsewhere does


@pytest.fixture
def archive(tmp_path: Path) -> StoredArtifact:
    (tmp_path / "storage" / "a").mkdir(parents=True)
    (tmp_path / "storage" / "a" / "dump.pgc").write_bytes(DATA)
    digest = hashlib.sha256(DATA).hexdigest()
    return StoredArtifact(
        storage=Remote(str(tmp_path / "storage")),
        key="a/dump.pgc",
        artifact=Artifact(name="dump.pgc", kind="dump", size_bytes=len(DATA), sha256=digest),
    )


def fetched(archive: StoredArtifact, folder: Path | None, **more: Any) -> Spooled | None:
    with spooled(archive, folder=folder, **{"jobs": 2, "progress": SILENT, **more}) as found:
        return found if isinstance(found, Spooled) else None


def test_spool_is_a_whole_file_without_a_name_that_children_can_open(
    archive: StoredArtifact, tmp_path: Path
) -> None:
    folder = tmp_path / "scratch"
    with spooled(archive, folder=folder, jobs=2, progress=SILENT) as found:
        assert list(folder.iterdir()) == []
        for _ in range(2):
            cat = ["/bin/cat", str(found.path)]
            assert subprocess.run(cat, capture_output=True, timeout=10, check=True).stdout == DATA
        with found.open() as stream:
            assert stream.read() == DATA
    assert list(folder.iterdir()) == []


def test_spool_is_not_made_where_it_helps_nobody_or_does_not_fit(
    archive: StoredArtifact, tmp_path: Path
) -> None:
    assert fetched(archive, tmp_path) is not None
    assert fetched(archive, tmp_path, jobs=1) is None
    assert fetched(archive, None) is None
    assert fetched(archive, tmp_path, reserved_bytes=1e18) is None
    local = replace(archive, storage=LocalStorage(archive.storage.url))
    assert fetched(local, tmp_path) is None


def test_spool_never_holds_the_plaintext_of_an_encrypted_archive(
    archive: StoredArtifact, tmp_path: Path
) -> None:
    sealed = replace(archive.artifact, plain_size_bytes=1, plain_sha256="0" * 64)
    assert fetched(replace(archive, artifact=sealed), tmp_path) is None


def test_spool_of_other_bytes_is_refused(archive: StoredArtifact, tmp_path: Path) -> None:
    (tmp_path / "storage" / "a" / "dump.pgc").write_bytes(b"x" + DATA[1:])
    with pytest.raises(DamagedError, match="is not what its manifest says"):
        fetched(archive, tmp_path)


def test_spool_that_cannot_be_written_says_where(
    archive: StoredArtifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    with ExitStack() as stack, pytest.raises(OperationFailedError, match="not a directory"):
        stack.enter_context(spooled(archive, folder=tmp_path / "file", jobs=2, progress=SILENT))

    def full(_descriptor: int, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spool.os, "write", full)
    with pytest.raises(OperationFailedError, match=r"no space left") as error:
        fetched(archive, tmp_path)
    assert "KULTI_OPS_SCRATCH_DIR" in error.value.hint
