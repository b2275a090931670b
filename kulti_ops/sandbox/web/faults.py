"""What can be broken on the stand-in, and which of it is broken now.

Owns `faults.json` in the web folder: the server reads it for every request, so a fault
begins and ends at once.
"""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

FILE = "faults.json"

WEB_FAULTS: Mapping[str, str] = MappingProxyType(
    {
        "site-down": "every path answers 503",
        "slow": "every answer takes 0.7 s longer",
        "headers-lost": "no security header is sent",
        "limiter-down": "the rate limiter lets everything through",
        "cert-expired": "https shows a certificate that has expired",
        "cert-wrong-host": "https shows a certificate for another host",
        "db-down": "the application cannot reach its database",
        "vendor-outage": "the database vendor's status page reports a major outage",
        "soft-404": "paths that do not exist answer 200 with a page",
        "challenge": "a challenge page stands in front of every path",
        "size-limit-lost": "bodies above the limit are let through",
        "unsigned-webhook-accepted": "the webhook takes calls without a signature",
    }
)


def read_faults(folder: Path) -> frozenset[str]:
    """Return the faults in force; none when the file is missing or unreadable."""
    try:
        found = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return frozenset()
    names = found if isinstance(found, list) else ()
    return frozenset(name for name in names if isinstance(name, str) and name in WEB_FAULTS)


def write_faults(folder: Path, faults: Iterable[str]) -> None:
    """Put exactly these faults in force."""
    temporary = folder / f".{FILE}.tmp"
    temporary.write_text(json.dumps(sorted(faults)), encoding="utf-8")
    temporary.replace(folder / FILE)
