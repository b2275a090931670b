"""Pruning: the plan for a storage, and its execution under the sources' locks.

`retention` decides; this module reads the catalog, makes sure that what is to stay is
still there, and removes the manifest first: killed at any instant, what is left is no
backup and is swept by the next run. Every deletion stands in the audit log before.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kulti_ops.audit import write_audit
from kulti_ops.backup import manifest as manifests
from kulti_ops.backup.catalog import State, list_entries, read_entry, usable_manifest
from kulti_ops.backup.create import sweep_leftovers
from kulti_ops.backup.retention import PROVEN, RetentionPlan, RetentionPolicy, plan_retention
from kulti_ops.clock import iso
from kulti_ops.errors import NotFoundError, StorageError
from kulti_ops.progress import SILENT, Progress
from kulti_ops.storage import HELD_FOR_GOOD

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from kulti_ops.backup.catalog import Entry
    from kulti_ops.backup.manifest import Manifest
    from kulti_ops.backup.retention import Removable
    from kulti_ops.storage import Storage


@dataclass(frozen=True, kw_only=True)
class Left:
    """A backup that was to go and is still there, and why."""

    backup_id: str
    reason: str


@dataclass(kw_only=True)
class Pruned:
    """What became of a plan.

    `locked` the storage itself keeps for a time, `failed` could not be removed. Where the
    storage keeps versions, what was removed still takes up its space.
    """

    removed: list[str] = field(default_factory=list)
    removed_bytes: int = 0
    keeps_versions: bool = False
    locked: list[Left] = field(default_factory=list)
    failed: list[Left] = field(default_factory=list)
    changed: list[Left] = field(default_factory=list)
    swept: tuple[str, ...] = ()

    @property
    def freed_bytes(self) -> int:
        """How much space is free now."""
        return 0 if self.keeps_versions else self.removed_bytes


def plan_prune(
    storage: Storage, policy: RetentionPolicy, *, now: datetime, source: str | None = None
) -> tuple[RetentionPlan, ...]:
    """Plan each source in the storage, or only one; changes nothing.

    The proven backups that the policy leans on are looked at: one whose artifacts are not
    all there any more counts for nothing, so that others stay in its place.

    Raises: RefusedError when the policy keeps nothing, NotFoundError when there is no such
    source, StorageError when the storage cannot be read.
    """
    entries = list_entries(storage)
    if source is not None:
        entries = tuple(e for e in entries if e.manifest and e.manifest.source.identity == source)
        if not entries:
            raise NotFoundError(
                f"{storage.url} holds no backup of {source}",
                hint="`kulti-ops backup prune` without --source shows all",
            )
    incomplete: dict[str, str] = {}
    while True:
        plans = plan_retention(entries, policy, now=now, incomplete=incomplete)
        found = {
            e.backup_id: problem
            for e in _pillars(plans, policy, incomplete)
            if (problem := _missing(storage, e))
        }
        if not found or not any(plan.remove for plan in plans):
            return plans
        incomplete |= found


def run_prune(
    storage: Storage,
    plans: Iterable[RetentionPlan],
    policy: RetentionPolicy,
    *,
    now: datetime,
    state: Path,
    progress: Progress = SILENT,
) -> Pruned:
    """Remove what the plans name, as far as a new plan under the locks still says so.

    What dead runs have left goes in any case: nobody else may be making backups there.
    `state` is the folder of the audit log. What cannot be removed is reported and does not
    keep the rest from going.

    Raises: RefusedError when another run holds a source's lock (then nothing is removed),
    OperationFailedError when the audit log cannot be written, StorageError.
    """
    wanted: dict[str, set[str]] = {}
    for plan in plans:
        if plan.remove:
            wanted.setdefault(plan.source, set()).update(r.entry.backup_id for r in plan.remove)
    done = Pruned(keeps_versions=bool(wanted) and storage.keeps_versions())
    with ExitStack() as locks:
        for source in wanted:
            locks.enter_context(storage.lock(manifests.lock_name(source)))
        done.swept = sweep_leftovers(storage)
        for source, ids in wanted.items():
            fresh = _fresh_plan(storage, policy, now=now, source=source)
            _remove_all(storage, fresh, ids, done, now=now, state=state, progress=progress)
    return done


def _fresh_plan(
    storage: Storage, policy: RetentionPolicy, *, now: datetime, source: str
) -> RetentionPlan:
    try:
        plans = plan_prune(storage, policy, now=now, source=source)
    except NotFoundError:  # somebody else took the last one
        plans = ()
    return RetentionPlan(
        source=source,
        keep=tuple(kept for plan in plans for kept in plan.keep),
        remove=tuple(removable for plan in plans for removable in plan.remove),
    )


def _remove_all(
    storage: Storage,
    plan: RetentionPlan,
    wanted: set[str],
    done: Pruned,
    *,
    now: datetime,
    state: Path,
    progress: Progress,
) -> None:
    """Remove one source's backups, the oldest first."""
    doomed = [r for r in reversed(plan.remove) if r.entry.backup_id in wanted]
    still = {r.entry.backup_id for r in plan.remove}
    kept = {k.entry.backup_id: "; ".join(k.reasons) for k in plan.keep}
    for backup_id in sorted(wanted - still):
        done.changed.append(
            Left(backup_id=backup_id, reason=kept.get(backup_id, "it is gone already"))
        )
    if not doomed:
        return

    def audit(action: str, **details: object) -> None:
        target = f"{storage.url} ({plan.source})"
        write_audit(state, action=action, target=target, details=details)

    audit("prune begun", backups=[r.entry.backup_id for r in doomed])
    before = len(done.removed)
    try:
        for number, removable in enumerate(doomed, 1):
            progress.advance(f"removing {number} of {len(doomed)}: {removable.entry.backup_id}")
            _remove(storage, removable, done, now=now)
    finally:
        audit("prune ended", removed=done.removed[before:])


