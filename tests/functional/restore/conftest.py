"""A backup of the sandbox, and the command line to restore from it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql

from tests.functional.support import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from kulti_ops.sandbox.lifecycle import SandboxInfo

TIMEOUT_S = 120


@dataclass(frozen=True, kw_only=True)
class Done:
    """A command that ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> dict[str, Any]:
        """The JSON document that it printed."""
        found: dict[str, Any] = json.loads(self.stdout)
        return found

    @property
    def data(self) -> dict[str, Any]:
        """The document's data."""
        found: dict[str, Any] = self.document["data"]
        return found

    def result(self, check_id: str) -> dict[str, Any]:
        """One check's result."""
        found: dict[str, Any] = next(r for r in self.document["results"] if r["id"] == check_id)
        return found


@dataclass(frozen=True, kw_only=True)
class CommandLine:
    """kulti-ops with a storage and a state folder of its own."""

    environment: Mapping[str, str]
    home: Path = field(repr=False)

    def argv(self, *arguments: str) -> list[str]:
        """How to start it."""
        return [sys.executable, "-m", "kulti_ops", *arguments]

    def env(self, **more: str) -> dict[str, str]:
        """Its whole environment."""
        return {**self.environment, **more}

    def __call__(self, *arguments: str, **more: str) -> Done:
        done = subprocess.run(
            self.argv(*arguments),
            cwd=self.home,
            env=self.env(**more),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
        )
        return Done(code=done.returncode, stdout=done.stdout, stderr=done.stderr)

    @contextmanager
    def start(self, *arguments: str, **more: str) -> Iterator[subprocess.Popen[str]]:
        """Start it and do not wait; it is ended with the context."""
        with subprocess.Popen(
            self.argv(*arguments),
            cwd=self.home,
            env=self.env(**more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as child:
            try:
                yield child
            finally:
                child.kill()


def command_line(home: Path, cache: Path, **more: str) -> CommandLine:
    """Return kulti-ops with everything it writes below `home`."""
    home.mkdir(parents=True, exist_ok=True)
    return CommandLine(
        home=home,
        environment={
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "PYTHONPATH": str(ROOT),
            "KULTI_OPS_CACHE_DIR": str(cache),
            "KULTI_OPS_STATE_DIR": str(home / "state"),
            "KULTI_OPS_STORAGE": str(home / "backups"),
            **more,
        },
    )


@pytest.fixture(scope="package")
def kulti(sandbox: SandboxInfo, session_root: Path) -> CommandLine:
    """kulti-ops with a verified backup of the sandbox as its latest one."""
    kulti = command_line(session_root / "restore", session_root / "cache")
    made = kulti("backup", "create", DATABASE_URL=sandbox.database_url)
    assert made.code == 0, made.stderr
    proven = kulti("verify", "backup", made.stdout.strip())
    assert proven.code == 0, proven.stdout
    return kulti


def execute(url: str, *statements: str | sql.Composable) -> None:
    """Run statements in one transaction."""
    with psycopg.connect(url, connect_timeout=10) as connection:
        for statement in statements:
            connection.execute(statement)  # type: ignore[arg-type]


def rows(url: str, query: str | sql.Composable) -> list[Any]:
    """Return what a query returns."""
    with psycopg.connect(url, connect_timeout=10) as connection:
        return connection.execute(query).fetchall()  # type: ignore[arg-type]


def table_text(url: str, table: str, *, only: bool = True) -> list[str]:
    """Return a table's rows as text, sorted."""
    query = f"SELECT t::text FROM {'ONLY ' if only else ''}{table} AS t ORDER BY 1"
    return [r[0] for r in rows(url, query)]


@pytest.fixture
def side_schemas() -> Callable[[str], list[str]]:
    """Tell which side schemas a database has."""
    return lambda url: [
        r[0] for r in rows(url, "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'restored%'")
    ]
