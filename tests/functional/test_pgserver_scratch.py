from __future__ import annotations

import os
import signal
import stat
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from kulti_ops.errors import ConfigError
from kulti_ops.pgserver import ScratchOptions, coming_scratch_server, reap_scratch, scratch_server
from kulti_ops.pgserver.process import server_pids, wait_until
from tests.functional.support import (
    as_ordinary_user,
    processes_under,
    python_process,
    read_line,
    segment_exists,
    segment_of,
)

if TYPE_CHECKING:
    from kulti_ops.pgtools import Installation

OWNER = """
import sys, pathlib
from kulti_ops.pgserver import ScratchOptions, scratch_server
from kulti_ops.pgtools import Installation
root, bin_dir, tied = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3] == "tied"
options = ScratchOptions(die_with_parent=tied)
print("started", flush=True)
installation = Installation(bin_dir, 17, "17.10", "embedded")
with scratch_server(root, installation, options=options) as server:
    print(server.spec.data_dir, flush=True)
    print(server.socket_dir, flush=True)
    sys.stdin.read()
"""


def scratch_folders(root: Path) -> list[Path]:
    return sorted(root.glob("scratch-*"))


def test_scratch_server_answers_and_leaves_nothing(
    server_root: Path, server_install: Installation
) -> None:
    with scratch_server(server_root, server_install) as server:
        data_dir = server.spec.data_dir
        segment = segment_of(data_dir)
        with psycopg.connect(server.dsn(), connect_timeout=10) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
        assert stat.S_IMODE(data_dir.parent.stat().st_mode) & 0o066 == 0
    assert scratch_folders(server_root) == []
    assert server_pids(data_dir) == ()
    assert not segment_exists(segment)


def test_scratch_server_failing_inside_leaves_nothing(
    server_root: Path, server_install: Installation
) -> None:
    def fail() -> None:
        with scratch_server(server_root, server_install) as server:
            seen.append(server.spec.data_dir)
            raise ZeroDivisionError

    seen: list[Path] = []
    with pytest.raises(ZeroDivisionError):
        fail()
    (data_dir,) = seen
    assert scratch_folders(server_root) == []
    assert server_pids(data_dir) == ()


def test_scratch_servers_have_passwords_of_their_own(
    server_root: Path, server_install: Installation
) -> None:
    with (
        scratch_server(server_root, server_install) as one,
        scratch_server(server_root, server_install) as other,
    ):
        assert one.spec.password != other.spec.password
        assert len(one.spec.password) >= 20


@pytest.mark.parametrize("life", ["tied", "free"])
def test_scratch_server_of_a_killed_owner_is_reaped(
    server_root: Path, server_install: Installation, life: str
) -> None:
    with python_process(OWNER, server_root, server_install.bin_dir, life) as owner:
        read_line(owner)
        data_dir = Path(read_line(owner))
        segment = segment_of(data_dir)
        assert reap_scratch(server_root) == ()
        assert data_dir.exists()
        owner.send_signal(signal.SIGKILL)
        owner.wait(timeout=10)
    if life == "tied":
        assert wait_until(lambda: not server_pids(data_dir), timeout_s=20)
    else:
        assert server_pids(data_dir)
    assert reap_scratch(server_root) == (data_dir.parent,)
    assert scratch_folders(server_root) == []
    assert server_pids(data_dir) == ()
    assert not segment_exists(segment)


def test_scratch_server_killed_during_initdb_is_reaped_by_the_next(
    server_root: Path, server_install: Installation
) -> None:
    with python_process(OWNER, server_root, server_install.bin_dir, "tied") as owner:
        read_line(owner)
        assert wait_until(lambda: bool(processes_under(server_root)), timeout_s=20)
        owner.send_signal(signal.SIGKILL)
        owner.wait(timeout=10)
    (dead,) = scratch_folders(server_root)
    assert wait_until(lambda: not processes_under(server_root), timeout_s=20)
    with scratch_server(server_root, server_install) as server:
        assert scratch_folders(server_root) == [server.spec.data_dir.parent]
    assert wait_until(lambda: not server_pids(dead / "data"), timeout_s=10)


def test_scratch_server_interrupted_cleans_up_itself(
    server_root: Path, server_install: Installation
) -> None:
    with python_process(OWNER, server_root, server_install.bin_dir, "tied") as owner:
        read_line(owner)
        assert wait_until(lambda: bool(processes_under(server_root)), timeout_s=20)
        owner.send_signal(signal.SIGINT)
        owner.wait(timeout=30)
        assert scratch_folders(server_root) == []


