"""One look at a hosted project: what it has, and what the restoring role may do there.

Reads only. The same inventory as at the source says what exists; the rest is rights,
columns, and whether tables are empty. A project counts as empty while it holds nothing
of the customer's: no objects outside the vendor's schemas, no logins, no files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kulti_ops.db import sql, translated
from kulti_ops.inventory import pin_session, read_items
from kulti_ops.restore.hosted.rights import DefaultRights
from kulti_ops.roles import plain_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kulti_ops.db import Connection
    from kulti_ops.inventory import Item, Key

# Schemas that the hosted platform makes and owns; a customer's objects live elsewhere.
VENDOR_SCHEMAS = frozenset(
    {
        "_analytics",
        "_realtime",
        "_supavisor",
        "auth",
        "cron",
        "extensions",
        "graphql",
        "graphql_public",
        "net",
        "pgbouncer",
        "pgmq",
        "pgsodium",
        "pgsodium_masks",
        "realtime",
        "storage",
        "supabase_functions",
        "vault",
    }
)
VENDOR_ROLES = frozenset(
    {
        "anon",
        "authenticated",
        "authenticator",
        "cli_login_postgres",
        "dashboard_user",
        "pgbouncer",
        "pgsodium_keyholder",
        "pgsodium_keyiduser",
        "pgsodium_keymaker",
        "pgtle_admin",
        "postgres",
        "service_role",
    }
)
VENDOR_PREFIX = "supabase_"
# Made in a customer's name by the vendor's migration tool: an empty table there is no contents.
TOOL_SCHEMAS = frozenset({"supabase_migrations"})
# Rows in these make a project one that is in use.
USED_TABLES = (
    ("auth", "users"),
    ("auth", "identities"),
    ("storage", "buckets"),
    ("storage", "objects"),
)
_QUALIFIER = re.compile(r'("(?:[^"]|"")+"|[^".(]+)\.')
_CONTENT_KINDS = (
    "table",
    "view",
    "materialized view",
    "foreign table",
    "sequence",
    "function",
    "type",
    "large object",
)

# Of the look and of what is counted beforehand over the same connection.
_TIMEOUTS = {"lock_timeout": "10s", "statement_timeout": "10min"}

_ME = """
SELECT current_user::text, current_database()::text, current_setting('server_version_num')::int,
       array(SELECT rolname::text FROM pg_roles),
       array(SELECT rolname::text FROM pg_roles WHERE pg_has_role(oid, 'USAGE')),
       array(SELECT rolname::text FROM pg_roles WHERE pg_has_role(oid, %(become)s)),
       array(SELECT name::text FROM pg_available_extensions),
       array(SELECT evtfoid::regprocedure::text FROM pg_event_trigger),
       array(SELECT rolname::text FROM pg_roles
              WHERE NOT pg_has_role(oid, %(become)s)
                AND (pg_has_role(oid, 'MEMBER WITH ADMIN OPTION')
                     OR (%(become)s = 'MEMBER' AND NOT rolsuper AND (
                            SELECT me.rolcreaterole FROM pg_roles me
                             WHERE me.rolname = current_user))))
"""
_BECOME_SINCE = 160000  # from 16 on, membership alone does not allow SET ROLE

_RELATIONS = """
SELECT format('%I.%I', n.nspname, c.relname), n.nspname::text, c.relname::text, c.relkind::text,
       CASE WHEN c.relkind = 'S' THEN false ELSE has_table_privilege(c.oid, 'SELECT') END,
       CASE WHEN c.relkind = 'S' THEN false ELSE has_table_privilege(c.oid, 'INSERT') END,
       CASE WHEN c.relkind = 'S' THEN has_sequence_privilege(c.oid, 'UPDATE') ELSE false END,
       CASE WHEN c.relkind = 'S' THEN false ELSE has_table_privilege(c.oid, 'TRIGGER') END,
       (SELECT jsonb_object_agg(quote_ident(a.attname), format_type(a.atttypid, a.atttypmod))
          FROM pg_attribute a
         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '')
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'S') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND has_schema_privilege(n.oid, 'USAGE')
"""
_SCHEMAS = """
SELECT n.nspname::text, pg_has_role(n.nspowner, 'USAGE'),
       array(SELECT r.rolname::text FROM pg_roles r
              WHERE has_schema_privilege(r.oid, n.oid, 'CREATE'))
  FROM pg_namespace n WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
"""
_DEFAULTS = """
SELECT pg_get_userbyid(d.defaclrole)::text, n.nspname::text, d.defaclobjtype::text,
       array(SELECT DISTINCT CASE WHEN a.grantee <> 0 THEN pg_get_userbyid(a.grantee)::text END
               FROM aclexplode(d.defaclacl) a
              WHERE d.defaclnamespace <> 0 OR a.grantee <> d.defaclrole)
  FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
 WHERE pg_has_role(d.defaclrole, 'USAGE')
