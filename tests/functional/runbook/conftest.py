"""A copy of the sandbox for all tests of diagnostics, and connections to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from kulti_ops.db import Connection, connect, own_target
from tests.functional.conftest import Database, _create, _drop, _with_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kulti_ops.sandbox.lifecycle import SandboxInfo

NAME = "runbook_copy"


@pytest.fixture(scope="package")
def copy(sandbox: SandboxInfo, _sandbox_template: str) -> Iterator[Database]:
    """A Kulti for tests that roll back what they change; analysed, as after a night."""
    _create(sandbox.admin_url, NAME, template=_sandbox_template, owner="postgres")
    database = Database(
        name=NAME,
        url=_with_database(sandbox.database_url, NAME),
        admin_url=_with_database(sandbox.admin_url, NAME),
    )
    yield database
    _drop(sandbox.admin_url, [NAME])


@pytest.fixture
def admin(copy: Database) -> Iterator[psycopg.Connection]:
    """A superuser's transaction that is rolled back."""
    with psycopg.connect(copy.admin_url, connect_timeout=10) as connection:
        connection.execute("SET statement_timeout = '60s'")
        connection.execute("SET search_path = ''")
        yield connection
        connection.rollback()


@pytest.fixture
def postgres(copy: Database) -> Iterator[Connection]:
    """The hosted role's connection, as the commands open it."""
    connection = connect(own_target(copy.url, "test"), application="runbook")
    yield connection
    connection.close()


@pytest.fixture
def session(copy: Database) -> Iterator[psycopg.Connection]:
    """Somebody else's session, by the name of `web`."""
    url = f"{copy.url}?application_name=web"
    with psycopg.connect(url, connect_timeout=10) as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def weak_role(copy: Database) -> Iterator[str]:
    """A role that may log in and nothing else; returns its URL."""
    with psycopg.connect(copy.admin_url, autocommit=True) as connection:
        connection.execute("CREATE ROLE runbook_nobody LOGIN PASSWORD 'nobody'")
        yield copy.url.replace(copy.url.split("//")[1].split("@")[0], "runbook_nobody:nobody")
        connection.execute(sql.SQL("DROP ROLE runbook_nobody"))
