"""How a schedule stands."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from kulti_ops.backup.schedule.judge import Limits, Standing, judge_schedule
from kulti_ops.backup.schedule.runs import History
from kulti_ops.backup.schedule.spec import Name, parse_schedule
from kulti_ops.report import Verdict
from tests.unit.backup.schedule.test_runs import T, good

if TYPE_CHECKING:
    from kulti_ops.backup.schedule.runs import Run

DAILY = parse_schedule(Name.DAILY, "03:30", zone="UTC")
ALIVE = 4711


def standing(*runs: Run, now: datetime) -> Standing:
    limits = Limits(
        grace=timedelta(hours=1), max_runtime=timedelta(hours=8), is_alive=lambda pid: pid == ALIVE
    )
    return judge_schedule(DAILY, History(runs=runs), now=now, limits=limits)


def on_day(day: float) -> datetime:
    return T + timedelta(days=day)


@pytest.mark.parametrize(
    ("runs", "now", "status", "says"),
    [
        ((), 0.5, "unknown", "no run is recorded"),
        ((good(0),), 0.5, "ok", "ended well"),
        ((good(0),), 1.02, "ok", "ended well"),  # half an hour late is within the grace
        ((good(0),), 1.06, "crit", "due at 2026-11-23T03:30:00.000Z did not take place"),
        ((good(0), good(1), good(3)), 3.5, "warn", "1 of the last 10"),
        ((good(0), good(1.2)), 1.5, "ok", "ended well"),  # late, and not missed
        ((good(0), good(1, exit_code=10, problem="create: it broke")), 1.5, "crit", "it broke"),
        ((good(0), good(1, status=Verdict.WARN, problem="clock")), 1.5, "warn", "clock"),
        ((good(0, ended_at=None, exit_code=None),), 0.1, "crit", "broke off"),
        ((good(0, ended_at=None, exit_code=None, pid=ALIVE),), 0.1, "ok", "goes on"),
        ((good(0, ended_at=None, exit_code=None, pid=ALIVE),), 0.5, "crit", "goes on"),
        # the run of today must not stand for the one that was missed yesterday
        ((good(0), good(2)), 2.01, "crit", "2026-11-23T03:30:00.000Z did not"),
        ((good(0), good(2)), 2.5, "warn", "1 of the last 10"),
        # by hand, shortly before it is due: the due run is still wanted
        ((good(0.98),), 1.5, "crit", "did not take place"),
        # a clock that is half a minute behind the scheduler's
        ((good(0), good(1 - 30 / 86400)), 1.5, "ok", "ended well"),
    ],
)
def test_judge_schedule(runs: tuple[Run, ...], now: float, status: str, says: str) -> None:
    found = standing(*runs, now=on_day(now))
    assert (found.result.status, says in found.result.summary) == (status, True), found.result
    assert found.next_at > on_day(now)


def test_judge_schedule_what_was_missed_before_the_first_run_does_not_count() -> None:
    assert standing(good(20), now=on_day(20.5)).missed == ()


def test_judge_schedule_counts_the_last_ten_due_times_only() -> None:
    found = standing(good(0), good(30), now=on_day(30.5))
    assert len(found.missed) == 9
    assert found.result.status is Verdict.WARN


def test_judge_schedule_in_a_zone_with_changing_clocks_misses_nothing() -> None:
    berlin = replace(DAILY, zone="Europe/Berlin", hour=2)
    first = datetime(2026, 10, 23, 0, 30, tzinfo=UTC)
    begun = [first, first + timedelta(days=1), first + timedelta(days=2)]
    begun += [first + timedelta(days=3, hours=1)]  # winter time
    runs = tuple(replace(good(n), started_at=at) for n, at in enumerate(begun))
    limits = Limits(
        grace=timedelta(hours=1), max_runtime=timedelta(hours=8), is_alive=lambda _: False
    )
    now = begun[-1] + timedelta(hours=3)
    found = judge_schedule(berlin, History(runs=runs), now=now, limits=limits)
    assert found.missed == ()
    assert found.result.status is Verdict.OK
