"""The drill: restore a backup into a scratch server and prove that it is the same.

Nothing is restored that was not verified in the same run; whatever happens, the
scratch server goes away. The outcome becomes a record beside the backup.
"""

from __future__ import annotations

import secrets
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from kulti_ops.backup.reading import judge_identities, stored
from kulti_ops.errors import RefusedError
from kulti_ops.pgserver import ScratchOptions, coming_scratch_server, free_bytes
from kulti_ops.progress import SILENT, Progress, size
from kulti_ops.report import CheckResult, Verdict, worst
from kulti_ops.restore.absent import REASON as ABSENT_REASON
from kulti_ops.restore.absent import split_absent
from kulti_ops.restore.comparison import alongside, compare_all, jobs_result, judge_errors
from kulti_ops.restore.invariants import hold_invariants
from kulti_ops.restore.lost import lost_items
from kulti_ops.restore.native import NativeOutcome, NativeRestore
from kulti_ops.restore.plan import RestorePlan, plan_restore
from kulti_ops.restore.scratch import Scratch, prepare_roles, prepare_schemas
from kulti_ops.restore.spool import spooled
from kulti_ops.sealing import NO_IDENTITIES, Identities
from kulti_ops.verify import compare
from kulti_ops.verify.recall import verify_or_recall
from kulti_ops.verify.restored import Expected, TableMatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from kulti_ops.backup.catalog import Record
    from kulti_ops.backup.manifest import Manifest
    from kulti_ops.pgserver import PgServer
    from kulti_ops.pgtools import Installation
    from kulti_ops.storage import Storage
    from kulti_ops.verify.backup import Verification

# of the source's size: the copy and the log of writing it; an estimate with a margin
SPACE_FACTOR = 1.5
SPACE_SERVER_BYTES = 100_000_000  # an empty server with its first log segments
SETTINGS = {
    # a restore builds indexes and keys: give it room; the server lives for minutes only
    "shared_buffers": "256MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "30min",
}


SPARE_CONNECTIONS = 20  # ours besides the jobs', and those kept for superusers


@dataclass(frozen=True, kw_only=True)
class DrillOptions:
    """Where and how to drill; `records` are earlier facts of the backup, objectives seconds."""

    scratch_root: Path
    server: Installation
    tools: Installation
    jobs: int = 2
    rto_target_s: float = 3600.0
    records: tuple[Record, ...] = ()
    identities: Identities = NO_IDENTITIES


@dataclass(kw_only=True)
class Drill:
    """What a drill found out: results, seconds per phase, tables, what was left out and why."""

    results: list[CheckResult] = field(default_factory=list)
    phases_s: dict[str, float] = field(default_factory=dict)
    tables: tuple[TableMatch, ...] = ()
    explained: tuple[tuple[str, str], ...] = ()
    rto_s: float | None = None

    @property
    def status(self) -> Verdict:
        """The worst verdict."""
        return worst(r.status for r in self.results)


class Restore(Protocol):
    """Restores a verified backup into the server that `arrived` starts, and compares."""

    def __call__(  # noqa: D102 - the class says it
        self,
        manifest: Manifest,
        storage: Storage,
        verified: Verification,
        drill: Drill,
        /,
        *,
        arrived: Callable[[], PgServer],
        options: DrillOptions,
        progress: Progress,
    ) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Way:
    """A way to drill: what the scratch server is like, and what is done with it."""

    server: Callable[[DrillOptions], ScratchOptions]
    restore: Restore


def judge_space(manifest: Manifest, *, root: Path) -> None:
    """Refuse a drill that would most likely fill the disk below `root`.

    Raises: RefusedError with both figures.
    """
    needed = _needed_bytes(manifest)
    free = free_bytes(root)
    if free < needed:
        raise RefusedError(
            f"{root} has {size(free)} free, a drill of this backup needs about {size(needed)}",
            hint="free space there, or choose another folder with KULTI_OPS_SCRATCH_DIR",
        )


def _needed_bytes(manifest: Manifest) -> float:
    return manifest.totals.database_bytes * SPACE_FACTOR + SPACE_SERVER_BYTES


def run_drill(
    manifest: Manifest,
    storage: Storage,
    *,
    options: DrillOptions,
    progress: Progress = SILENT,
    way: Way | None = None,
) -> Drill:
    """Verify a backup, restore it into a scratch server, and compare.

    `way` is another one than into a plain server. The server is made while the backup is
    verified; nothing goes into it before that has ended.

    Raises: RefusedError for lack of space; LockedError when it is encrypted and there is
    no identity; StorageError, ConfigError, OperationFailedError when the drill itself
    cannot be carried out; a backup that does not hold is a result.
    """
    judge_identities(manifest, options.identities)
    judge_space(manifest, root=options.scratch_root)
    drill = Drill()
    started = time.monotonic()
    chosen = way or PLAIN
    with coming_scratch_server(
        options.scratch_root, options.server, options=chosen.server(options)
    ) as arrived:
        with phase(drill, "verify"):
            verified = verify_or_recall(
                manifest,
                storage,
                options.records,
                installations=(options.tools,),
                identities=options.identities,
                progress=progress,
            )
        drill.results += verified.results
        if verified.status is Verdict.CRIT or verified.toc is None or verified.inventory is None:
            drill.results.append(_not_restored())
            return drill
        chosen.restore(
            manifest, storage, verified, drill, arrived=arrived, options=options, progress=progress
        )
    drill.rto_s = time.monotonic() - started
    drill.results.append(_rto_result(drill.rto_s, options.rto_target_s))
    return drill


