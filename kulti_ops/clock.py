"""Time as text: the one format that identifiers, manifests and reports use.

Pure values; nobody reads the clock here.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

CLOCK_TOLERANCE_S = 300  # two clocks further apart than this mislead in names and reports


def iso(moment: datetime) -> str:
    """Return `moment` as `2026-11-22T03:00:00.123Z` (UTC, milliseconds)."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_iso(text: str) -> datetime:
    """Return the aware UTC time that `text` names.

    Raises: ValueError when it is no ISO time or has no zone.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


def parse_moment(text: str, *, end_of_day: bool = False) -> datetime:
    """Return the time that `2026-11-22` or an ISO time with a zone names.

    A day alone is its first moment in UTC; with `end_of_day` the first one after it.

    Raises: ValueError when it is neither.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return parse_iso(text)
    return datetime.combine(day, time(), UTC) + timedelta(days=1 if end_of_day else 0)


def compact(moment: datetime) -> str:
    """Return `moment` as `20261122T030000Z`, the form used in names."""
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
