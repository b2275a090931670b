"""`restore plan` and `restore run` where the target is a hosted project."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kulti_ops.commands.hosted_plan import plan_steps, plan_text, role_lines
from kulti_ops.commands.shared import ask, storage_of
from kulti_ops.report import Outcome

if TYPE_CHECKING:
    from kulti_ops.backup.manifest import Manifest
    from kulti_ops.db import Target
    from kulti_ops.edge import Invocation
    from kulti_ops.restore.hosted.run import HostedRestored, PreparedHosted
    from kulti_ops.restore.hosted.view import HostedOptions
    from kulti_ops.restore.run import RestoreOptions

PublicOnlyOption = Annotated[
    bool,
    typer.Option("--public-only", help="Hosted project: leave the vendor's schemas out."),
]
WithSessionsOption = Annotated[
    bool,
    typer.Option("--with-sessions", help="Hosted project: keep live sessions and tokens."),
]

ResidualOption = Annotated[
    Path | None,
    typer.Option(
        "--residual",
        help="Hosted project: write what needs more rights as SQL.",
        dir_okay=False,
        metavar="FILE",
    ),
]


def hosted_options(
    target: Target,
    options: RestoreOptions,
    *,
    public_only: bool,
    with_sessions: bool,
    residual: bool,
) -> HostedOptions | None:
    """Return the options of a hosted restore; None where the target is no hosted project."""
    from kulti_ops.restore.hosted.run import is_hosted
    from kulti_ops.restore.hosted.view import HostedOptions

    if is_hosted(target, timeout_s=options.connect_timeout_s):
        return HostedOptions(
            public_only=public_only,
            with_sessions=with_sessions,
            create_roles=options.create_roles,
        )
    refuse_hosted_options(public_only or with_sessions or residual)
    return None


def refuse_hosted_options(given: bool) -> None:  # noqa: FBT001 - the only argument
    """Refuse options of a hosted restore where the target is none.

    Raises: UsageError.
    """
    from kulti_ops.errors import UsageError

    if given:
        raise UsageError(
            "--public-only, --with-sessions and --residual are for a hosted project",
            hint="this target is none: leave them out",
        )


def plan_project(
    run: Invocation,
    target: Target,
    manifest: Manifest,
    *,
    restore: RestoreOptions,
    hosted: HostedOptions,
    residual: Path | None,
) -> Outcome:
    """Show what a restore into a project would do, entry by entry; changes nothing."""
    from kulti_ops.restore.hosted.residual import residual_sql
    from kulti_ops.restore.hosted.run import prepare_hosted

    prepared = prepare_hosted(
        manifest,
        storage_of(run),
        target,
        options=restore,
        hosted=hosted,
        progress=run.progress,
    )
    rest = residual_sql(prepared.plan)
    if residual is not None:
        run.write_file(residual, rest, masked=False)
    steps = plan_steps(prepared)
    shown = f"residual {residual}" if residual is not None else f"\n{rest}"
    return Outcome(
        data={
            "backup_id": manifest.backup_id,
            "target": target.label,
            "hosted": True,
            "missing_roles": prepared.plan.roles.names,
            "steps": steps,
            "dangling": [asdict(d) for d in prepared.plan.dangling],
            "roles": list(role_lines(prepared.plan)),
            "access": [asdict(c) for c in prepared.plan.access.changes],
            "residual": rest,
        },
        table=tuple(steps),
        human=f"{plan_text(prepared)}\n{shown}",
    )


def restore_project(
    run: Invocation,
    target: Target,
    manifest: Manifest,
    *,
    restore: RestoreOptions,
    hosted: HostedOptions,
    residual: Path | None,
    yes: bool,
) -> Outcome:
    """Restore into a project, in one transaction that is judged before it commits."""
    from kulti_ops.audit import write_audit
    from kulti_ops.errors import KultiError
    from kulti_ops.restore.comparison import failure_of
    from kulti_ops.restore.hosted.residual import residual_sql
    from kulti_ops.restore.hosted.run import prepare_hosted, run_hosted

    prepared = prepare_hosted(
        manifest,
        storage_of(run),
        target,
        options=restore,
        hosted=hosted,
        progress=run.progress,
    )
    if not yes or prepared.plan.dangling:
        run.say(plan_text(prepared))
    ask(run, f"restore into {target.label}?", yes=yes)
    # that it cannot be written must not come out behind the commit; no pipe gets it twice
    if residual is not None and (residual.is_file() or not residual.exists()):
        run.write_file(residual, residual_sql(prepared.plan), masked=False)

    def audit(action: str, **more: Any) -> None:  # noqa: ANN401 - small facts
        write_audit(
            run.settings.state_path,
            action=action,
            target=target.label,
            details={"backup_id": manifest.backup_id, "hosted": True, **asdict(hosted), **more},
        )

    audit("restore begun")
    try:
        done = run_hosted(prepared, options=restore, progress=run.progress)
    except KultiError as error:
        audit("restore failed", error=error.message)
        raise
    audit(
        "restore ended",
        committed=done.outcome.committed,
        results={r.id: r.status for r in done.results},
    )
    if residual is not None:
        run.write_file(residual, done.residual, masked=False)
    return Outcome(
        results=tuple(done.results),
        data=_restored_data(prepared, done),
        # undone for a difference alone is the comparison's verdict
        failure=failure_of(done.results) if done.outcome.errors else None,
    )


def _restored_data(prepared: PreparedHosted, done: HostedRestored) -> dict[str, Any]:
    return {
        "backup_id": prepared.manifest.backup_id,
        "target": prepared.target.label,
        "hosted": True,
        "committed": done.outcome.committed,
        "phases": {name: round(seconds, 3) for name, seconds in done.outcome.phases_s.items()},
        "dangling": [asdict(d) for d in prepared.plan.dangling],
        "residual": done.residual,
    }
