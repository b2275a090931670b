"""What the runs of a schedule say: on time, missed, failed. Pure.

- crit: the newest due time passed without a run, the last run failed or broke off, or one
  has been going on for too long
- warn: the last run ended with a warning, or one of the last ten due times was missed
- unknown: no run was ever recorded here: nobody can tell whether one was missed

A run belongs to the due time that it follows: one that begins late, until the next is due,
was late and not missed. What passed before the first recorded run does not count.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from kulti_ops.clock import iso
from kulti_ops.cron import last_due, next_due
from kulti_ops.report import CheckResult, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from kulti_ops.backup.schedule.runs import History, Run
    from kulti_ops.backup.schedule.spec import Schedule

DUE_TIMES_LOOKED_AT = 10
EARLY = timedelta(seconds=60)  # clocks of schedulers and ours may differ that much


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What is tolerated; `is_alive` tells whether a run still goes on as that process."""

    grace: timedelta
    max_runtime: timedelta
    is_alive: Callable[[int], bool]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How a schedule stands: its last run, the next, and the due times without any."""

    schedule: Schedule
    next_at: datetime
    last: Run | None
    missed: tuple[datetime, ...]
    newest_missed: bool
    result: CheckResult


def judge_schedule(
    schedule: Schedule, history: History, *, now: datetime, limits: Limits
) -> Standing:
    """Return how a schedule stands at `now`."""
    due = last_due(
        schedule.crontab, now - limits.grace, zone=schedule.zone, count=DUE_TIMES_LOOKED_AT
    )
    missed = _missed(
        due, history.runs, then=next_due(schedule.crontab, due[-1], zone=schedule.zone)
    )
    newest_missed = bool(missed) and missed[-1] == due[-1]
    last = history.runs[-1] if history.runs else None
    next_at = next_due(schedule.crontab, now, zone=schedule.zone)
    status, summary, then = _verdict(
        last, missed, newest_missed=newest_missed, now=now, limits=limits, name=schedule.name
    )
    return Standing(
        schedule=schedule,
        next_at=next_at,
        last=last,
        missed=missed,
        newest_missed=newest_missed,
        result=CheckResult(
            id=schedule.name,
            status=status,
            summary=f"{summary}; next {iso(next_at)}",
            evidence=_evidence(history, missed, next_at),
            rows=tuple({"missed": iso(moment)} for moment in missed),
            next=then,
        ),
    )


def _missed(
    due: tuple[datetime, ...], runs: tuple[Run, ...], *, then: datetime
) -> tuple[datetime, ...]:
    """Return the due times without a run of their own; `then` is the one after the last."""
    if not runs:
        return ()
    begun = [run.started_at + EARLY for run in runs]
    return tuple(
        moment
        for moment, end in zip(due, (*due[1:], then), strict=True)
        if moment > begun[0] and not any(moment <= start < end for start in begun)
    )


def _verdict(
    last: Run | None,
    missed: tuple[datetime, ...],
    *,
    newest_missed: bool,
    now: datetime,
    limits: Limits,
    name: str,
) -> tuple[Verdict, str, str | None]:
    again = f"kulti-ops backup schedule run {name}"
    if last is None:
        return Verdict.UNKNOWN, "no run is recorded on this machine", again
    going_on = last.ended_at is None and limits.is_alive(last.pid)
    if going_on:
        since = now - last.started_at
        status = Verdict.CRIT if since > limits.max_runtime else Verdict.OK
        return status, f"a run goes on since {iso(last.started_at)}", None
    if newest_missed:
        text = f"the run due at {iso(missed[-1])} did not take place"
        return Verdict.CRIT, text, f"is cron or the timer on? then: {again}"
    return _verdict_of_last(last, missed, again=again)


def _verdict_of_last(
    last: Run, missed: tuple[datetime, ...], *, again: str
) -> tuple[Verdict, str, str | None]:
    """Judge the last run, which does not go on any more."""
    if last.ended_at is None:
        return Verdict.CRIT, f"the run of {iso(last.started_at)} broke off", again
    at, why = iso(last.ended_at), f": {last.problem}" if last.problem else ""
    if last.exit_code != 0:
        return Verdict.CRIT, f"the run that ended at {at} failed{why}", again
    if last.status is not Verdict.OK:
        return Verdict.WARN, f"the run that ended at {at} warned{why}", None
    if missed:
        text = f"{len(missed)} of the last {DUE_TIMES_LOOKED_AT} due times passed without a run"
        return Verdict.WARN, text, None
    return Verdict.OK, f"the last run ended well at {at}", None


def _evidence(history: History, missed: tuple[datetime, ...], next_at: datetime) -> dict[str, Any]:
    return {
        "last_success_at": history.last_success_at and iso(history.last_success_at),
        "last_proven_at": history.last_proven_at and iso(history.last_proven_at),
        "missed": len(missed),
        "next_at": iso(next_at),
    }
