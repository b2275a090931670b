"""Staging of faults: a small source, one good backup to damage, and the table at the end."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql

from tests.functional.conftest import Database
from tests.functional.faults.catalogue import FAULTS
from tests.functional.faults.stage import SMALL, Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kulti_ops.sandbox.lifecycle import SandboxInfo

_outcomes: dict[str, list[tuple[str, str]]] = {}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "fault(name): the fault of the catalogue that is staged")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for marker in item.iter_markers("fault"):
            assert marker.args[0] in FAULTS, f"{item.nodeid}: not in the catalogue: {marker.args}"
            item.user_properties.append(("fault", marker.args[0]))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" or report.outcome != "passed":
        said = next((str(v) for k, v in report.user_properties if k == "outcome"), "")
        for key, value in report.user_properties:
            if key == "fault":
                _outcomes.setdefault(str(value), []).append((report.outcome, said))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not _outcomes:
        return
    terminalreporter.section("faults staged")
    width = max(map(len, _outcomes))
    for fault in (f for f in FAULTS if f in _outcomes):
        runs = _outcomes[fault]
        bad = [outcome for outcome, _ in runs if outcome != "passed"]
        said = next((s for _, s in runs if s), "")
        many = f" ({len(runs)} ways)" if len(runs) > 1 else ""
        terminalreporter.line(f"{fault:<{width}}  {'FAILED' if bad else 'ok'}{many}  {said}"[:200])
    terminalreporter.line(f"{len(_outcomes)} of {len(FAULTS)} faults staged")


@pytest.fixture
def outcome(request: pytest.FixtureRequest) -> Callable[[object], None]:
    """Note what the tool said, for the table."""

    def note(text: object) -> None:
        request.node.user_properties.append(("outcome", " ".join(str(text).split())))

    return note


@pytest.fixture(scope="session")
def _small_template(sandbox: SandboxInfo) -> str:
    name = "faults_small"
    _create(sandbox.admin_url, name, "template0")
    with psycopg.connect(_url(sandbox.database_url, name), connect_timeout=10) as connection:
        connection.execute(SMALL)
    return name


@pytest.fixture
def small_copy(sandbox: SandboxInfo, _small_template: str) -> Iterator[Callable[[], Database]]:
    """Make small databases that may be changed; dropped at the end."""
    names: list[str] = []

    def make() -> Database:
        names.append(f"faults_{len(names)}_{id(names):x}")
        _create(sandbox.admin_url, names[-1], _small_template)
        return _database(sandbox, names[-1])

    yield make
    with psycopg.connect(sandbox.admin_url, autocommit=True, connect_timeout=10) as connection:
        drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        for name in names:
            connection.execute(drop.format(sql.Identifier(name)))


@pytest.fixture
def sandbox_named(sandbox: SandboxInfo) -> Iterator[Callable[[str], str]]:
    """Make empty databases of any name; returns the URL of one."""
    names: list[str] = []

    def make(name: str) -> str:
        names.append(name)
        _create(sandbox.admin_url, name, "template0")
        return _url(sandbox.database_url, quote(name, safe=""))

    yield make
    with psycopg.connect(sandbox.admin_url, autocommit=True, connect_timeout=10) as connection:
        for name in names:
            connection.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def small(sandbox: SandboxInfo, _small_template: str) -> Database:
    """A small database. Look, don't touch."""
    name = "faults_shared"
    _create(sandbox.admin_url, name, _small_template)
    return _database(sandbox, name)


@pytest.fixture(scope="session")
def _stages(session_root: Path) -> Path:
    root = session_root / "stages"
    root.mkdir()
    root.chmod(0o711)
    return root


@pytest.fixture(scope="session")
def good(_stages: Path, session_root: Path, small: Database) -> Stage:
    """A stage with one good backup of the small database. Copy it, don't touch it."""
    stage = Stage.make(_stages / "good", cache=session_root / "cache", url=small.url)
    stage.create()
    return stage


@pytest.fixture
def stage(_stages: Path, session_root: Path, small: Database) -> Iterator[Stage]:
    """An empty storage for one test, the small database as its source."""
    made = Stage.make(_stages / "one", cache=session_root / "cache", url=small.url)
    yield made
    shutil.rmtree(made.root)


@pytest.fixture
def damaged(_stages: Path, session_root: Path, good: Stage) -> Iterator[Stage]:
    """A copy of the good backup, to be damaged."""
    made = Stage.make(_stages / "copy", cache=session_root / "cache", url=good.url)
    shutil.copytree(good.storage, made.storage, dirs_exist_ok=True)
    yield made
    shutil.rmtree(made.root)


def _create(admin_url: str, name: str, template: str) -> None:
    query = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER postgres STRATEGY file_copy")
    with psycopg.connect(admin_url, autocommit=True, connect_timeout=10) as connection:
        connection.execute(query.format(sql.Identifier(name), sql.Identifier(template)))


def _database(sandbox: SandboxInfo, name: str) -> Database:
    return Database(
        name=name,
        url=_url(sandbox.database_url, name),
        admin_url=_url(sandbox.admin_url, name),
    )


def _url(url: str, name: str) -> str:
    return url.removesuffix("/postgres") + f"/{name}"
