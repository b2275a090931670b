"""Making a backup: preflight, snapshot, dump through the pump, manifest last.

Decisions are in `preflight` and `dump`; this module carries them out in order and
takes away everything it wrote when any step fails.
"""

from __future__ import annotations

import hashlib
import io
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kulti_ops import __version__, archive
from kulti_ops.backup import catalog, dump, preflight
from kulti_ops.backup import manifest as manifests
from kulti_ops.backup.globals import render_globals
from kulti_ops.backup.manifest import Artifact, Manifest
from kulti_ops.backup.pump import Pump
from kulti_ops.backup.snapshot import (
    DriftError,
    LockWaitError,
    Snapshot,
    hold_snapshot,
    take_expectations,
)
from kulti_ops.backup.watchdog import Watchdog, YieldedError
from kulti_ops.db import connect, translated
from kulti_ops.errors import DatabaseError, OperationFailedError, StorageError, UsageError
from kulti_ops.inventory import Inventory, to_json
from kulti_ops.pgtools import choose
from kulti_ops.process import Child, ToolFailedError, run_tool
from kulti_ops.progress import SILENT, Progress, size

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from kulti_ops.backup.preflight import Survey
    from kulti_ops.db import Connection, Target
    from kulti_ops.pgtools import Installation
    from kulti_ops.storage import Storage

DUMP_NAME = "dump.pgc"
GLOBALS_NAME = "globals.sql"
INVENTORY_NAME = "inventory.json"
POLL_S = 0.05
PING_EVERY_S = 1.0
PAUSE_BEFORE_RETRY_S = 3.0
READ_AHEAD_BYTES = 1024 * 1024
STATEMENT_CANCEL_TIMEOUT_S = 5.0
ZSTD_SINCE_MAJOR = 16

# What no dump of a Supabase database holds, said in every manifest.
NOT_COVERED = (
    "stored files (the rows of storage.objects are here, the files are not)",
    "passwords of roles",
    "keys of the vault",
    "edge functions, secrets and settings of the project",
)


@dataclass(frozen=True, kw_only=True)
class CreateOptions:
    """What the user asked for; times in seconds."""

    label: str | None = None
    exclude_table_data: tuple[str, ...] = ()
    lock_wait_s: float = 30.0
    yield_after_s: float = 10.0
    attempts: int = 3
    timeout_s: float = 6 * 3600.0
    connect_timeout_s: int = 10
    large_objects: bool = True
    count_rows: bool = True


@dataclass(frozen=True, kw_only=True)
class Created:
    """A finished backup and what its user should know."""

    manifest: Manifest
    warnings: tuple[str, ...]


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
    storage.prepare()
    with storage.lock(_lock_name(target)):
        swept = sweep_leftovers(storage)
        if swept:
            progress.step(f"removed what {len(swept)} broken run(s) had left")
        progress.step(f"preflight of {target.label}")
        found, identifier = _survey(target, options)
        warnings = _judge(found, storage, target=target, options=options, now=now)
        tools = choose(installations, server_major=found.server_major)
        job = _Job(
            target=target,
            storage=storage,
            options=options,
            label=label,
            tools=tools,
            compression=_compression(tools),
            survey=found,
            system_identifier=identifier,
            progress=progress,
        )
        return Created(manifest=_attempts(job, now), warnings=warnings)


def sweep_leftovers(storage: Storage) -> tuple[str, ...]:
    """Remove what broken runs left: folders named like backups, without manifest, unclaimed."""
    swept = tuple(
        name
        for name in storage.folders()
        if manifests.is_id(name) and _has_no_manifest(storage, name) and storage.sweep(name)
    )
    storage.tidy()
    return swept


def _has_no_manifest(storage: Storage, name: str) -> bool:
    """Return whether there is surely none; one that cannot be looked at is left alone."""
    try:
        return storage.info(f"{name}/{manifests.FILE_NAME}") is None
    except StorageError:
        return False


@dataclass(frozen=True, kw_only=True)
class _Job:
    """Everything one attempt needs."""

    target: Target
    storage: Storage
    options: CreateOptions
    label: str
    tools: Installation
    compression: str
    survey: Survey
    system_identifier: str | None
    progress: Progress


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
    found: Survey, storage: Storage, *, target: Target, options: CreateOptions, now: datetime
) -> tuple[str, ...]:
    preflight.judge_rights(found, large_objects=options.large_objects)
    earlier = [
        e.manifest.size_bytes
        for e in catalog.list_entries(storage)
        if e.manifest
        and e.manifest.source.database == target.database
        and e.manifest.source.host == target.host
    ]
    preflight.judge_space(
        found, free_bytes=storage.free_bytes(), last_size_bytes=earlier[-1] if earlier else None
    )
    warnings = [preflight.clock_warning(found, now=now)]
    if found.vendors:
        warnings.append(f"left out, unreadable and the vendor's: {', '.join(found.vendors)}")
    return tuple(w for w in warnings if w)


