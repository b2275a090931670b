"""PostgreSQL 15 and 16: every diagnostic is prepared and asked on the real server.

The platform's schema is brought over without rows and without the extensions that these
servers don't have; what needs one of those is skipped by its name.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import psycopg
import pytest

from kulti_ops.db import connect, own_target
from kulti_ops.pgserver import PgServer, ScratchOptions, scratch_server
from kulti_ops.runbook.library import load_accepted, load_library
from kulti_ops.runbook.run import RunOptions, lint_checks, run_checks
from kulti_ops.runbook.triage import run_triage
from tests.functional.older_servers import PACKAGES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kulti_ops.db import Connection
    from kulti_ops.pgtools import Installation
    from kulti_ops.report import CheckResult
    from kulti_ops.sandbox.lifecycle import SandboxInfo

# What these wheels lack, and what therefore can't be told.
EXCUSED = {
    ("slow-statements", "not in this database: extension pg_stat_statements"),
    ("cache-hit", "not in this database: relation pg_catalog.pg_stat_io"),  # from 16 on
    ("orphan-rows", "could not look: unsupported XML feature (0A000)"),  # built without libxml
}
ROLES = """
SELECT format('CREATE ROLE %I', rolname), format('GRANT %I TO CURRENT_USER', rolname)
  FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> current_user
"""


@pytest.fixture(scope="module", params=sorted(PACKAGES))
def older_server(
    request: pytest.FixtureRequest,
    older_install: Callable[[int], Installation],
    server_install: Installation,
    sandbox: SandboxInfo,
    session_root: Path,
) -> Iterator[PgServer]:
    """A server of an older major with the platform's schema."""
    options = ScratchOptions(
        listen="tcp", superuser="older_admin", settings={"wal_level": "logical", "autovacuum": "on"}
    )
    with scratch_server(
        session_root / "older", older_install(request.param), options=options
    ) as server:
        with psycopg.connect(sandbox.admin_url) as source:
            statements = source.execute(ROLES).fetchall()
        with psycopg.connect(server.dsn(), autocommit=True) as target:
            for create, _ in statements:
                target.execute(create.encode())
        _copy_schema(sandbox.admin_url, server.dsn(), tools=server_install)
        yield server


def _copy_schema(source: str, target: str, *, tools: Installation) -> None:
    dump = subprocess.run(
        [tools.tool("pg_dump"), "--schema-only", "--dbname", source],
        capture_output=True,
        check=True,
        timeout=60,
    )
    subprocess.run(  # goes on after the extensions that are not there
        [tools.tool("psql"), "--quiet", "--no-psqlrc", "--dbname", target],
        input=dump.stdout,
        capture_output=True,
        check=True,
        timeout=60,
    )
    with psycopg.connect(target) as connection:
        counted = connection.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname IN ('public', 'auth')"
        ).fetchone()
        assert counted is not None
        assert counted[0] > 55


@pytest.fixture
def older(older_server: PgServer) -> Iterator[Connection]:
    connection = connect(own_target(older_server.dsn(), "test"), application="runbook")
    yield connection
    connection.close()


def _not_excused(results: tuple[CheckResult, ...]) -> list[tuple[str, str, str]]:
    """Return what was not looked at for another reason than what these servers lack."""
    return [
        (r.id, str(r.status), r.summary)
        for r in results
        if r.status in ("unknown", "skipped")
        and (r.id, r.summary) not in EXCUSED
        and not r.summary.startswith("nothing to look at")
    ]


def test_lint_of_an_older_server_finds_every_diagnostic_fitting(older: Connection) -> None:
    results = lint_checks(older, load_library(), options=RunOptions()).results
    assert _not_excused(results) == []
    assert [(r.id, r.summary) for r in results if r.status not in ("ok", "skipped")] == []


def test_every_diagnostic_answers_on_an_older_server(older: Connection) -> None:
    options = RunOptions(accepted=load_accepted(), deadline_s=60)
    results = run_checks(older, load_library(), options=options).results
    assert _not_excused(results) == []


def test_triage_of_an_older_server_names_its_version(older_server: PgServer) -> None:
    target = own_target(older_server.dsn(), "test")
    results = run_triage(target, load_library(), options=RunOptions(), connect_timeout_s=5)
    version = next(r for r in results if r.id == "connection").evidence["server_version"]
    assert version.split(".")[0] in {str(major) for major in PACKAGES}
    assert _not_excused(results) == []