def plain_server(options: DrillOptions) -> ScratchOptions:
    """Return what a plain scratch server is like."""
    return ScratchOptions(
        superuser=f"scratch_{secrets.token_hex(4)}",
        network=False,
        # digests and invariants have a connection per job, at the same time
        settings={**SETTINGS, "max_connections": str(2 * options.jobs + SPARE_CONNECTIONS)},
    )


def restore_into_plain(
    manifest: Manifest,
    storage: Storage,
    verified: Verification,
    drill: Drill,
    *,
    arrived: Callable[[], PgServer],
    options: DrillOptions,
    progress: Progress,
) -> None:
    """Restore into a plain scratch server, in parallel, and compare; results go to `drill`."""
    assert verified.inventory is not None  # noqa: S101 - verified contents have one
    assert verified.toc is not None  # noqa: S101 - likewise
    prepared = time.monotonic()
    with spooled(
        stored(manifest, storage, "dump", identities=options.identities, toc=verified.toc),
        folder=options.scratch_root,
        jobs=options.jobs,
        reserved_bytes=_needed_bytes(manifest),
        progress=progress,
    ) as archive:
        server = arrived()
        progress.step("a scratch server runs")
        outcome = NativeOutcome()
        scratch = prepare_roles(
            server, verified.inventory, server_major=options.server.major, jobs=options.jobs
        )
        plan = plan_restore(verified.toc, verified.inventory, scratch.facts)
        outcome.errors += prepare_schemas(scratch, plan, archive=archive, tools=options.tools)
        drill.phases_s["prepare"] = time.monotonic() - prepared
        NativeRestore(
            archive=archive,
            plan=plan,
            target=scratch.target,
            tools=options.tools,
            jobs=options.jobs,
            superuser=False,
            progress=progress,
        ).run(outcome)
        drill.phases_s |= outcome.phases_s
        errors, absent = split_absent(outcome.errors, plan)
        drill.explained = (
            *((s.entry.label, s.reason) for s in plan.explained),
            *((e.label, ABSENT_REASON) for e in absent),
        )
        drill.results.append(judge_errors(errors, plan, again=outcome.again))
        drill.results += jobs_result(archive, options.jobs)
        progress.step("comparing")
        with phase(drill, "compare"):
            expected = Expected(
                inventory=verified.inventory,
                toc=verified.toc,
                digests=verified.digests,
                archive=archive,
                left_out_tables=left_out_tables(plan),
                not_run=frozenset(s.entry.dump_id for s in plan.explained),
            )
            _compare(
                scratch, expected, plan, drill, options=options, snapshot_at=manifest.snapshot_at
            )


def _compare(
    scratch: Scratch,
    expected: Expected,
    plan: RestorePlan,
    drill: Drill,
    *,
    options: DrillOptions,
    snapshot_at: datetime,
) -> None:
    rules = (
        compare.extension_version,
        compare.hidden_options,
        compare.scratch_superuser,
        compare.other_roles(expected.inventory),
        *_left_out_rules(expected, plan),
        compare.dangerous_memberships,
        compare.database_settings,
    )
    invariants = alongside(
        "invariants", lambda: hold_invariants(scratch.target, at=snapshot_at, jobs=options.jobs)
    )
    results, drill.tables = compare_all(
        scratch.target, expected, rules, tools=options.tools, jobs=options.jobs
    )
    drill.results += [*results, invariants()]


PLAIN = Way(server=plain_server, restore=restore_into_plain)


def left_out_tables(plan: RestorePlan) -> frozenset[str]:
    """Return identities of tables whose rows the plan leaves out."""
    return frozenset(
        f"{s.entry.namespace}.{s.entry.tag}" for s in plan.explained if s.entry.desc == "TABLE DATA"
    )


def _left_out_rules(
    expected: Expected, plan: RestorePlan
) -> tuple[Callable[[compare.Difference], str], ...]:
    """Return rules for exactly the objects whose entries the plan left out, and their parts."""
    by_reason: dict[str, list[tuple[str, str]]] = {}
    left_out = ((s.entry, s.reason) for s in plan.explained)
    for key, reason in lost_items(expected.inventory, left_out, toc=expected.toc).items():
        by_reason.setdefault(reason, []).append(key)
    return tuple(compare.left_out(keys, reason) for reason, keys in by_reason.items())


def _rto_result(rto_s: float, target_s: float) -> CheckResult:
    within = rto_s <= target_s
    return CheckResult(
        id="rto",
        status=Verdict.OK if within else Verdict.WARN,
        summary=f"verified, restored and compared in {rto_s:.1f} s; objective {target_s:.0f} s",
        evidence={"rto_s": round(rto_s, 3), "target_s": target_s},
        next=None if within else "more --jobs, a faster disk, or a smaller database",
    )


def _not_restored() -> CheckResult:
    return CheckResult(
        id="restore",
        status=Verdict.UNKNOWN,
        summary="not restored: the backup does not pass its verification",
        next="use another backup: kulti-ops backup list",
    )


@contextmanager
def phase(drill: Drill, name: str) -> Iterator[None]:
    """Measure a phase."""
    started = time.monotonic()
    try:
        yield
    finally:
        drill.phases_s[name] = time.monotonic() - started
