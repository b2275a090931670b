"""Real servers for the functional tests, as root and as an ordinary user alike.

One sandbox per session, never altered; a test that changes something takes a copy of
its database (`sandbox_copy`), an empty database (`empty_database`) or a server of its
own (`scratch_server` in `server_root`).
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from kulti_ops.pgserver import PgServer, ScratchOptions, scratch_server, server_installation
from kulti_ops.platform.shape import EXTENSIONS_DIR
from kulti_ops.sandbox import lifecycle
from kulti_ops.sandbox.lifecycle import Places, SandboxInfo
from tests.functional.new_project import VARIANTS, Database, Platforms
from tests.functional.older_servers import copy_older_server
from tests.s3server import moto, swift

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kulti_ops.pgtools import Installation

__all__ = ("moto", "swift")  # fixtures that are not made here

SANDBOX_SCALE = 0.01
SHARED_MEMORY, MEMORY = Path("/dev/shm"), Path("/proc/meminfo")
WANTED_BYTES = 10 * 1024**3  # each of a few workers keeps some 2 GB
_TEMPLATE = "kulti_template"


@pytest.fixture(scope="session")
def session_root() -> Iterator[Path]:
    """A short path that the server's account can enter, which pytest's own is not."""
    root = Path(tempfile.mkdtemp(prefix="kulti-test-", dir=_fast_place()))
    root.chmod(0o711)
    yield root
    shutil.rmtree(root)


def _fast_place() -> Path | None:
    """Return memory where there is plenty and programs may run from it, else the usual place.

    The servers sync as they do in the field; on a disk half of the suite's time is that.
    """
    try:
        disk = os.statvfs(SHARED_MEMORY)
        known = MEMORY.read_text(encoding="ascii")
    except OSError:
        return None
    available = next(int(x.split()[1]) for x in known.splitlines() if x.startswith("MemAvailable"))
    room_bytes = min(disk.f_bavail * disk.f_frsize, available * 1024)
    usable = room_bytes >= WANTED_BYTES and not disk.f_flag & os.ST_NOEXEC
    return SHARED_MEMORY if usable and os.access(SHARED_MEMORY, os.W_OK) else None


@pytest.fixture
def server_root(session_root: Path) -> Iterator[Path]:
    """A fresh folder for one test's servers."""
    root = Path(tempfile.mkdtemp(dir=session_root))
    root.chmod(0o711)
    yield root
    shutil.rmtree(root)


@pytest.fixture(scope="session")
def server_install(session_root: Path) -> Installation:
    """The embedded PostgreSQL, copied once per session."""
    return server_installation(session_root / "cache")


@pytest.fixture(scope="session")
def older_install(session_root: Path) -> Callable[[int], Installation]:
    """Return a PostgreSQL 15 or 16, copied to where the server's account can run it.

    Skips where its wheel isn't installed, as on a Python that it wasn't made for.
    """

    made: dict[int, Installation] = {}

    def install(major: int) -> Installation:
        if major not in made:
            root = session_root / f"postgresql-{major}"
            root.mkdir(mode=0o755, exist_ok=True)
            found = copy_older_server(root, major)
            if found is None:
                pytest.skip(f"no wheel of PostgreSQL {major} on this Python")
            made[major] = found
        return made[major]

    return install


@pytest.fixture(scope="session")
def sandbox(session_root: Path) -> Iterator[SandboxInfo]:
    """A Kulti of scale 0.01, built once. Look, don't touch: every test shares it."""
    folder = session_root / "sandbox"
    info = lifecycle.start(
        folder,
        places=Places(cache_dir=session_root / "cache", data_home=session_root / "sandbox-data"),
        now=datetime.now(UTC),
        scale=SANDBOX_SCALE,
    )
    yield info
    lifecycle.destroy(folder)


@pytest.fixture(scope="session")
def _sandbox_template(sandbox: SandboxInfo) -> str:
    """A copy that nobody connects to, so that it can be copied at any time."""
    _create(sandbox.admin_url, _TEMPLATE, template="postgres", owner="postgres")
    return _TEMPLATE


