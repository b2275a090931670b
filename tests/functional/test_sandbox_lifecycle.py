"""The sandbox's life, with a builder that makes one table instead of a whole Kulti."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql

from kulti_ops.errors import ConfigError, NotFoundError, OperationFailedError, RefusedError
from kulti_ops.pgserver.process import server_pids, wait_until
from kulti_ops.sandbox import lifecycle
from kulti_ops.sandbox.lifecycle import Places, SandboxInfo
from tests.functional.support import (
    as_ordinary_user,
    python_process,
    read_line,
    segment_exists,
    segment_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kulti_ops.progress import Progress

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def build(
    admin_dsn: str,
    *,
    postgres_password: str,
    scale: float,
    now: datetime,
    progress: Progress,
) -> None:
    """Stand in for the real builder: quick, and it can be told to fail."""
    progress.step("building")
    password = sql.Literal(postgres_password)
    with psycopg.connect(admin_dsn, connect_timeout=10) as connection:
        connection.execute(sql.SQL("CREATE ROLE postgres LOGIN PASSWORD {}").format(password))
        connection.execute("CREATE EXTENSION pg_stat_statements")
        table = sql.SQL("CREATE TABLE built AS SELECT {} AS scale, {} AS at")
        connection.execute(table.format(sql.Literal(scale), sql.Literal(now)))
        connection.execute("GRANT SELECT ON built TO postgres")


def failing_build(*_arguments: Any, **_options: Any) -> None:
    raise OperationFailedError("staged failure")


@pytest.fixture
def places(session_root: Path) -> Places:
    return Places(cache_dir=session_root / "cache", data_home=session_root / "sandbox-data")


@pytest.fixture
def folder(server_root: Path) -> Iterator[Path]:
    folder = server_root / "box"
    yield folder
    if lifecycle.status(folder) is not None:
        lifecycle.destroy(folder)


def start(folder: Path, places: Places, **changes: Any) -> SandboxInfo:
    return lifecycle.start(folder, **{"places": places, "now": NOW, "build": build, **changes})


def ask(url: str, query: str) -> Any:
    with psycopg.connect(url, connect_timeout=10) as connection:
        row = connection.execute(query).fetchone()
        assert row is not None
        return row[0]


def test_sandbox_started_has_two_roles_and_the_platforms_settings(
    folder: Path, places: Places
) -> None:
    info = start(folder, places, scale=0.5)
    assert (info.state, info.scale, info.started_at, info.dir) == ("running", 0.5, NOW, folder)
    assert ask(info.database_url, "SELECT current_user") == "postgres"
    assert ask(info.admin_url, "SELECT current_user") == "supabase_admin"
    assert ask(info.database_url, "SELECT scale FROM built") == 0.5
    shown = {
        name: ask(info.admin_url, f"SHOW {name}")
        for name in ("wal_level", "fsync", "listen_addresses", "max_connections", "autovacuum")
    }
    assert shown == {
        "wal_level": "logical",
        "fsync": "on",
        "listen_addresses": "127.0.0.1",
        "max_connections": "60",
        "autovacuum": "on",
    }
    assert ask(info.admin_url, "SELECT count(*) FROM pg_stat_statements") >= 0


def test_sandbox_asks_for_a_password(folder: Path, places: Places) -> None:
    info = start(folder, places)
    for url in (info.database_url, info.admin_url):
        secret = url.split(":")[2].split("@")[0]
        assert len(secret) >= 32
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(url.replace(secret, "postgres"), connect_timeout=10)


def test_sandbox_memory_is_private_and_its_repr_has_no_password(
    folder: Path, places: Places
) -> None:
    info = start(folder, places)
    assert stat.S_IMODE((folder / "sandbox.json").stat().st_mode) == 0o600
    assert json.loads((folder / "sandbox.json").read_text())["admin_password"] in info.admin_url
    assert "postgresql://" not in repr(info)


def test_sandbox_started_twice_is_found_running(folder: Path, places: Places) -> None:
    first = start(folder, places)
    again = start(folder, places, build=failing_build, now=NOW.replace(year=2027))
    assert again == first


def test_sandbox_stopped_and_started_keeps_data_port_and_passwords(
    folder: Path, places: Places
) -> None:
    first = start(folder, places)
    with psycopg.connect(first.admin_url, connect_timeout=10) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS answer")
    stopped = lifecycle.stop(folder)
    assert (stopped.state, stopped.pid, stopped.started_at) == ("stopped", None, None)
    assert lifecycle.status(folder) == stopped
    again = start(folder, places, build=failing_build)
    assert again == replace(first, pid=again.pid)
    assert ask(again.admin_url, "SELECT count(*) FROM kept") == 1


def test_sandbox_killed_is_restarted_with_its_data(folder: Path, places: Places) -> None:
    first = start(folder, places)
    with psycopg.connect(first.admin_url, autocommit=True, connect_timeout=10) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        assert first.pid is not None
        os.kill(first.pid, signal.SIGKILL)
    assert wait_until(lambda: _state(folder) == "stopped", timeout_s=10)
    again = start(folder, places, build=failing_build)
    assert again.database_url == first.database_url
    assert ask(again.admin_url, "SELECT answer FROM kept") == 42


def test_sandbox_whose_picked_port_was_taken_moves_to_another(folder: Path, places: Places) -> None:
    first = start(folder, places)
    lifecycle.stop(folder)
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", first.port))
        taken.listen()
        again = start(folder, places)
    assert again.port != first.port
    assert ask(again.database_url, "SELECT 1") == 1


def test_sandbox_whose_chosen_port_is_taken_says_so(folder: Path, places: Places) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OperationFailedError) as caught:
            start(folder, places, port=port)
    assert "Address already in use" in caught.value.hint
    assert not folder.exists()
    assert start(folder, places, port=port).port == port


def test_sandbox_of_another_scale_or_port_is_refused(folder: Path, places: Places) -> None:
    info = start(folder, places, scale=0.5)
    with pytest.raises(RefusedError, match=r"scale 0\.5, not 1"):
        start(folder, places, scale=1)
    with pytest.raises(RefusedError, match="runs on port"):
        start(folder, places, port=1 + info.port)


def test_sandbox_destroyed_leaves_nothing(folder: Path, places: Places) -> None:
    info = start(folder, places)
    segment = segment_of(info.data_dir)
    lifecycle.destroy(folder)
    assert not folder.exists()
    assert server_pids(info.data_dir) == ()
    assert not segment_exists(segment)
    assert lifecycle.status(folder) is None
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", info.port)) != 0


def test_sandbox_destroyed_after_a_kill_leaves_nothing(folder: Path, places: Places) -> None:
    info = start(folder, places)
    segment = segment_of(info.data_dir)
    assert info.pid is not None
    os.kill(info.pid, signal.SIGKILL)
    lifecycle.destroy(folder)
    assert not folder.exists()
    assert server_pids(info.data_dir) == ()
    assert not segment_exists(segment)


def test_sandbox_in_a_given_empty_folder_works(folder: Path, places: Places) -> None:
    folder.mkdir(mode=0o755)
    assert start(folder, places).state == "running"


@pytest.mark.parametrize("action", [lifecycle.stop, lifecycle.destroy])
def test_sandbox_commands_on_a_folder_without_one_are_refused(
    server_root: Path, action: Any
) -> None:
    precious = server_root / "data" / "precious"
    precious.parent.mkdir()
    precious.touch()
    with pytest.raises(RefusedError, match="left alone"):
        action(server_root)
    with pytest.raises(NotFoundError, match="there is no sandbox"):
        action(server_root / "absent")
    assert [path.name for path in server_root.rglob("*")] == ["data", "precious"]


def test_sandbox_in_a_folder_with_other_things_is_refused(
    server_root: Path, places: Places
) -> None:
    (server_root / "precious").touch()
    with pytest.raises(RefusedError, match="precious"):
        start(server_root, places)
    assert [path.name for path in server_root.iterdir()] == ["precious"]


def test_sandbox_whose_build_fails_leaves_nothing(folder: Path, places: Places) -> None:
    with pytest.raises(OperationFailedError, match="staged"):
        start(folder, places, build=failing_build)
    assert not folder.exists()
    assert server_pids(folder / "data") == ()


def test_sandbox_in_a_private_folder_of_root_keeps_its_data_elsewhere(
    server_root: Path, places: Places
) -> None:
    private = server_root / "private"
    private.mkdir(mode=0o700)
    info = start(private / "box", places)
    try:
        assert ask(info.database_url, "SELECT 1") == 1
        assert info.data_dir.is_relative_to(private) is (os.geteuid() != 0)
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
    finally:
        lifecycle.destroy(private / "box")
    assert list(private.iterdir()) == []
    assert not info.data_dir.parent.exists()


def test_sandbox_damaged_memory_is_named(folder: Path) -> None:
    folder.mkdir()
    (folder / "sandbox.json").write_text("{")
    with pytest.raises(OperationFailedError, match="damaged"):
        lifecycle.status(folder)
    (folder / "sandbox.json").write_text('{"schema_version": 2}')
    with pytest.raises(OperationFailedError, match="can't be understood"):
        lifecycle.status(folder)
    (folder / "sandbox.json").unlink()


def test_sandbox_of_an_ordinary_user_lives_a_whole_life(session_root: Path, places: Places) -> None:
    lifecycle.sandbox_installation(places.cache_dir)
    home = session_root / "ordinary-sandbox"
    home.mkdir()
    home.chmod(0o1777)

    def live() -> None:
        own = replace(places, cache_dir=home / "cache")
        info = start(home / "box", own)
        assert stat.S_IMODE((home / "box").stat().st_mode) == 0o700
        assert Path(f"/proc/{info.pid}").stat().st_uid == os.geteuid()
        assert ask(info.database_url, "SELECT 1") == 1
        lifecycle.destroy(home / "box")
        assert not (home / "box").exists()

    as_ordinary_user(live)


def test_sandbox_of_somebody_else_is_refused(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o755)
    (folder / "sandbox.json").write_text("{}")
    (folder / "sandbox.json").chmod(0o644)

    def look() -> None:
        with pytest.raises(ConfigError, match="belongs to another account"):
            lifecycle.status(folder)

    if os.geteuid() == 0:
        as_ordinary_user(look)
        os.chown(folder / "sandbox.json", 54321, 54321)
        look()
    (folder / "sandbox.json").unlink()


STARTER = """
import datetime, os, pathlib, sys
from kulti_ops.sandbox import lifecycle
from tests.functional.test_sandbox_lifecycle import NOW, build
folder, cache, home, mode = sys.argv[1:]
def slow(*arguments, **options):
    print("building", flush=True)
    if mode == "killed":
        sys.stdin.read()
    build(*arguments, **options)
