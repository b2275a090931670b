"""The snapshot that a backup is taken from, and what is expected of the archive.

Owns the control connection: it locks every table in scope against TRUNCATE and
rewrites, which ignore snapshots, *before* it exports the snapshot, and counts
under it. Its loss is the backup's failure.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kulti_ops.db import connect, sql, translated
from kulti_ops.errors import DatabaseError
from kulti_ops.inventory import Inventory, pin_session, read_items

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from typing import Any

    from kulti_ops.db import Connection, Target

    _Code = frozenset[tuple[Any, ...]]  # each function's oid, and which transaction wrote it

_LOCK_NOT_AVAILABLE = "55P03"
_UNDEFINED_TABLE = "42P01"
# By which the server says that it ends a session: shutdown, crash, and the three time limits. The
# connection itself looks open until its end is read, too.
_SESSION_ENDED = frozenset({"57P01", "57P02", "57P05", "25P03", "25P04"})
COUNT_BATCH = 40  # tables per query: few round trips, and a watchdog between two of them

# What TRUNCATE, VACUUM FULL, CLUSTER or ALTER change: comparing it before and after shows drift.
_SCOPE = """
SELECT c.oid, n.nspname, c.relname, c.relkind, c.relfilenode,
       format('%I.%I', n.nspname, c.relname)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
   AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.classid = 'pg_class'::regclass
                     AND e.objid = c.oid AND e.deptype = 'e')
 ORDER BY c.oid
"""

_SEQUENCES = """
SELECT format('%I.%I', n.nspname, c.relname), n.nspname, c.relname,
       tn.nspname, t.relname, a.attname
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid
       AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
       AND has_table_privilege(d.refobjid, 'SELECT')
  LEFT JOIN pg_class t ON t.oid = d.refobjid LEFT JOIN pg_namespace tn ON tn.oid = t.relnamespace
  LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
       AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'numeric'::regtype)
 WHERE c.relkind = 'S' AND c.relpersistence <> 't'
   AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.classid = 'pg_class'::regclass
                     AND e.objid = c.oid AND e.deptype = 'e')
   AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
 ORDER BY 1
"""


# A function's text is shown as it is now, whatever the snapshot; pg_dump writes it as it was then.
_CODE = """
SELECT p.oid, p.xmin::text
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
"""


class DriftError(DatabaseError):
    """The schema changed while the snapshot and its inventory were taken."""


class LockWaitError(DatabaseError):
    """A table's lock was not to be had in time."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """One table in scope; `filenode` changes when it is rewritten."""

    oid: int
    schema: str
    name: str
    kind: str
    filenode: int
    identity: str

    @property
    def quoted(self) -> sql.Identifier:
        """The name as SQL."""
        return sql.Identifier(self.schema, self.name)


@dataclass(frozen=True, kw_only=True)
class Sequence:
    """A sequence's value before the dump began, and the number column that it feeds."""

    identity: str
    last_value: int
    is_called: bool
    column: tuple[str, str, str] | None


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """An exported snapshot, held open by its connection."""

    connection: Connection
    name: str
    at: datetime
    tables: tuple[Table, ...]
    sequences: tuple[Sequence, ...]
    backend_pid: int


@contextmanager
def hold_snapshot(
    target: Target, *, lock_wait_s: float, left_out: tuple[str, ...], timeout_s: int
) -> Iterator[Snapshot]:
    """Lock what is in scope, export a snapshot, and hold both until the context ends.

    Raises: LockWaitError naming the table's holder, DriftError when the schema moved,
    DatabaseError otherwise.
    """
    connection = connect(target, application="backup snapshot", timeout_s=timeout_s)
    try:
        with translated("snapshot"):
            _prepare(connection, lock_wait_s=lock_wait_s)
            before = _scope(connection, left_out)
        _lock(connection, before, target, timeout_s=timeout_s)
        with translated("snapshot"):
            row = connection.execute(
                "SELECT pg_export_snapshot(), statement_timestamp(), pg_backend_pid()"
            ).fetchone()
            assert row is not None  # noqa: S101 - a SELECT without FROM has one row
            after = _scope(connection, left_out)
            sequences = _sequences(connection)
        if before != after:
            raise DriftError("the schema changed while the snapshot was taken")
        yield Snapshot(
            connection=connection,
            name=row[0],
            at=row[1],
            tables=after,
            sequences=sequences,
            backend_pid=row[2],
        )
    finally:
        connection.close()


def take_expectations(
    snapshot: Snapshot,
    target: Target,
    *,
    timeout_s: int,
    session: dict[str, str],
    count: Callable[[Table], bool],
    pause: Callable[[], None],
) -> Inventory:
    """Return the inventory and the exact row counts under the snapshot.

    `count` says which tables to count; `pause` is called between two queries.

    Raises: DriftError when a function was changed meanwhile; DatabaseError; the snapshot's
    connection may be lost then.
    """
    connection = snapshot.connection
    with standing(snapshot), translated("counting under the snapshot"):
        items = read_items(connection)
        code = frozenset(connection.execute(_CODE).fetchall())
    if not code <= _code_now(target, timeout_s=timeout_s, unknown=code):
        raise DriftError("a function was changed while the inventory was taken")
    with standing(snapshot), translated("counting under the snapshot"):
        pause()
        counts = _count(connection, snapshot.tables, count=count, pause=pause)
        sequences = _greatest(connection, snapshot.sequences)
    return Inventory(items=items, row_counts=counts, sequences=sequences, session=session)


def _code_now(target: Target, *, timeout_s: int, unknown: _Code) -> _Code:
    """Ask a new session for the state of all functions; `unknown` where there is none to be had.

    Then a drill may say that a function differs, which a new backup mends: no reason to fail.
    """
    try:
        with (
            connect(target, application="backup", timeout_s=timeout_s) as connection,
            translated("looking at the functions"),
        ):
            return frozenset(connection.execute(_CODE).fetchall())
    except DatabaseError:
        return unknown


