"""Asking a sandbox's database things."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg


def rows(connection: psycopg.Connection, query: str, *params: Any) -> list[Any]:
    found = connection.execute(query, params).fetchall()
    return [row[0] if len(row) == 1 else row for row in found]


def value(connection: psycopg.Connection, query: str, *params: Any) -> Any:
    return rows(connection, query, *params)[0]
