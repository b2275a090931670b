"""When a crontab expression is due: the one adapter over cronsim and the time zones.

On the days when clocks change, a fixed time is due exactly once: one that the clock jumps
over is due at the end of the jump, one that it passes twice is due the first time.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim

from kulti_ops.errors import UsageError


def zone_of(name: str) -> tzinfo:
    """Return a time zone by its IANA name; UTC needs no database of zones.

    Raises: UsageError when there is none of that name.
    """
    if name.upper() == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError(
            f"no time zone {name!r} on this machine", hint="write for example UTC or Europe/Berlin"
        ) from error


def next_due(expression: str, after: datetime, *, zone: str) -> datetime:
    """Return the first moment after `after` at which `expression` is due, in UTC."""
    return next(CronSim(expression, after.astimezone(zone_of(zone)))).astimezone(UTC)


def last_due(expression: str, until: datetime, *, zone: str, count: int) -> tuple[datetime, ...]:
    """Return the last `count` moments up to and including `until`, the oldest first, in UTC."""
    moments: list[datetime] = []
    # backwards, and from the next second on: a moment that is due right now counts
    start = until.astimezone(zone_of(zone)).replace(microsecond=0)
    if is_due(expression, until, zone=zone):
        moments.append(start.astimezone(UTC))
    earlier = CronSim(expression, start, reverse=True)
    while len(moments) < count:
        moments.append(next(earlier).astimezone(UTC))
    return tuple(reversed(moments))


def is_due(expression: str, moment: datetime, *, zone: str) -> bool:
    """Return whether the very second of `moment` is due."""
    second = moment.astimezone(UTC).replace(microsecond=0)
    before = datetime.fromtimestamp(second.timestamp() - 1, UTC)
    return next_due(expression, before, zone=zone) == second
