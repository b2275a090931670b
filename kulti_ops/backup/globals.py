"""globals.sql: the roles that an archive needs and does not hold. Pure.

Roles, memberships, and settings of roles, without passwords: nobody but a
superuser can read those. Runs with `ON_ERROR_STOP`, also where some roles exist.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kulti_ops.roles import (
    IDENTIFIER_LISTS,
    parse_array,
    plain_name,
    quote_identifier,
    quote_literal,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kulti_ops.inventory import Inventory, Item

_FLAGS = {
    "superuser": "SUPERUSER",
    "inherit": "INHERIT",
    "createrole": "CREATEROLE",
    "createdb": "CREATEDB",
    "login": "LOGIN",
    "replication": "REPLICATION",
    "bypassrls": "BYPASSRLS",
}
_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*")


def render_globals(inventory: Inventory) -> str:
    """Return the SQL text of `globals.sql`."""
    lines = [
        "-- Roles, memberships and role settings, without passwords: set those afterwards.",
        "SET client_encoding = 'UTF8';",
        "",
    ]
    lines += [statement for item in inventory.of("role") for statement in _role(item)]
    lines += [_membership(item) for item in inventory.of("membership")]
    lines += [s for item in inventory.of("setting") for s in _settings(item)]
    return "\n".join(lines) + "\n"


def _role(item: Item) -> Iterator[str]:
    name = plain_name(item.identity)
    flags = " ".join(
        word if item.attributes.get(key) == "yes" else f"NO{word}" for key, word in _FLAGS.items()
    )
    limit = item.attributes.get("connection limit") or "-1"
    until = item.attributes.get("valid until")
    yield (
        f"DO $do$ BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = "
        f"{quote_literal(name)}) THEN EXECUTE {quote_literal(_create(name, flags, limit, until))}; "
        "END IF; END $do$;"
    )
    comment = item.attributes.get("comment")
    if comment:
        yield f"COMMENT ON ROLE {quote_identifier(name)} IS {quote_literal(comment)};"


def _create(name: str, flags: str, limit: str, until: str | None) -> str:
    text = f"CREATE ROLE {quote_identifier(name)} WITH {flags} CONNECTION LIMIT {int(limit)}"
    return f"{text} VALID UNTIL {quote_literal(until)}" if until else text


def _membership(item: Item) -> str:
    a = item.attributes
    role, member = quote_identifier(a["role"] or ""), quote_identifier(a["member"] or "")
    options = [
        f"{word.upper()} {_truth(a[word])}" for word in ("admin", "inherit", "set") if a.get(word)
    ]
    if "inherit" not in a:  # before PostgreSQL 16 there was only the admin option
        options = ["ADMIN OPTION"] if a.get("admin") == "yes" else []
    return f"GRANT {role} TO {member}{' WITH ' + ', '.join(options) if options else ''};"


def _truth(value: str | None) -> str:
    return "TRUE" if value == "yes" else "FALSE"


def _settings(item: Item) -> Iterator[str]:
    role = item.attributes.get("role")
    if role is None or item.attributes.get("in database") == "yes":
        return  # the database's own settings go with the database, not with the roles
    for setting in parse_array(item.attributes.get("settings") or "{}"):
        name, _, value = setting.partition("=")
        yield f"ALTER ROLE {quote_identifier(role)} SET {_name(name)} TO {_value(name, value)};"


def _name(name: str) -> str:
    return ".".join(p if _PLAIN.fullmatch(p) else quote_identifier(p) for p in name.split("."))


def _value(name: str, value: str) -> str:
    return value or "''" if name.lower() in IDENTIFIER_LISTS else quote_literal(value)
