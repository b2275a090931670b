"""`restore`: drill."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kulti_ops.commands.shared import BackupArgument, installations_of, storage_of
from kulti_ops.edge import Invocation, command, group
from kulti_ops.report import Outcome

if TYPE_CHECKING:
    from kulti_ops.backup.manifest import Manifest
    from kulti_ops.restore.drill import Drill, DrillOptions

app = group("restore", "Plan and run restores, drill them, bring one table back.")


@command(
    app,
    "drill",
    checks=True,
    examples=("kulti-ops restore drill", "kulti-ops restore drill latest --report drill.md"),
    exits="4 no embedded server installed; 5 the drill could not be carried out",
)
def drill(
    run: Invocation,
    backup: BackupArgument = None,
    jobs: Annotated[int | None, typer.Option("--jobs", min=1, help="Parallel jobs.")] = None,
    report: Annotated[
        Path | None, typer.Option("--report", help="Write the evidence as Markdown.")
    ] = None,
) -> Outcome:
    """Restore a backup into a scratch server, compare everything, measure, clean up.

    The scratch server has no network and no superuser of the dump's; the outcome is
    recorded beside the backup.
    """
    from kulti_ops.backup.catalog import Record, add_record, find, usable_manifest
    from kulti_ops.restore.drill import run_drill

    storage = storage_of(run)
    entry = find(storage, backup)
    manifest = usable_manifest(entry)
    done = run_drill(
        manifest, storage, options=_drill_options(run, manifest, jobs), progress=run.progress
    )
    data = _drill_data(done, manifest, run)
    record = Record(kind="drill", at=run.now, status=done.status, level="drill", data=data)
    add_record(storage, entry, record)
    if report is not None:
        _write_report(report, done, manifest, data)
    return Outcome(results=tuple(done.results), data={"backup_id": manifest.backup_id, **data})


def _drill_options(run: Invocation, manifest: Manifest, jobs: int | None) -> DrillOptions:
    from importlib import resources

    from kulti_ops.pgserver import server_installation
    from kulti_ops.pgtools import choose
    from kulti_ops.restore.drill import DrillOptions

    settings = run.settings
    major = int(manifest.tools.get("pg_dump", "0").split(".")[0])
    extensions = Path(str(resources.files("kulti_ops") / "sandbox" / "sql" / "extension"))
    return DrillOptions(
        scratch_root=settings.scratch_path,
        server=server_installation(settings.cache_path, extra_extensions=extensions),
        tools=choose(installations_of(run), server_major=major),
        jobs=jobs or settings.jobs,
        rto_target_s=settings.rto_minutes * 60,
        rpo_target_s=settings.rpo_hours * 3600,
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


def _write_report(path: Path, done: Drill, manifest: Manifest, data: dict[str, Any]) -> None:
    raise NotImplementedError
