"""Verifying one backup: quick (bytes) or contents (what the archive holds).

Every check is a result of its own; what could not be looked at is `unknown`. The
outcome becomes a record beside the backup.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kulti_ops.backup.reading import StoredArtifact, judge_identities, stored
from kulti_ops.errors import NotFoundError, StorageError, UnreachableError
from kulti_ops.inventory import LIMIT_BYTES, Inventory, from_json
from kulti_ops.pgtools import choose
from kulti_ops.progress import SILENT, Progress, size
from kulti_ops.report import CheckResult, Verdict, worst
from kulti_ops.sealing import NO_IDENTITIES, Identities, LockedError
from kulti_ops.verify import Level
from kulti_ops.verify.contents import ArchiveContents, read_contents
from kulti_ops.verify.counted import judge_critical, judge_rows
from kulti_ops.verify.expectations import coverage, sequence_problems, table_of_entry
from kulti_ops.verify.integrity import (
    check_presence,
    check_sha256,
    check_sums_file,
    merge_sha256,
    sha256_result,
)
from kulti_ops.verify.result import all_or_crit, not_compared

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kulti_ops.archive import Toc
    from kulti_ops.backup.manifest import Manifest
    from kulti_ops.digest import TableDigest
    from kulti_ops.pgtools import Installation
    from kulti_ops.storage import Storage


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
    identities: Identities = NO_IDENTITIES,
    progress: Progress = SILENT,
) -> Verification:
    """Look at a backup as deep as `level` says; contents that are locked are `unknown`.

    Raises: StorageError when the storage itself cannot be read; ConfigError when no
    pg_restore of a fitting major is found. A damaged backup is a result, not an error.
    """
    progress.step(f"verifying {manifest.backup_id}, {level}")
    presence = check_presence(manifest, storage)
    dump = manifest.artifact("dump")
    others = tuple(a for a in manifest.artifacts if a is not dump)
    small = [check_sha256(manifest, storage, a) for a in others]
    if presence.status is Verdict.CRIT:
        skipped = not_compared("the artifacts are not all there")
        return Verification(level=level, results=(presence, merge_sha256(small), skipped))
    locked = locked_reason(manifest, storage, identities) if level is Level.CONTENTS else None
    if level is Level.QUICK or locked is not None:
        checksums = merge_sha256([*small, check_sha256(manifest, storage, dump, progress)])
        results = (presence, checksums, check_sums_file(manifest, storage))
        return Verification(level=level, results=(*results, *([locked] if locked else ())))
    tools = choose(installations, server_major=manifest.dump_major)
    return _verify_contents(
        manifest, storage, presence, small, tools=tools, identities=identities, progress=progress
    )


def _verify_contents(
    manifest: Manifest,
    storage: Storage,
    presence: CheckResult,
    small: list[CheckResult],
    *,
    tools: Installation,
    identities: Identities,
    progress: Progress,
) -> Verification:
    dump = stored(manifest, storage, "dump", identities=identities)
    whole = dump.artifact.plain_size_bytes or dump.artifact.size_bytes
    started = time.monotonic()
    contents = read_contents(
        dump.open_unproven,
        tools=tools,
        on_bytes=lambda n: progress.advance(f"{size(n)} of {size(whole)}"),
    )
    took_s = time.monotonic() - started
    head = (
        presence,
        merge_sha256([*small, _dump_sha256(manifest, dump, contents, took_s, progress)]),
        check_sums_file(manifest, storage),
        _archive_result(contents, took_s),
    )
    inventory, problem = read_inventory(manifest, storage, identities)
    if inventory is None or contents.toc is None:
        return Verification(
            level=Level.CONTENTS, results=(*head, not_compared(problem or contents.problem))
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
    yield judge_rows(manifest, inventory, digests)
    yield judge_critical(manifest, inventory, digests)
    left_out = frozenset(manifest.left_out)
    for covered in coverage(inventory, contents.toc, left_out=left_out):
        if not covered.expected:
            yield CheckResult(
                id=covered.check_id,
                status=Verdict.SKIPPED,
                summary=f"the source has no {covered.noun}",
            )
            continue
        yield all_or_crit(
            covered.check_id,
            missing=covered.missing,
            good=f"all {covered.expected} {covered.noun} are in the archive",
            bad=f"{len(covered.missing)} of {covered.expected} {covered.noun} are missing",
            evidence={"expected": covered.expected, "missing": len(covered.missing)},
        )
    yield _sequence_values(inventory, contents.toc)


def _sequence_values(inventory: Inventory, toc: Toc) -> CheckResult:
    behind = sequence_problems(inventory, toc)
    if not inventory.sequences and not behind:
        return CheckResult(
            id="sequence-values", status=Verdict.SKIPPED, summary="the source has no sequences"
        )
    return all_or_crit(
        "sequence-values",
        missing=behind,
        good=f"all {len(inventory.sequences)} sequences are at or ahead of the source's values",
        bad=f"{len(behind)} sequences lie behind the source",
        evidence={"examined": len(inventory.sequences)},
    )


def _archive_result(contents: ArchiveContents, duration_s: float) -> CheckResult:
    entries = len(contents.toc.entries) if contents.toc else 0
    return all_or_crit(
        "archive",
        missing=(contents.problem,) if contents.problem else (),
        good=f"the archive parses to its very end: {entries} entries",
        bad="the archive is damaged",
        evidence={"entries": entries, "size_bytes": contents.size_bytes},
        duration_s=duration_s,
    )


def _dump_sha256(
    manifest: Manifest,
    dump: StoredArtifact,
    contents: ArchiveContents,
    duration_s: float,
    progress: Progress,
) -> CheckResult:
    """Judge the dump's bytes by what the pass saw; look again where it did not see all of them.

    A pass over an encrypted dump that found no problem has held every stored byte against
    the manifest, and age has vouched for the plaintext.
    """
    artifact = dump.artifact
    if artifact.sealed and contents.problem:
        return check_sha256(manifest, dump.storage, artifact, progress)
    measured = (contents.sha256, contents.size_bytes)
    plain = (
        artifact.plain_sha256 or artifact.sha256,
        artifact.size_bytes if artifact.plain_size_bytes is None else artifact.plain_size_bytes,
    )
    return sha256_result(artifact, same=measured == plain, duration_s=duration_s)


def locked_reason(
    manifest: Manifest, storage: Storage, identities: Identities
) -> CheckResult | None:
    """Return the result for contents that the identities do not open, None where they do.

    Raises: UnreachableError when the storage cannot be read.
    """
    try:
        judge_identities(manifest, identities)
        read_inventory(manifest, storage, identities)
    except LockedError as error:
        return CheckResult(
            id="contents",
            status=Verdict.UNKNOWN,
            summary=f"the contents could not be looked at: {error.message}",
            next=error.hint or None,
        )
    return None


def read_inventory(
    manifest: Manifest, storage: Storage, identities: Identities
) -> tuple[Inventory | None, str]:
    """Return the backup's inventory; None and the reason when it cannot be read.

    Raises: LockedError when it cannot be decrypted; UnreachableError.
    """
    try:
        artifact = stored(manifest, storage, "inventory", identities=identities)
        return from_json(artifact.read(limit_bytes=LIMIT_BYTES)), ""
    except UnreachableError:
        raise
    except (StorageError, NotFoundError) as error:
        return None, error.message
