"""`restore drill` and `restore history`: proving backups by restoring them, and what that took."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kulti_ops.commands.shared import (
    BackupArgument,
    JobsOption,
    identities_of,
    installations_of,
    storage_of,
)
from kulti_ops.edge import Invocation  # noqa: TC001 - typer reads the annotations
from kulti_ops.report import Outcome

if TYPE_CHECKING:
    from kulti_ops.backup.catalog import Entry
    from kulti_ops.backup.manifest import Manifest
    from kulti_ops.restore.drill import Drill, DrillOptions, Way
    from kulti_ops.storage import Storage

DRILL_EXAMPLES = (
    "kulti-ops restore drill",
    "kulti-ops restore drill latest --report drill.md",
    "kulti-ops restore drill --hosted",
)
DRILL_EXITS = "4 no embedded server installed; 5 the drill could not be carried out"
HISTORY_EXAMPLES = ("kulti-ops restore history", "kulti-ops restore history --format csv")
HISTORY_EXITS = "5 the storage cannot be read"

ReportOption = Annotated[
    Path | None,
    typer.Option("--report", help="Write evidence as Markdown.", dir_okay=False),
]


def drill(
    run: Invocation,
    backup: BackupArgument = None,
    jobs: JobsOption = None,
    report: ReportOption = None,
    hosted: Annotated[
        bool, typer.Option("--hosted", help="Into a server shaped like a new hosted project.")
    ] = False,
) -> Outcome:
    """Restore a backup into a scratch server, compare everything, measure, clean up.

    The scratch server has no network and no superuser of the dump's; the outcome is
    recorded beside the backup. With --hosted it is shaped like a new project, and the
    restore is the one that a project gets: by its role postgres, in one transaction.
    """
    from kulti_ops.backup.catalog import find, usable_manifest
    from kulti_ops.restore.evidence import render_evidence

    storage = storage_of(run)
    entry = find(storage, backup)
    done, data = drill_and_record(run, storage, entry, jobs=jobs, hosted=hosted)
    if report is not None:
        manifest = usable_manifest(entry)
        run.write_file(report, render_evidence(done, manifest, now=run.now))
    return Outcome(results=tuple(done.results), data={"backup_id": entry.backup_id, **data})


def drill_and_record(
    run: Invocation,
    storage: Storage,
    entry: Entry,
    *,
    jobs: int | None = None,
    hosted: bool = False,
) -> tuple[Drill, dict[str, Any]]:
    """Drill a backup and write the outcome beside it; also return it as data."""
    from kulti_ops.backup.catalog import Record, add_record, usable_manifest
    from kulti_ops.restore.drill import run_drill
    from kulti_ops.restore.history import HOSTED, PLAIN

    manifest = usable_manifest(entry)
    done = run_drill(
        manifest,
        storage,
        options=_drill_options(run, entry, jobs),
        progress=run.progress,
        way=_hosted_way() if hosted else None,
    )
    data = {"target": HOSTED if hosted else PLAIN, **_drill_data(done, manifest, run)}
    record = Record(kind="drill", at=run.now, status=done.status, level="drill", data=data)
    add_record(storage, entry, record)
    return done, data


def history(run: Invocation) -> Outcome:
    """Show what drills measured: recovery time per phase, recovery point, trend."""
    from dataclasses import asdict

    from kulti_ops.backup.catalog import list_entries
    from kulti_ops.restore.history import drills_of, judge_history

    drills = drills_of(list_entries(storage_of(run)))
    results = judge_history(
        drills,
        rto_target_s=run.settings.rto_minutes * 60,
        rpo_target_s=run.settings.rpo_hours * 3600,
    )
    return Outcome(results=results, data={"drills": [asdict(d) for d in drills]})


def _hosted_way() -> Way:
    """Return the drill into a project; what it needs is loaded for nothing else."""
    from kulti_ops.restore.hosted import drill

    return drill.HOSTED


def _drill_options(run: Invocation, entry: Entry, jobs: int | None) -> DrillOptions:
    from kulti_ops.backup.catalog import usable_manifest
    from kulti_ops.pgserver import server_installation
    from kulti_ops.pgtools import choose
    from kulti_ops.platform.shape import EXTENSIONS_DIR
    from kulti_ops.restore.drill import DrillOptions

    settings = run.settings
    return DrillOptions(
        scratch_root=settings.scratch_path,
        server=server_installation(settings.cache_path, extra_extensions=EXTENSIONS_DIR),
        tools=choose(installations_of(run), server_major=usable_manifest(entry).dump_major),
        jobs=jobs or settings.jobs,
        rto_target_s=settings.rto_minutes * 60,
        records=entry.records,
        identities=identities_of(run),
    )


def _drill_data(done: Drill, manifest: Manifest, run: Invocation) -> dict[str, Any]:
    return {
        "phases": {name: round(seconds, 3) for name, seconds in done.phases_s.items()},
        "rto_s": None if done.rto_s is None else round(done.rto_s, 3),
        "rpo_s": round((run.now - manifest.snapshot_at).total_seconds(), 3),
        "tables": [
            {"name": t.name, "rows": t.rows, "match": t.match, "order_differs": t.order_differs}
            for t in done.tables
        ],
        "explained": [{"entry": entry, "reason": reason} for entry, reason in done.explained],
    }
