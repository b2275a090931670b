"""Putting a restored database in the place of a live one: two renames, or neither.

Works from another database of the same server, since a database that somebody is connected
to cannot be renamed. The live one is kept under another name. Makes no backups and
restores nothing itself (`flows.replace` strings it together).
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from kulti_ops.db import connect, sql, translated
from kulti_ops.errors import DatabaseError, OperationFailedError, RefusedError
from kulti_ops.restore.databases import read_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kulti_ops.db import Connection, Target
    from kulti_ops.restore.databases import DatabaseState
    from kulti_ops.restore.guards import TargetState

MAINTENANCE = ("postgres", "template1")
TEMPLATES = frozenset({"template0", "template1"})
SWAP_TRIES = 3  # the server itself waits 5 s for sessions to end, each time
END_EVERY_S = 0.05
APPLICATIONS_SHOWN = 8
_SESSION = MappingProxyType(
    {
        "search_path": "",
        "lock_timeout": "30s",
        "statement_timeout": "15min",  # creating a database copies files; nothing else is long
        "idle_session_timeout": "0",  # it waits while the backup is restored
    }
)
_IN_USE = "55006"

_SESSIONS = """
SELECT coalesce(nullif(application_name, ''), backend_type, 'unknown'),
       coalesce(usename::text, '-'), count(*)::int
  FROM pg_stat_activity
 WHERE datid = %s AND pid <> pg_backend_pid() AND backend_type <> 'autovacuum worker'
 GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2
"""

_END = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
 WHERE datid = %s AND pid <> pg_backend_pid() AND backend_type <> 'autovacuum worker'
"""


@dataclass(frozen=True, kw_only=True)
class Sessions:
    """Sessions of one application and role."""

    application: str
    role: str
    count: int

    @property
    def label(self) -> str:
        """As messages name them."""
        return f"{self.count} of {self.application} as {self.role}"


def judge_replace(target: Target, state: TargetState | None, *, confirmed: str | None) -> None:
    """Refuse what may not or cannot be replaced; without a state, by the names alone.

    Raises: RefusedError.
    """
    if confirmed != target.database:
        raise RefusedError(
            f"replacing {target.label} wants its name said",
            hint=f"if you are certain: --replace --confirm {target.database}",
        )
    if target.database in TEMPLATES:
        raise RefusedError(f"{target.database} is a template of the server: nothing to replace")
    if state is not None and state.hosted:
        raise RefusedError(
            f"{target.label} is a hosted project: its services are wired to this very database, "
            "so none can take its place",
            hint="restore into a new project, or bring tables beside the live ones: "
            "kulti-ops restore table",
        )


def maintenance_of(target: Target, *, timeout_s: int) -> Target:
    """Return another database of the same server to work from.

    Raises: RefusedError when there is none that can be connected to.
    """
    reason = ""
    for name in MAINTENANCE:
        if name == target.database:
            continue
        candidate = target.with_database(name)
        try:
            with connect(candidate, application="replace", timeout_s=timeout_s):
                return candidate
        except DatabaseError as error:
            reason = error.message
    raise RefusedError(
        f"a database can only be renamed from another one of its server: {reason}",
        hint=f"let {target.user} connect to the database postgres or template1",
    )


@contextmanager
def replacing(maintenance: Target, name: str) -> Iterator[Connection]:
    """Hold the right to replace a database, and the connection to do it by.

    Raises: RefusedError when another run holds it.
    """
    with connect(maintenance, application="replace") as connection:
        with translated("replace"):
            for name_of, value in _SESSION.items():
                connection.execute("SELECT set_config(%s, %s, false)", (name_of, value))
            key = f"kulti-ops replace {name}"
            row = connection.execute(
                "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (key,)
            ).fetchone()
        if row is None or not row[0]:
            raise RefusedError(f"{name} is being replaced by another run")
        yield connection


def sessions_of(connection: Connection, live: DatabaseState) -> tuple[Sessions, ...]:
    """Return who is connected to a database, by application and role."""
    with translated("sessions"):
        rows = connection.execute(_SESSIONS, (live.oid,)).fetchall()
    return tuple(Sessions(application=r[0], role=r[1], count=r[2]) for r in rows)


def judge_sessions(live: DatabaseState, sessions: tuple[Sessions, ...], *, end: bool) -> None:
    """Refuse while somebody is connected, unless they are to be ended.

    Raises: RefusedError naming them by application.
    """
    if sessions and not end:
        shown = ", ".join(s.label for s in sessions[:APPLICATIONS_SHOWN])
        more = " and more" if len(sessions) > APPLICATIONS_SHOWN else ""
        raise RefusedError(
            f"{sum(s.count for s in sessions)} sessions are connected to {live.name}: "
            f"{shown}{more}",
            hint="stop the application, or add --terminate-connections: they are ended at the swap",
        )


def swap(
    connection: Connection,
    maintenance: Target,
    live: DatabaseState,
    *,
    beside: str,
    kept: str,
    end_sessions: bool,
) -> None:
    """Rename the live database away and the restored one into its place, or neither.

    The first rename locks the database: whoever connects now waits until the end, and
    then gets the restored one. So nobody has to be kept out by a setting that a crash
    would leave behind. Sessions that exist are ended only when told so.

    Raises: DatabaseError, RefusedError; then both databases have the names they had.
    """
    for attempt in range(1, SWAP_TRIES + 1):
        judge_sessions(live, sessions_of(connection, live), end=end_sessions)
        try:
            with _ending(maintenance, live, active=end_sessions):
                _rename_both(connection, live, beside=beside, kept=kept)
        except DatabaseError as error:
            if error.sqlstate != _IN_USE or not end_sessions or attempt == SWAP_TRIES:
                raise
        else:
            return


def judge_swapped(
    connection: Connection, live: DatabaseState, *, restored_oid: int, kept: str
) -> None:
    """Insist that the names stand for what they should, with the rights they had.

    Raises: OperationFailedError naming what is not as it was.
    """
    now, before = read_database(connection, live.name), read_database(connection, kept)
    if (now.oid, before.oid) != (restored_oid, live.oid):
        raise OperationFailedError(f"{live.name} is not the database that was restored")
    if now.carried != live.carried:
        raise OperationFailedError(
            f"{live.name} was replaced, but its rights or settings are not those it had",
            hint=f"compare with {kept}: \\l+ and \\drds in psql",
        )


def _rename_both(connection: Connection, live: DatabaseState, *, beside: str, kept: str) -> None:
    rename = "ALTER DATABASE {} RENAME TO {}"
    names = ((live.name, kept), (beside, live.name))
    with translated(f"putting {beside} in the place of {live.name}"), connection.transaction():
        for old, new in names:
            connection.execute(sql.SQL(rename).format(sql.Identifier(old), sql.Identifier(new)))


@contextmanager
def _ending(maintenance: Target, live: DatabaseState, *, active: bool) -> Iterator[None]:
    """End the live database's sessions again and again while the context lasts."""
    if not active:
        yield
        return
    with connect(maintenance, application="replace, ending sessions") as connection:
        done = threading.Event()

        def work() -> None:
            try:
                with translated("ending sessions"):
                    while not done.wait(END_EVERY_S):
                        connection.execute(_END, (live.oid,))
            except DatabaseError:
                return  # then the rename says that sessions are left

        with translated("ending sessions"):
            connection.execute("SET statement_timeout = '5s'")
            connection.execute(_END, (live.oid,))
        thread = threading.Thread(target=work, name="ending sessions", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
