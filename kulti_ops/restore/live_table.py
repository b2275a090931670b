"""The live table that a side table is compared with: its columns, keys and triggers.

Reads catalogues only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kulti_ops.db import sql, translated
from kulti_ops.errors import NotFoundError

if TYPE_CHECKING:
    from kulti_ops.db import Connection

_TABLE = """
SELECT c.oid::int8, c.relkind::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = %s AND c.relname = %s AND c.relkind IN ('r', 'p', 'f')
"""

_COLUMNS = """
SELECT a.attname::text, a.atttypid::int8, format_type(a.atttypid, a.atttypmod),
       a.attgenerated <> '', a.attidentity = 'a', a.attnotnull AND NOT a.atthasdef
       AND a.attidentity = ''
  FROM pg_attribute a
 WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""

# Every unique index that tells all rows apart: not partial, not on expressions, no nulls.
_KEYS = """
SELECT array_agg(a.attname::text ORDER BY k.place)
  FROM pg_index i CROSS JOIN unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place)
  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
 WHERE i.indrelid = %s AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
   AND i.indexprs IS NULL AND k.place <= i.indnkeyatts
 GROUP BY i.indexrelid, i.indisprimary HAVING bool_and(a.attnotnull)
 ORDER BY i.indisprimary DESC, count(*), i.indexrelid
"""

_TRIGGERS = """
SELECT t.tgname::text FROM pg_trigger t
 WHERE t.tgrelid = %s AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') ORDER BY 1
"""


@dataclass(frozen=True, kw_only=True)
class LiveColumn:
    """A column: `type` as SQL; `required` when an INSERT without it fails."""

    name: str
    type_oid: int
    type: str
    generated: bool
    identity_always: bool
    required: bool


@dataclass(frozen=True, kw_only=True)
class LiveTable:
    """A table as it is now."""

    schema: str
    name: str
    partitioned: bool
    columns: tuple[LiveColumn, ...]
    keys: tuple[tuple[str, ...], ...]
    triggers: tuple[str, ...]

    @property
    def quoted(self) -> sql.Composable:
        """The table as SQL, without the rows of those that inherit from it."""
        name = sql.Identifier(self.schema, self.name)
        return name if self.partitioned else sql.SQL("ONLY {}").format(name)

    def column(self, name: str) -> LiveColumn | None:
        """Return a column by name."""
        return next((c for c in self.columns if c.name == name), None)


def read_table(connection: Connection, schema: str, name: str) -> LiveTable | None:
    """Return a table as the catalogues have it, None when there is none of that name."""
    with translated("looking at the live table"):
        row = connection.execute(_TABLE, (schema, name)).fetchone()
        if row is None:
            return None
        oid, kind = row
        columns = connection.execute(_COLUMNS, (oid,)).fetchall()
        keys = connection.execute(_KEYS, (oid,)).fetchall()
        triggers = connection.execute(_TRIGGERS, (oid,)).fetchall()
    return LiveTable(
        schema=schema,
        name=name,
        partitioned=kind == "p",
        columns=tuple(
            LiveColumn(
                name=c[0],
                type_oid=c[1],
                type=c[2],
                generated=c[3],
                identity_always=c[4],
                required=c[5],
            )
            for c in columns
        ),
        keys=tuple(tuple(k[0]) for k in keys),
        triggers=tuple(t[0] for t in triggers),
    )


def require_table(connection: Connection, schema: str, name: str) -> LiveTable:
    """Return a table that must be there.

    Raises: NotFoundError.
    """
    table = read_table(connection, schema, name)
    if table is None:
        raise NotFoundError(f"{schema}.{name} has vanished")
    return table
