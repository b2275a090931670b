"""Replacing a live database by a backup, on a server of one's own.

A safety backup first, made and verified; then the backup is restored beside the live
database and compared; only when that is equal do the names change. Until then, and
whenever anything fails, the live database is what it was, under its own name.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from kulti_ops.backup.catalog import Record, add_record, find
from kulti_ops.backup.create import create_backup
from kulti_ops.errors import KultiError, OperationFailedError, RefusedError
from kulti_ops.progress import SILENT, Progress
from kulti_ops.report import CheckResult, Verdict, worst
from kulti_ops.restore import databases, guards, siblings, swap
from kulti_ops.restore.run import Prepared, RestoreOptions, prepare_restore, run_restore
from kulti_ops.restore.space import judge_server_space, server_free_bytes
from kulti_ops.sealing import IDENTITY_FILE_SETTING, describe, opens
from kulti_ops.verify import Level
from kulti_ops.verify.backup import verify_backup
from kulti_ops.verify.recall import proof_of

if TYPE_CHECKING:
    from datetime import datetime

    from kulti_ops.backup.attempt import CreateOptions
    from kulti_ops.backup.manifest import Manifest
    from kulti_ops.db import Connection, Target
    from kulti_ops.pgtools import Installation
    from kulti_ops.restore.databases import DatabaseState
    from kulti_ops.restore.swap import Sessions
    from kulti_ops.storage import Storage
    from kulti_ops.verify.restored import TableMatch

SAFETY_LABEL = "before-replace"
# A table that is critical and gone is why somebody restores: the safety backup holds what
# there is, and its check of rows says so for every table of the database.
_NOT_FOR_SAFETY = frozenset({"critical-tables"})
_NO_ROWS_TO_LOSE = frozenset({"rows"})  # of a database without tables: its objects are judged


@dataclass(frozen=True, kw_only=True)
class ReplaceOptions:
    """What the user asked for; `backup_named` when the backup was named by its id."""

    restore: RestoreOptions
    create: CreateOptions
    installations: tuple[Installation, ...]
    now: datetime
    confirmed: str | None
    backup_named: bool
    terminate_connections: bool = False


@dataclass(frozen=True, kw_only=True)
class PreparedReplace:
    """A replacement that passed every guard: where it works from, and the names to be."""

    restore: Prepared
    maintenance: Target
    live: DatabaseState
    sessions: tuple[Sessions, ...]
    leftovers: tuple[str, ...]
    space: CheckResult
    beside: str
    kept: str


@dataclass(kw_only=True)
class Replaced:
    """What was done: results, names, the safety backup."""

    results: list[CheckResult] = field(default_factory=list)
    phases_s: dict[str, float] = field(default_factory=dict)
    tables: tuple[TableMatch, ...] = ()
    replaced: bool = False
    kept_as: str | None = None
    safety_backup_id: str | None = None


def prepare_replace(
    manifest: Manifest,
    storage: Storage,
    target: Target,
    *,
    options: ReplaceOptions,
    progress: Progress = SILENT,
) -> PreparedReplace:
    """Look at everything and change nothing.

    Raises: RefusedError from any guard; DatabaseError, StorageError when something
    cannot be looked at.
    """
    timeout_s = options.restore.connect_timeout_s
    _judge_backup(manifest, named=options.backup_named)
    _judge_recipients(options)
    guards.judge_connection(target)
    swap.judge_replace(target, None, confirmed=options.confirmed)
    state = guards.look_at(target, timeout_s=timeout_s)
    swap.judge_replace(target, state, confirmed=options.confirmed)
    maintenance = swap.maintenance_of(target, timeout_s=timeout_s)
    with swap.replacing(maintenance, target.database) as connection:
        live = databases.read_database(connection, target.database)
        sessions = swap.sessions_of(connection, live)
        leftovers = siblings.leftovers_of(connection, live.name)
        free = server_free_bytes(connection, target, live.name)
    space = judge_server_space(manifest, free, database=live.name)
    swap.judge_sessions(live, sessions, end=options.terminate_connections)
    prepared = prepare_restore(
        manifest, storage, target, options=options.restore, progress=progress, empty=False
    )
    return PreparedReplace(
        restore=prepared,
        maintenance=maintenance,
        live=live,
        sessions=sessions,
        leftovers=leftovers,
        space=space,
        beside=siblings.sibling_name(live.name, siblings.RESTORED, options.now),
        kept=siblings.sibling_name(live.name, siblings.BEFORE, options.now),
    )


def _judge_backup(manifest: Manifest, *, named: bool) -> None:
    """Refuse to take the last attempt's safety backup just because it is the latest.

    Raises: RefusedError.
    """
    if manifest.label == SAFETY_LABEL and not named:
        raise RefusedError(
            f"{manifest.backup_id} is the newest, but it is the safety backup of an earlier "
            "replacement: what was to be replaced",
            hint="name the one that you mean: kulti-ops backup list",
        )


def _judge_recipients(options: ReplaceOptions) -> None:
    """Refuse to encrypt a safety backup that could not be verified, or brought back, from here.

    Raises: RefusedError; LockedError when the identity cannot be read.
    """
    recipients, identities = options.create.recipients, options.restore.identities
    if recipients and not (identities and any(opens(r, identities) for r in recipients)):
        raise RefusedError(
            f"the safety backup would be encrypted to {', '.join(map(describe, recipients))}, "
            "which no identity given here opens",
            hint=f"set {IDENTITY_FILE_SETTING} to the file with the private key",
        )


def run_replace(
    prepared: PreparedReplace,
    storage: Storage,
    *,
    options: ReplaceOptions,
    progress: Progress = SILENT,
) -> Replaced:
    """Back up, restore beside, compare, swap.

    Raises: KultiError when a step fails; its hint says what is left and how to go on.
    A difference is a result: then nothing was swapped.
    """
    done = Replaced(results=[*_leftover_results(prepared.leftovers), prepared.space])
    with swap.replacing(prepared.maintenance, prepared.live.name) as connection:
        _back_up(prepared, storage, done, options=options, progress=progress)
        restored = _restore_beside(connection, prepared, done, options, progress)
        if restored is None:
            return done
        progress.step(f"putting it in the place of {prepared.live.name}")
        started = time.monotonic()
        _swap(connection, prepared, restored, options=options)
        done.phases_s["swap"] = time.monotonic() - started
    done.replaced, done.kept_as = True, prepared.kept
    done.results.append(_replaced_result(prepared, done.phases_s["swap"]))
    return done


def _back_up(
    prepared: PreparedReplace,
    storage: Storage,
    done: Replaced,
    *,
    options: ReplaceOptions,
    progress: Progress,
) -> None:
    """Make and verify a backup of what is about to be replaced.

    Raises: RefusedError when it does not hold: then nothing is replaced.
    """
    started = time.monotonic()
    created = create_backup(
        prepared.restore.target,
        storage,
        options=replace(options.create, label=SAFETY_LABEL),
        installations=options.installations,
        now=options.now,
        progress=progress,
    )
    backup_id = created.manifest.backup_id
    verified = verify_backup(
        created.manifest,
        storage,
        level=Level.CONTENTS,
        installations=options.installations,
        identities=options.restore.identities,
        progress=progress,
    )
    add_record(
        storage,
        find(storage, backup_id),
        Record(
            kind="verify",
            at=options.now,
            status=verified.status,
            level=Level.CONTENTS,
            data=proof_of(verified, created.manifest),
        ),
    )
    aside = (
        _NOT_FOR_SAFETY if created.manifest.totals.tables else _NOT_FOR_SAFETY | _NO_ROWS_TO_LOSE
    )
    judged = [r for r in verified.results if r.id not in aside]
    status = worst(r.status for r in judged)
    if status in {Verdict.CRIT, Verdict.UNKNOWN}:
        bad = next(r for r in judged if r.status is status)
        raise RefusedError(
            f"the safety backup {backup_id} does not pass its verification: {bad.summary}",
            hint=f"nothing was changed; {prepared.live.name} is as it was",
        )
    done.safety_backup_id = backup_id
    done.phases_s["safety backup"] = time.monotonic() - started
    done.results.append(
        CheckResult(
            id="safety-backup",
            status=Verdict.OK,
            summary=f"{prepared.live.name} as it was is in {backup_id}, verified",
            evidence={"backup_id": backup_id},
            duration_s=done.phases_s["safety backup"],
        )
    )


def _restore_beside(
    connection: Connection,
    prepared: PreparedReplace,
    done: Replaced,
    options: ReplaceOptions,
    progress: Progress,
) -> DatabaseState | None:
    """Restore into a database beside and compare; None when it is not equal.

    A step that fails or is interrupted takes the new database away again.
    """
    progress.step(f"restoring beside, into {prepared.beside}")
    databases.create_beside(connection, prepared.live, prepared.beside)
    try:
        target = prepared.restore.target.with_database(prepared.beside)
        restored = run_restore(
            replace(prepared.restore, target=target), options=options.restore, progress=progress
        )
        done.results += restored.results
        done.phases_s |= restored.phases_s
        done.tables = restored.tables
        if worst(r.status for r in restored.results) in {Verdict.CRIT, Verdict.UNKNOWN}:
            done.results.append(_not_replaced(prepared))
            return None
        databases.carry_over(connection, prepared.live, prepared.beside)
        return databases.read_database(connection, prepared.beside)
    except BaseException as error:
        _take_away(connection, prepared, error)
        raise


def _take_away(connection: Connection, prepared: PreparedReplace, error: BaseException) -> None:
    """Drop what was restored beside; where that fails too, say so in the error's hint."""
    left = f"{prepared.live.name} is as it was"
    try:
        databases.drop_beside(connection, prepared.beside)
    except KultiError:
        left += f"; drop what is left: {siblings.drop_statement(prepared.beside)}"
    if isinstance(error, KultiError):
        error.hint = f"{left}. {error.hint}".strip()