print("ready", flush=True)
sys.stdin.readline()
places = lifecycle.Places(cache_dir=pathlib.Path(cache), data_home=pathlib.Path(home))
info = lifecycle.start(pathlib.Path(folder), places=places, now=NOW, build=slow)
print(info.database_url, flush=True)
"""


def _state(folder: Path) -> str:
    info = lifecycle.status(folder)
    assert info is not None
    return info.state


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_sandbox_killed_while_it_is_built(
    folder: Path, places: Places, number: signal.Signals
) -> None:
    arguments = (folder, places.cache_dir, places.data_home, "killed")
    with python_process(STARTER, *arguments) as child:
        _go(child)
        assert read_line(child) == "building"
        assert _state(folder) == "building"
        child.send_signal(number)
        child.wait(timeout=30)
    if number is signal.SIGINT:
        assert not folder.exists()
        return
    assert _state(folder) == "unfinished"
    assert wait_until(lambda: not server_pids(folder / "data"), timeout_s=20)
    info = start(folder, places)
    assert ask(info.database_url, "SELECT scale FROM built") == Decimal("0.01")


def test_sandbox_killed_while_it_is_built_can_be_destroyed(folder: Path, places: Places) -> None:
    with python_process(STARTER, folder, places.cache_dir, places.data_home, "killed") as child:
        _go(child)
        assert wait_until(lambda: bool(server_pids(folder / "data")), timeout_s=20)
        child.kill()
        child.wait(timeout=30)
    lifecycle.destroy(folder)
    assert not folder.exists()
    assert server_pids(folder / "data") == ()


def test_sandbox_started_twice_at_once_is_built_once(folder: Path, places: Places) -> None:
    arguments = (folder, places.cache_dir, places.data_home, "free")
    with python_process(STARTER, *arguments) as one, python_process(STARTER, *arguments) as other:
        for child in (one, other):
            read_line(child)
        for child in (one, other):
            _say_go(child)
        said = [child.communicate(timeout=60)[0].split() for child in (one, other)]
    assert sorted(len(words) for words in said) == [1, 2]
    assert said[0][-1] == said[1][-1]
    assert ask(said[0][-1], "SELECT 1") == 1


def test_sandbox_survives_the_process_that_started_it(folder: Path, places: Places) -> None:
    with python_process(STARTER, folder, places.cache_dir, places.data_home, "free") as child:
        _go(child)
        said = child.communicate(timeout=60)[0].split()
    assert _state(folder) == "running"
    assert ask(said[-1], "SELECT 1") == 1


def _go(child: Any) -> None:
    read_line(child)
    _say_go(child)


def _say_go(child: Any) -> None:
    child.stdin.write("\n")
    child.stdin.flush()