def _attempts(job: _Job, now: datetime) -> Manifest:
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


def _attempt(job: _Job, now: datetime) -> Manifest:
    backup_id = manifests.new_id(now, job.label, secrets.token_hex(2))
    with job.storage.claim(backup_id):
        try:
            return _write_backup(job, backup_id, now)
        except BaseException:
            # the manifest first: killed in between, what is left must be no backup
            job.storage.delete(f"{backup_id}/{manifests.FILE_NAME}")
            for info in tuple(job.storage.list(backup_id)):
                job.storage.delete(info.key)
            raise


def _write_backup(job: _Job, backup_id: str, now: datetime) -> Manifest:
    started = time.monotonic()
    key = f"{backup_id}/{DUMP_NAME}"
    with job.storage.writer(key) as writer:
        with hold_snapshot(
            job.target,
            lock_wait_s=job.options.lock_wait_s,
            left_out=job.survey.vendors,
            timeout_s=job.options.connect_timeout_s,
        ) as snapshot:
            job.progress.step(
                f"dumping {len(snapshot.tables)} tables with pg_dump {job.tools.version}"
            )
            dumped_from = time.monotonic()
            inventory, pump = _run_dump(job, snapshot, writer, backup_id)
            dump_s = time.monotonic() - dumped_from
        writer.commit()
    _follow(job, key)
    job.progress.step(f"{size(pump.size_bytes)} dumped in {dump_s:.1f} s; publishing")
    dumped = Artifact(name=DUMP_NAME, kind="dump", size_bytes=pump.size_bytes, sha256=pump.sha256)
    artifacts = (
        dumped,
        _put(job, backup_id, GLOBALS_NAME, "globals", render_globals(inventory).encode()),
        _put(job, backup_id, INVENTORY_NAME, "inventory", to_json(inventory)),
    )
    sums = _put(job, backup_id, manifests.SUMS_NAME, "sums", manifests.sums(artifacts))
    manifest = _manifest(
        job,
        backup_id=backup_id,
        now=now,
        snapshot=snapshot,
        inventory=inventory,
        artifacts=(*artifacts, sums),
        durations_s={"dump": round(dump_s, 3), "total": round(time.monotonic() - started, 3)},
    )
    _put(job, backup_id, manifests.FILE_NAME, "manifest", manifests.to_json(manifest))
    return manifest


def _run_dump(
    job: _Job, snapshot: Snapshot, writer: object, backup_id: str
) -> tuple[Inventory, Pump]:
    """Run pg_dump and, beside it, take the expectations under the same snapshot."""
    name = f"kulti-ops dump {backup_id}"[:63]
    tables_begun: list[str] = []

    def on_stderr(line: str) -> bool:
        if (table := dump.started_table(line)) is not None:
            tables_begun.append(table)
        return dump.is_talk(line)

    environment = {**_dump_environment(job), "PGAPPNAME": name}
    without_data = _without_data(job, snapshot)
    with (
        Child(
            _dump_argv(job, snapshot, without_data), env=environment, on_stderr=on_stderr
        ) as child,
        Pump(child, writer) as pump,  # type: ignore[arg-type]
    ):

        def stop() -> None:
            snapshot.connection.cancel_safe(timeout=STATEMENT_CANCEL_TIMEOUT_S)
            child.end()

        with Watchdog(
            job.target,
            holder_pid=snapshot.backend_pid,
            dump_name=name,
            yield_after_s=job.options.yield_after_s,
            deadline_s=job.options.timeout_s,
            stop=stop,
        ) as watchdog:
            try:
                inventory = take_expectations(
                    snapshot,
                    session=dict(job.survey.session) | {"timezone": "UTC", "bytea_output": "hex"},
                    count=lambda t: job.options.count_rows and t.identity not in without_data,
                    pause=lambda: _raise_failure(pump, watchdog),
                )
                _wait(job, snapshot, pump, watchdog, tables_begun)
            except OperationFailedError:
                _raise_failure(pump, watchdog)
                raise
        _raise_failure(pump, watchdog)
        _finish(child, lock_wait_s=job.options.lock_wait_s)
    _ping(snapshot)
    return inventory, pump


def _finish(child: Child, *, lock_wait_s: float) -> None:
    """Insist on pg_dump's success; its own words for a lock that it did not get say nothing."""
    try:
        child.finish(timeout_s=60)
    except ToolFailedError as error:
        if "due to statement timeout" not in error.message:
            raise
        raise LockWaitError(
            f"pg_dump did not get the lock of a table within {lock_wait_s:.0f} s: "
            "somebody else waits to change it",
            hint="run it again when the schema change is through, or raise --lock-wait",
        ) from error


def _follow(job: _Job, key: str) -> None:
    """Follow the stored archive to its last byte: exit code 0 alone proves no archive."""
    try:
        with io.BufferedReader(job.storage.reader(key), READ_AHEAD_BYTES) as stream:  # type: ignore[type-var]
            archive.walk(stream)
    except archive.ArchiveError as error:
        raise OperationFailedError(
            f"pg_dump ended well but wrote no whole archive: {error}",
            hint=f"is {job.tools.tool('pg_dump')} the real one?",
        ) from error


