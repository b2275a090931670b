"""The side table: one table of a backup in a schema of its own, beside the live one.

Creates, loads, proves and hardens it; never touches the live table. Everything runs
in the caller's transaction. Names come from the archive and are quoted; types are
looked up and spelled by the target's server, so no text of a backup becomes SQL.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kulti_ops.db import sql, translated
from kulti_ops.digest import MultisetDigest, OrderedDigest, TableDigest
from kulti_ops.errors import DatabaseError, OperationFailedError, RefusedError
from kulti_ops.following import CHUNK_BYTES
from kulti_ops.pgrestore import pg_restore
from kulti_ops.verify.copydata import CopyDataError, CopyReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kulti_ops.db import Connection
    from kulti_ops.pgrestore import ArchiveSource, PgRestore
    from kulti_ops.pgtools import Installation
    from kulti_ops.restore.archived_table import ArchivedTable

API_ROLES = ("anon", "authenticated", "service_role", "authenticator")
TEXT = "text"
_TYPMOD_SINCE = 170000  # to_regtypemod came with 17; without it a column has no length limit
_DUPLICATE_SCHEMA = "42P06"
DATA_ERRORS = ("22", "23")  # their primary messages quote the value

# Domains are followed to the type beneath: their checks are the live table's business.
_TYPES = """
WITH RECURSIVE wanted AS (
  SELECT w.position, w.name FROM unnest(%(types)s::text[]) WITH ORDINALITY AS w (name, position)
), resolved AS (
  SELECT position, 0 AS depth, to_regtype(name)::oid AS oid, {typmod} AS typmod FROM wanted
  UNION ALL
  SELECT r.position, r.depth + 1, t.typbasetype, t.typtypmod
    FROM resolved r JOIN pg_type t ON t.oid = r.oid WHERE t.typtype = 'd'
)
SELECT DISTINCT ON (r.position) format_type(r.oid, r.typmod), e.oid::regtype::text,
       (SELECT string_agg(quote_literal(l.enumlabel), ', ' ORDER BY l.enumsortorder)
          FROM pg_enum l WHERE l.enumtypid = e.oid)
  FROM resolved r LEFT JOIN pg_type t ON t.oid = r.oid
  LEFT JOIN pg_type e ON e.typtype = 'e'
   AND e.oid = CASE WHEN t.typcategory = 'A' THEN t.typelem ELSE t.oid END
 ORDER BY r.position, r.depth DESC
"""

_OTHERS_RIGHTS = """
SELECT 'SCHEMA' AS kind, a.grantee, CASE a.grantee WHEN 0 THEN NULL ELSE g.rolname END
  FROM pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
  LEFT JOIN pg_roles g ON g.oid = a.grantee
 WHERE n.nspname = %(schema)s AND a.grantee <> n.nspowner
UNION
SELECT 'TABLE', a.grantee, CASE a.grantee WHEN 0 THEN NULL ELSE g.rolname END
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
       aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a
  LEFT JOIN pg_roles g ON g.oid = a.grantee
 WHERE n.nspname = %(schema)s AND c.relkind = 'r' AND a.grantee <> c.relowner
"""

_STATE = """
SELECT c.relrowsecurity,
       (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid),
       (SELECT array_agg(t.pubname::text) FROM pg_publication_tables t
         WHERE t.schemaname = n.nspname AND t.tablename = c.relname),
       (SELECT array_agg(r.rolname::text) FROM pg_roles r WHERE r.rolname = ANY(%(roles)s)
           AND NOT r.rolsuper AND has_schema_privilege(r.oid, n.oid, 'USAGE')
           AND has_table_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE, DELETE'))
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = %(schema)s AND c.relname = %(table)s
"""


@dataclass(frozen=True, kw_only=True)
class SideColumn:
    """A column of the side table; `note` says why it is text and not what it was."""

    name: str
    type: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class SideTable:
    """The side table's names and columns; unlogged where a publication takes all tables."""

    schema: str
    name: str
    columns: tuple[SideColumn, ...]
    unlogged: bool

    @property
    def quoted(self) -> sql.Identifier:
        """The name as SQL."""
        return sql.Identifier(self.schema, self.name)

    @property
    def column_list(self) -> sql.Composable:
        """The columns as COPY takes them; nothing for a table without columns."""
        if not self.columns:
            return sql.SQL("")
        names = sql.SQL(", ").join(sql.Identifier(c.name) for c in self.columns)
        return sql.SQL("({})").format(names)


def plan_side(connection: Connection, archived: ArchivedTable, *, schema: str) -> SideTable:
    """Return the side table for an archived one, with the types that the target has.

    Raises: RefusedError when the schema exists already.
    """
    exists = connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (schema,))
    if exists.fetchone():
        raise _schema_exists(schema)
    everything = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM pg_publication WHERE puballtables)"
    ).fetchone()
    return SideTable(
        schema=schema,
        name=archived.name,
        columns=tuple(_columns(connection, archived)),
        unlogged=bool(everything and everything[0]),
    )


def create_side(connection: Connection, side: SideTable) -> None:
    """Create schema and table, row security on, and take away what defaults granted.

    Raises: RefusedError when the schema exists or the role may not create one.
    """
    schema = sql.Identifier(side.schema)
    try:
        with translated("side schema"):
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(schema))
    except DatabaseError as error:
        if error.sqlstate == _DUPLICATE_SCHEMA:
            raise _schema_exists(side.schema) from None
        raise
    columns = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(c.name), sql.SQL(c.type)) for c in side.columns
    )
    kind = sql.SQL("UNLOGGED TABLE" if side.unlogged else "TABLE")
    with translated("side table"):
        connection.execute(sql.SQL("CREATE {} {} ({})").format(kind, side.quoted, columns))
        connection.execute(sql.SQL("ALTER TABLE {} ENABLE ROW LEVEL SECURITY").format(side.quoted))
        names = {"SCHEMA": schema, "TABLE": side.quoted}
        for what, name in names.items():
            connection.execute(sql.SQL(f"REVOKE ALL ON {what} {{}} FROM PUBLIC").format(name))
        for what, _oid, role in connection.execute(_OTHERS_RIGHTS, {"schema": side.schema}):
            statement = sql.SQL(f"REVOKE ALL ON {what} {{}} FROM {{}} CASCADE")
            connection.execute(statement.format(names[what], sql.Identifier(role)))


