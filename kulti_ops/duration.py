"""Durations as people write them. Pure."""

from __future__ import annotations

import re

from kulti_ops.errors import UsageError

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_LONGEST_S = 100 * 365 * 86400.0  # more is a slip of the finger, and overflows timers
_DAYS_FROM = 2  # up to here people count in hours: 26 h, not 1 d 2 h
_FORM = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|min|h|d|w)?")


def parse_duration(text: str) -> float:
    """Return seconds for `30s`, `10m`, `26h`, `1.5h`, `90`; a bare number is seconds.

    Raises: UsageError for anything else, for zero, and beyond a hundred years.
    """
    match = _FORM.fullmatch(text.strip().lower())
    seconds = float(match[1]) * _UNITS_S[match[2] or "s"] if match else 0.0
    if not 0 < seconds <= _LONGEST_S:
        raise UsageError(f"no duration: {text!r}", hint="write for example 30s, 10m, 26h, 7d")
    return seconds


def spoken(seconds: float) -> str:
    """Return a time as a person says it, in its two largest units: `45 s`, `3 h 12 min`, `4 d`."""
    left = int(seconds)
    parts = []
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, length)
        if unit == "d" and count < _DAYS_FROM:
            left += count * length
        elif count:
            parts.append(f"{count} {unit}")
        elif parts:
            break
    return " ".join(parts[:2]) or "0 s"
