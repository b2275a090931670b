"""The spool: an archive from elsewhere as a file here, so that several jobs can share it.

The file has no name: a kill leaves nothing, and nobody can change what was proven while
it was copied. Only for archives that are stored unencrypted: the plaintext of an
encrypted one is written to no disk.
"""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from kulti_ops.errors import OperationFailedError
from kulti_ops.following import CHUNK_BYTES
from kulti_ops.pgserver import free_bytes, make_enterable_dir
from kulti_ops.progress import Progress, size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kulti_ops.archive import Toc
    from kulti_ops.backup.reading import StoredArtifact
    from kulti_ops.pgrestore import ArchiveSource


@dataclass(frozen=True, kw_only=True)
class Spooled:
    """An archive in a file without a name, reached by its descriptor in this process."""

    path: Path
    toc: Toc | None = None

    def open(self) -> BinaryIO:
        """Open it at its start; it was proven when it was copied."""
        return self.path.open("rb")


@contextmanager
def spooled(
    archive: StoredArtifact,
    *,
    folder: Path | None,
    jobs: int,
    reserved_bytes: float = 0.0,
    progress: Progress,
) -> Iterator[ArchiveSource]:
    """Yield the archive as a file below `folder` where that helps and fits, else as it is.

    `reserved_bytes` is room that must be left for others.

    Raises: StorageError when the archive cannot be read or is not the manifest's;
    OperationFailedError when the file cannot be written.
    """
    if folder is None or not _is_wanted(archive, folder, jobs, reserved_bytes):
        yield archive
        return
    progress.step(f"fetching the archive, {size(archive.artifact.size_bytes)}, for {jobs} jobs")
    try:
        make_enterable_dir(folder)
        file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - closed below
    except OSError as error:
        raise _unwritable(folder, error) from error
    with file:
        with archive.open() as stream:
            while chunk := stream.read(CHUNK_BYTES):
                _write(file.fileno(), chunk, folder)
                progress.advance(size(file.tell()))
        yield Spooled(path=Path(f"/proc/{os.getpid()}/fd/{file.fileno()}"), toc=archive.toc)


def _is_wanted(archive: StoredArtifact, folder: Path, jobs: int, reserved_bytes: float) -> bool:
    there = archive.path is not None or archive.artifact.sealed
    if there or jobs == 1 or sys.platform != "linux":
        return False
    return free_bytes(folder) >= archive.artifact.size_bytes + reserved_bytes


def _write(descriptor: int, chunk: bytes, folder: Path) -> None:
    view = memoryview(chunk)
    try:
        while view:
            view = view[os.write(descriptor, view) :]
    except OSError as error:
        raise _unwritable(folder, error) from error


def _unwritable(folder: Path, error: OSError) -> OperationFailedError:
    return OperationFailedError(
        f"cannot fetch the archive into {folder}: {(error.strerror or str(error)).lower()}",
        hint="free space there, choose another folder with KULTI_OPS_SCRATCH_DIR, or --jobs 1",
    )
