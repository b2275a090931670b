"""Connections, and psycopg's exceptions translated once.

Messages never carry the server's DETAIL or CONTEXT, which hold row data.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

import psycopg
from psycopg import sql

from kulti_ops.db.causes import connect_cause
from kulti_ops.errors import DatabaseError
from kulti_ops.redact import redact_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kulti_ops.db.target import Target

Connection = psycopg.Connection[Any]

KEEPALIVE = MappingProxyType(
    {"keepalives": 1, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
)
# What libpq would take from its environment or a service for keywords that a target lacks, and
# so end at another server.
_PINNED = MappingProxyType({"hostaddr": "", "target_session_attrs": "any"})
_READABLE = MappingProxyType({"DateStyle": "ISO", "IntervalStyle": "postgres"})


def connect(target: Target, *, application: str, timeout_s: int = 10) -> Connection:
    """Open a connection in autocommit mode that never uses named prepared statements.

    Raises: DatabaseError with the cause in one line.
    """
    try:
        connection = psycopg.connect(
            **cast("dict[str, Any]", {**_PINNED, **target.params, **KEEPALIVE}),
            autocommit=True,
            prepare_threshold=None,
            connect_timeout=timeout_s,
            application_name=f"kulti-ops {application}",
            client_encoding="utf8",
        )
        _make_times_readable(connection)
    except psycopg.Error as error:
        raise _connect_error(target, error) from None
    return connection


def _make_times_readable(connection: Connection) -> None:
    """Set what role or database may have set otherwise and psycopg cannot read.

    The server reports these settings by itself: most connections need no round trip.
    """
    for name, wanted in _READABLE.items():
        if not (connection.info.parameter_status(name) or wanted).startswith(wanted):
            connection.execute(sql.SQL("SET {} = {}").format(sql.Identifier(name), wanted))


# What COPY says of a line before it quotes it: `COPY t, line 3, column c: "…"`. Of a line with
# too few or too many columns nothing but its number.
_COPY_LINE = re.compile(r"^COPY [^\n]*?, line (\d+)(?:, column ([\w$]+)(?=:))?", re.MULTILINE)


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn psycopg's exceptions into `DatabaseError`: primary message and SQLSTATE only."""
    try:
        yield
    except psycopg.Error as error:
        raise database_error(what, error) from None


def database_error(what: str, error: psycopg.Error) -> DatabaseError:
    """Return the error for `what` went wrong, without row data."""
    primary = error.diag.message_primary
    if primary is None and isinstance(error, psycopg.OperationalError):
        primary = "the connection was lost"
    primary = redact_server(primary or type(error).__name__)
    code = f" ({error.sqlstate})" if error.sqlstate else ""
    return DatabaseError(
        f"{what}: {primary}{code}", sqlstate=error.sqlstate, primary=primary, place=_place(error)
    )


def _place(error: psycopg.Error) -> str:
    """Return where a row did not fit: names and a line's number, and nothing of the row."""
    if error.diag.constraint_name:
        return f"constraint {error.diag.constraint_name}"
    if error.diag.column_name:
        return f"column {error.diag.column_name}"
    return place_in_copy(error.diag.context or "")


def place_in_copy(context: str) -> str:
    """Return row and column of what COPY says, without what it quotes of the row."""
    match = _COPY_LINE.search(context)
    if match is None:
        return ""
    return f"row {match[1]}" + (f", column {match[2]}" if match[2] else "")


def _connect_error(target: Target, error: psycopg.Error) -> DatabaseError:
    text = str(error)
    names = {
        "user": target.user,
        "host": target.host,
        "port": str(target.port),
        "database": target.database,
    }
    if cause := connect_cause(text, names):
        return DatabaseError(
            f"cannot connect to {target.label}: {cause.message}",
            hint=cause.hint,
            sqlstate=error.sqlstate,
            cause=cause.name,
        )
    line = next((part.strip() for part in reversed(text.splitlines()) if part.strip()), "")
    return DatabaseError(
        f"cannot connect to {target.label}: {line or type(error).__name__}", sqlstate=error.sqlstate
    )
