"""Carrying out `restore table`: load beside the live table, prove, compare, commit.

One transaction in the live database. It is committed only when the rows are the
archive's, and nobody but the owner can see them. The live table is read and never
written: the way back is text for a person.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kulti_ops.db import connect, sql, translated
from kulti_ops.digest import TableDigest
from kulti_ops.errors import (
    DatabaseError,
    KultiError,
    OperationFailedError,
    UndeterminedError,
    UsageError,
)
from kulti_ops.inventory import pin_session
from kulti_ops.progress import SILENT, Progress
from kulti_ops.restore import side, table_diff, table_report
from kulti_ops.restore.live_table import LiveTable, read_table, require_table
from kulti_ops.restore.table_statements import Script, render
from kulti_ops.verify.contents import multiset_digests

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kulti_ops.db import Connection
    from kulti_ops.report import CheckResult
    from kulti_ops.restore.archived_table import ArchivedTable
    from kulti_ops.restore.side import SideTable
    from kulti_ops.restore.table import PreparedTable, TableOptions
    from kulti_ops.restore.table_diff import TableDifference

LOAD_TIMEOUT_S = 6 * 3600.0
_SINCE_TRANSACTION_TIMEOUT = 170000
_SYNTAX_ERRORS = "42"

_DEFAULT_GRANTEES = """
SELECT DISTINCT r.rolname::text
  FROM pg_default_acl d, aclexplode(d.defaclacl) a JOIN pg_roles r ON r.oid = a.grantee
 WHERE d.defaclobjtype = 'r' AND r.rolname <> current_user ORDER BY 1
"""


@dataclass(kw_only=True)
class BroughtBack:
    """What was brought beside, and what the comparison told."""

    side: SideTable
    results: list[CheckResult] = field(default_factory=list)
    rows: int = 0
    matched: int | None = None
    difference: TableDifference | None = None
    gone: bool = False
    statements: str = ""
    notes: tuple[str, ...] = ()


def bring_table(
    prepared: PreparedTable, *, options: TableOptions, progress: Progress = SILENT
) -> BroughtBack:
    """Load the table beside the live one, prove it, compare, commit.

    Raises: DatabaseError, OperationFailedError, RefusedError; then nothing is left.
    """
    with connect(
        prepared.target, application="restore table", timeout_s=options.connect_timeout_s
    ) as connection:
        with translated("session"):
            pin_session(connection, {**prepared.inventory.session, **_limits(connection, options)})
        with translated("side schema"), connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            return _bring(connection, prepared, options, progress)


def _bring(
    connection: Connection, prepared: PreparedTable, options: TableOptions, progress: Progress
) -> BroughtBack:
    archived = prepared.archived
    planned = side.plan_side(connection, archived, schema=prepared.schema)
    side.create_side(connection, planned)
    done = BroughtBack(side=planned)
    _judge_condition(connection, planned, options)
    progress.step(f"loading {archived.identity} into {prepared.schema}")
    started = time.monotonic()
    done.rows = _load(connection, planned, prepared, progress)
    done.results.append(
        table_report.rows_result(
            archived,
            rows=done.rows,
            proven=prepared.proven is not None,
            duration_s=time.monotonic() - started,
        )
    )
    progress.step("comparing with the live table")
    with translated("analyze"):
        connection.execute(sql.SQL("ANALYZE {}").format(planned.quoted))
    done.results.append(_compare(connection, prepared, options, done))
    if options.where is not None:
        done.matched = _filter(connection, planned, options)
    _judge_exposure(connection, planned)
    done.notes = table_report.column_notes(archived, planned)
    done.results[1:1] = [
        table_report.exposure_result(planned),
        table_report.columns_result(done.notes),
    ]
    return done


def _judge_exposure(connection: Connection, planned: SideTable) -> None:
    """Insist that nobody but the owner reaches the side table.

    Raises: OperationFailedError; the transaction is given up.
    """
    with translated("exposure"):
        found = side.exposures(connection, planned)
    if found:
        raise OperationFailedError(
            f"the side table would be open to others: {'; '.join(found)}",
            hint="nothing was kept; an event trigger or a role's rights at the target do this",
        )


def _load(
    connection: Connection,
    planned: SideTable,
    prepared: PreparedTable,
    progress: Progress,
) -> int:
    """Load the rows and prove that they are the archive's; return how many."""
    archived = prepared.archived
    loaded = side.load_side(
        connection,
        planned,
        archived,
        archive=prepared.archive,
        tools=prepared.tools,
        on_rows=lambda n: progress.advance(f"{n:,} rows"),
    )
    for known, whose in ((prepared.proven, "verification"), (_counted(archived), "source's count")):
        if known is not None and (known.rows, known.sha256 or loaded.sha256) != (
            loaded.rows,
            loaded.sha256,
        ):
            raise OperationFailedError(
                f"the archive's rows of {archived.identity} are not those of the {whose}",
                hint="verify the backup: kulti-ops verify backup; use another one",
            )
    if side.read_back(connection, planned, ordered=True) != loaded and not _same_rows(
        connection, planned, prepared
    ):
        raise OperationFailedError(
            f"the rows in the side table are not those of the archive: {archived.identity}",
            hint="nothing was kept; a type's text form may differ at the target",
        )
    return loaded.rows


