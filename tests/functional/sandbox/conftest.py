"""Two sandboxes built alike on servers of their own, whose contents may be tried on."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from kulti_ops.pgserver import PgServer, ServerSpec
from kulti_ops.platform.shape import ADMIN_ROLE
from kulti_ops.progress import Silent
from kulti_ops.sandbox.build import BuildSummary, build_database
from kulti_ops.sandbox.server import SANDBOX_SETTINGS, sandbox_installation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kulti_ops.pgtools import Installation

NOW = datetime(2026, 11, 22, 3, 4, 5, 678901, tzinfo=UTC)
SCALE = 0.01
PASSWORD = 'it\'s a "password" \\ ä'


@dataclass(frozen=True, kw_only=True)
class Built:
    """One built sandbox."""

    server: PgServer
    installation: Installation
    summary: BuildSummary
    steps: tuple[str, ...]

    @property
    def admin_url(self) -> str:
        return self.server.dsn()

    @property
    def url(self) -> str:
        return self.server.dsn(user="postgres", password=PASSWORD)


class _Steps(Silent):
    """Listens to what the build is doing."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def step(self, text: str) -> None:
        self.heard.append(text)


def _build(root: Path, installation: Installation, stack: ExitStack) -> Built:
    spec = ServerSpec(
        data_dir=root / "data",
        superuser=ADMIN_ROLE,
        password="admin",
        listen="tcp",
        settings=SANDBOX_SETTINGS,
    )
    server = stack.enter_context(PgServer(spec, installation))
    steps = _Steps()
    summary = build_database(
        server.dsn(), postgres_password=PASSWORD, scale=SCALE, now=NOW, progress=steps
    )
    return Built(
        server=server, installation=installation, summary=summary, steps=tuple(steps.heard)
    )


@pytest.fixture(scope="package")
def twins(session_root: Path) -> Iterator[tuple[Built, Built]]:
    """Two sandboxes of the same scale and `now`."""
    installation = sandbox_installation(session_root / "cache")
    root = Path(tempfile.mkdtemp(dir=session_root))
    root.chmod(0o711)
    with ExitStack() as stack:
        folders = (root / "one", root / "two")
        for folder in folders:
            folder.mkdir(mode=0o711)
        yield (
            _build(folders[0], installation, stack),
            _build(folders[1], installation, stack),
        )
    shutil.rmtree(root)


@pytest.fixture(scope="package")
def built(twins: tuple[Built, Built]) -> Built:
    return twins[0]


@pytest.fixture
def admin(built: Built) -> Iterator[psycopg.Connection]:
    """A superuser's transaction that is rolled back."""
    with psycopg.connect(built.admin_url, connect_timeout=10) as connection:
        connection.execute("SET statement_timeout = '60s'")
        connection.execute("SET search_path = ''")
        yield connection
        connection.rollback()


@pytest.fixture
def postgres(built: Built) -> Iterator[psycopg.Connection]:
    """A transaction as `postgres`, the strongest role a customer gets; rolled back."""
    with psycopg.connect(built.url, connect_timeout=10) as connection:
        connection.execute("SET statement_timeout = '60s'")
        yield connection
        connection.rollback()
