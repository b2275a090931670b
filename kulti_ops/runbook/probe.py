"""What the server has and the role may: asked once, before any diagnostic.

By presence, not by version: a relation, column, extension or right that is missing makes
the diagnostics that need it skipped or unknown by its name. Waits for no table's lock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kulti_ops.pipeline import Statement, Unit
from kulti_ops.report import Verdict
from kulti_ops.runbook.diagnostic import Needed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kulti_ops.pipeline import UnitAnswer
    from kulti_ops.runbook.diagnostic import Diagnostic, Requirement

_SERVER = """\
SELECT current_user::text AS role,
       current_setting('server_version_num')::int AS version,
       pg_catalog.pg_is_in_recovery() AS in_recovery,
       s.setting::bool AND s.source NOT IN ('user', 'database user', 'client') AS read_only,
       s.setting::bool AND s.source IN ('user', 'database user', 'client') AS role_read_only,
       (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) AS superuser
  FROM pg_catalog.pg_settings s WHERE s.name = 'default_transaction_read_only'
"""
# to_regclass() raises an error where the role may not enter the schema: the catalogue does not.
_RELATIONS = """\
SELECT w.name,
       c.oid IS NOT NULL AS present,
       coalesce(pg_catalog.has_schema_privilege(n.oid, 'USAGE'), false) AS enterable,
       coalesce(pg_catalog.has_table_privilege(c.oid, 'SELECT')
                OR pg_catalog.has_any_column_privilege(c.oid, 'SELECT'), false) AS allowed,
       coalesce(c.relrowsecurity AND c.relkind IN ('r', 'p')
                AND pg_catalog.row_security_active(c.oid), false) AS filtered
  FROM unnest($1::text[], $2::text[], $3::text[]) AS w (name, schema, relation)
  LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = w.schema
  LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.relation
"""
_COLUMNS = """\
SELECT w.name
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS w (name, schema, relation, col)
  JOIN pg_catalog.pg_namespace n ON n.nspname = w.schema
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.relation
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = w.col
 WHERE NOT a.attisdropped
"""
_EXTENSIONS = """\
SELECT e.extname AS name, n.nspname AS schema,
       pg_catalog.has_schema_privilege(n.oid, 'USAGE') AS allowed
  FROM pg_catalog.pg_extension e
  JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
 WHERE e.extname = ANY ($1::text[])
"""
_SCHEMAS = """\
SELECT n.nspname AS name, pg_catalog.has_schema_privilege(n.oid, 'USAGE') AS allowed
  FROM pg_catalog.pg_namespace n WHERE n.nspname = ANY ($1::text[])
"""
_ROLES = """\
SELECT w.name, r.oid IS NOT NULL AS present,
       coalesce(pg_catalog.pg_has_role(r.oid, 'USAGE'), false) AS allowed,
       coalesce(pg_catalog.pg_has_role(r.oid, 'MEMBER'), false) AS member
  FROM unnest($1::text[]) AS w (name)
  LEFT JOIN pg_catalog.pg_roles r ON r.rolname = w.name
"""


@dataclass(frozen=True, kw_only=True)
class Server:
    """What the first round trip told.

    `read_only` is the database, `role_read_only` this role or session alone.
    """

    role: str
    version: int
    in_recovery: bool
    read_only: bool
    role_read_only: bool
    superuser: bool
    shortcomings: Mapping[tuple[Needed, str], tuple[Verdict, str]]
    extension_schemas: Mapping[str, str]
    memberships: frozenset[str]

    def obstacle(self, diagnostic: Diagnostic) -> tuple[Verdict, str] | None:
        """Return why a diagnostic can't be asked here; what is missing outranks what is denied."""
        found = [
            self.shortcomings[key]
            for requirement in diagnostic.requires
            if (key := (requirement.kind, requirement.name)) in self.shortcomings
        ]
        return min(found, key=lambda item: item[0] is not Verdict.SKIPPED) if found else None

    def search_path(self, diagnostic: Diagnostic) -> str:
        """Return the schemas of the extensions that a diagnostic needs, and the catalogue's."""
        schemas = [
            self.extension_schemas[r.name]
            for r in diagnostic.requires
            if r.kind is Needed.EXTENSION and r.name in self.extension_schemas
        ]
        return ", ".join(["pg_catalog", *(_identifier(s) for s in dict.fromkeys(schemas))])


