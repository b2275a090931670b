"""Schedules as they are written, and what crontab and systemd make of them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from kulti_ops.backup.schedule.spec import Name, parse_schedule, plan_schedules
from kulti_ops.errors import UsageError

ANALYZE = Path("/usr/bin/systemd-analyze")


@pytest.mark.parametrize(
    ("name", "text", "crontab", "calendar"),
    [
        ("hourly", ":15", "15 * * * *", "*-*-* *:15:00 UTC"),
        ("hourly", "5", "5 * * * *", "*-*-* *:05:00 UTC"),
        ("daily", "03:30", "30 3 * * *", "*-*-* 03:30:00 UTC"),
        ("daily", " 3:05 ", "5 3 * * *", "*-*-* 03:05:00 UTC"),
        ("weekly", "sun 02:00", "0 2 * * 0", "Sun *-*-* 02:00:00 UTC"),
        ("weekly", "Saturday 23:59", "59 23 * * 6", "Sat *-*-* 23:59:00 UTC"),
        ("monthly", "1", "30 4 1 * *", "*-*-01 04:30:00 UTC"),
        ("monthly", "28 00:00", "0 0 28 * *", "*-*-28 00:00:00 UTC"),
        ("drill", "quarterly", "30 5 1 1,4,7,10 *", "*-01,04,07,10-01 05:30:00 UTC"),
        ("drill", "yearly 06:00", "0 6 1 1 *", "*-01-01 06:00:00 UTC"),
        ("drill", "monthly", "30 5 1 * *", "*-*-01 05:30:00 UTC"),
    ],
)
def test_parse_schedule_time_becomes_crontab_and_calendar(
    name: str, text: str, crontab: str, calendar: str
) -> None:
    schedule = parse_schedule(Name(name), text, zone="UTC")
    assert (schedule.crontab, schedule.calendar) == (crontab, calendar)
    if ANALYZE.exists():
        subprocess.run([ANALYZE, "calendar", calendar], check=True, capture_output=True, timeout=10)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("hourly", ":60"),
        ("hourly", "* * * * *"),
        ("daily", "24:00"),
        ("daily", "3"),
        ("daily", "03:30 04:30"),
        ("daily", "03:30\n* * * * * root evil"),
        ("weekly", "02:00"),
        ("weekly", "sunny 02:00"),
        ("weekly", "sun"),
        ("monthly", "0"),
        ("monthly", "29"),
        ("monthly", "first"),
        ("drill", "daily"),
        ("drill", ""),
        ("drill", "quarterly 5"),
    ],
)
def test_parse_schedule_bad_time_is_refused_with_the_form(name: str, text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_schedule(Name(name), text, zone="UTC")
    assert f"no {name} time" in caught.value.message
    assert "\n" not in caught.value.message
    assert "for example" in caught.value.hint


def test_plan_schedules_leaves_out_what_is_off_or_empty() -> None:
    planned = plan_schedules(
        {Name.DAILY: "03:30", Name.WEEKLY: "off", Name.MONTHLY: "", Name.DRILL: None}, zone="UTC"
    )
    assert [schedule.name for schedule in planned] == [Name.DAILY]


@pytest.mark.parametrize(
    "texts",
    [
        {Name.DAILY: "02:00", Name.WEEKLY: "sun 02:00"},
        {Name.HOURLY: ":30", Name.DAILY: "03:30"},
        {Name.MONTHLY: "1 05:30", Name.DRILL: "monthly"},
    ],
)
def test_plan_schedules_of_the_same_minute_are_refused(texts: dict[Name, str]) -> None:
    with pytest.raises(UsageError, match="at the same minute"):
        plan_schedules(texts, zone="UTC")
