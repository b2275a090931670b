"""Many short read-only transactions over one connection in few round trips.

Adapter over libpq's pipeline mode: every statement goes by the extended protocol (one
statement per text, nothing prepared by name), every unit is one transaction that is
rolled back. Knows deadlines and cancels on the server; judges no answer.
"""

from __future__ import annotations

import select
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import pq
from psycopg.adapt import Transformer
from psycopg.types import json as _json  # noqa: F401 - registers the loaders of json

from kulti_ops.db import database_error
from kulti_ops.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from psycopg.abc import Transformer as Adapters

    from kulti_ops.db import Connection

# How long a cancelled statement may take to answer before the connection is given up.
CANCEL_GRACE_S = 1.0
# Server-side time per statement and for a lock, unless a unit says otherwise.
LOCK_TIMEOUT_MS = 100
_FAILED = frozenset({pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.PIPELINE_ABORTED})


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement with its parameters as text."""

    text: str
    params: tuple[str | None, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Unit:
    """Statements of one read-only transaction.

    `settings` are set for the transaction only; `role` is who asks, where it is not the
    session's own; `describe_only` has the server parse and plan, and run nothing.
    """

    statements: tuple[Statement, ...]
    settings: Mapping[str, str] = field(default_factory=dict)
    role: str | None = None
    statement_timeout_s: float = 5.0
    lock_timeout_ms: int = LOCK_TIMEOUT_MS
    describe_only: bool = False


@dataclass(frozen=True, kw_only=True)
class Table:
    """One answer: the columns' names and the rows."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def dicts(self) -> tuple[dict[str, Any], ...]:
        """Return the rows by column name."""
        return tuple(dict(zip(self.columns, row, strict=True)) for row in self.rows)


@dataclass(frozen=True, kw_only=True)
class UnitAnswer:
    """What became of a unit: a table per statement, or the error that ended it."""

    tables: tuple[Table, ...] = ()
    error: DatabaseError | None = None
    duration_s: float = 0.0


def run_units(
    connection: Connection, units: Sequence[Unit], *, deadline_s: float
) -> Iterator[UnitAnswer]:
    """Run the units in order and yield what became of each.

    After `deadline_s` what runs is cancelled on the server; what was not answered by then
    is an error. One unit's error does not touch the others. The connection must be in
    autocommit mode; it is closed when the server does not answer even the cancel.
    """
    talk = _Talk(connection.pgconn, time.monotonic() + deadline_s)
    adapters = Transformer(connection)
    try:
        talk.begin()
        for unit in units:
            _send(talk.pgconn, unit)
    except psycopg.Error as error:
        connection.close()
        lost = database_error("the checks' connection", error)
        yield from (UnitAnswer(error=lost) for _ in units)
        return
    try:
        yield from _collect(connection, talk, adapters, units)
    finally:
        talk.end()


def _collect(
    connection: Connection, talk: _Talk, adapters: Adapters, units: Sequence[Unit]
) -> Iterator[UnitAnswer]:
    lost: DatabaseError | None = None
    for unit in units:
        if lost is not None:
            yield UnitAnswer(error=lost)
            continue
        started = time.monotonic()
        try:
            try:
                yield _answer(talk, adapters, unit, started)
            except _DeadlineError:
                lost = _out_of_time()
                talk.cancel()  # grants the running statement a moment to say that it ended
                yield _answer(talk, adapters, unit, started)
        except _DeadlineError:
            lost = _no_answer()
            yield UnitAnswer(error=lost, duration_s=time.monotonic() - started)
        except psycopg.Error as error:
            lost = database_error("the checks' connection", error)
            yield UnitAnswer(error=lost, duration_s=time.monotonic() - started)
    if lost is not None:
        connection.close()


def _answer(talk: _Talk, adapters: Adapters, unit: Unit, started: float) -> UnitAnswer:
    """Read everything that belongs to one unit."""
    tables: list[Table] = []
    error: DatabaseError | None = None
    syncs = 0
    skip = len(_preamble(unit))
    while syncs < 2:  # noqa: PLR2004 - one after the statements, one after the rollback
        result = talk.next_result()
        if result is None:
            continue
        if result.status == pq.ExecStatus.PIPELINE_SYNC:
            syncs += 1
        elif syncs == 0:
            if result.status == pq.ExecStatus.FATAL_ERROR and error is None:
                error = _server_error(result)
            elif result.status not in _FAILED and skip > 0:
                skip -= 1
            elif result.status not in _FAILED and not (unit.describe_only and not result.nfields):
                tables.append(_table(adapters, result))
    return UnitAnswer(tables=tuple(tables), error=error, duration_s=time.monotonic() - started)