@contextmanager
def standing(snapshot: Snapshot) -> Iterator[None]:
    """Name the loss of the snapshot's connection as what it is, whichever query meets it first."""
    try:
        yield
    except DatabaseError as error:
        if not snapshot.connection.closed and error.sqlstate not in _SESSION_ENDED:
            raise
        code = f" ({error.sqlstate})" if error.sqlstate else ""
        raise DatabaseError(
            f"the snapshot was lost during the dump: {error.primary}{code}",
            sqlstate=error.sqlstate,
            primary=error.primary,
        ) from error


def _prepare(connection: Connection, *, lock_wait_s: float) -> None:
    """Take this session out of the reach of the role's own time limits."""
    pin_session(
        connection,
        {
            "statement_timeout": "0",
            "idle_in_transaction_session_timeout": "0",
            "lock_timeout": str(int(lock_wait_s * 1000)),
        },
    )
    if connection.info.server_version >= 170000:  # noqa: PLR2004 - the setting came with 17
        connection.execute("SET transaction_timeout = 0")


def _scope(connection: Connection, left_out: tuple[str, ...]) -> tuple[Table, ...]:
    rows = connection.execute(_SCOPE).fetchall()
    tables = (
        Table(oid=r[0], schema=r[1], name=r[2], kind=r[3], filenode=r[4], identity=r[5])
        for r in rows
    )
    return tuple(t for t in tables if t.identity not in set(left_out))


def _lock(
    connection: Connection, tables: tuple[Table, ...], target: Target, *, timeout_s: int
) -> None:
    """Take the locks first: they take no snapshot, so the snapshot comes after them."""
    try:
        with translated("locking the tables"):
            _lock_all(connection, tables)
    except DatabaseError as error:
        if error.sqlstate == _LOCK_NOT_AVAILABLE:
            holders = _holders(target, timeout_s=timeout_s)
            raise LockWaitError(
                f"a table stayed locked: {holders}",
                hint="wait for the holder to end, or raise --lock-wait",
            ) from None
        if error.sqlstate == _UNDEFINED_TABLE:
            raise DriftError("a table was dropped while the backup began") from None
        raise


def _lock_all(connection: Connection, tables: tuple[Table, ...]) -> None:
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    if tables:
        names = sql.SQL(", ").join(sql.SQL("ONLY {}").format(t.quoted) for t in tables)
        connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(names))


def _holders(target: Target, *, timeout_s: int) -> str:
    """Return who holds ACCESS EXCLUSIVE locks, by a connection of its own."""
    query = """
    SELECT format('%I.%I', n.nspname, c.relname), a.pid, coalesce(nullif(a.application_name, ''),
           a.usename, 'prepared transaction'), a.state
      FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
      JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_stat_activity a ON a.pid = l.pid
     WHERE l.mode = 'AccessExclusiveLock' AND l.granted AND c.relkind IN ('r', 'p')
       AND n.nspname !~ '^pg_'
       AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
     LIMIT 5
    """
    with connect(target, application="backup", timeout_s=timeout_s) as connection:
        rows = connection.execute(query).fetchall()
    named = [f"{table} by process {pid} ({who}, {state})" for table, pid, who, state in rows]
    return "; ".join(named) or "its holder has gone meanwhile"


def _count(
    connection: Connection,
    tables: tuple[Table, ...],
    *,
    count: Callable[[Table], bool],
    pause: Callable[[], None],
) -> dict[str, int | None]:
    stored = [t for t in tables if t.kind == "r"]
    counts: dict[str, int | None] = {t.identity: None for t in stored}
    wanted = [t for t in stored if count(t)]
    for start in range(0, len(wanted), COUNT_BATCH):
        batch = wanted[start : start + COUNT_BATCH]
        query = sql.SQL(" UNION ALL ").join(
            sql.SQL("SELECT {}, count(*) FROM ONLY {}").format(sql.Literal(t.identity), t.quoted)
            for t in batch
        )
        counts.update(dict(connection.execute(query).fetchall()))
        pause()
    return counts


def _sequences(connection: Connection) -> tuple[Sequence, ...]:
    """Read every value now: sequences ignore snapshots, and the dump reads them later."""
    found = connection.execute(_SEQUENCES).fetchall()
    if not found:
        return ()
    parts = (
        sql.SQL("SELECT {}, last_value, is_called FROM {}").format(
            sql.Literal(identity), sql.Identifier(schema, name)
        )
        for identity, schema, name, *_ in found
    )
    values = {r[0]: r[1:] for r in connection.execute(sql.SQL(" UNION ALL ").join(parts))}
    return tuple(
        Sequence(
            identity=r[0],
            last_value=values[r[0]][0],
            is_called=values[r[0]][1],
            column=(r[3], r[4], r[5]) if r[5] is not None else None,
        )
        for r in found
    )


def _greatest(
    connection: Connection, sequences: tuple[Sequence, ...]
) -> dict[str, tuple[int, bool, int | None]]:
    """Return each sequence's value with the greatest number in its column, by identity."""
    greatest: dict[str, int] = {}
    for sequence in sequences:
        if sequence.column is None:
            continue
        schema, table, column = sequence.column
        query = sql.SQL("SELECT max({}) FROM {}").format(
            sql.Identifier(column), sql.Identifier(schema, table)
        )
        row = connection.execute(query).fetchone()
        if row and row[0] is not None:
            greatest[sequence.identity] = int(row[0])
    return {s.identity: (s.last_value, s.is_called, greatest.get(s.identity)) for s in sequences}
