"""The suite's own databases: that they are what the other tests take them for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from collections.abc import Callable

    from kulti_ops.sandbox.lifecycle import SandboxInfo
    from tests.functional.conftest import Database

COUNT = "SELECT count(*) FROM public.profiles"


def ask(url: str, query: str) -> Any:
    with psycopg.connect(url, connect_timeout=10) as connection:
        row = connection.execute(query).fetchone()
        assert row is not None
        return row[0]


def test_sandbox_holds_a_kulti(sandbox: SandboxInfo) -> None:
    assert ask(sandbox.database_url, COUNT) == 200


def test_sandbox_copies_are_whole_and_apart(
    sandbox: SandboxInfo, sandbox_copy: Callable[[], Database]
) -> None:
    one, other = sandbox_copy(), sandbox_copy()
    with psycopg.connect(one.url, connect_timeout=10) as connection:
        connection.execute("DROP TABLE public.waitlist CASCADE")
    assert ask(one.url, COUNT) == ask(sandbox.database_url, COUNT)
    for url in (other.url, sandbox.database_url):
        assert ask(url, "SELECT to_regclass('public.waitlist') IS NOT NULL")


def test_empty_databases_are_empty(empty_database: Callable[[], Database]) -> None:
    database = empty_database()
    query = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    assert ask(database.url, query) == 0
    assert ask(database.url, "SELECT current_database()") == database.name
