"""Connections, and psycopg's exceptions translated once.

Messages never carry the server's DETAIL or CONTEXT, which hold row data.
"""

from __future__ import annotations

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
    return DatabaseError(f"{what}: {primary}{code}", sqlstate=error.sqlstate, primary=primary)


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