"""


@dataclass(frozen=True, kw_only=True)
class Relation:
    """A table or sequence of the target; `columns` are those that COPY can fill, with types.

    `empty` is None where nobody could look.
    """

    identity: str
    schema: str
    name: str
    kind: str
    insert: bool = False
    update: bool = False
    trigger: bool = False
    columns: Mapping[str, str] = field(default_factory=dict)
    empty: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Schema:
    """A schema of the target: whether its owner can be used, and who may create in it."""

    usable: bool
    creators: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class HostedFacts:
    """What the look told. `usable` roles lend their rights, `assignable` ones can own.

    `lendable` ones could own if the role granted them to itself, as it may.
    """

    role: str
    database: str
    version_num: int
    roles: frozenset[str]
    usable: frozenset[str]
    assignable: frozenset[str]
    extensions_available: frozenset[str]
    trigger_functions: frozenset[str]
    schemas: Mapping[str, Schema]
    relations: Mapping[tuple[str, str], Relation]
    items: Mapping[Key, Item]
    default_rights: tuple[DefaultRights, ...] = ()
    lendable: frozenset[str] = frozenset()

    @property
    def server_major(self) -> int:
        """The target's major version."""
        return self.version_num // 10000

    def is_vendor_schema(self, name: str) -> bool:
        """Return whether a schema is the vendor's: by name, or by an owner out of reach."""
        known = self.schemas.get(name)
        return name in VENDOR_SCHEMAS or (known is not None and not known.usable)


def is_vendor_role(name: str) -> bool:
    """Return whether a role is one that the hosted platform makes."""
    return name in VENDOR_ROLES or name.startswith((VENDOR_PREFIX, "pg_"))


def look_at_project(connection: Connection) -> HostedFacts:
    """Ask the target once.

    Raises: DatabaseError.
    """
    with translated("looking at the project"):
        pin_session(connection, _TIMEOUTS)
        version = connection.info.server_version
        become = "SET" if version >= _BECOME_SINCE else "MEMBER"
        row = connection.execute(_ME, {"become": become}).fetchone()
        assert row is not None  # noqa: S101 - it has no WHERE
        schemas = connection.execute(_SCHEMAS).fetchall()
        return HostedFacts(
            role=row[0],
            database=row[1],
            version_num=row[2],
            roles=frozenset(row[3]),
            usable=frozenset(row[4]),
            assignable=frozenset(row[5]),
            extensions_available=frozenset(row[6]),
            trigger_functions=frozenset(row[7]),
            lendable=frozenset(row[8]),
            schemas={s[0]: Schema(usable=s[1], creators=frozenset(s[2])) for s in schemas},
            relations={(r.schema, r.name): r for r in _relations(connection)},
            items={i.key: i for i in read_items(connection)},
            default_rights=tuple(
                DefaultRights(role=d[0], schema=d[1], kind=d[2], grantees=tuple(d[3]))
                for d in connection.execute(_DEFAULTS).fetchall()
            ),
        )


def contents_of(facts: HostedFacts, *, vendor_rows: bool = True) -> tuple[str, ...]:
    """Return what makes a project not empty, each with its kind; rows only where told so."""
    own = sorted(_own_objects(facts), key=lambda item: _CONTENT_KINDS.index(item.kind))
    found = [f"{item.kind} {item.identity}" for item in own]
    for name in USED_TABLES if vendor_rows else ():
        relation = facts.relations.get(name)
        if relation is not None and relation.empty is not True:
            known = "rows" if relation.empty is False else "perhaps rows, which are not readable,"
            found.append(f"{known} in {relation.identity}")
    return tuple(found)


def _own_objects(facts: HostedFacts) -> Iterator[Item]:
    for item in facts.items.values():
        if item.kind not in _CONTENT_KINDS or item.identity in facts.trigger_functions:
            continue
        schema = schema_of(item)
        if item.kind != "large object" and facts.is_vendor_schema(schema):
            continue
        if schema in TOOL_SCHEMAS and _is_empty(facts, item):
            continue
        yield item


def schema_of(item: Item) -> str:
    """Return the schema of an item by its identity; empty for what lives in none."""
    return qualifier_of(item.identity)


def qualifier_of(identity: str) -> str:
    """Return the plain name before the first dot of an identity; empty where there is none."""
    match = _QUALIFIER.match(identity)
    return plain_name(match[1]) if match else ""


def _is_empty(facts: HostedFacts, item: Item) -> bool:
    if item.kind != "table":
        return item.kind == "sequence"
    tables = (r for r in facts.relations.values() if r.identity == item.identity)
    return any(relation.empty is True for relation in tables)


def _relations(connection: Connection) -> Iterator[Relation]:
    rows = connection.execute(_RELATIONS).fetchall()
    readable = [(r[0], r[1], r[2]) for r in rows if r[4] and r[3] in {"r", "p"}]
    empty = _emptiness(connection, readable)
    for row in rows:
        yield Relation(
            identity=row[0],
            schema=row[1],
            name=row[2],
            kind=row[3],
            insert=row[5],
            update=row[6],
            trigger=row[7],
            columns=row[8] or {},
            empty=empty.get(row[0]),
        )


def _emptiness(connection: Connection, tables: list[tuple[str, str, str]]) -> dict[str, bool]:
    """Ask all tables at once whether they have a row."""
    if not tables:
        return {}
    query = sql.SQL(" UNION ALL ").join(
        sql.SQL("SELECT {}, NOT EXISTS (SELECT 1 FROM {})").format(
            sql.Literal(identity), sql.Identifier(schema, table)
        )
        for identity, schema, table in tables
    )
    return dict(connection.execute(query).fetchall())