def _same_rows(connection: Connection, planned: SideTable, prepared: PreparedTable) -> bool:
    """Compare without regard to order: the slow answer, when the quick one is no."""
    identity = prepared.archived.identity
    archived = multiset_digests(
        prepared.archive, prepared.toc, prepared.inventory, (identity,), tools=prepared.tools
    )
    return archived.get(identity) == side.read_back(connection, planned, ordered=False)


def _compare(
    connection: Connection, prepared: PreparedTable, options: TableOptions, done: BroughtBack
) -> CheckResult:
    """Compare in a savepoint: a comparison that fails takes nothing away."""
    archived = prepared.archived
    started = time.monotonic()
    live: LiveTable | None = None
    problem: KultiError | None = None
    try:
        with translated("comparing"), connection.transaction():
            _limit_statements(connection, options.timeout_s)
            live = read_table(connection, archived.schema, archived.name)
            if live is None:
                done.gone = True
                done.difference = _all_missing(connection, done.side, options)
            else:
                done.difference = _difference(connection, done.side, live, options)
    except (DatabaseError, UndeterminedError) as error:
        problem = error
    if problem is not None and live is None:
        return _judged(done, archived, problem, started)
    done.statements = render(
        Script(
            backup_id=prepared.manifest.backup_id,
            archived=archived,
            side=done.side,
            live=live,
            difference=done.difference,
            granted=_granted(connection) if live is None else (),
        )
    )
    return _judged(done, archived, problem, started)


def _judged(
    done: BroughtBack, archived: ArchivedTable, problem: KultiError | None, started: float
) -> CheckResult:
    return table_report.difference_result(
        archived,
        done.difference,
        gone=done.gone,
        problem=problem,
        duration_s=time.monotonic() - started,
    )


def _difference(
    connection: Connection, planned: SideTable, live: LiveTable, options: TableOptions
) -> TableDifference:
    comparison = table_diff.Comparison(
        side=planned,
        side_now=require_table(connection, planned.schema, planned.name),
        live=live,
        key=table_diff.choose_key(planned, live, given=options.key),
        where=options.where,
        limit=options.limit,
    )
    return table_diff.compare(connection, comparison, key_given=bool(options.key))


def _all_missing(
    connection: Connection, planned: SideTable, options: TableOptions
) -> TableDifference:
    """Return the difference with a table that is gone: everything is missing."""
    return table_diff.TableDifference(
        key=(),
        missing=_matching(connection, planned, options),
        changed=0,
        extra=0,
        common=tuple(c.name for c in planned.columns),
    )


def _matching(connection: Connection, planned: SideTable, options: TableOptions) -> int:
    query = sql.SQL("SELECT count(*) FROM {} {}").format(
        planned.quoted, _condition("WHERE", options)
    )
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def _filter(connection: Connection, planned: SideTable, options: TableOptions) -> int:
    """Take away the rows that the user does not want; return how many were wanted."""
    with _user_condition(), connection.transaction():
        _limit_statements(connection, options.timeout_s)
        statement = sql.SQL("DELETE FROM {} WHERE NOT coalesce({}, false)").format(
            planned.quoted, _condition("", options)
        )
        connection.execute(statement)
        row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(planned.quoted))
        return int((row.fetchone() or (0,))[0])


def _judge_condition(connection: Connection, planned: SideTable, options: TableOptions) -> None:
    """Ask the server to understand the condition before a single row is loaded."""
    if options.where is not None:
        with _user_condition():
            connection.execute(
                sql.SQL("EXPLAIN SELECT 1 FROM {} {}").format(
                    planned.quoted, _condition("WHERE", options)
                )
            )


@contextmanager
def _user_condition() -> Iterator[None]:
    """Turn what the server says about the user's condition into one line."""
    try:
        with translated("--where"):
            yield
    except DatabaseError as error:
        if (error.sqlstate or "").startswith(_SYNTAX_ERRORS):
            raise UsageError(
                error.message,
                hint="an SQL condition on the table's columns; other names with their schema",
            ) from None
        if (error.sqlstate or "").startswith(side.DATA_ERRORS):
            raise UsageError(f"--where: a value does not fit ({error.sqlstate})") from None
        raise


def _condition(word: str, options: TableOptions) -> sql.Composable:
    return table_diff.condition(options.where, word=word)


def _limits(connection: Connection, options: TableOptions) -> dict[str, str]:
    """Return the session's own time limits: the role's are for the application."""
    limits = {
        "statement_timeout": f"{LOAD_TIMEOUT_S * 1000:.0f}",
        "lock_timeout": f"{options.lock_wait_s * 1000:.0f}",
        "idle_in_transaction_session_timeout": "0",
    }
    if connection.info.server_version >= _SINCE_TRANSACTION_TIMEOUT:
        limits["transaction_timeout"] = "0"
    return limits


def _limit_statements(connection: Connection, timeout_s: float) -> None:
    connection.execute(
        "SELECT set_config('statement_timeout', %s, true)", (f"{timeout_s * 1000:.0f}",)
    )


def _granted(connection: Connection) -> tuple[str, ...]:
    """Return the roles to which default privileges grant new tables."""
    with translated("default privileges"):
        return tuple(r[0] for r in connection.execute(_DEFAULT_GRANTEES))


def _counted(archived: ArchivedTable) -> TableDigest | None:
    """Return the rows counted at the source as a digest that knows only their number."""
    return None if archived.counted is None else TableDigest(rows=archived.counted, sha256="")
