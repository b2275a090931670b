"""Rows that refer to nothing, by every validated foreign key of a live database.

The server writes the questions itself, from its own catalogue. Unlike the invariant
`foreign_keys`, which is one statement to paste, this needs no XML and says how many were asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kulti_ops.db import sql, translated

if TYPE_CHECKING:
    from kulti_ops.db import Connection

# A plain table's key says nothing about tables that inherit from it; a NULL refers to nothing.
_QUESTIONS = """
SELECT k.conrelid::regclass::text, quote_ident(k.conname),
       has_table_privilege(k.conrelid, 'SELECT') AND has_table_privilege(k.confrelid, 'SELECT')
       AND has_schema_privilege(child.relnamespace, 'USAGE')
       AND has_schema_privilege(parent.relnamespace, 'USAGE'), format(
         'SELECT count(*) FROM %s%s c WHERE %s AND NOT EXISTS (SELECT 1 FROM %s%s r WHERE %s)',
         CASE WHEN child.relkind = 'r' THEN 'ONLY ' ELSE '' END, k.conrelid::regclass,
         string_agg(format('c.%I IS NOT NULL', a.attname), ' AND ' ORDER BY p.i),
         CASE WHEN parent.relkind = 'r' THEN 'ONLY ' ELSE '' END, k.confrelid::regclass,
         string_agg(format('r.%I = c.%I', b.attname, a.attname), ' AND ' ORDER BY p.i))
  FROM pg_constraint k
  JOIN pg_namespace n ON n.oid = k.connamespace
  JOIN pg_class child ON child.oid = k.conrelid
  JOIN pg_class parent ON parent.oid = k.confrelid
 CROSS JOIN LATERAL unnest(k.conkey, k.confkey) WITH ORDINALITY AS p (own, other, i)
  JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = p.own
  JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = p.other
 WHERE k.contype = 'f' AND k.convalidated AND k.conparentid = 0
   AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
 GROUP BY k.oid, child.relkind, child.relnamespace, parent.relkind, parent.relnamespace
 ORDER BY 1, 2
"""


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A foreign key, and how many rows of its table refer to nothing; None: not readable."""

    table: str
    name: str
    orphans: int | None


def count_orphans(connection: Connection) -> tuple[Reference, ...]:
    """Ask about every validated foreign key, in one round trip; the session must be pinned.

    Raises: DatabaseError.
    """
    with translated("foreign keys"):
        # Bytes: percent signs of the text are its own.
        asked = connection.execute(_QUESTIONS.encode()).fetchall()
        if not asked:
            return ()
        questions = [
            sql.SQL("SELECT {}, ({})").format(sql.Literal(number), sql.SQL(question))
            for number, (_, _, readable, question) in enumerate(asked)
            if readable
        ]
        query = sql.SQL(" UNION ALL ").join(questions)
        counts = (
            dict(connection.execute(query.as_bytes(connection)).fetchall()) if questions else {}
        )
    return tuple(
        Reference(table=table, name=name, orphans=counts.get(number))
        for number, (table, name, _, _) in enumerate(asked)
    )
