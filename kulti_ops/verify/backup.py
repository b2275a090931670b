"""Verifying one backup: quick (bytes) or contents (what the archive holds).

Every check is a result of its own; what could not be looked at is `unknown`. The
outcome becomes a record beside the backup.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kulti_ops.backup.manifest import SUMS_NAME, rows_of, sums
from kulti_ops.errors import NotFoundError, StorageError
from kulti_ops.inventory import LIMIT_BYTES, Inventory, from_json
from kulti_ops.pgtools import choose
from kulti_ops.platform.tables import CRITICAL_TABLES
from kulti_ops.progress import SILENT, Progress, size
from kulti_ops.report import CheckResult, Verdict, worst
from kulti_ops.verify import Level
from kulti_ops.verify.contents import CHUNK_BYTES, ArchiveContents, read_contents
from kulti_ops.verify.expectations import coverage, sequence_problems, table_of_entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kulti_ops.archive import Toc
    from kulti_ops.backup.manifest import Artifact, Manifest
    from kulti_ops.digest import TableDigest
    from kulti_ops.pgtools import Installation
    from kulti_ops.storage import Storage

NAMES_SHOWN = 5
TOOL_ENVIRONMENT = {"LC_ALL": "C"}


@dataclass(frozen=True, kw_only=True)
class Verification:
    """The results, and for `contents` the inventory and each table's digest by identity."""

    level: Level
    results: tuple[CheckResult, ...]
    inventory: Inventory | None = None
    toc: Toc | None = None
    digests: dict[str, TableDigest] = field(default_factory=dict)

    @property
    def status(self) -> Verdict:
        """The worst verdict."""
        return worst(r.status for r in self.results)


def verify_backup(
    manifest: Manifest,
    storage: Storage,
    *,
    level: Level,
    installations: Iterable[Installation] = (),
    progress: Progress = SILENT,
) -> Verification:
    """Look at a backup as deep as `level` says.

    Raises: StorageError when the storage itself cannot be read; ConfigError when no
    pg_restore of a fitting major is found. A damaged backup is a result, not an error.
    """
    progress.step(f"verifying {manifest.backup_id}, {level}")
    presence = _presence(manifest, storage)
    dump = manifest.artifact("dump")
    others = tuple(a for a in manifest.artifacts if a is not dump)
    small = [_checksum(manifest, storage, a) for a in others]
    if presence.status is Verdict.CRIT:
        skipped = _unreadable("the artifacts are not all there")
        return Verification(level=level, results=(presence, _merge(small), skipped))
    if level is Level.QUICK:
        checksums = _merge([*small, _checksum(manifest, storage, dump, progress)])
        return Verification(level=level, results=(presence, checksums, _sums(manifest, storage)))
    return _verify_contents(manifest, storage, presence, small, tuple(installations), progress)


def _verify_contents(
    manifest: Manifest,
    storage: Storage,
    presence: CheckResult,
    small: list[CheckResult],
    installations: tuple[Installation, ...],
    progress: Progress,
) -> Verification:
    dump = manifest.artifact("dump")
    key = manifest.key(dump)
    started = time.monotonic()
    contents = read_contents(
        lambda: storage.reader(key),
        tools=choose(installations, server_major=manifest.dump_major),
        environment=TOOL_ENVIRONMENT,
        on_bytes=lambda n: progress.advance(f"{size(n)} of {size(dump.size_bytes)}"),
    )
    took_s = time.monotonic() - started
    same = contents.sha256 == dump.sha256 and contents.size_bytes == dump.size_bytes
    checksums = _merge([*small, _digest_result(dump, same=same, duration_s=took_s)])
    head = (presence, checksums, _sums(manifest, storage), _archive_result(contents, took_s))
    inventory, problem = read_inventory(manifest, storage)
    if inventory is None or contents.toc is None:
        return Verification(
            level=Level.CONTENTS, results=(*head, _unreadable(problem or contents.problem))
        )
    names = table_of_entry(inventory, contents.toc)
    digests = {names[i]: d for i, d in contents.tables.items() if i in names}
    return Verification(
        level=Level.CONTENTS,
        results=(*head, *_content_results(manifest, inventory, contents, digests)),
        inventory=inventory,
        toc=contents.toc,
        digests=digests,
    )


