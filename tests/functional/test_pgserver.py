from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from kulti_ops.errors import ConfigError, OperationFailedError, RefusedError
from kulti_ops.pgserver import PgServer, ServerSpec, server_account
from kulti_ops.pgserver.process import Child, server_pids, wait_until
from tests.functional.support import (
    as_ordinary_user,
    python_process,
    read_line,
    segment_exists,
    segment_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_mock import MockerFixture

    from kulti_ops.pgtools import Installation

PASSWORD = "pass word/'?"


def make_server(root: Path, installation: Installation, **changes: Any) -> PgServer:
    given = {"data_dir": root / "data", "superuser": "boss", "password": PASSWORD, **changes}
    return PgServer(ServerSpec(**given), installation)


@contextmanager
def connected(server: PgServer) -> Iterator[psycopg.Connection]:
    with psycopg.connect(server.dsn(), connect_timeout=10, autocommit=True) as connection:
        yield connection


def ask(server: PgServer, query: str) -> Any:
    with connected(server) as connection:
        row = connection.execute(query).fetchone()
        assert row is not None
        return row[0]


@pytest.fixture(scope="module")
def running(session_root: Path, server_install: Installation) -> Iterator[PgServer]:
    """One server for the tests that only look."""
    root = session_root / "running"
    root.mkdir(mode=0o711)
    with make_server(root, server_install, settings={"work_mem": "7MB"}) as server:
        yield server


@pytest.fixture
def server(server_root: Path, server_install: Installation) -> Iterator[PgServer]:
    """A server that the test may break."""
    with make_server(server_root, server_install) as server:
        yield server


def test_server_answers_with_its_password(running: PgServer) -> None:
    assert ask(running, "SELECT current_user") == "boss"


def test_server_refuses_a_wrong_password(running: PgServer) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(running.dsn(password="wrong"), connect_timeout=10)


def test_server_has_the_settings_it_was_given(running: PgServer) -> None:
    shown = {
        name: ask(running, f"SHOW {name}")
        for name in ("work_mem", "fsync", "wal_level", "timezone", "password_encryption")
    }
    assert shown == {
        "work_mem": "7MB",
        "fsync": "off",
        "wal_level": "minimal",
        "timezone": "UTC",
        "password_encryption": "scram-sha-256",
    }
    assert ask(running, "SHOW server_encoding") == "UTF8"
    assert ask(running, "SELECT datcollate FROM pg_database LIMIT 1") == "C.UTF-8"


def test_server_files_are_private_and_hold_no_password(running: PgServer) -> None:
    folder = running.spec.data_dir.parent
    for path in (running.spec.data_dir, running.socket_dir):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stat.S_IMODE(running.log_file.stat().st_mode) == 0o600
    assert sorted(path.name for path in folder.iterdir()) == ["data", "data.log", "data.run"]


def test_server_process_shows_no_password_and_got_none_of_our_environment(
    running: PgServer,
) -> None:
    process = Path(f"/proc/{running.pid}")
    assert PASSWORD.encode() not in (process / "cmdline").read_bytes()
    names = {line.split(b"=")[0] for line in (process / "environ").read_bytes().split(b"\0")}
    assert names <= {b"PATH", b"LC_ALL", b"TZ", b""} | {
        name for name in names if name.startswith((b"PG", b"LC_"))
    }


def test_server_never_runs_as_root(running: PgServer) -> None:
    account = server_account()
    expected = os.geteuid() if account is None else account.uid
    assert Path(f"/proc/{running.pid}").stat().st_uid == expected
    assert expected != 0


def test_server_on_tcp_listens_on_loopback_only(
    server_root: Path, server_install: Installation
) -> None:
    with make_server(server_root, server_install, listen="tcp") as server:
        assert ask(server, "SHOW listen_addresses") == "127.0.0.1"
        assert ask(server, "SHOW unix_socket_directories") == ""
        assert ask(server, "SELECT host(inet_server_addr())") == "127.0.0.1"


def test_server_on_a_taken_port_fails_with_the_cause(
    server_root: Path, server_install: Installation
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        server = make_server(server_root, server_install, listen="tcp", port=port)
        server.create()
        with pytest.raises(OperationFailedError, match="did not start: FATAL") as caught:
            server.start()
        assert "Address already in use" in caught.value.hint
        assert server_pids(server.spec.data_dir) == ()
        server.destroy()


def test_server_free_port_taken_meanwhile_is_picked_again(
    server_root: Path, server_install: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken, socket.socket() as free:
        for one in (taken, free):
            one.bind(("127.0.0.1", 0))
        taken.listen()
        ports = [taken.getsockname()[1], free.getsockname()[1]]
        free.close()
        monkeypatch.setattr("kulti_ops.pgserver.server.pick_free_port", lambda: ports.pop(0))
        with make_server(server_root, server_install, listen="tcp") as server:
            assert ports == []
            assert ask(server, "SELECT 1") == 1


def test_server_without_network_has_none_where_the_system_allows(
    server_root: Path, server_install: Installation
) -> None:
    flags = ["-n"] if os.geteuid() == 0 else ["-r", "-n"]
    tried = subprocess.run(
        ["/usr/bin/env", "unshare", *flags, "true"], check=False, capture_output=True
    )
    with make_server(server_root, server_install, network=False) as server:
        assert ask(server, "SELECT 1") == 1
        assert server.network_isolated is (tried.returncode == 0)


def test_server_with_network_is_not_called_isolated(running: PgServer) -> None:
    assert running.network_isolated is False


def test_server_stopped_and_started_keeps_its_data(server: PgServer) -> None:
    with connected(server) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    server.stop()
    assert not server.is_running()
    server.stop()
    server.start()
    server.start()
    assert ask(server, "SELECT answer FROM kept") == 42


def test_server_killed_is_noticed_and_starts_again(server: PgServer) -> None:
    with connected(server) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        connection.execute("CHECKPOINT")
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        assert wait_until(lambda: not server.is_running(), timeout_s=10)
    server.start()
    assert ask(server, "SELECT answer FROM kept") == 42


def test_server_started_again_collects_the_one_that_was_killed(
    server: PgServer, mocker: MockerFixture
) -> None:
    # A dying process leaves its folder a moment before it can be collected.
    reap = mocker.patch.object(Child, "reap", return_value=None)
    collect = mocker.spy(Child, "collect")
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    assert wait_until(lambda: not server.is_running(), timeout_s=10)
    mocker.stop(reap)
    server.start()
    ((killed,), _) = collect.call_args
    assert killed.handle.returncode == -signal.SIGKILL
    assert ask(server, "SELECT 42") == 42


def test_server_killed_and_destroyed_leaves_nothing(
    server_root: Path, server_install: Installation
) -> None:
    server = make_server(server_root, server_install)
    server.create()
    server.start()
    segment = segment_of(server.spec.data_dir)
    assert segment_exists(segment)
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    server.destroy()
    assert server_pids(server.spec.data_dir) == ()
    assert list(server_root.iterdir()) == []
    assert not segment_exists(segment)


def test_server_with_a_lock_file_naming_a_stranger_starts(server: PgServer) -> None:
    server.stop()
    account = server_account()
    ids = {} if account is None else {"user": account.uid, "group": account.gid}
    with subprocess.Popen(["/bin/sleep", "60"], **ids) as stranger:
        lock = server.spec.data_dir / "postmaster.pid"
        lock.write_text(f"{stranger.pid}\n{server.spec.data_dir}\n1\n5432\n\n\n0 0\nready\n")
        try:
            assert not server.is_running()
            server.start()
            assert ask(server, "SELECT 1") == 1
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_server_with_a_bad_setting_says_so_and_leaves_no_process(
    server_root: Path, server_install: Installation
) -> None:
    server = make_server(server_root, server_install, settings={"wal_level": "sideways"})
    server.create()
    with pytest.raises(OperationFailedError, match="wal_level"):
        server.start()
    assert server_pids(server.spec.data_dir) == ()
    server.destroy()
    assert list(server_root.iterdir()) == []


def test_server_is_not_made_in_a_folder_that_holds_something(
    server_root: Path, server_install: Installation
) -> None:
    precious = server_root / "data" / "precious"
    precious.parent.mkdir()
    precious.touch()
    server = make_server(server_root, server_install)
    with pytest.raises(RefusedError, match="not empty"):
        server.create()
    with pytest.raises(RefusedError, match="left alone"):
        server.destroy()
    assert precious.exists()


def test_server_whose_account_cannot_reach_the_folder_is_a_clear_error(
    server_root: Path, server_install: Installation
) -> None:
    private = server_root / "private"
    private.mkdir(mode=0o700)
    server = make_server(private, server_install)
    if os.geteuid() == 0:
        with pytest.raises(ConfigError, match="can't enter"):
            server.create()
        assert list(private.iterdir()) == []
    else:
        server.create()
        server.destroy()


def test_server_with_too_long_a_socket_path_is_a_clear_error(
    server_root: Path, server_install: Installation
) -> None:
    server = make_server(server_root, server_install, socket_dir=server_root / ("s" * 100))
    server.create()
    with pytest.raises(ConfigError, match="too long"):
        server.start()
    server.destroy()


def test_server_of_an_ordinary_user_lives_a_whole_life(
    session_root: Path, server_install: Installation
) -> None:
    home = session_root / "ordinary"
    home.mkdir()
    home.chmod(0o1777)

    def live() -> None:
        with make_server(home, server_install, network=False) as server:
            assert ask(server, "SELECT current_user") == "boss"
            server.stop()
            server.start()
            assert Path(f"/proc/{server.pid}").stat().st_uid == os.geteuid()
        assert list(home.iterdir()) == []

    as_ordinary_user(live)


DETACHED = """
import sys, pathlib
from kulti_ops.pgserver import PgServer, ServerSpec
from kulti_ops.pgtools import Installation
root, bin_dir, tied = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3] == "tied"
spec = ServerSpec(data_dir=root / "data", superuser="boss", password="p", die_with_parent=tied)
server = PgServer(spec, Installation(bin_dir, 17, "17.10", "embedded"))
server.create()
print("creating", flush=True)
server.start()
print(server.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("tied", [True, False])
def test_server_outlives_its_killed_parent_only_when_it_should(
    server_root: Path, server_install: Installation, *, tied: bool
) -> None:
    server = make_server(server_root, server_install, password="p")
    try:
        arguments = (server_root, server_install.bin_dir, "tied" if tied else "free")
        with python_process(DETACHED, *arguments) as parent:
            read_line(parent)
            assert int(read_line(parent)) == server.pid
        if tied:
            assert wait_until(lambda: not server_pids(server.spec.data_dir), timeout_s=20)
        else:
            assert ask(server, "SELECT 1") == 1
            server.stop()
            assert not server.is_running()
    finally:
        server.destroy()
