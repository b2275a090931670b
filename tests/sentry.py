"""What Sentry receives: its envelopes, unpacked and taken apart as its relay does."""

from __future__ import annotations

import json
from typing import Any


def items_of(body: bytes) -> list[tuple[str, dict[str, Any]]]:
    """Return each item of an envelope: its type and its JSON."""
    head, _, rest = body.partition(b"\n")
    assert isinstance(json.loads(head), dict)
    items = []
    while rest.strip():
        line, _, rest = rest.partition(b"\n")
        header = json.loads(line)
        if "length" in header:
            payload, rest = rest[: header["length"]], rest[header["length"] + 1 :]
        else:
            payload, _, rest = rest.partition(b"\n")
        items.append((header["type"], json.loads(payload)))
    return items
