"""Making a backup: lock, sweep, preflight, and attempts until one holds.

Decisions are in `preflight` and `dump`, one attempt is `attempt`; this module carries
them out in order and takes away everything an attempt wrote when it fails.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kulti_ops.background import begin
from kulti_ops.backup import catalog, preflight
from kulti_ops.backup import manifest as manifests
from kulti_ops.backup.attempt import CreateOptions, Job, write_backup
from kulti_ops.backup.compression import best_compression
from kulti_ops.backup.snapshot import DriftError
from kulti_ops.backup.watchdog import YieldedError
from kulti_ops.db import connect, translated
from kulti_ops.errors import DatabaseError, KultiError, StorageError, UsageError
from kulti_ops.pgtools import choose
from kulti_ops.progress import SILENT, Progress

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from kulti_ops.backup.manifest import Manifest
    from kulti_ops.backup.preflight import Survey
    from kulti_ops.db import Connection, Target
    from kulti_ops.pgtools import Installation
    from kulti_ops.storage import Storage

PAUSE_BEFORE_RETRY_S = 3.0


@dataclass(frozen=True, kw_only=True)
class Created:
    """A finished backup; what its user should know, and what should be mended."""

    manifest: Manifest
    remarks: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def create_backup(
    target: Target,
    storage: Storage,
    *,
    options: CreateOptions,
    installations: Iterable[Installation],
    now: datetime,
    progress: Progress = SILENT,
) -> Created:
    """Make one backup of `target` in `storage`.

    Raises: RefusedError from preflight or a held lock; OperationFailedError with the
    cause when any stage fails. Nothing is left in the storage then.
    """
    label = options.label or _default_label(target.database)
    if not manifests.is_label(label):
        raise UsageError(f"label {label!r}: letters, digits, `_`, `.` and `-` only, at most 63")
    preflight.judge_connection(target)
    with ExitStack() as held:
        progress.step(f"preflight of {target.label}")
        # asked while the storage is proven; what is wrong with the storage is told first
        surveying = begin(lambda: _survey(target, options), name="preflight")
        storage.prepare()
        listing = begin(lambda: _look_around(storage, target), name="preflight")
        held.enter_context(storage.lock(manifests.lock_name(manifests.source_of(target))))
        folders, last_size_bytes = listing.result()
        swept = sweep_leftovers(storage, folders)
        if swept:
            progress.step(f"removed what {len(swept)} broken run(s) had left")
        found, identifier = surveying.result()
        expected = preflight.expected_bytes(found, last_size_bytes=last_size_bytes)
        warnings = _judge(found, storage, expected_bytes=expected, options=options, now=now)
        tools = choose(installations, server_major=found.server_major)
        job = Job(
            target=target,
            storage=storage,
            options=options,
            label=label,
            tools=tools,
            compression=best_compression(tools),
            survey=found,
            system_identifier=identifier,
            expected_bytes=expected,
            progress=progress,
        )
        manifest = _attempts(job, now)
        if not manifest.totals.tables:
            warnings += (f"{target.database} has no tables: is it the right database?",)
        return Created(manifest=manifest, remarks=_remarks(found), warnings=warnings)


def _look_around(storage: Storage, target: Target) -> tuple[Mapping[str, bool], int | None]:
    """Return the folders, whether each has a manifest, and the size of the source's last backup."""
    folders = storage.folders_with(manifests.FILE_NAME)
    published = (name for name, has_manifest in folders.items() if has_manifest)
    source = manifests.source_of(target)
    return folders, catalog.last_size_bytes(storage, published, source=source)


def sweep_leftovers(storage: Storage, folders: Mapping[str, bool] | None = None) -> tuple[str, ...]:
    """Remove what broken runs left: folders named like backups, without manifest, unclaimed.

    `folders` are the storage's, and whether each has a manifest, where that is known already.
    """
    known = storage.folders_with(manifests.FILE_NAME) if folders is None else folders
    swept = tuple(
        name
        for name, has_manifest in sorted(known.items())
        if manifests.is_id(name)
        and not has_manifest
        and _has_no_manifest(storage, name)
        and storage.sweep(name, unless=manifests.FILE_NAME)
    )
    storage.tidy()
    return swept


def discard(storage: Storage, backup_id: str) -> None:
    """Remove what a failed run wrote, as far as that is possible: the next run does the rest."""
    with contextlib.suppress(KultiError):
        # the manifest first: killed in between, what is left must be no backup
        storage.delete(f"{backup_id}/{manifests.FILE_NAME}")
        for info in tuple(storage.list(backup_id)):
            storage.delete(info.key)


def _has_no_manifest(storage: Storage, name: str) -> bool:
    """Return whether there is surely none; one that cannot be looked at is left alone."""
    try:
        return storage.info(f"{name}/{manifests.FILE_NAME}") is None
    except StorageError:
        return False


def _survey(target: Target, options: CreateOptions) -> tuple[Survey, str | None]:
    with connect(
        target, application="backup preflight", timeout_s=options.connect_timeout_s
    ) as connection:
        return preflight.survey(connection), _system_identifier(connection)


def _system_identifier(connection: Connection) -> str | None:
    try:
        with translated("system identifier"):
            row = connection.execute(
                "SELECT system_identifier::text FROM pg_control_system()"
            ).fetchone()
    except DatabaseError:
        return None  # hosted servers may keep it to themselves
    return row[0] if row else None


def _judge(
    found: Survey,
    storage: Storage,
    *,
    expected_bytes: int,
    options: CreateOptions,
    now: datetime,
) -> tuple[str, ...]:
    preflight.judge_rights(found, large_objects=options.large_objects)
    preflight.judge_space(free_bytes=storage.free_bytes(), expected_bytes=expected_bytes)
    warning = preflight.clock_warning(found, now=now)
    return (warning,) if warning else ()


def _remarks(found: Survey) -> tuple[str, ...]:
    if not found.vendors:
        return ()
    return (f"left out, unreadable and the vendor's: {', '.join(found.vendors)}",)


def _attempts(job: Job, now: datetime) -> Manifest:
    """Try until the schema holds still and nobody waits behind us; the last failure counts."""
    for attempt in range(1, job.options.attempts + 1):
        try:
            return _attempt(job, now)
        except (DriftError, YieldedError) as error:
            if attempt == job.options.attempts:
                raise
            job.progress.step(f"{error.message}; trying again")
            time.sleep(PAUSE_BEFORE_RETRY_S * attempt)
    raise AssertionError("there is always at least one attempt")


def _attempt(job: Job, now: datetime) -> Manifest:
    backup_id = manifests.new_id(now, job.label, secrets.token_hex(2))
    with job.storage.claim(backup_id):
        try:
            return write_backup(job, backup_id, now)
        except BaseException:
            discard(job.storage, backup_id)
            raise


def _default_label(database: str) -> str:
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "_.-") else "_" for c in database)
    return ("d" + kept)[:63] if not kept[:1].isalnum() else kept[:63]
