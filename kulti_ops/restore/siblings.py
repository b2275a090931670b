"""Names of databases beside a live one, and the statements a person would type about them.

Pure, but for looking which of them a server has.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kulti_ops.clock import compact
from kulti_ops.db import translated
from kulti_ops.roles import quote_identifier

if TYPE_CHECKING:
    from datetime import datetime

    from kulti_ops.db import Connection

LONGEST_NAME_BYTES = 63  # NAMEDATALEN - 1
RESTORED, BEFORE = "restored", "before"
_STAMP = r"\d{8}T\d{6}Z"


def sibling_name(name: str, word: str, now: datetime) -> str:
    """Return `<name>_<word>_<stamp>`, the name cut to what PostgreSQL allows."""
    suffix = f"_{word}_{compact(now)}"
    room = LONGEST_NAME_BYTES - len(suffix)
    return name.encode()[:room].decode("utf-8", "ignore") + suffix


def sibling_aside(name: str) -> str:
    """Return a name for a restored database that is put aside again."""
    return name.encode()[: LONGEST_NAME_BYTES - len("_aside")].decode("utf-8", "ignore") + "_aside"


def leftovers_of(connection: Connection, name: str) -> tuple[str, ...]:
    """Return databases that earlier runs for this name restored and never put in place."""
    with translated("leftovers"):
        rows = connection.execute("SELECT datname::text FROM pg_database ORDER BY 1").fetchall()
    room = LONGEST_NAME_BYTES - len(f"_{RESTORED}_20260101T000000Z")
    head = name.encode()[:room].decode("utf-8", "ignore")
    pattern = re.compile(re.escape(f"{head}_{RESTORED}_") + _STAMP)
    return tuple(r[0] for r in rows if pattern.fullmatch(r[0]))


def way_back(live: str, kept: str) -> str:
    """Return the statements that put the old database back."""
    aside = quote_identifier(sibling_aside(live))
    name, old = quote_identifier(live), quote_identifier(kept)
    return f"ALTER DATABASE {name} RENAME TO {aside}; ALTER DATABASE {old} RENAME TO {name};"


def way_on(live: str, *, beside: str, kept: str) -> str:
    """Return the statements that finish a swap by hand."""
    name = quote_identifier(live)
    return (
        f"ALTER DATABASE {name} RENAME TO {quote_identifier(kept)}; "
        f"ALTER DATABASE {quote_identifier(beside)} RENAME TO {name};"
    )


def drop_statement(name: str) -> str:
    """Return the statement that drops a database, as text for a person."""
    return f"DROP DATABASE {quote_identifier(name)};"