def _remove(storage: Storage, removable: Removable, done: Pruned, *, now: datetime) -> None:
    entry = removable.entry
    manifest = usable_manifest(entry)
    try:
        until = _locked_until(storage, manifest)
        if until is not None and until > now:
            done.locked.append(Left(backup_id=entry.backup_id, reason=_lock_reason(until)))
            return
        if read_entry(storage, entry.backup_id) != entry:
            done.changed.append(Left(backup_id=entry.backup_id, reason="it was changed meanwhile"))
            return
        storage.delete(f"{entry.backup_id}/{manifests.FILE_NAME}")
        done.removed.append(entry.backup_id)
    except StorageError as error:
        done.failed.append(Left(backup_id=entry.backup_id, reason=error.message))
        return
    try:
        swept = storage.sweep(entry.backup_id)
        problem = "" if swept else "it is being written, or these credentials may not remove it"
    except StorageError as error:
        problem = error.message
    if problem:
        reason = f"only its manifest is gone, the next run sweeps the rest: {problem}"
        done.failed.append(Left(backup_id=entry.backup_id, reason=reason))
    else:
        done.removed_bytes += manifest.size_bytes


def _locked_until(storage: Storage, manifest: Manifest) -> datetime | None:
    """Return until when the storage keeps any object of a backup."""
    keys = [f"{manifest.backup_id}/{manifests.FILE_NAME}"]
    keys += [manifest.key(artifact) for artifact in manifest.artifacts]
    times = (storage.locked_until(key) for key in keys)
    return max((until for until in times if until is not None), default=None)


def _lock_reason(until: datetime) -> str:
    if until == HELD_FOR_GOOD:
        return "the storage holds it without an end (legal hold)"
    return f"the storage keeps it until {iso(until)} (object lock)"


def _pillars(
    plans: Iterable[RetentionPlan], policy: RetentionPolicy, incomplete: Mapping[str, str]
) -> Iterator[Entry]:
    """Yield each source's newest proven backups and the newest drilled: they must be whole."""
    for plan in plans:
        proven = [
            k.entry
            for k in plan.keep
            if k.entry.state in PROVEN
            and not k.entry.unread
            and k.entry.backup_id not in incomplete
        ]
        drilled = [e for e in proven[policy.floor :] if e.state is State.DRILLED]
        yield from (*proven[: policy.floor], *drilled[:1])


def _missing(storage: Storage, entry: Entry) -> str:
    """Return what is missing of a backup; empty when every artifact is there in its size."""
    manifest = usable_manifest(entry)
    for artifact in manifest.artifacts:
        info = storage.info(manifest.key(artifact))
        if info is None:
            return f"{artifact.name} is missing"
        if info.size_bytes != artifact.size_bytes:
            return f"{artifact.name} has {info.size_bytes} instead of {artifact.size_bytes} bytes"
    return ""
