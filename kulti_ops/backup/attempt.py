"""One attempt at a backup: snapshot, dump through the pump, expectations beside it.

Everything is published by `publish` once the dump is whole; whoever calls takes away
what an attempt wrote when it fails.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kulti_ops import sealing
from kulti_ops.backup import dump
from kulti_ops.backup.publish import DUMP_NAME, Facts, publish, put_expectations, put_sums
from kulti_ops.backup.pump import Pump
from kulti_ops.backup.snapshot import (
    LockWaitError,
    Snapshot,
    hold_snapshot,
    standing,
    take_expectations,
)
from kulti_ops.backup.spool import Spool
from kulti_ops.backup.watchdog import Watchdog
from kulti_ops.db import translated
from kulti_ops.errors import OperationFailedError
from kulti_ops.process import Child, ToolFailedError
from kulti_ops.progress import Progress, size

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future
    from datetime import datetime
    from pathlib import Path

    from kulti_ops.backup.manifest import Artifact, Manifest
    from kulti_ops.backup.preflight import Survey
    from kulti_ops.db import Target
    from kulti_ops.inventory import Inventory
    from kulti_ops.pgtools import Installation
    from kulti_ops.storage import ObjectWriter, Storage

POLL_S = 0.05
PING_EVERY_S = 1.0
STATEMENT_CANCEL_TIMEOUT_S = 5.0


@dataclass(frozen=True, kw_only=True)
class CreateOptions:
    """What the user asked for; times in seconds. Encrypted where there are `recipients`.

    With a `spool_dir` a storage that keeps the dump waiting is given the rest from there.
    """

    label: str | None = None
    exclude_table_data: tuple[str, ...] = ()
    lock_wait_s: float = 30.0
    yield_after_s: float = 10.0
    attempts: int = 3
    timeout_s: float = 6 * 3600.0
    spool_dir: Path | None = None
    spool_after_s: float = 600.0
    connect_timeout_s: int = 10
    large_objects: bool = True
    count_rows: bool = True
    recipients: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Job:
    """Everything one attempt needs."""

    target: Target
    storage: Storage
    options: CreateOptions
    label: str
    tools: Installation
    compression: str
    survey: Survey
    system_identifier: str | None
    expected_bytes: int
    progress: Progress


def write_backup(job: Job, backup_id: str, now: datetime) -> Manifest:
    """Dump, judge the archive, publish; the manifest is what makes it a backup.

    Raises: DriftError, YieldedError when it may be tried again; OperationFailedError otherwise.
    """
    started = time.monotonic()
    recipients = job.options.recipients
    key = f"{backup_id}/{DUMP_NAME}{sealing.SUFFIX if recipients else ''}"
    with _writer(job, key) as writer, _beside() as pool:
        with hold_snapshot(
            job.target,
            lock_wait_s=job.options.lock_wait_s,
            left_out=job.survey.vendors,
            timeout_s=job.options.connect_timeout_s,
        ) as snapshot:
            job.progress.step(
                f"dumping {len(snapshot.tables)} tables with pg_dump {job.tools.version}"
            )
            without_data = _without_data(job, snapshot)
            inventory, pump, storing = _run_dump(
                job, snapshot, writer, backup_id, without_data, pool=pool
            )
            dump_s = time.monotonic() - started
        _judge_whole(job, pump)
        artifacts = (pump.artifact(DUMP_NAME), *storing.result())
        summing = pool.submit(put_sums, job.storage, backup_id, artifacts)
        _wait_for_storage(job, writer)
        writer.commit()
        sums = summing.result()
    job.progress.step(f"{size(pump.size_bytes)} dumped in {dump_s:.1f} s; publishing")
    return publish(
        job.storage,
        Facts(
            backup_id=backup_id,
            label=job.label,
            created_at=now,
            snapshot_at=snapshot.at,
            target=job.target,
            survey=job.survey,
            system_identifier=job.system_identifier,
            pg_dump_version=job.tools.version,
            compression=job.compression,
            artifacts=(*artifacts, sums),
            rows_counted=job.options.count_rows,
            without_data=tuple(sorted(without_data)),
            large_objects=job.options.large_objects,
            recipients=recipients,
        ),
        inventory,
        durations_s={"dump": dump_s, "total": time.monotonic() - started},
    )


def _writer(job: Job, key: str) -> ObjectWriter:
    """Begin the dump's object; a storage elsewhere may fall behind it."""
    writer = job.storage.writer(key, expected_bytes=job.expected_bytes)
    if job.options.spool_dir is None or not job.storage.elsewhere:
        return writer
    return Spool(writer, folder=job.options.spool_dir, after_s=job.options.spool_after_s)