def _swap(
    connection: Connection,
    prepared: PreparedReplace,
    restored: DatabaseState,
    *,
    options: ReplaceOptions,
) -> None:
    live = prepared.live
    try:
        swap.swap(
            connection,
            prepared.maintenance,
            live,
            beside=prepared.beside,
            kept=prepared.kept,
            end_sessions=options.terminate_connections,
        )
    except KultiError as error:
        on = siblings.way_on(live.name, beside=prepared.beside, kept=prepared.kept)
        error.hint = (
            f"{live.name} is as it was; the restored copy, compared and equal, is "
            f"{prepared.beside}. finish by hand: {on} or drop it: "
            f"{siblings.drop_statement(prepared.beside)}"
        )
        raise
    except BaseException as error:  # interrupted: nothing is there under that name if it was done
        _take_away(connection, prepared, error)
        raise
    try:
        swap.judge_swapped(connection, live, restored_oid=restored.oid, kept=prepared.kept)
    except OperationFailedError as error:
        back = siblings.way_back(live.name, prepared.kept)
        error.hint = f"{error.hint}; the old one is {prepared.kept}, to go back: {back}"
        raise


def _leftover_results(leftovers: tuple[str, ...]) -> tuple[CheckResult, ...]:
    if not leftovers:
        return ()
    return (
        CheckResult(
            id="leftovers",
            status=Verdict.WARN,
            summary=f"earlier runs restored and never finished: {', '.join(leftovers)}",
            evidence={"leftovers": list(leftovers)},
            rows=tuple({"database": name} for name in leftovers),
            next=" ".join(siblings.drop_statement(name) for name in leftovers),
        ),
    )


def _replaced_result(prepared: PreparedReplace, duration_s: float) -> CheckResult:
    live = prepared.live.name
    return CheckResult(
        id="replaced",
        status=Verdict.OK,
        summary=f"{live} is the restored database, with its rights and settings; the old one is "
        f"kept as {prepared.kept}; to go back: {siblings.way_back(live, prepared.kept)}",
        evidence={"kept_as": prepared.kept},
        duration_s=duration_s,
    )


def _not_replaced(prepared: PreparedReplace) -> CheckResult:
    return CheckResult(
        id="replaced",
        status=Verdict.CRIT,
        summary=f"{prepared.live.name} is as it was: the restored copy differs from the backup",
        evidence={"beside": prepared.beside},
        next=f"look at it in {prepared.beside}, then drop it: "
        f"{siblings.drop_statement(prepared.beside)}",
    )