def test_scratch_root_of_a_long_name_puts_the_socket_elsewhere_and_reaps_it(
    server_root: Path, server_install: Installation
) -> None:
    root = server_root / ("long" * 25)
    with python_process(OWNER, root, server_install.bin_dir, "free") as owner:
        read_line(owner)
        data_dir, socket_dir = Path(read_line(owner)), Path(read_line(owner))
        assert not socket_dir.is_relative_to(root)
        assert list(socket_dir.glob(".s.PGSQL*"))
        owner.send_signal(signal.SIGKILL)
        owner.wait(timeout=10)
    assert reap_scratch(root) == (data_dir.parent,)
    assert not socket_dir.exists()


def test_reap_unclaimed_folder_is_removed_and_other_things_stay(server_root: Path) -> None:
    (server_root / "scratch-0123").mkdir()
    (server_root / "scratch-file").touch()
    (server_root / "scratch-link").symlink_to(server_root / "precious")
    (server_root / "precious").mkdir()
    assert reap_scratch(server_root) == (server_root / "scratch-0123",)
    assert {path.name for path in server_root.iterdir() if not path.name.startswith(".")} == {
        "precious",
        "scratch-file",
        "scratch-link",
    }


def test_scratch_root_that_others_can_change_is_refused(
    server_root: Path, server_install: Installation
) -> None:
    server_root.chmod(0o777)
    with (
        pytest.raises(ConfigError, match="others can change"),
        scratch_server(server_root, server_install),
    ):
        pass


def test_scratch_server_of_an_ordinary_user_works(
    session_root: Path, server_install: Installation
) -> None:
    home = session_root / "ordinary-scratch"
    home.mkdir()
    home.chmod(0o1777)

    def live() -> None:
        root = home / "root"
        options = ScratchOptions(network=False)
        with scratch_server(root, server_install, options=options) as server:
            assert stat.S_IMODE(server.spec.data_dir.parent.stat().st_mode) == 0o700
            with psycopg.connect(server.dsn(), connect_timeout=10) as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
        assert [path.name for path in root.iterdir()] == [f".lock-{os.geteuid()}"]

    as_ordinary_user(live)


def test_coming_server_arrives_when_it_is_asked_for(
    server_root: Path, server_install: Installation
) -> None:
    with coming_scratch_server(server_root, server_install) as arrived:
        server = arrived()
        with psycopg.connect(server.dsn(), connect_timeout=10) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    assert server_pids(server.spec.data_dir) == ()
    assert list(server_root.glob("scratch-*")) == []


@pytest.mark.parametrize("pause_s", [0, 0.01, 0.1, 0.2, 1])
def test_coming_server_that_nobody_waits_for_leaves_nothing(
    server_root: Path, server_install: Installation, pause_s: float
) -> None:
    with coming_scratch_server(server_root, server_install):
        (folder,) = server_root.glob("scratch-*")
        time.sleep(pause_s)
    assert server_pids(folder / "data") == ()
    assert list(server_root.glob("scratch-*")) == []
    assert wait_until(lambda: not _threads_named("initdb"), timeout_s=10)


def test_coming_server_that_cannot_be_made_says_so_when_it_is_asked_for(
    server_root: Path, server_install: Installation
) -> None:
    broken = replace(server_install, bin_dir=server_root / "nothing")
    with (
        coming_scratch_server(server_root, broken) as arrived,
        pytest.raises(ConfigError, match="no initdb"),
    ):
        arrived()
    assert list(server_root.glob("scratch-*")) == []


def _threads_named(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == name]


LEAVES = """
import os, pathlib, signal, sys, threading, time
from kulti_ops.pgserver import coming_scratch_server
from kulti_ops.pgtools import Installation
from kulti_ops.signals import signals_unwind
root, bin_dir = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
works_s, interrupted_after_s = float(sys.argv[3]), float(sys.argv[4])
try:
    with signals_unwind(), coming_scratch_server(root, Installation(bin_dir, 17, "17", "embedded")):
        time.sleep(works_s)
        kill = threading.Timer(interrupted_after_s, os.kill, (os.getpid(), signal.SIGINT))
        kill.start()
        raise LookupError("verification failed")
except (LookupError, KeyboardInterrupt) as end:
    print(type(end).__name__, flush=True)
kill.join()
"""


@pytest.mark.parametrize("works_s", [0.02, 0.08, 0.15])
@pytest.mark.parametrize("interrupted_after_s", [0.001, 0.006, 0.02])
def test_coming_server_interrupted_while_it_is_removed_leaves_nothing(
    server_root: Path, server_install: Installation, works_s: float, interrupted_after_s: float
) -> None:
    arguments = (server_root, server_install.bin_dir, works_s, interrupted_after_s)
    with python_process(LEAVES, *map(str, arguments)) as owner:
        assert read_line(owner) in {"LookupError", "KeyboardInterrupt"}
    assert list(server_root.glob("scratch-*")) == []
