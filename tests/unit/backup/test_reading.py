"""Reading artifacts: the end of a stream proves that it was the manifest's."""

from __future__ import annotations

import collections
import hashlib
from typing import TYPE_CHECKING

import pytest

from kulti_ops.backup.manifest import Artifact
from kulti_ops.backup.reading import StoredArtifact
from kulti_ops.errors import StorageError
from kulti_ops.storage.local import LocalStorage

if TYPE_CHECKING:
    from pathlib import Path

DATA = bytes(range(256)) * 40
SHA256 = hashlib.sha256(DATA).hexdigest()


def stored(tmp_path: Path, *, data: bytes = DATA) -> StoredArtifact:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "dump.pgc").write_bytes(data)
    return StoredArtifact(
        storage=LocalStorage(str(tmp_path)),
        key="a/dump.pgc",
        artifact=Artifact(name="dump.pgc", kind="dump", size_bytes=len(DATA), sha256=SHA256),
    )


@pytest.mark.parametrize("size", [1, 1000, len(DATA), len(DATA) + 1, -1])
def test_stored_artifact_is_read_in_any_pieces(tmp_path: Path, size: int) -> None:
    found = b""
    with stored(tmp_path).open() as stream:
        while piece := stream.read(size):
            found += piece
    assert found == DATA
    assert stream.closed


@pytest.mark.parametrize("data", [DATA[:-1], DATA + b"x", b"", b"x" + DATA[1:]])
def test_stored_artifact_with_other_bytes_has_no_end(tmp_path: Path, data: bytes) -> None:
    artifact = stored(tmp_path, data=data)
    with artifact.open() as stream, pytest.raises(StorageError, match=r"a/dump\.pgc is not what"):
        collections.deque(iter(lambda: stream.read(999), b""), maxlen=0)
    with artifact.open() as stream, pytest.raises(StorageError, match="sha-256 is wrong"):
        stream.read()
    with pytest.raises(StorageError, match="sha-256 is wrong"):
        artifact.read(limit_bytes=100_000)


def test_stored_artifact_left_before_its_end_says_nothing(tmp_path: Path) -> None:
    with stored(tmp_path, data=b"x" + DATA[1:]).open() as stream:
        assert stream.read(10) == b"x" + DATA[1:10]


def test_stored_artifact_larger_than_the_limit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="larger"):
        stored(tmp_path).read(limit_bytes=10)
