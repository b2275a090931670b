"""Cache-Control as values: who may keep an answer, and for how long. Pure."""

from __future__ import annotations

import math

# Any of these keeps a shared cache from handing an answer to somebody else.
PROTECTIVE = frozenset({"no-store", "private", "no-cache"})


def directives_of(value: str) -> frozenset[str]:
    """Return the names of a header's directives, in lower case."""
    names = (part.partition("=")[0].strip() for part in value.lower().split(","))
    return frozenset(name for name in names if name)


def lifetime_s(value: str) -> float:
    """Return how long an answer may be kept; without end when it is immutable."""
    if "immutable" in directives_of(value):
        return math.inf
    for part in value.lower().split(","):
        name, _, seconds = part.strip().partition("=")
        if name in {"max-age", "s-maxage"} and seconds.isascii() and seconds.isdigit():
            return float(seconds[:12])
    return 0.0


def is_private(value: str) -> bool:
    """Tell whether no shared cache may keep an answer."""
    directives = directives_of(value)
    return bool(directives & PROTECTIVE) and "public" not in directives