def probe_unit(diagnostics: Iterable[Diagnostic], *, roles: tuple[str, ...] = ()) -> Unit:
    """Return the questions about what these diagnostics require; `roles` are asked for too."""
    needs = _by_kind(diagnostics)
    relations = sorted(needs[Needed.RELATION])
    columns = sorted(needs[Needed.COLUMN])
    parts = [name.split(".") for name in columns]
    return Unit(
        statements=(
            Statement(text=_SERVER),
            Statement(
                text=_RELATIONS,
                params=(
                    _array(relations),
                    _array(name.split(".")[0] for name in relations),
                    _array(name.split(".")[1] for name in relations),
                ),
            ),
            Statement(
                text=_COLUMNS,
                params=(_array(columns), *(_array(p[i] for p in parts) for i in range(3))),
            ),
            Statement(text=_EXTENSIONS, params=(_array(sorted(needs[Needed.EXTENSION])),)),
            Statement(text=_SCHEMAS, params=(_array(sorted(needs[Needed.SCHEMA])),)),
            Statement(text=_ROLES, params=(_array(sorted({*needs[Needed.ROLE], *roles})),)),
        ),
        settings={"search_path": "pg_catalog"},
    )


def read_probe(answer: UnitAnswer, diagnostics: Iterable[Diagnostic]) -> Server:
    """Return what the server said.

    Raises: DatabaseError when even that was not answered.
    """
    if answer.error is not None:
        raise answer.error
    server, relations, columns, extensions, schemas, roles = (t.dicts() for t in answer.tables)
    facts = server[0]
    role = str(facts["role"])
    needs = _by_kind(diagnostics)
    short: dict[tuple[Needed, str], tuple[Verdict, str]] = {}
    for row in relations:
        if (why := _relation_shortcoming(role, row)) is not None:
            short[Needed.RELATION, row["name"]] = why
    missing = needs[Needed.COLUMN] - {row["name"] for row in columns}
    short |= {(Needed.COLUMN, name): _absent("column", name) for name in missing}
    for kind, rows in ((Needed.EXTENSION, extensions), (Needed.SCHEMA, schemas)):
        present = {row["name"]: row["allowed"] for row in rows}
        short |= {(kind, n): _absent(kind, n) for n in needs[kind] - set(present)}
        short |= {
            (kind, name): (Verdict.UNKNOWN, f"role {role} may not use {kind} {name}")
            for name, allowed in present.items()
            if not allowed
        }
    for row in roles:
        if not row["allowed"] and not facts["superuser"]:
            text = f"role {role} is no member of {row['name']}: it sees only part of this"
            short[Needed.ROLE, row["name"]] = (Verdict.UNKNOWN, text)
    return Server(
        role=role,
        version=int(facts["version"]),
        in_recovery=bool(facts["in_recovery"]),
        read_only=bool(facts["read_only"]),
        role_read_only=bool(facts["role_read_only"]),
        superuser=bool(facts["superuser"]),
        shortcomings=short,
        extension_schemas={row["name"]: row["schema"] for row in extensions},
        memberships=frozenset(row["name"] for row in roles if row["member"]),
    )


def _relation_shortcoming(role: str, row: Mapping[str, Any]) -> tuple[Verdict, str] | None:
    name = row["name"]
    if not row["present"]:
        return _absent("relation", name)
    if not row["enterable"]:
        schema = name.partition(".")[0]
        return (Verdict.UNKNOWN, f"role {role} may not read {name}: it needs USAGE on {schema}")
    if not row["allowed"]:
        return (Verdict.UNKNOWN, f"role {role} may not read {name}: it needs SELECT on it")
    if row["filtered"]:
        text = f"row security hides rows of {name} from role {role}: it needs BYPASSRLS"
        return (Verdict.UNKNOWN, text)
    return None


def _absent(kind: str, name: str) -> tuple[Verdict, str]:
    return (Verdict.SKIPPED, f"not in this database: {kind} {name}")


def _by_kind(diagnostics: Iterable[Diagnostic]) -> dict[Needed, set[str]]:
    found: dict[Needed, set[str]] = {kind: set() for kind in Needed}
    requirements: list[Requirement] = [r for d in diagnostics for r in d.requires]
    for requirement in requirements:
        found[requirement.kind].add(requirement.name)
    return found


def _array(items: Iterable[str]) -> str:
    """Return an array's literal; names are quoted as the server wants them."""
    escaped = (item.replace("\\", "\\\\").replace('"', '\\"') for item in items)
    return "{" + ",".join(f'"{item}"' for item in escaped) + "}"


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