def _wait(
    job: _Job, snapshot: Snapshot, pump: Pump, watchdog: Watchdog, tables_begun: list[str]
) -> None:
    """Wait for the dump's end, showing progress, making sure the snapshot still stands."""
    started = pinged = time.monotonic()
    while pump.running:
        pump.join(POLL_S)
        now = time.monotonic()
        rate = pump.size_bytes / max(now - started, 0.001)
        job.progress.advance(
            f"{size(pump.size_bytes)}, {size(rate)}/s, "
            f"table {len(tables_begun)} of {len(snapshot.tables)}"
        )
        _raise_failure(pump, watchdog)
        if now - pinged >= PING_EVERY_S:
            pinged = now
            _ping(snapshot)


def _raise_failure(pump: Pump, watchdog: Watchdog) -> None:
    if watchdog.verdict is not None:
        raise watchdog.verdict
    if pump.error is not None:
        raise pump.error


def _ping(snapshot: Snapshot) -> None:
    """Make sure the snapshot's transaction still stands: without it the counts mean nothing."""
    with translated("the snapshot was lost during the dump"):
        snapshot.connection.execute("SELECT 1")


def _without_data(job: _Job, snapshot: Snapshot) -> frozenset[str]:
    """Return the tables whose rows the user does not want, by exact identity."""
    names = [(t.schema, t.name, t.identity) for t in snapshot.tables if t.kind == "r"]
    return dump.matching_tables(job.options.exclude_table_data, names)


def _dump_argv(job: _Job, snapshot: Snapshot, without_data: frozenset[str]) -> list[str]:
    tool = str(job.tools.tool("pg_dump"))
    arguments = dump.dump_arguments(
        snapshot=snapshot.name,
        compression=job.compression,
        lock_wait_s=job.options.lock_wait_s,
        left_out=job.survey.vendors,
        without_data=tuple(sorted(without_data)),
        large_objects=job.options.large_objects,
    )
    return [tool, *arguments]


def _dump_environment(job: _Job) -> dict[str, str]:
    return dump.dump_environment(job.target.environment(), job.survey.session)


def _compression(tools: Installation) -> str:
    """Return the best compression that this pg_dump was built with."""
    if tools.major < ZSTD_SINCE_MAJOR:
        return "6"
    for candidate in dump.COMPRESSIONS[:-1]:
        probe = run_tool(
            [str(tools.tool("pg_dump")), "--format=custom", f"--compress={candidate}"],
            env={"LC_ALL": "C", "PGHOST": "/nonexistent", "PGDATABASE": "none"},
            timeout_s=10,
            check=False,
        )
        if not any("does not support compression" in line for line in probe.stderr_tail):
            return candidate
    return dump.COMPRESSIONS[-1]


def _put(job: _Job, backup_id: str, name: str, kind: str, data: bytes) -> Artifact:
    with job.storage.writer(f"{backup_id}/{name}") as writer:
        writer.write(data)
        writer.commit()
    return Artifact(
        name=name, kind=kind, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest()
    )


def _manifest(
    job: _Job,
    *,
    backup_id: str,
    now: datetime,
    snapshot: Snapshot,
    inventory: Inventory,
    artifacts: tuple[Artifact, ...],
    durations_s: dict[str, float],
) -> Manifest:
    counted = list(inventory.row_counts.values())
    excluded = tuple(manifests.rows_of(i) for i in sorted(_without_data(job, snapshot)))
    large = () if job.options.large_objects else ("large objects",)
    return Manifest(
        backup_id=backup_id,
        label=job.label,
        created_at=now,
        snapshot_at=snapshot.at,
        source=manifests.Source(
            host=job.target.host,
            port=job.target.port,
            database=job.target.database,
            user=job.target.user,
            server_version=job.survey.server_version,
            server_version_num=job.survey.server_version_num,
            system_identifier=job.system_identifier,
        ),
        tools={"kulti-ops": __version__, "pg_dump": job.tools.version},
        compression=job.compression,
        artifacts=artifacts,
        totals=manifests.Totals(
            tables=len(inventory.row_counts),
            rows=None if None in counted else sum(c for c in counted if c is not None),
            large_objects=sum(1 for _ in inventory.of("large object")),
            database_bytes=job.survey.database_bytes,
        ),
        durations_s=durations_s,
        left_out=(*job.survey.vendors, *excluded, *large),
        not_covered=NOT_COVERED,
    )


def _default_label(database: str) -> str:
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "_.-") else "_" for c in database)
    return ("d" + kept)[:63] if not kept[:1].isalnum() else kept[:63]


def _lock_name(target: Target) -> str:
    identity = f"{target.host}:{target.port}/{target.database}"
    return f"source-{hashlib.sha256(identity.encode()).hexdigest()[:16]}"
