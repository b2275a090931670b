"""`restore`: plan, run, table, drill, history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from kulti_ops.commands.restore_drill import (
    DRILL_EXAMPLES,
    DRILL_EXITS,
    HISTORY_EXAMPLES,
    HISTORY_EXITS,
    drill,
    history,
)
from kulti_ops.commands.restore_hosted import (
    PublicOnlyOption,
    ResidualOption,
    WithSessionsOption,
    hosted_options,
    plan_project,
    refuse_hosted_options,
    restore_project,
)
from kulti_ops.commands.restore_replace import replace_database
from kulti_ops.commands.restore_table import TABLE_EXAMPLES, TABLE_EXITS, table
from kulti_ops.commands.shared import (
    BackupArgument,
    JobsOption,
    TargetOption,
    ask,
    identities_of,
    installations_of,
    storage_of,
    target_of,
)
from kulti_ops.edge import Invocation, command, group
from kulti_ops.report import Outcome

if TYPE_CHECKING:
    from kulti_ops.backup.manifest import Manifest
    from kulti_ops.db import Target
    from kulti_ops.restore.run import Prepared, Restored, RestoreOptions

app = group("restore", "Plan and run restores, drill them, bring one table back.")

CreateRolesOption = Annotated[
    bool, typer.Option("--create-roles", help="Create roles that the target lacks, no passwords.")
]
ConfirmOption = Annotated[
    str | None,
    typer.Option("--confirm", help="Say the database's name: it is production.", metavar="NAME"),
]


@command(
    app,
    "plan",
    examples=(
        "kulti-ops restore plan --target env:RESTORE_DATABASE_URL --create-roles",
        "kulti-ops restore plan --target env:NEW_PROJECT_URL --create-roles --residual rest.sql",
    ),
    exits="5 target or storage cannot be looked at; 6 a guard refuses the restore",
)
def plan(
    run: Invocation,
    target: TargetOption,
    backup: BackupArgument = None,
    create_roles: CreateRolesOption = False,
    confirm: ConfirmOption = None,
    public_only: PublicOnlyOption = False,
    with_sessions: WithSessionsOption = False,
    residual: ResidualOption = None,
) -> Outcome:
    """Show what a restore would do, entry by entry; changes nothing.

    For a hosted project: what runs, what is left out and why, what cannot come back and
    what follows from that, and the SQL that is left for somebody with more rights.
    """
    manifest, options = _options(run, backup, create_roles=create_roles, confirm=confirm, jobs=None)
    where = target_of(run, target)
    hosted = hosted_options(
        where,
        options,
        public_only=public_only,
        with_sessions=with_sessions,
        residual=residual is not None,
    )
    if hosted is not None:
        return plan_project(run, where, manifest, restore=options, hosted=hosted, residual=residual)
    prepared = _prepare(run, where, manifest, options)
    steps = [
        {"entry": s.entry.label, "action": str(s.action), "reason": s.reason}
        for s in prepared.plan.steps
    ]
    return Outcome(
        data={
            "backup_id": prepared.manifest.backup_id,
            "target": prepared.target.label,
            "missing_roles": prepared.plan.missing_roles,
            "steps": steps,
        },
        table=tuple(steps),
        human=_plan_text(prepared),
    )


@command(
    app,
    "run",
    checks=True,
    examples=(
        "kulti-ops restore run --target env:RESTORE_DATABASE_URL --create-roles",
        "kulti-ops restore run latest-verified --target service:standby --jobs 4 --yes",
        "kulti-ops restore run --target env:NEW_PROJECT_URL --create-roles --residual rest.sql",
        "kulti-ops restore run --target env:DATABASE_URL --replace --confirm kulti",
    ),
    exits="5 the restore failed, by an error that nothing explains too; 10 the comparison found "
    "a difference; 6 a guard refuses it, or nobody could be asked",
)
def run_command(  # noqa: PLR0913, PLR0917 - one parameter for each option
    run: Invocation,
    target: TargetOption,
    backup: BackupArgument = None,
    create_roles: CreateRolesOption = False,
    jobs: JobsOption = None,
    confirm: ConfirmOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Put it in the place of a live database; wants --confirm."),
    ] = False,
    terminate_connections: Annotated[
        bool,
        typer.Option("--terminate-connections", help="With --replace: end its sessions."),
    ] = False,
    public_only: PublicOnlyOption = False,
    with_sessions: WithSessionsOption = False,
    residual: ResidualOption = None,
) -> Outcome:
    """Restore a backup into an empty database of your own, or into a new hosted project.

    The backup is verified first; the target must be empty and not the source. Everything
    is compared: an error or a difference that nothing explains is a failure.

    A hosted project is recognised by its schemas and by a role without superuser. There
    everything happens in one transaction, which commits only when the comparison is good.

    With --replace the target is a live database: a safety backup is made and verified,
    the restored copy is compared beside it, and only then takes its name. The old one is
    kept under another name.
    """
    from kulti_ops.audit import write_audit
    from kulti_ops.errors import UsageError
    from kulti_ops.restore.comparison import failure_of
    from kulti_ops.restore.run import run_restore

    manifest, options = _options(run, backup, create_roles=create_roles, confirm=confirm, jobs=jobs)
    if replace:
        refuse_hosted_options(public_only or with_sessions or residual is not None)
        return replace_database(
            run,
            target,
            manifest=manifest,
            restore=options,
            backup_named=backup is not None and not backup.startswith("latest"),
            terminate_connections=terminate_connections,
        )
    if terminate_connections:
        raise UsageError("--terminate-connections goes with --replace")
    where = target_of(run, target)
    hosted = hosted_options(
        where,
        options,
        public_only=public_only,
        with_sessions=with_sessions,
        residual=residual is not None,
    )
    if hosted is not None:
        return restore_project(
            run, where, manifest, restore=options, hosted=hosted, residual=residual, yes=yes
        )
    prepared = _prepare(run, where, manifest, options)
    if not yes:
        run.say(_plan_text(prepared))
    ask(run, f"restore into {prepared.target.label}?", yes=yes)
    details = {"backup_id": prepared.manifest.backup_id, "create_roles": create_roles}

    def audit(action: str, **more: Any) -> None:  # noqa: ANN401 - small facts
        write_audit(
            run.settings.state_path,
            action=action,
            target=prepared.target.label,
            details={**details, **more},
        )

    audit("restore begun")
    try:
        done = run_restore(prepared, options=options, progress=run.progress)
    except BaseException:  # an interruption too: nobody takes a load in several sessions back
        left = "may hold a part of it: drop and create it before the next try"
        run.say(f"warning: {prepared.target.label} {left}")
        raise
    audit("restore ended", results={r.id: r.status for r in done.results})
    return Outcome(
        results=tuple(done.results),
        data=_restored_data(prepared, done),
        failure=failure_of(done.results),
    )


command(app, "table", checks=True, examples=TABLE_EXAMPLES, exits=TABLE_EXITS)(table)
command(app, "drill", checks=True, examples=DRILL_EXAMPLES, exits=DRILL_EXITS)(drill)
command(app, "history", checks=True, examples=HISTORY_EXAMPLES, exits=HISTORY_EXITS)(history)


def _prepare(
    run: Invocation, target: Target, manifest: Manifest, options: RestoreOptions
) -> Prepared:
    from kulti_ops.restore.run import prepare_restore

    return prepare_restore(
        manifest, storage_of(run), target, options=options, progress=run.progress
    )


def _options(
    run: Invocation,
    backup: str | None,
    *,
    create_roles: bool,
    confirm: str | None,
    jobs: int | None,
) -> tuple[Manifest, RestoreOptions]:
    from kulti_ops.backup.catalog import find, usable_manifest
    from kulti_ops.pgtools import choose
    from kulti_ops.restore.run import RestoreOptions

    settings = run.settings
    manifest = usable_manifest(find(storage_of(run), backup))
    options = RestoreOptions(
        tools=choose(installations_of(run), server_major=manifest.dump_major),
        jobs=jobs or settings.jobs,
        create_roles=create_roles,
        connect_timeout_s=settings.connect_timeout_s,
        production=settings.production_names,
        confirmed=confirm,
        source=_source_or_none(run),
        identities=identities_of(run),
        scratch_root=settings.scratch_path,
    )
    return manifest, options


def _source_or_none(run: Invocation) -> Target | None:
    """Return the configured database, to prove that the target is another; None without one."""
    from kulti_ops.db import source_target
    from kulti_ops.errors import ConfigError

    try:
        return source_target(run.settings)
    except ConfigError:
        return None


def _plan_text(prepared: Prepared) -> str:
    from kulti_ops.clock import iso
    from kulti_ops.restore.plan import Action

    steps = prepared.plan
    lines = [
        f"restore  {prepared.manifest.backup_id} ({iso(prepared.manifest.snapshot_at)})",
        f"into     {prepared.target.label}, empty, PostgreSQL {prepared.state.facts.server_major}",
        "entries  " + ", ".join(f"{len(steps.entries(a))} {a}" for a in Action),
    ]
    if steps.missing_roles:
        lines.append(f"roles    to be created: {', '.join(steps.missing_roles)}")
    lines += [f"left out {s.entry.label}: {s.reason}" for s in steps.explained]
    return "\n".join(lines)


def _restored_data(prepared: Prepared, done: Restored) -> dict[str, Any]:
    return {
        "backup_id": prepared.manifest.backup_id,
        "target": prepared.target.label,
        "phases": {name: round(seconds, 3) for name, seconds in done.phases_s.items()},
        "tables": [{"name": t.name, "rows": t.rows, "match": t.match} for t in done.tables],
    }