def exposures(connection: Connection, side: SideTable) -> tuple[str, ...]:
    """Return every way in which somebody other than the owner could see the side table."""
    others = connection.execute(_OTHERS_RIGHTS, {"schema": side.schema}).fetchall()
    found = [f"{role or 'PUBLIC'} has rights on the {kind.lower()}" for kind, _oid, role in others]
    names = {"schema": side.schema, "table": side.name, "roles": list(API_ROLES)}
    row = connection.execute(_STATE, names).fetchone()
    if row is None:
        return (*found, "the table is not there")
    secured, policies, publications, roles = row
    if not secured:
        found.append("row security is off")
    if policies:
        found.append(f"it has {policies} policies")
    found += [f"publication {name} holds it" for name in publications or ()]
    found += [f"role {name} reaches it" for name in roles or ()]
    return tuple(found)


def load_side(
    connection: Connection,
    side: SideTable,
    archived: ArchivedTable,
    *,
    archive: ArchiveSource,
    tools: Installation,
    on_rows: Callable[[int], None],
) -> TableDigest:
    """Copy the archive's rows into the side table; return the digest of what was copied.

    Raises: OperationFailedError, DatabaseError; rows never get into a message.
    """
    statement = sql.SQL("COPY {} {} FROM STDIN").format(side.quoted, side.column_list)
    with (
        pg_restore(archive, (archived.entry,), tools=tools) as run,
        loading(archived.identity),
        connection.cursor() as cursor,
        cursor.copy(statement) as copy,
    ):
        return _feed(run, archived, copy.write, on_rows)


def read_back(connection: Connection, side: SideTable, *, ordered: bool) -> TableDigest:
    """Return the digest of the side table's rows as the server gives them back."""
    digest = OrderedDigest() if ordered else MultisetDigest()
    statement = sql.SQL("COPY {} {} TO STDOUT").format(side.quoted, side.column_list)
    with translated("reading the side table"), connection.cursor() as cursor:
        for piece in _pieces(cursor.copy(statement)):
            digest.update(piece)
    return digest.result()


def _feed(
    run: PgRestore,
    archived: ArchivedTable,
    write: Callable[[bytes], None],
    on_rows: Callable[[int], None],
) -> TableDigest:
    sink = _Sink(write, on_rows)
    reader = CopyReader([archived.entry.copy_statement], lambda _index: sink)
    try:
        for chunk in run.output():
            reader.feed(chunk)
        run.finish()
        reader.finish()
    except CopyDataError as error:
        raise OperationFailedError(f"the archive's rows of {archived.identity}: {error}") from error
    return sink.digest.result()


class _Sink:
    """Digests rows and passes them on."""

    def __init__(self, write: Callable[[bytes], None], on_rows: Callable[[int], None]) -> None:
        self.digest = OrderedDigest()
        self._write = write
        self._on_rows = on_rows

    def update(self, data: bytes | memoryview) -> None:
        self.digest.update(data)
        self._write(bytes(data))
        self._on_rows(self.digest.result().rows)


def _pieces(copying: Any) -> Iterator[bytes]:  # noqa: ANN401 - psycopg's copy context
    """Yield a copy's rows in pieces large enough to be cheap."""
    waiting: list[bytes] = []
    size = 0
    with copying as copy:
        for row in copy:
            waiting.append(bytes(row))
            size += len(row)
            if size >= CHUNK_BYTES:
                yield b"".join(waiting)
                waiting, size = [], 0
    yield b"".join(waiting)


@contextmanager
def loading(identity: str) -> Iterator[None]:
    """Translate like `translated`, but without the messages that quote a row's value."""
    try:
        with translated(f"loading {identity}"):
            yield
    except DatabaseError as error:
        if (error.sqlstate or "").startswith(DATA_ERRORS):
            primary = "a value does not fit the target's type or constraints"
            primary += f": {error.place}" if error.place else ""
            raise DatabaseError(
                f"loading {identity}: {primary} ({error.sqlstate})",
                sqlstate=error.sqlstate,
                primary=primary,
                place=error.place,
            ) from None
        raise


def _columns(connection: Connection, archived: ArchivedTable) -> Iterator[SideColumn]:
    typmod = "to_regtypemod(name)" if connection.info.server_version >= _TYPMOD_SINCE else "-1"
    types = [c.type or "" for c in archived.columns]
    query = sql.SQL(_TYPES.replace("{typmod}", typmod))
    rows = connection.execute(query, {"types": types}).fetchall()
    for column, (found, enum, labels) in zip(archived.columns, rows, strict=True):
        if found is None:
            note = f"the target has no type {column.type}" if column.type else "its type is unknown"
            yield SideColumn(name=column.name, type=TEXT, note=note)
        elif enum is not None and archived.enum_labels.get(enum) != labels:
            note = f"the labels of {enum} are others at the target"
            yield SideColumn(name=column.name, type=TEXT, note=note)
        else:
            yield SideColumn(name=column.name, type=found)


def _schema_exists(schema: str) -> RefusedError:
    return RefusedError(
        f"the schema {schema} exists already",
        hint="choose another with --into-schema, or drop that one when it is done with",
    )