@pytest.fixture
def sandbox_copy(sandbox: SandboxInfo, _sandbox_template: str) -> Iterator[Callable[[], Database]]:
    """Make databases that hold a whole Kulti and may be changed; dropped at the end."""
    names: list[str] = []

    def make() -> Database:
        name = _next_name(names)
        _create(sandbox.admin_url, name, template=_sandbox_template, owner="postgres")
        return Database(
            name=name,
            url=_with_database(sandbox.database_url, name),
            admin_url=_with_database(sandbox.admin_url, name),
        )

    yield make
    _drop(sandbox.admin_url, names)


@pytest.fixture(scope="session")
def plain_server(session_root: Path, server_install: Installation) -> Iterator[PgServer]:
    """A plain PostgreSQL 17 on loopback with nothing in it: somewhere to restore to."""
    options = ScratchOptions(listen="tcp", superuser="plain_admin")
    with scratch_server(session_root / "scratch", server_install, options=options) as server:
        yield server


@pytest.fixture
def empty_database(plain_server: PgServer) -> Iterator[Callable[[], Database]]:
    """Make empty databases on the plain server; dropped at the end (roles stay)."""
    names: list[str] = []

    def make() -> Database:
        name = _next_name(names)
        _create(plain_server.dsn(), name, template="template0", owner="plain_admin")
        return Database(name=name, url=plain_server.dsn(name), admin_url=plain_server.dsn(name))

    yield make
    _drop(plain_server.dsn(), names)


@pytest.fixture(scope="session")
def platforms(session_root: Path) -> Iterator[Platforms]:
    """The servers on which new projects are made."""
    with ExitStack() as stack:
        yield Platforms(root=session_root, stack=stack)


class NewProject(Protocol):
    """Makes a new project, as it is or as one of `new_project.VARIANTS`."""

    def __call__(self, variant: str = "plain") -> Database:
        """Return its URLs: as `postgres`, who is no superuser there, and as the superuser."""


@pytest.fixture
def new_project(platforms: Platforms) -> Iterator[NewProject]:
    """Make new, empty hosted projects; dropped at the end with the roles that were added."""

    def make(variant: str = "plain") -> Database:
        chosen = VARIANTS[variant]
        return platforms.of(chosen).make(chosen.change)

    yield make
    platforms.clean()


@pytest.fixture(scope="session")
def own_server(session_root: Path) -> Iterator[PgServer]:
    """A server of one's own that has the packages of every extension in the sandbox."""
    install = server_installation(session_root / "cache", extra_extensions=EXTENSIONS_DIR)
    options = ScratchOptions(listen="tcp", superuser="own_admin")
    with scratch_server(session_root / "own", install, options=options) as server:
        yield server


@pytest.fixture
def empty_url(own_server: PgServer) -> Iterator[str]:
    """The URL of an empty database on a server that has nobody's roles yet."""
    name = f"empty_{secrets.token_hex(4)}"
    with psycopg.connect(own_server.dsn(), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield own_server.dsn(name)
    with psycopg.connect(own_server.dsn(), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))
        for (role,) in connection.execute(
            "SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> current_user"
        ).fetchall():
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def _next_name(names: list[str]) -> str:
    name = f"test_{len(names)}_{id(names):x}"
    names.append(name)
    return name


def _create(admin_url: str, name: str, *, template: str, owner: str) -> None:
    query = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {} STRATEGY file_copy")
    with psycopg.connect(admin_url, autocommit=True, connect_timeout=10) as connection:
        connection.execute(query.format(*map(sql.Identifier, (name, template, owner))))


def _drop(admin_url: str, names: list[str]) -> None:
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
    with psycopg.connect(admin_url, autocommit=True, connect_timeout=10) as connection:
        for query in map(drop.format, map(sql.Identifier, names)):
            connection.execute(query)


def _with_database(url: str, name: str) -> str:
    assert conninfo_to_dict(url)["dbname"] == "postgres"
    return url.removesuffix("/postgres") + f"/{name}"