def _send(pgconn: pq.abc.PGconn, unit: Unit) -> None:
    for statement in (*_preamble(unit), *(() if unit.describe_only else unit.statements)):
        values = [None if p is None else p.encode() for p in statement.params]
        pgconn.send_query_params(statement.text.encode(), values or None)
    if unit.describe_only:
        for statement in unit.statements:
            pgconn.send_prepare(b"", statement.text.encode())
            pgconn.send_describe_prepared(b"")
    pgconn.pipeline_sync()
    # A failed transaction is rolled back by it; a ROLLBACK would count among the failures.
    pgconn.send_query_params(b"COMMIT", None)
    pgconn.pipeline_sync()


def _preamble(unit: Unit) -> tuple[Statement, ...]:
    settings = {
        "statement_timeout": f"{max(1, round(unit.statement_timeout_s * 1000))}ms",
        "lock_timeout": f"{unit.lock_timeout_ms}ms",
        "row_security": "off",  # an answer about some of the rows would be a wrong one
        "datestyle": "ISO, MDY",
        "intervalstyle": "postgres",
        "timezone": "UTC",
        # when we are killed, what was sent ahead is not run to its end
        "client_connection_check_interval": "500ms",
        "extra_float_digits": "1",
        "bytea_output": "hex",
        **unit.settings,
    }
    if unit.role is not None:
        settings["role"] = unit.role
    params = tuple(text for pair in settings.items() for text in pair)
    calls = ", ".join(f"set_config(${2 * n + 1}, ${2 * n + 2}, true)" for n in range(len(settings)))
    return (Statement(text="BEGIN READ ONLY"), Statement(text=f"SELECT {calls}", params=params))


def _table(adapters: Adapters, result: pq.abc.PGresult) -> Table:
    names = tuple((result.fname(i) or b"?").decode() for i in range(result.nfields))
    if not result.ntuples:
        return Table(columns=names, rows=())
    adapters.set_pgresult(result)
    rows = adapters.load_rows(0, result.ntuples, tuple)
    return Table(columns=names, rows=tuple(rows))


def _server_error(result: pq.abc.PGresult) -> DatabaseError:
    primary = (result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or b"").decode(
        errors="replace"
    )
    code = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
    return DatabaseError(f"{primary} ({code})", sqlstate=code or None, primary=primary)


def _out_of_time() -> DatabaseError:
    return DatabaseError("not asked: the time for all checks was over", sqlstate="57014")


def _no_answer() -> DatabaseError:
    return DatabaseError("the server did not answer in time", sqlstate="57014")


class _DeadlineError(Exception):
    """The deadline passed while the server was silent."""


class _Talk:
    """The socket's side: sends and reads without ever waiting past the deadline."""

    def __init__(self, pgconn: pq.abc.PGconn, deadline: float) -> None:
        self.pgconn = pgconn
        self._deadline = deadline
        self._blocking = pgconn.nonblocking

    def begin(self) -> None:
        self.pgconn.enter_pipeline_mode()
        self.pgconn.nonblocking = 1

    def end(self) -> None:
        if self.pgconn.status != pq.ConnStatus.OK:
            return
        self.pgconn.nonblocking = self._blocking
        try:
            self.pgconn.exit_pipeline_mode()
        except psycopg.Error:  # answers are outstanding: the reader left early
            self.pgconn.finish()

    def next_result(self) -> pq.abc.PGresult | None:
        """Return the next result, or None at the end of a statement's results."""
        self._wait_until(lambda: not self.pgconn.is_busy())
        result = self.pgconn.get_result()
        if result is None and self.pgconn.status != pq.ConnStatus.OK:
            raise psycopg.OperationalError("the connection was lost")
        return result

    def cancel(self) -> None:
        """Have the server cancel what runs, and move the deadline by the grace, once.

        Raises: _DeadlineError when the server can't be told.
        """
        self._deadline = time.monotonic() + CANCEL_GRACE_S
        try:
            cancel = self.pgconn.cancel_conn()
            cancel.start()
            while (status := cancel.poll()) not in (
                pq.PollingStatus.OK,
                pq.PollingStatus.FAILED,
            ):
                self._select(cancel.socket, write=status == pq.PollingStatus.WRITING)
        except psycopg.Error:
            raise _DeadlineError from None

    def _wait_until(self, ready: Callable[[], bool]) -> None:
        while True:
            unsent = self.pgconn.flush()
            if ready():
                return
            self._select(self.pgconn.socket, write=bool(unsent))
            self.pgconn.consume_input()

    def _select(self, socket: int, *, write: bool) -> None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise _DeadlineError
        poller = select.poll()
        poller.register(socket, select.POLLIN | (select.POLLOUT if write else 0))
        if not poller.poll(left * 1000):
            raise _DeadlineError
