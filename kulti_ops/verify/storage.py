"""Verifying a storage as a whole: what belongs to no backup, what is missing, who else gets in.

Goes by one listing and the manifests; reads no artifact (`verify backup` does) and removes
nothing. What a living run is writing is not judged.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kulti_ops.backup.catalog import list_entries
from kulti_ops.backup.manifest import FILE_NAME, is_id
from kulti_ops.report import CheckResult, Verdict
from kulti_ops.verify.result import NAMES_SHOWN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kulti_ops.backup.catalog import Entry
    from kulti_ops.storage import Exposure, Storage, Unfinished

ROWS_SHOWN = 100


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a storage holds: each object's size, the backups, what is being written."""

    sizes: Mapping[str, int]
    entries: tuple[Entry, ...]
    unfinished: tuple[Unfinished, ...]
    begun: tuple[Unfinished, ...] = ()

    @property
    def busy(self) -> frozenset[str]:
        """The folders that a living run is writing, or began to write meanwhile."""
        return frozenset(u.key.split("/")[0] for u in (*self.unfinished, *self.begun) if u.holder)


def verify_storage(storage: Storage) -> tuple[CheckResult, ...]:
    """Look at everything in a storage.

    Raises: StorageError when it cannot be read.
    """
    # in this order: what is finished in between counts as busy, never as an orphan
    unfinished = storage.unfinished()
    sizes = {info.key: info.size_bytes for info in storage.list()}
    found = Found(
        sizes=sizes,
        entries=list_entries(storage),
        unfinished=unfinished,
        begun=storage.unfinished(),  # a run that began since stores its roles within a second
    )
    return (
        _manifests(found),
        _artifacts(found),
        _sizes(found),
        _orphans(found),
        _unfinished(found),
        *(_exposure(exposure, storage.url) for exposure in storage.exposures()),
    )


def _manifests(found: Found) -> CheckResult:
    unread = tuple(e.backup_id for e in found.entries if e.unreachable)
    damaged = tuple(
        f"{e.backup_id} ({e.problem})"
        for e in found.entries
        if e.manifest is None and not e.unreachable
    )
    if damaged:
        return _listed("manifests", Verdict.CRIT, "manifests are damaged", damaged)
    if unread:
        return _listed("manifests", Verdict.UNKNOWN, "manifests could not be read", unread)
    if not found.entries:
        return CheckResult(
            id="manifests",
            status=Verdict.SKIPPED,
            summary="there is no backup",
            next="kulti-ops backup create",
        )
    return CheckResult(
        id="manifests",
        status=Verdict.OK,
        summary=f"{len(found.entries)} backups, each manifest is whole",
        evidence={"backups": len(found.entries)},
    )


def _artifacts(found: Found) -> CheckResult:
    wanted = tuple(_wanted(found))
    missing = tuple(key for key, _ in wanted if key not in found.sizes)
    if missing:
        return _listed(
            "artifacts", Verdict.CRIT, "artifacts are missing", missing, then=_USE_ANOTHER
        )
    return _about_backups("artifacts", found, f"all {len(wanted)} artifacts are there")


def _sizes(found: Found) -> CheckResult:
    wrong = tuple(
        f"{key} ({found.sizes[key]} bytes instead of {size_bytes})"
        for key, size_bytes in _wanted(found)
        if found.sizes.get(key, size_bytes) != size_bytes
    )
    if wrong:
        return _listed("sizes", Verdict.CRIT, "artifacts are of a wrong size", wrong, _USE_ANOTHER)
    return _about_backups("sizes", found, "every artifact has its size")


def _orphans(found: Found) -> CheckResult:
    """Look for objects that belong to no backup: left by broken runs, or put there by others."""
    known = {key for key, _ in _wanted(found)}
    known |= {f"{e.backup_id}/{FILE_NAME}" for e in found.entries}
    unreadable = {e.backup_id for e in found.entries if e.manifest is None}
    backups = {e.backup_id for e in found.entries}
    orphans = []
    for key in sorted(set(found.sizes) - known):
        folder, _, rest = key.partition("/")
        if folder in found.busy or folder in unreadable:
            continue
        if not (folder in backups and rest.startswith("records/")):
            orphans.append(key)
    if not orphans:
        return CheckResult(
            id="orphans",
            status=Verdict.OK,
            summary=f"each of {len(found.sizes)} objects belongs to a backup",
            evidence={"objects": len(found.sizes)},
        )
    broken = {o.split("/")[0] for o in orphans if is_id(o.split("/")[0])} - backups
    then = "the next `kulti-ops backup create` removes what broken runs left"
    return _listed(
        "orphans",
        Verdict.WARN,
        "objects belong to no backup",
        tuple(orphans),
        then if broken else "look at them; nothing of kulti-ops removes what is not its own",
    )


def _unfinished(found: Found) -> CheckResult:
    left = tuple(u.key for u in found.unfinished if not u.holder and u.ours)
    foreign = tuple(u.key for u in found.unfinished if not u.holder and not u.ours)
    if foreign:
        return _listed(
            "unfinished",
            Verdict.WARN,
            "uploads that no run of kulti-ops claims",
            foreign,
            "abort them by hand or by a rule of the bucket; they cost space",
        )
    if left:
        return _listed(
            "unfinished",
            Verdict.WARN,
            "broken runs left something unfinished",
            left,
            "the next `kulti-ops backup create` removes it",
        )
    writing = f"; {len(found.busy)} being written now" if found.busy else ""
    return CheckResult(
        id="unfinished", status=Verdict.OK, summary=f"nothing is left unfinished{writing}"
    )


def _exposure(exposure: Exposure, url: str) -> CheckResult:
    if exposure.open_to:
        return _listed(
            exposure.id,
            Verdict.CRIT,
            f"others get at {url}",
            tuple("the folder itself" if what == "." else what for what in exposure.open_to),
            f"chmod -R go= {shlex.quote(url)}"
            if exposure.id == "modes"
            else "close it: backups hold personal data and password hashes",
        )
    if exposure.unanswered:
        return CheckResult(
            id=exposure.id,
            status=Verdict.UNKNOWN,
            summary=f"it could not be told: {exposure.unanswered}",
            next="look at the bucket's settings in the provider's console",
        )
    return CheckResult(id=exposure.id, status=Verdict.OK, summary=exposure.good)


_USE_ANOTHER = "use another backup: kulti-ops backup list"


def _wanted(found: Found) -> tuple[tuple[str, int], ...]:
    return tuple(
        (entry.manifest.key(artifact), artifact.size_bytes)
        for entry in found.entries
        if entry.manifest is not None
        for artifact in entry.manifest.artifacts
    )


def _about_backups(check_id: str, found: Found, good: str) -> CheckResult:
    if not any(entry.manifest for entry in found.entries):
        return CheckResult(
            id=check_id, status=Verdict.SKIPPED, summary="there is no readable backup"
        )
    return CheckResult(id=check_id, status=Verdict.OK, summary=good)


def _listed(
    check_id: str, status: Verdict, what: str, names: tuple[str, ...], then: str | None = None
) -> CheckResult:
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return CheckResult(
        id=check_id,
        status=status,
        summary=f"{what}: {', '.join(names[:NAMES_SHOWN])}{more}",
        evidence={"found": len(names)},
        rows=tuple({"name": name} for name in names[:ROWS_SHOWN]),
        next=then,
    )
