"""The process that holds a scenario's sessions: `python -m kulti_ops.sandbox.faults.hold`.

Reads the sandbox's own record (no password on its command line), opens the sessions, says
`ready` with its process id, and ends as soon as it loses one.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from kulti_ops.db import connect, own_target, translated
from kulti_ops.errors import DatabaseError, KultiError
from kulti_ops.pgserver.process import wait_until
from kulti_ops.sandbox.faults.sessions import READY, SESSIONS, application
from kulti_ops.sandbox.lifecycle import status

if TYPE_CHECKING:
    from kulti_ops.db import Connection

_STAGING_TIMEOUT_S = 20.0
# What somebody else holds must not keep the scenario, and who waits for it, waiting.
_LOCK_TIMEOUT_S = 5
_LOOK_EVERY_S = 1.0
_TOO_MANY = 1000


def main() -> int:
    """Hold the sessions of the scenario named, until they are taken away."""
    folder, name = Path(sys.argv[1]), sys.argv[2]
    if os.fork():
        return 0  # whoever started us need not wait for us: the child stays
    try:
        info = status(folder)
        if info is None:
            raise DatabaseError(f"there is no sandbox in {folder}")
        held = (
            _fill(info.database_url, name) if not SESSIONS[name] else _open(info.database_url, name)
        )
    except KultiError as error:
        sys.stdout.write(f"{error.message}\n")
        return 1
    sys.stdout.write(f"{READY} {os.getpid()}\n")
    sys.stdout.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    while all(_is_there(connection) for connection in held):
        time.sleep(_LOOK_EVERY_S)
    return 0


def _open(url: str, name: str) -> list[Connection]:
    """Open the sessions one after the other; a hanging one must hang before the next."""
    held = []
    for session in SESSIONS[name]:
        connection = _connect(url, application(name, session.label))
        with translated(f"session {session.label} of the scenario"):
            connection.execute(f"SET lock_timeout = '{_LOCK_TIMEOUT_S}s'".encode())
            for statement in session.statements[: -1 if session.hangs else None]:
                connection.execute(statement.encode())
            if session.hangs:
                connection.execute("RESET lock_timeout")
        if session.hangs:
            arguments = (connection, session.statements[-1])
            threading.Thread(target=_run, args=arguments, daemon=True).start()
            _wait_for(url, connection.info.backend_pid)
        else:
            held.append(connection)
    return held or [_connect(url, application(name, "watch"))]


def _fill(url: str, name: str) -> list[Connection]:
    """Open connections until the server gives no more."""
    held: list[Connection] = []
    try:
        while len(held) < _TOO_MANY:
            held.append(_connect(url, application(name, "pool")))
    except DatabaseError as error:
        if error.cause != "connections-full":
            raise
    return held


def _connect(url: str, name: str) -> Connection:
    connection = connect(own_target(url, "the sandbox"), application="sandbox")
    connection.execute("SELECT set_config('application_name', %s, false)", (name,))
    return connection


def _run(connection: Connection, statement: str) -> None:
    try:
        with translated("a session refused"):
            connection.execute(statement.encode())
    except DatabaseError:
        return  # ended from outside: that is how it is meant to end


def _wait_for(url: str, pid: int) -> None:
    """Wait until the session of `pid` runs or waits for its lock."""
    with connect(own_target(url, "the sandbox"), application="sandbox") as connection:

        def runs() -> bool:
            row = connection.execute(
                "SELECT state = 'active' AND query_start < clock_timestamp() - interval '50 ms'"
                " FROM pg_stat_activity WHERE pid = %s",
                (pid,),
            ).fetchone()
            return bool(row and row[0])

        if not wait_until(runs, timeout_s=_STAGING_TIMEOUT_S):
            raise DatabaseError("a session that was to wait did not")


def _is_there(connection: Connection) -> bool:
    """Tell whether the server still has the session, without running anything in it."""
    try:
        connection.pgconn.consume_input()
    except Exception:  # noqa: BLE001 - whatever it is, the session is gone
        return False
    return not connection.broken and not connection.closed


if __name__ == "__main__":
    sys.exit(main())
