"""`backup schedule`: show, render, run, status."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kulti_ops.backup.schedule.configured import (
    insist_on_a_storage,
    insist_on_whole_paths,
    planned,
    some,
)
from kulti_ops.backup.schedule.spec import Name
from kulti_ops.commands import schedule_render
from kulti_ops.commands.schedule_options import (  # noqa: TC001 - typer reads the annotations
    DailyOption,
    DrillOption,
    HourlyOption,
    MonthlyOption,
    WeeklyOption,
    ZoneOption,
)
from kulti_ops.edge import Invocation, command, group
from kulti_ops.errors import KultiError
from kulti_ops.options import FailOn
from kulti_ops.report import CheckResult, Outcome, Verdict

if TYPE_CHECKING:
    from kulti_ops.backup.create import Created
    from kulti_ops.backup.schedule.judge import Standing
    from kulti_ops.backup.schedule.spec import Schedule
    from kulti_ops.config import Settings
    from kulti_ops.flows.routine import Steps
    from kulti_ops.flows.scheduled import Log
    from kulti_ops.notify import Beginning

app = group("backup schedule", "Make backups by schedule: what to install, run it, look at it.")

_RUNS_SHOWN = 3


@command(
    app,
    "show",
    examples=(
        "kulti-ops backup schedule show",
        'kulti-ops backup schedule show --daily 03:30 --weekly "sun 02:00" --drill quarterly',
    ),
    exits="2 a time cannot be understood; 4 one in the settings, or no schedule is set",
)
def show(
    run: Invocation,
    hourly: HourlyOption = None,
    daily: DailyOption = None,
    weekly: WeeklyOption = None,
    monthly: MonthlyOption = None,
    drill: DrillOption = None,
    zone: ZoneOption = None,
) -> Outcome:
    """Show the schedules: what runs when, and the next times."""
    given = {"hourly": hourly, "daily": daily, "weekly": weekly, "monthly": monthly, "drill": drill}
    schedules = some(planned(run.settings, given, zone=zone))
    rows = [_shown(schedule, run) for schedule in schedules]
    table = tuple(
        {
            "schedule": row["schedule"],
            "when": row["when"],
            "does": " → ".join(row["steps"]),
            "next": row["next"][0],
        }
        for row in rows
    )
    return Outcome(data={"schedules": rows}, table=table)


command(app, "render", examples=schedule_render.EXAMPLES, exits=schedule_render.EXITS)(
    schedule_render.render
)


@command(
    app,
    "run",
    checks=True,
    examples=(
        "kulti-ops backup schedule run daily --env-file /etc/kulti-ops/kulti-ops.env --quiet",
        "kulti-ops backup schedule run drill --format json",
    ),
    exits="10 also when a step failed; 4 a setting cannot be used; 5 no lock can be taken; "
    "6 another scheduled run goes on",
)
def run_schedule(
    run: Invocation,
    name: Annotated[Name, typer.Argument(help="Which schedule.", metavar="NAME")],
    wait: Annotated[
        str | None,
        typer.Option(
            "--wait",
            help="How long to wait for another scheduled run to end.",
            metavar="30m",
            show_default="not at all",
        ),
    ] = None,
) -> Outcome:
    """Make a backup, verify it, drill it where the schedule says so, prune where allowed.

    This is what cron, systemd and CI call. The first step that fails makes those that rest
    on it skipped; nothing is pruned then. The run is written down for `status`, and told to
    every receiver that is configured; a receiver that is dead is a warning and no failure.
    """
    from kulti_ops.duration import parse_duration
    from kulti_ops.flows.scheduled import Errand, Log, run_scheduled
    from kulti_ops.notify import notifiers_of

    settings = run.settings
    insist_on_whole_paths(settings)
    log = Log()
    errand = Errand(
        beginning=_beginning(settings, name),
        state=settings.state_path,
        now=run.now,
        log=log,
        notifiers=notifiers_of(settings),
        notify_timeout_s=settings.notify_timeout_s,
        fail_on_warn=run.common.fail_on is FailOn.WARN,
        secrets=run.secrets,
        wait_s=parse_duration(wait) if wait else 0.0,
    )
    routine, told = run_scheduled(errand, _steps(run, name, log))
    data = {"schedule": name, "run_id": errand.beginning.run_id, **routine.as_data()}
    return Outcome(results=(*routine.results, *told), data=data)


@command(
    app,
    "status",
    checks=True,
    examples=("kulti-ops backup schedule status", "kulti-ops backup schedule status --quiet"),
    exits="4 a time in the settings cannot be understood, or no schedule is set",
)
def status(run: Invocation) -> Outcome:
    """Show each schedule's last run, the next one, and those that were missed on this machine.

    crit: the newest due time passed without a run, or the last run failed, broke off or
    does not end. warn: it ended with a warning, or one of the last ten due times was
    missed. unknown: no run was ever recorded here. Needs neither database nor storage.
    """
    schedules = some(planned(run.settings))
    found = [_standing(run, schedule) for schedule in schedules]
    rows = [_standing_row(standing) for standing, _ in found if standing]
    return Outcome(results=tuple(result for _, result in found), data={"schedules": rows})


def _shown(schedule: Schedule, run: Invocation) -> dict[str, Any]:
    from kulti_ops.clock import iso
    from kulti_ops.cron import next_due

    moments = []
    after = run.now
    for _ in range(_RUNS_SHOWN):
        after = next_due(schedule.crontab, after, zone=schedule.zone)
        moments.append(iso(after))
    steps = ["create", "verify"]
    steps += ["drill"] if schedule.drills else []
    steps += ["prune"] if run.settings.schedule_prune else []
    return {
        "schedule": schedule.name,
        "when": schedule.words,
        "crontab": schedule.crontab,
        "zone": schedule.zone,
        "steps": steps,
        "next": moments,
    }


def _beginning(settings: Settings, name: Name) -> Beginning:
    import uuid

    from kulti_ops.notify import Beginning

    schedules = {s.name: s for s in planned(settings)}
    return Beginning(
        schedule=name,
        run_id=uuid.uuid4().hex,
        crontab=schedules[name].crontab if name in schedules else None,
        zone=settings.schedule_zone,
        grace_minutes=settings.schedule_grace_minutes,
        max_runtime_minutes=settings.schedule_max_runtime_minutes,
    )


def _steps(run: Invocation, name: Name, log: Log) -> Steps:
    from kulti_ops.backup.catalog import find
    from kulti_ops.commands.backup import make_backup
    from kulti_ops.commands.backup_retention import prune_own
    from kulti_ops.commands.restore_drill import drill_and_record
    from kulti_ops.commands.shared import storage_of
    from kulti_ops.commands.verify import verify_and_record
    from kulti_ops.flows.routine import Checks, Steps
    from kulti_ops.progress import Recorded
    from kulti_ops.verify import Level

    run.progress = Recorded(run.progress, log.add)
    level = Level(run.settings.schedule_verify)

    def verify(backup_id: str) -> Checks:
        storage = storage_of(run)
        run.progress.step(f"verifying {backup_id}")
        return verify_and_record(run, storage, find(storage, backup_id), level=level)

    def drill(backup_id: str) -> Checks:
        storage = storage_of(run)
        return tuple(drill_and_record(run, storage, find(storage, backup_id))[0].results)

    def prune() -> Checks:
        return (prune_own(run, storage_of(run), now=run.now + timedelta(seconds=log.elapsed_s)),)

    def create() -> Created:
        insist_on_a_storage(run.settings)
        return make_backup(run, storage_of(run), label=name)

    return Steps(
        create=create,
        verify=verify,
        drill=drill if name is Name.DRILL else None,
        prune=prune if run.settings.schedule_prune else None,
        proves=level is Level.CONTENTS,
    )


def _standing(run: Invocation, schedule: Schedule) -> tuple[Standing | None, CheckResult]:
    from kulti_ops.backup.schedule.judge import Limits, judge_schedule
    from kulti_ops.backup.schedule.runs import read_history
    from kulti_ops.flows.scheduled import goes_on

    settings = run.settings
    limits = Limits(
        grace=timedelta(minutes=settings.schedule_grace_minutes),
        max_runtime=timedelta(minutes=settings.schedule_max_runtime_minutes),
        is_alive=lambda pid: goes_on(settings.state_path, pid),
    )
    try:
        history = read_history(settings.state_path, schedule.name)
        standing = judge_schedule(schedule, history, now=run.now, limits=limits)
    except KultiError as error:
        unread = CheckResult(
            id=schedule.name, status=Verdict.UNKNOWN, summary=error.message, next=error.hint
        )
        return None, unread
    return standing, standing.result


def _standing_row(standing: Standing) -> dict[str, Any]:
    from kulti_ops.clock import iso

    last = standing.last
    return {
        "schedule": standing.schedule.name,
        "when": standing.schedule.words,
        "status": standing.result.status,
        "last_started_at": iso(last.started_at) if last else None,
        "last_ended_at": iso(last.ended_at) if last and last.ended_at else None,
        "last_exit_code": last.exit_code if last else None,
        "last_backup_id": last.backup_id if last else None,
        "next_at": iso(standing.next_at),
        "missed": [iso(moment) for moment in standing.missed],
    }
