"""Schedules as people write them, as crontab expressions and as systemd calendars. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from kulti_ops.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

OFF = "off"
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LAST_DAY = 28  # every month has it
# Where no time is given: apart from each other, after the platform's window (02:00 to 04:00 UTC).
_MONTHLY_TIME = (4, 30)
_DRILL_TIME = (5, 30)
_MONTHS = {"monthly": (), "quarterly": (1, 4, 7, 10), "yearly": (1,)}
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_MINUTE = re.compile(r":?([0-5]?\d)")


class Name(StrEnum):
    """The schedules that there can be, each with at most one time."""

    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    DRILL = "drill"


FORMS = {
    Name.HOURLY: ":MM, for example :15",
    Name.DAILY: "HH:MM, for example 03:30",
    Name.WEEKLY: 'DAY HH:MM, for example "sun 02:00"',
    Name.MONTHLY: 'DAY [HH:MM] with a day from 1 to 28, for example 1 or "1 04:30"',
    Name.DRILL: 'monthly, quarterly or yearly [HH:MM], for example "quarterly 05:30"',
}


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """One schedule; `text` is how it was written.

    `hour` is None for every hour; no weekday, day or months mean all of them.
    """

    name: Name
    text: str
    zone: str
    minute: int
    hour: int | None = None
    weekday: int | None = None  # 0 is Sunday, as in crontabs
    day: int | None = None
    months: tuple[int, ...] = ()

    @property
    def crontab(self) -> str:
        """The five fields of a crontab."""
        months = ",".join(map(str, self.months)) or "*"
        return " ".join(
            (str(self.minute), _field(self.hour), _field(self.day), months, _field(self.weekday))
        )

    @property
    def calendar(self) -> str:
        """The same for OnCalendar= of a systemd timer, its zone included."""
        weekday = "" if self.weekday is None else f"{_DAYS[self.weekday].title()} "
        months = ",".join(f"{month:02d}" for month in self.months) or "*"
        day = "*" if self.day is None else f"{self.day:02d}"
        hour = "*" if self.hour is None else f"{self.hour:02d}"
        return f"{weekday}*-{months}-{day} {hour}:{self.minute:02d}:00 {self.zone}"

    @property
    def words(self) -> str:
        """The same for people."""
        if self.hour is None:
            return f"every hour at minute {self.minute}"
        at = f"at {self.hour:02d}:{self.minute:02d} {self.zone}"
        if self.weekday is not None:
            return f"every {_DAYS[self.weekday].title()} {at}"
        if self.day is None:
            return f"every day {at}"
        of = {0: "every month", 1: "January"}.get(len(self.months), "each quarter's first month")
        return f"on day {self.day} of {of} {at}"

    @property
    def drills(self) -> bool:
        """Whether its runs also restore the backup into a scratch server."""
        return self.name is Name.DRILL


def plan_schedules(texts: Mapping[Name, str | None], *, zone: str) -> tuple[Schedule, ...]:
    """Return the schedules that are on.

    Raises: UsageError for a time that cannot be understood, and for two schedules that
    begin at the same minute: the second would find the first's lock.
    """
    planned = tuple(
        parse_schedule(name, text, zone=zone)
        for name in Name
        if (text := texts.get(name)) and text.strip().lower() != OFF
    )
    for n, first in enumerate(planned):
        for second in planned[n + 1 :]:
            if first.minute == second.minute and (
                None in {first.hour, second.hour} or first.hour == second.hour
            ):
                raise UsageError(
                    f"{first.name} and {second.name} would begin at the same minute: "
                    "only one backup runs at a time",
                    hint=f"set them apart; {second.name} is {FORMS[second.name]}",
                )
    return planned


def parse_schedule(name: Name, text: str, *, zone: str) -> Schedule:
    """Return the schedule that `text` means.

    Raises: UsageError naming the form that is wanted.
    """
    words = text.strip().lower().split()
    readers = {
        Name.HOURLY: _hourly,
        Name.DAILY: _daily,
        Name.WEEKLY: _weekly,
        Name.MONTHLY: _monthly,
        Name.DRILL: _drill,
    }
    parts = readers[name](words)
    if parts is None:
        raise UsageError(f"no {name} time: {text!r}", hint=f"write {FORMS[name]}; or {OFF}")
    minute, hour, weekday, day, months = parts
    return Schedule(
        name=name,
        text=" ".join(words),
        zone=zone,
        minute=minute,
        hour=hour,
        weekday=weekday,
        day=day,
        months=months,
    )


_Parts = tuple[int, int | None, int | None, int | None, tuple[int, ...]]


def _hourly(words: list[str]) -> _Parts | None:
    found = _MINUTE.fullmatch(words[0]) if len(words) == 1 else None
    return (int(found[1]), None, None, None, ()) if found else None


def _daily(words: list[str]) -> _Parts | None:
    time = _time(words, default=None)
    return (time[1], time[0], None, None, ()) if time else None


def _weekly(words: list[str]) -> _Parts | None:
    day = words[0][:3] if words else ""
    full = {"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}
    if day not in _DAYS or words[0] not in {day, *full}:
        return None
    time = _time(words[1:], default=None)
    return (time[1], time[0], _DAYS.index(day), None, ()) if time else None


def _monthly(words: list[str]) -> _Parts | None:
    if not words or not words[0].isdecimal() or not 1 <= int(words[0]) <= _LAST_DAY:
        return None
    time = _time(words[1:], default=_MONTHLY_TIME)
    return (time[1], time[0], None, int(words[0]), ()) if time else None


def _drill(words: list[str]) -> _Parts | None:
    if not words or words[0] not in _MONTHS:
        return None
    time = _time(words[1:], default=_DRILL_TIME)
    return (time[1], time[0], None, 1, _MONTHS[words[0]]) if time else None


def _time(words: list[str], *, default: tuple[int, int] | None) -> tuple[int, int] | None:
    if not words:
        return default
    found = _TIME.fullmatch(words[0]) if len(words) == 1 else None
    return (int(found[1]), int(found[2])) if found else None


def _field(value: int | None) -> str:
    return "*" if value is None else str(value)