def _wait_for_storage(job: Job, writer: ObjectWriter) -> None:
    """Wait for what is spooled; the source's snapshot has ended by now."""
    while isinstance(writer, Spool) and not writer.settle(POLL_S):
        job.progress.advance(f"dumped; {size(writer.waiting_bytes)} wait for the storage")


def _run_dump(
    job: Job,
    snapshot: Snapshot,
    writer: ObjectWriter,
    backup_id: str,
    without_data: frozenset[str],
    *,
    pool: ThreadPoolExecutor,
) -> tuple[Inventory, Pump, Future[tuple[Artifact, ...]]]:
    """Run pg_dump and, beside it, take the expectations under the same snapshot.

    They are being stored when this returns: the snapshot need not wait for that.
    """
    name = f"kulti-ops dump {backup_id}"[:63]
    tables_begun: list[str] = []

    def on_stderr(line: str) -> bool:
        if (table := dump.started_table(line)) is not None:
            tables_begun.append(table)
        return dump.is_talk(line)

    base = dump.dump_environment(job.target.environment(), job.survey.session)
    environment = {**base, "PGAPPNAME": name}
    with (
        Child(
            _dump_argv(job, snapshot, without_data), env=environment, on_stderr=on_stderr
        ) as child,
        Pump(child, writer, recipients=job.options.recipients) as pump,
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
                    job.target,
                    timeout_s=job.options.connect_timeout_s,
                    session=dict(job.survey.session) | {"timezone": "UTC", "bytea_output": "hex"},
                    count=lambda t: job.options.count_rows and t.identity not in without_data,
                    pause=lambda: _raise_failure(pump, watchdog),
                )
                storing = pool.submit(
                    put_expectations,
                    job.storage,
                    backup_id,
                    inventory,
                    recipients=job.options.recipients,
                )
                _wait(job, snapshot, pump, watchdog, tables_begun)
            except OperationFailedError:
                _raise_failure(pump, watchdog)
                raise
        _raise_failure(pump, watchdog)
        _finish(child, lock_wait_s=job.options.lock_wait_s)
    _ping(snapshot)
    return inventory, pump, storing


@contextmanager
def _beside() -> Iterator[ThreadPoolExecutor]:
    """Give a thread for what is stored beside the dump; it has ended when the context does."""
    with ThreadPoolExecutor(1, thread_name_prefix="beside") as pool:
        try:
            yield pool
        finally:
            pool.shutdown()  # interrupted while it waits, the pool itself waits once more


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


def _judge_whole(job: Job, pump: Pump) -> None:
    """Insist that the archive went through to its last byte: exit code 0 alone proves none."""
    if pump.archive.problem:
        raise OperationFailedError(
            f"pg_dump ended well but wrote no whole archive: {pump.archive.problem}",
            hint=f"is {job.tools.tool('pg_dump')} the real one?",
        )


def _wait(
    job: Job, snapshot: Snapshot, pump: Pump, watchdog: Watchdog, tables_begun: list[str]
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
    with standing(snapshot), translated("asking for the snapshot"):
        snapshot.connection.execute("SELECT 1")


def _without_data(job: Job, snapshot: Snapshot) -> frozenset[str]:
    """Return the tables whose rows the user does not want, by exact identity."""
    names = [(t.schema, t.name, t.identity) for t in snapshot.tables if t.kind == "r"]
    return dump.matching_tables(job.options.exclude_table_data, names)


def _dump_argv(job: Job, snapshot: Snapshot, without_data: frozenset[str]) -> list[str]:
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
