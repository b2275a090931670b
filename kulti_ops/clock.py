"""Time as text: the one format that identifiers, manifests and reports use.

Pure values; nobody reads the clock here.
"""

from __future__ import annotations

from datetime import UTC, datetime


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
    return moment.astimezone(UTC)


def compact(moment: datetime) -> str:
    """Return `moment` as `20261122T030000Z`, the form used in names."""
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