def _content_results(
    manifest: Manifest,
    inventory: Inventory,
    contents: ArchiveContents,
    digests: dict[str, TableDigest],
) -> Iterator[CheckResult]:
    assert contents.toc is not None  # noqa: S101 - the caller made sure
    yield _rows(manifest, inventory, digests)
    yield _critical(manifest, inventory, digests)
    left_out = frozenset(manifest.left_out)
    for covered in coverage(inventory, contents.toc, left_out=left_out):
        if not covered.expected:
            yield CheckResult(
                id=covered.check_id,
                status=Verdict.SKIPPED,
                summary=f"the source has no {covered.noun}",
            )
            continue
        yield _result(
            covered.check_id,
            missing=covered.missing,
            good=f"all {covered.expected} {covered.noun} are in the archive",
            bad=f"{len(covered.missing)} of {covered.expected} {covered.noun} are missing",
            evidence={"expected": covered.expected, "missing": len(covered.missing)},
        )
    behind = sequence_problems(inventory, contents.toc)
    yield _result(
        "sequence-values",
        missing=behind,
        good=f"all {len(inventory.sequences)} sequences are at or ahead of the source's values",
        bad=f"{len(behind)} sequences lie behind the source",
        evidence={"examined": len(inventory.sequences)},
    )


def _rows(manifest: Manifest, inventory: Inventory, digests: dict[str, TableDigest]) -> CheckResult:
    """Hold the archive's rows against the counts taken at the source, table by table."""
    left_out = set(manifest.left_out)
    wrong, uncounted, right = [], [], 0
    for identity, counted in inventory.row_counts.items():
        found = digests.get(identity)
        if counted is None:
            if found is not None:
                uncounted.append(identity)
        elif identity in left_out:
            continue
        elif found is None or found.rows != counted:
            wrong.append((identity, counted, None if found is None else found.rows))
        else:
            right += 1
    extra = sorted(set(digests) - set(inventory.row_counts))
    rows = tuple({"table": t, "source": s, "archive": a} for t, s, a in wrong)
    evidence = {
        "tables_equal": right,
        "tables_different": len(wrong),
        "not_counted": len(uncounted),
    }
    if wrong or extra:
        names = ", ".join([t for t, _, _ in wrong][:NAMES_SHOWN] + extra[:NAMES_SHOWN])
        return CheckResult(
            id="rows",
            status=Verdict.CRIT,
            summary=f"rows differ from the source in {len(wrong) + len(extra)} tables: {names}",
            evidence=evidence,
            rows=rows,
            next="make a new backup: kulti-ops backup create",
        )
    if uncounted:
        return CheckResult(
            id="rows",
            status=Verdict.UNKNOWN,
            summary=f"{len(uncounted)} tables were not counted at the source",
            evidence=evidence,
            next="create backups without --no-counts to have them compared",
        )
    total = sum(d.rows for d in digests.values())
    return CheckResult(
        id="rows",
        status=Verdict.OK,
        summary=f"{total:,} rows in {right} tables, each equal to the count at the source",
        evidence={**evidence, "rows": total},
    )


def _critical(
    manifest: Manifest, inventory: Inventory, digests: dict[str, TableDigest]
) -> CheckResult:
    names = [table.identity for table in CRITICAL_TABLES]
    if not any(name in inventory.row_counts for name in names):
        return CheckResult(
            id="critical-tables",
            status=Verdict.SKIPPED,
            summary="the source has none of the platform's tables: not a Kulti database",
        )
    missing = tuple(name for name in names if name not in digests)
    if missing and all(rows_of(name) in manifest.left_out for name in missing):
        return CheckResult(
            id="critical-tables",
            status=Verdict.WARN,
            summary=f"left out on request: rows of {', '.join(missing)}",
            next="restore these tables from another backup",
        )
    return _result(
        "critical-tables",
        missing=missing,
        good=f"all {len(names)} critical tables are in the archive with their rows",
        bad="critical tables are missing",
        evidence={"expected": len(names)},
    )


def _presence(manifest: Manifest, storage: Storage) -> CheckResult:
    started = time.monotonic()
    problems = []
    for artifact in manifest.artifacts:
        try:
            info = storage.info(manifest.key(artifact))
        except StorageError as error:
            problems.append(f"{artifact.name} ({error.message})")
            continue
        if info is None:
            problems.append(f"{artifact.name} is missing")
        elif info.size_bytes != artifact.size_bytes:
            problems.append(
                f"{artifact.name} has {info.size_bytes} bytes instead of {artifact.size_bytes}"
            )
    return _result(
        "artifacts",
        missing=tuple(problems),
        good=f"{len(manifest.artifacts)} artifacts, {size(manifest.size_bytes)}",
        bad="artifacts are missing or of the wrong size",
        evidence={"artifacts": len(manifest.artifacts), "size_bytes": manifest.size_bytes},
        duration_s=time.monotonic() - started,
    )


