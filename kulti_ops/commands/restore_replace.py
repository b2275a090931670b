"""`restore run --replace`: a backup in the place of a live database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kulti_ops.commands.shared import create_options, installations_of, storage_of, target_of
from kulti_ops.report import Outcome

if TYPE_CHECKING:
    from kulti_ops.backup.manifest import Manifest
    from kulti_ops.edge import Invocation
    from kulti_ops.flows.replace import PreparedReplace, Replaced, ReplaceOptions
    from kulti_ops.restore.run import RestoreOptions


def replace_database(
    run: Invocation,
    target_text: str,
    *,
    manifest: Manifest,
    restore: RestoreOptions,
    backup_named: bool,
    terminate_connections: bool,
) -> Outcome:
    """Replace the target by a backup; its name has been said, so nobody is asked again."""
    from kulti_ops.audit import write_audit
    from kulti_ops.errors import KultiError
    from kulti_ops.flows.replace import prepare_replace, run_replace
    from kulti_ops.restore.comparison import failure_of

    storage = storage_of(run)
    options = _options(
        run,
        restore,
        backup_named=backup_named,
        terminate_connections=terminate_connections,
    )
    prepared = prepare_replace(
        manifest, storage, target_of(run, target_text), options=options, progress=run.progress
    )

    def audit(action: str, **more: Any) -> None:  # noqa: ANN401 - small facts
        write_audit(
            run.settings.state_path,
            action=action,
            target=prepared.restore.target.label,
            details={
                "backup_id": manifest.backup_id,
                "beside": prepared.beside,
                "keep_as": prepared.kept,
                **more,
            },
        )

    run.say(_plan_text(prepared))
    audit(
        "replace begun",
        terminate_connections=terminate_connections,
        sessions=[s.label for s in prepared.sessions],
    )
    try:
        done = run_replace(prepared, storage, options=options, progress=run.progress)
    except KultiError as error:
        audit("replace failed", error=error.message)
        raise
    audit("replace ended", replaced=done.replaced, safety_backup_id=done.safety_backup_id)
    return Outcome(
        results=tuple(done.results), data=_data(prepared, done), failure=failure_of(done.results)
    )


def _options(
    run: Invocation,
    restore: RestoreOptions,
    *,
    backup_named: bool,
    terminate_connections: bool,
) -> ReplaceOptions:
    from kulti_ops.flows.replace import ReplaceOptions

    return ReplaceOptions(
        restore=restore,
        create=create_options(run),
        installations=installations_of(run),
        now=run.now,
        confirmed=restore.confirmed,
        backup_named=backup_named,
        terminate_connections=terminate_connections,
    )


def _plan_text(prepared: PreparedReplace) -> str:
    from kulti_ops.clock import iso

    manifest = prepared.restore.manifest
    which = f"{manifest.backup_id} ({iso(manifest.snapshot_at)})"
    lines = [
        f"replace  {prepared.restore.target.label} by {which}",
        f"beside   {prepared.beside}; the old one will be kept as {prepared.kept}",
    ]
    lines += [f"ends     {s.label}, when the names change" for s in prepared.sessions]
    return "\n".join(lines)


def _data(prepared: PreparedReplace, done: Replaced) -> dict[str, Any]:
    return {
        "backup_id": prepared.restore.manifest.backup_id,
        "target": prepared.restore.target.label,
        "replaced": done.replaced,
        "kept_as": done.kept_as,
        "safety_backup_id": done.safety_backup_id,
        "leftovers": prepared.leftovers,
        "sessions": [
            {"application": s.application, "role": s.role, "count": s.count}
            for s in prepared.sessions
        ],
        "phases": {name: round(seconds, 3) for name, seconds in done.phases_s.items()},
        "tables": [{"name": t.name, "rows": t.rows, "match": t.match} for t in done.tables],
    }
