"""The one transaction of a hosted restore: how it begins, and that it is still the same.

In it the vendor's triggers sleep, nothing waits for ever, and names mean what the archive
means by them.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from kulti_ops.db import translated
from kulti_ops.errors import DatabaseError, RefusedError
from kulti_ops.restore.hosted.able import no_replica, switch_triggers_off

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kulti_ops.db import Connection

STATEMENT_TIMEOUT = "12h"  # of one entry: an index or a foreign key of a large table
LOCK_TIMEOUT = "30s"
CANCEL_TIMEOUT_S = 5.0
_SESSION = {
    "search_path": "",
    "statement_timeout": STATEMENT_TIMEOUT,
    "lock_timeout": LOCK_TIMEOUT,
    "idle_in_transaction_session_timeout": "0",
    "check_function_bodies": "off",
    "client_min_messages": "error",
    "row_security": "off",
    "standard_conforming_strings": "on",
    "xmloption": "content",
    "default_table_access_method": "heap",
}
_TRANSACTION_TIMEOUT_SINCE = 170000
_ONE_AT_A_TIME = "SELECT pg_try_advisory_xact_lock(hashtextextended('kulti-ops hosted restore', 0))"


def begin(connection: Connection) -> int:
    """Open the transaction in which the vendor's triggers sleep; return its number."""
    with translated("beginning the restore"):
        connection.execute("BEGIN")
        for name, value in _session(connection).items():
            connection.execute("SELECT set_config(%s, %s, true)", (name, value))
        free = connection.execute(_ONE_AT_A_TIME).fetchone()
        if free is None or not free[0]:
            raise RefusedError("another restore into this project is running")
    try:
        with translated("switching off the vendor's triggers"):
            switch_triggers_off(connection)
    except DatabaseError as error:
        raise no_replica(error) from None
    with translated("beginning the restore"):
        row = connection.execute("SELECT pg_current_xact_id()::text::int8").fetchone()
        assert row is not None  # noqa: S101 - a function always answers
        return int(row[0])


def insist(connection: Connection, number: int) -> None:
    """Insist that the restore's transaction is still open: else a part of it would be there.

    Raises: DatabaseError when an entry has ended it.
    """
    status = connection.info.transaction_status.name
    if status == "INERROR":  # it can only be undone; nothing has ended it since the last look
        return
    with translated("the restore's transaction"):
        row = connection.execute("SELECT pg_current_xact_id_if_assigned()::text::int8").fetchone()
    if status != "INTRANS" or row is None or row[0] != number:
        raise DatabaseError(
            "an entry of the archive ended the transaction: the target holds a part of it",
            hint="pg_dump writes no such entry; drop the project, and look at who made the backup",
        )


@contextmanager
def cancelled_when_interrupted(connection: Connection) -> Iterator[None]:
    """Have the server stop at once when we are told to stop: its locks would outlive us."""
    try:
        yield
    except Exception:
        raise
    except BaseException:
        with suppress(DatabaseError), translated("cancelling"):
            connection.cancel_safe(timeout=CANCEL_TIMEOUT_S)
        raise


def _session(connection: Connection) -> dict[str, str]:
    known = connection.info.server_version >= _TRANSACTION_TIMEOUT_SINCE
    return {**_SESSION, **({"transaction_timeout": "0"} if known else {})}
