"""The difference between a side table and the live one, by key, computed by the server.

Values are equal when their text is: that is what a dump holds, and it needs no
equality of the type's own (json has none, numeric's hides digits, citext's hides
case). Rows whose binary images agree are not looked at any closer. Only counts,
keys and names of columns come back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kulti_ops.db import sql, translated
from kulti_ops.errors import DatabaseError, UndeterminedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kulti_ops.db import Connection
    from kulti_ops.restore.live_table import LiveColumn, LiveTable
    from kulti_ops.restore.side import SideTable

_BYTES = sql.SQL('COLLATE pg_catalog."C"')


def condition(where: str | None, *, word: str = "WHERE") -> sql.Composable:
    """Return the user's condition as SQL, nothing without one; its own line ends a comment."""
    if where is None:
        return sql.SQL("")
    return sql.SQL("{} ({}\n)").format(sql.SQL(word), sql.SQL(where))


@dataclass(frozen=True, kw_only=True)
class Example:
    """One row that differs: its key as text, and for a changed one the columns."""

    key: Mapping[str, str | None]
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TableDifference:
    """How many rows are only in the backup, differ, or are only live.

    `extra` is None when it could not be told. `changed_columns` maps a column to the
    number of rows that differ in it; `common` are the columns that were compared or
    are the key; `only_backup` and `only_live` are columns that one side lacks.
    """

    key: tuple[str, ...]
    missing: int
    changed: int
    extra: int | None
    extra_problem: str = ""
    changed_columns: Mapping[str, int] = field(default_factory=dict)
    common: tuple[str, ...] = ()
    only_backup: tuple[str, ...] = ()
    only_live: tuple[str, ...] = ()
    missing_examples: tuple[Example, ...] = ()
    changed_examples: tuple[Example, ...] = ()
    extra_examples: tuple[Example, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What is compared: side and live as they are, the key, and a condition on both."""

    side: SideTable
    side_now: LiveTable
    live: LiveTable
    key: tuple[str, ...]
    where: str | None
    limit: int

    @property
    def common(self) -> tuple[str, ...]:
        """The columns that both have, without those that the live table generates."""
        names = {c.name for c in self.live.columns if not c.generated}
        return tuple(c.name for c in self.side.columns if c.name in names)

    @property
    def compared(self) -> tuple[str, ...]:
        """The common columns other than the key."""
        return tuple(name for name in self.common if name not in self.key)

    def pair(self, name: str) -> tuple[LiveColumn, LiveColumn]:
        """Return a common column of both tables."""
        one, other = self.side_now.column(name), self.live.column(name)
        assert one is not None  # noqa: S101 - common
        assert other is not None  # noqa: S101 - likewise
        return one, other

    def same_key(self) -> sql.Composable:
        """Return the condition that b and l have the same key."""
        return sql.SQL(" AND ").join(self._same(name) for name in self.key)

    def _same(self, name: str) -> sql.Composable:
        one, other = self.pair(name)
        column = sql.Identifier(name)
        if one.type_oid == other.type_oid and other.type_oid not in _COLLATABLE:
            return sql.SQL("b.{0} = l.{0}").format(column)
        return sql.SQL("b.{0}::text = l.{0}::text {1}").format(column, _BYTES)

    def differs(self, name: str) -> sql.Composable:
        """Return the condition that a column's text differs, null being like null."""
        return sql.SQL("b.{0}::text IS DISTINCT FROM l.{0}::text {1}").format(
            sql.Identifier(name), _BYTES
        )

    def images_differ(self) -> sql.Composable:
        """Return the quick condition that holds for every row that may have changed."""
        alike = [n for n in self.compared if self.pair(n)[0].type_oid == self.pair(n)[1].type_oid]
        parts = [self.differs(n) for n in self.compared if n not in alike]
        if alike:
            rows = (
                sql.SQL(", ").join(sql.Identifier(alias, name) for name in alike)
                for alias in ("b", "l")
            )
            parts.insert(
                0, sql.SQL("ROW({})::record OPERATOR(pg_catalog.*<>) ROW({})::record").format(*rows)
            )
        return sql.SQL(" OR ").join(parts) if parts else sql.SQL("false")


# text, bpchar, varchar, name: compared by their bytes, whatever collations the columns have
_COLLATABLE = frozenset({25, 1042, 1043, 19})


def choose_key(side: SideTable, live: LiveTable, *, given: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the columns that tell rows apart: those given, else of the live table's keys.

    Raises: UndeterminedError when there are none.
    """
    here = {c.name for c in side.columns}
    if given:
        there = {c.name for c in live.columns}
        unknown = [name for name in given if name not in here & there]
        if unknown:
            raise UndeterminedError(f"no column {', '.join(unknown)} in backup and live table")
        return given
    for key in live.keys:
        if here.issuperset(key):
            return key
    raise UndeterminedError(
        f"{live.schema}.{live.name} has no primary key and no unique index without nulls",
        hint="say which columns tell its rows apart: --key COLUMN,COLUMN",
    )


def compare(connection: Connection, comparison: Comparison, *, key_given: bool) -> TableDifference:
    """Compare a side table with the live one.

    Raises: UndeterminedError when the key does not tell rows apart; DatabaseError.
    """
    with translated("comparing"):
        _judge_key(connection, comparison.side.quoted, comparison.key, "the backup")
        if key_given:
            _judge_key(connection, comparison.live.quoted, comparison.key, "the live table")
        counts = _count(connection, comparison)
        missing = _examples(connection, comparison, _missing_query(comparison))
        changed = _changed_examples(connection, comparison)
    extra, extra_rows, problem = _extra(connection, comparison)
    names = {c.name for c in comparison.side.columns}
    return TableDifference(
        key=comparison.key,
        missing=counts[0],
        changed=counts[1],
        extra=extra,
        extra_problem=problem,
        changed_columns={n: c for n, c in zip(comparison.compared, counts[2:], strict=True) if c},
        common=comparison.common,
        only_backup=tuple(
            c.name for c in comparison.side.columns if comparison.live.column(c.name) is None
        ),
        only_live=tuple(
            c.name for c in comparison.live.columns if c.name not in names and not c.generated
        ),
        missing_examples=missing,
        changed_examples=changed,
        extra_examples=extra_rows,
    )


def _judge_key(
    connection: Connection, table: sql.Composable, key: Sequence[str], where: str
) -> None:
    names = sql.SQL(", ").join(map(sql.Identifier, key))
    nulls = sql.SQL(" OR ").join(sql.SQL("{} IS NULL").format(sql.Identifier(n)) for n in key)
    query = sql.SQL(
        "SELECT EXISTS (SELECT FROM {table} WHERE {nulls}),"
        " EXISTS (SELECT FROM {table} GROUP BY {names} HAVING count(*) > 1)"
    ).format(table=table, nulls=nulls, names=names)
    row = connection.execute(query).fetchone()
    if row and any(row):
        what = "is null in" if row[0] else "is not unique in"
        raise UndeterminedError(
            f"the key ({', '.join(key)}) {what} {where}",
            hint="say which columns tell the rows apart: --key COLUMN,COLUMN",
        )


def _backup_rows(comparison: Comparison) -> sql.Composed:
    return sql.SQL("(SELECT * FROM {} {}) AS b").format(
        comparison.side.quoted, condition(comparison.where)
    )


def _count(connection: Connection, comparison: Comparison) -> tuple[int, ...]:
    """Return how many rows are missing, how many changed, and in how many each column did."""
    flags = sql.SQL(", ").join(comparison.differs(n) for n in comparison.compared)
    per_column = (
        sql.SQL("count(*) FILTER (WHERE d[{}])").format(sql.Literal(i))
        for i, _ in enumerate(comparison.compared, start=1)
    )
    query = sql.SQL(
        "SELECT {figures} FROM (SELECT l.tableoid IS NULL AS missing,"
        " CASE WHEN l.tableoid IS NOT NULL AND ({images}) THEN ARRAY[{flags}]::boolean[] END AS d"
        " FROM {backup} LEFT JOIN {live} AS l ON {same} OFFSET 0) AS compared"
    ).format(
        figures=sql.SQL(", ").join(
            (
                sql.SQL("count(*) FILTER (WHERE missing)"),
                sql.SQL("count(*) FILTER (WHERE true = ANY (d))"),
                *per_column,
            )
        ),
        images=comparison.images_differ(),
        flags=flags,
        backup=_backup_rows(comparison),
        live=comparison.live.quoted,
        same=comparison.same_key(),
    )
    row = connection.execute(query).fetchone()
    assert row is not None  # noqa: S101 - an aggregate has one row
    return tuple(row)


def _key_text(comparison: Comparison, alias: str) -> sql.Composed:
    return sql.SQL("ARRAY[{}]").format(
        sql.SQL(", ").join(
            sql.SQL("{}::text").format(sql.Identifier(alias, name)) for name in comparison.key
        )
    )


def _order(comparison: Comparison, alias: str) -> sql.Composed:
    """Return the rest of a query for examples: the first few by key."""
    names = sql.SQL(", ").join(sql.Identifier(alias, name) for name in comparison.key)
    return sql.SQL(" ORDER BY {} LIMIT {}").format(names, sql.Literal(comparison.limit))


def _missing_query(comparison: Comparison) -> sql.Composed:
    return sql.SQL(
        "SELECT {keys} FROM {backup} WHERE NOT EXISTS (SELECT FROM {live} AS l WHERE {same})"
    ).format(
        keys=_key_text(comparison, "b"),
        backup=_backup_rows(comparison),
        live=comparison.live.quoted,
        same=comparison.same_key(),
    ) + _order(comparison, "b")


def _examples(
    connection: Connection, comparison: Comparison, query: sql.Composed
) -> tuple[Example, ...]:
    rows = connection.execute(query).fetchall()
    return tuple(Example(key=dict(zip(comparison.key, r[0], strict=True))) for r in rows)


def _changed_examples(connection: Connection, comparison: Comparison) -> tuple[Example, ...]:
    if not comparison.compared:
        return ()
    flags = [comparison.differs(n) for n in comparison.compared]
    query = sql.SQL(
        "SELECT {keys}, ARRAY[{flags}] FROM {backup} JOIN {live} AS l ON {same}"
        " WHERE ({images}) AND ({any})"
    ).format(
        keys=_key_text(comparison, "b"),
        flags=sql.SQL(", ").join(flags),
        backup=_backup_rows(comparison),
        live=comparison.live.quoted,
        same=comparison.same_key(),
        images=comparison.images_differ(),
        any=sql.SQL(" OR ").join(flags),
    ) + _order(comparison, "b")
    return tuple(_changed_rows(comparison, connection.execute(query).fetchall()))


def _changed_rows(comparison: Comparison, rows: Sequence[Any]) -> Iterator[Example]:
    for key, flags in rows:
        columns = (n for n, flag in zip(comparison.compared, flags, strict=True) if flag)
        yield Example(key=dict(zip(comparison.key, key, strict=True)), columns=tuple(columns))


def _extra(
    connection: Connection, comparison: Comparison
) -> tuple[int | None, tuple[Example, ...], str]:
    """Count live rows whose key the backup has not; the condition may not fit the live table."""
    rows = sql.SQL(
        " FROM (SELECT * FROM {live} {where}) AS l"
        " WHERE NOT EXISTS (SELECT FROM {side} AS b WHERE {same})"
    ).format(
        live=comparison.live.quoted,
        where=condition(comparison.where),
        side=comparison.side.quoted,
        same=comparison.same_key(),
    )
    try:
        with translated("rows that are only live"), connection.transaction():
            row = connection.execute(sql.SQL("SELECT count(*)") + rows).fetchone()
            query = sql.SQL("SELECT ") + _key_text(comparison, "l") + rows
            examples = _examples(connection, comparison, query + _order(comparison, "l"))
    except DatabaseError as error:
        return None, (), error.message
    return (row[0] if row else None), examples, ""