def _checksum(
    manifest: Manifest, storage: Storage, artifact: Artifact, progress: Progress = SILENT
) -> CheckResult:
    started = time.monotonic()
    digest = hashlib.sha256()
    read = 0
    try:
        with storage.reader(manifest.key(artifact)) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                digest.update(chunk)
                read += len(chunk)
                progress.advance(f"{size(read)} of {size(artifact.size_bytes)}")
    except (NotFoundError, StorageError):
        return _digest_result(artifact, same=False, duration_s=time.monotonic() - started)
    same = digest.hexdigest() == artifact.sha256
    return _digest_result(artifact, same=same, duration_s=time.monotonic() - started)


def _digest_result(artifact: Artifact, *, same: bool, duration_s: float) -> CheckResult:
    return CheckResult(
        id=artifact.name,
        status=Verdict.OK if same else Verdict.CRIT,
        summary=f"sha-256 of {artifact.name} {'is right' if same else 'is wrong'}",
        duration_s=duration_s,
    )


def _merge(checksums: list[CheckResult]) -> CheckResult:
    """Return one result for all artifacts' checksums."""
    return _result(
        "checksum",
        missing=tuple(c.id for c in checksums if c.status is not Verdict.OK),
        good=f"sha-256 of {len(checksums)} artifacts is right",
        bad="sha-256 is not what the manifest says",
        evidence={"artifacts": len(checksums)},
        duration_s=sum(c.duration_s for c in checksums),
    )


def _sums(manifest: Manifest, storage: Storage) -> CheckResult:
    """`SHA256SUMS` must say the same as the manifest: people check with it by hand."""
    artifact = manifest.artifact("sums")
    listed = tuple(a for a in manifest.artifacts if a is not artifact)
    try:
        data = storage.read_small(manifest.key(artifact), limit_bytes=1_000_000)
    except (StorageError, NotFoundError):
        data = b""
    return _result(
        "sums-file",
        missing=() if data == sums(listed) else (SUMS_NAME,),
        good=f"{SUMS_NAME} and manifest agree",
        bad="does not agree with the manifest",
    )


def _archive_result(contents: ArchiveContents, duration_s: float) -> CheckResult:
    entries = len(contents.toc.entries) if contents.toc else 0
    return _result(
        "archive",
        missing=(contents.problem,) if contents.problem else (),
        good=f"the archive parses to its very end: {entries} entries",
        bad="the archive is damaged",
        evidence={"entries": entries, "size_bytes": contents.size_bytes},
        duration_s=duration_s,
    )


def read_inventory(manifest: Manifest, storage: Storage) -> tuple[Inventory | None, str]:
    """Return the backup's inventory; None and the reason when it cannot be read."""
    try:
        key = manifest.key(manifest.artifact("inventory"))
        return from_json(storage.read_small(key, limit_bytes=LIMIT_BYTES)), ""
    except (StorageError, NotFoundError) as error:
        return None, error.message


def _unreadable(reason: str) -> CheckResult:
    return CheckResult(
        id="contents",
        status=Verdict.UNKNOWN,
        summary=f"the contents could not be compared: {reason}",
        next="use another backup: kulti-ops backup list",
    )


def _result(
    check_id: str,
    *,
    missing: tuple[str, ...],
    good: str,
    bad: str,
    evidence: dict[str, Any] | None = None,
    duration_s: float = 0.0,
) -> CheckResult:
    if not missing:
        return CheckResult(
            id=check_id,
            status=Verdict.OK,
            summary=good,
            evidence=evidence or {},
            duration_s=duration_s,
        )
    more = f" and {len(missing) - NAMES_SHOWN} more" if len(missing) > NAMES_SHOWN else ""
    return CheckResult(
        id=check_id,
        status=Verdict.CRIT,
        summary=f"{bad}: {', '.join(missing[:NAMES_SHOWN])}{more}",
        evidence=evidence or {},
        rows=tuple({"name": name} for name in missing),
        next="use another backup: kulti-ops backup list",
        duration_s=duration_s,
    )
