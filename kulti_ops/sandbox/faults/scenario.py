"""What an incident to practise on is: how it is staged, and what undoes it.

Values and the small tools that several scenarios share; the scenarios themselves stand in
the modules beside this one.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kulti_ops.db import connect, own_target, translated
from kulti_ops.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from kulti_ops.db import Connection

# Sessions of a scenario are found, and ended, by this name.
APPLICATION = "kulti-fault"
_STATEMENT_TIMEOUT = "120s"


@dataclass(frozen=True, kw_only=True)
class Site:
    """The sandbox that is broken; the URLs hold passwords."""

    folder: Path
    database_url: str = field(repr=False)
    admin_url: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Staged:
    """What staging left behind: statements that undo it, a process that holds sessions."""

    undo: tuple[str, ...] = ()
    pid: int | None = None


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One incident. `look` is the command that shows it; `heal` does more than the undo."""

    name: str
    title: str
    look: str
    stage: Callable[[Site], Staged]
    heal: Callable[[Site, Staged], None] | None = None


def by_statements(
    *statements: str, undo: Iterable[str] = (), keep: Iterable[tuple[str, str]] = ()
) -> Callable[[Site], Staged]:
    """Return how to stage by statements of the superuser, each on its own.

    `keep` names (table, condition) of rows that are put back as they were; `undo` are
    statements that run before that. Rows change without triggers and checked references.
    """

    def stage(site: Site) -> Staged:
        with admin_session(site) as connection:
            kept = [
                line for table, where in keep for line in _rows_as_undo(connection, table, where)
            ]
            for statement in statements:
                connection.execute(statement.encode())
        return Staged(undo=(*undo, *kept))

    return stage


def by_failing(statement: str, *, undo: Iterable[str]) -> Callable[[Site], Staged]:
    """Return how to stage by a statement that must fail, for what its failure leaves."""

    def stage(site: Site) -> Staged:
        try:
            with admin_session(site) as connection:
                connection.execute(statement.encode())
        except DatabaseError:
            return Staged(undo=tuple(undo))
        raise DatabaseError("the statement that was to fail did not")

    return stage


@contextmanager
def admin_session(site: Site) -> Iterator[Connection]:
    """Open a superuser's session whose changes fire no trigger.

    Raises: DatabaseError.
    """
    target = own_target(site.admin_url, "the sandbox")
    with (
        closing(connect(target, application="sandbox")) as connection,
        translated("the sandbox refused a scenario's statement"),
    ):
        connection.execute("SET session_replication_role = replica")
        connection.execute(f"SET statement_timeout = '{_STATEMENT_TIMEOUT}'".encode())
        yield connection


def end_sessions(site: Site, name: str) -> None:
    """End every session of a scenario; the process that holds them then ends by itself."""
    with admin_session(site) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE application_name LIKE %s",
            (f"{APPLICATION} {name}%",),
        )


def _rows_as_undo(connection: Connection, table: str, where: str) -> list[str]:
    """Return statements that put the rows of `table` that match back as they are now."""
    query = (
        f"SELECT format('DELETE FROM {table} WHERE id = %L', id),"  # noqa: S608 - our own texts
        f" format('INSERT INTO {table} SELECT * FROM jsonb_populate_record(NULL::{table}, %L)',"
        f" to_jsonb(t)) FROM {table} t WHERE {where}"
    )
    rows = connection.execute(query.encode()).fetchall()
    return [str(statement) for row in rows for statement in row]
