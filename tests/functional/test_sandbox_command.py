from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.functional.support import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def folder(server_root: Path) -> Path:
    return server_root / "box"


@pytest.fixture
def run(
    server_root: Path, session_root: Path, folder: Path
) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(server_root),
        "KULTI_OPS_CACHE_DIR": str(session_root / "cache"),
        "KULTI_OPS_STATE_DIR": str(server_root / "state"),
    }

    def sandbox(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "kulti_ops", "sandbox", *arguments],
            cwd=server_root,
            env={**environment, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    yield sandbox
    sandbox("destroy", "--dir", str(folder), "--yes")


def data_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    assert document["status"] is None
    data: dict[str, Any] = document["data"]
    return data


def ask(url: str, query: str) -> Any:
    with psycopg.connect(url, connect_timeout=10) as connection:
        row = connection.execute(query).fetchone()
        assert row is not None
        return row[0]


def test_sandbox_commands_tell_a_whole_life(
    run: Callable[..., subprocess.CompletedProcess[str]], folder: Path
) -> None:
    where = ("--dir", str(folder), "--format", "json")
    started = data_of(run("start", "--scale", "0.002", *where))
    assert started["dir"] == str(folder)
    assert ask(started["database_url"], "SELECT current_user") == "postgres"
    assert ask(started["admin_url"], "SELECT current_user") == "supabase_admin"
    assert started["scale"] == 0.002
    assert ask(started["database_url"], "SELECT count(*) FROM public.profiles") > 0
    assert data_of(run("start", *where)) == started
    assert data_of(run("status", *where)) == started
    assert data_of(run("stop", *where))["state"] == "stopped"
    assert data_of(run("status", *where))["pid"] is None
    plain = run("start", "--dir", str(folder))
    assert plain.stdout == started["database_url"] + "\n"
    refused = run("destroy", "--dir", str(folder))
    assert (refused.returncode, refused.stdout) == (6, "")
    assert "--yes" in refused.stderr
    assert data_of(run("destroy", "--yes", *where)) == {"state": "absent", "dir": str(folder)}
    assert not folder.exists()
    assert data_of(run("status", *where))["state"] == "absent"


def test_sandbox_destroy_of_a_foreign_folder_is_refused(
    run: Callable[..., subprocess.CompletedProcess[str]], server_root: Path
) -> None:
    precious = server_root / "precious"
    precious.touch()
    done = run("destroy", "--dir", str(server_root), "--yes")
    assert done.returncode == 6
    assert "left alone" in done.stderr
    assert precious.exists()


def test_sandbox_destroy_of_nothing_says_so(
    run: Callable[..., subprocess.CompletedProcess[str]], folder: Path
) -> None:
    assert run("destroy", "--dir", str(folder), "--yes").returncode == 5


def test_sandbox_default_folder_follows_the_state_folder(
    run: Callable[..., subprocess.CompletedProcess[str]], server_root: Path
) -> None:
    data = data_of(run("status", "--format", "json"))
    assert data["dir"] == str(server_root / "state" / "sandbox")


def test_sandbox_unusable_folder_is_one_clear_line(
    run: Callable[..., subprocess.CompletedProcess[str]], server_root: Path
) -> None:
    (server_root / "file").touch()
    done = run("start", "--dir", str(server_root / "file" / "box"))
    assert done.returncode == 4
    assert done.stderr.splitlines()[0].startswith("kulti-ops: the folder ")
    assert "Traceback" not in done.stderr
