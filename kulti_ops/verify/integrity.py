"""A backup's bytes: every artifact present, of its size, with its sha-256.

A storage that cannot be read is an error, never a verdict: nothing was looked at.
"""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

from kulti_ops.backup.manifest import SUMS_NAME, sums
from kulti_ops.errors import NotFoundError, StorageError, UnreachableError
from kulti_ops.following import CHUNK_BYTES
from kulti_ops.progress import SILENT, Progress, size
from kulti_ops.report import CheckResult, Verdict
from kulti_ops.verify.result import all_or_crit

if TYPE_CHECKING:
    from kulti_ops.backup.manifest import Artifact, Manifest
    from kulti_ops.storage import Storage


def check_presence(manifest: Manifest, storage: Storage) -> CheckResult:
    """Look whether every artifact is there and has its size.

    Raises: UnreachableError when the storage cannot be read.
    """
    started = time.monotonic()
    problems = []
    for artifact in manifest.artifacts:
        try:
            info = storage.info(manifest.key(artifact))
        except UnreachableError:
            raise
        except StorageError as error:
            problems.append(f"{artifact.name} ({error.message})")
            continue
        if info is None:
            problems.append(f"{artifact.name} is missing")
        elif info.size_bytes != artifact.size_bytes:
            problems.append(
                f"{artifact.name} has {info.size_bytes} bytes instead of {artifact.size_bytes}"
            )
    return all_or_crit(
        "artifacts",
        missing=tuple(problems),
        good=f"{len(manifest.artifacts)} artifacts, {size(manifest.size_bytes)}",
        bad="artifacts are missing or of the wrong size",
        evidence={"artifacts": len(manifest.artifacts), "size_bytes": manifest.size_bytes},
        duration_s=time.monotonic() - started,
    )


def check_sha256(
    manifest: Manifest, storage: Storage, artifact: Artifact, progress: Progress = SILENT
) -> CheckResult:
    """Read one artifact and compare its sha-256 with the manifest's.

    Raises: UnreachableError when it cannot be read.
    """
    started = time.monotonic()
    digest = hashlib.sha256()
    read = 0
    try:
        with storage.reader(manifest.key(artifact)) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                digest.update(chunk)
                read += len(chunk)
                progress.advance(f"{size(read)} of {size(artifact.size_bytes)}")
    except UnreachableError:
        raise
    except (NotFoundError, StorageError):
        return sha256_result(artifact, same=False, duration_s=time.monotonic() - started)
    same = digest.hexdigest() == artifact.sha256
    return sha256_result(artifact, same=same, duration_s=time.monotonic() - started)


def sha256_result(artifact: Artifact, *, same: bool, duration_s: float) -> CheckResult:
    """Return the outcome for one artifact; `merge_sha256` makes one of all."""
    return CheckResult(
        id=artifact.name,
        status=Verdict.OK if same else Verdict.CRIT,
        summary=f"sha-256 of {artifact.name} {'is right' if same else 'is wrong'}",
        duration_s=duration_s,
    )


def merge_sha256(checksums: list[CheckResult]) -> CheckResult:
    """Return one result for all artifacts' checksums."""
    return all_or_crit(
        "checksum",
        missing=tuple(c.id for c in checksums if c.status is not Verdict.OK),
        good=f"sha-256 of {len(checksums)} artifacts is right",
        bad="sha-256 is not what the manifest says",
        evidence={"artifacts": len(checksums)},
        duration_s=sum(c.duration_s for c in checksums),
    )


def check_sums_file(manifest: Manifest, storage: Storage) -> CheckResult:
    """`SHA256SUMS` must say the same as the manifest: people check with it by hand."""
    artifact = manifest.artifact("sums")
    listed = tuple(a for a in manifest.artifacts if a is not artifact)
    try:
        data = storage.read_small(manifest.key(artifact), limit_bytes=1_000_000)
    except UnreachableError:
        raise
    except (StorageError, NotFoundError):
        data = b""
    return all_or_crit(
        "sums-file",
        missing=() if data == sums(listed) else (SUMS_NAME,),
        good=f"{SUMS_NAME} and manifest agree",
        bad="does not agree with the manifest",
    )
