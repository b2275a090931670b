"""Roles, settings and quoting, as PostgreSQL writes them. Pure."""

from __future__ import annotations

import re

# settings whose value is a list of identifiers: each part is quoted by itself
IDENTIFIER_LISTS = frozenset(
    {"search_path", "session_preload_libraries", "local_preload_libraries", "temp_tablespaces"}
)

OPTIONS_SINCE = 160000  # GRANT … WITH INHERIT, SET
# attributes of a role: as an inventory calls them, as SQL does
FLAGS = {
    "superuser": "SUPERUSER",
    "inherit": "INHERIT",
    "createrole": "CREATEROLE",
    "createdb": "CREATEDB",
    "login": "LOGIN",
    "replication": "REPLICATION",
    "bypassrls": "BYPASSRLS",
}


def plain_name(identity: str) -> str:
    """Return the name that a quoted or unquoted identifier stands for."""
    return identity[1:-1].replace('""', '"') if identity.startswith('"') else identity


def quote_identifier(name: str) -> str:
    """Return a name as SQL: always quoted, so no reserved word can bite."""
    return '"' + name.replace('"', '""') + '"'


def quote_literal(text: str) -> str:
    """Return a text as an SQL literal, whatever standard_conforming_strings says."""
    escaped = text.replace("'", "''")
    return "E'" + escaped.replace("\\", "\\\\") + "'" if "\\" in text else f"'{escaped}'"


def setting_values(name: str, value: str) -> tuple[str, ...]:
    """Return a setting's value as its parts: several for a list of identifiers, else one."""
    if name.lower() not in IDENTIFIER_LISTS:
        return (value,)
    parts = re.findall(r'"((?:[^"]|"")*)"|([^",\s][^",]*)', value)
    names = tuple(quoted.replace('""', '"') if quoted else plain.strip() for quoted, plain in parts)
    return names or ("",)


def parse_array(text: str) -> tuple[str, ...]:
    """Return the elements of a one-dimensional text array as PostgreSQL prints it."""
    pattern = re.compile(r'"((?:[^"\\]|\\.)*)"|([^",{}]+)')
    return tuple(
        re.sub(r"\\(.)", r"\1", quoted) if quoted or not plain else plain
        for quoted, plain in pattern.findall(text)
    )
