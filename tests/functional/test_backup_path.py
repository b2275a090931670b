"""The first whole path, as a user walks it: create, list, show, verify, restore, drill."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from kulti_ops.backup import catalog
from kulti_ops.pgtools import embedded_bin_dir
from kulti_ops.storage import open_storage

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kulti_ops.pgserver import PgServer
    from kulti_ops.sandbox.lifecycle import SandboxInfo

TIMEOUT_S = 120


@dataclass(frozen=True)
class Ran:
    """One run of the tool."""

    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.stdout)


@dataclass(frozen=True)
class Tool:
    """The tool with a source, a storage and folders of its own."""

    environment: Mapping[str, str]
    storage: Path

    def __call__(self, *arguments: str, **more: str) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "kulti_ops", *arguments],
            env={**self.environment, **more},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
            cwd=self.storage.parent,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def json(self, *arguments: str, **more: str) -> Any:
        """Run with --format json, insist on success, return the document."""
        ran = self(*arguments, "--format", "json", **more)
        assert ran.code == 0, (ran.stdout, ran.stderr)
        return ran.document


@pytest.fixture(scope="session")
def tool(session_root: Path, sandbox: SandboxInfo) -> Tool:
    """The tool, pointed at the shared sandbox."""
    folder = session_root / "path"
    folder.mkdir(mode=0o711)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": os.getcwd(),  # noqa: PTH109 - where the checkout is
        "DATABASE_URL": sandbox.database_url,
        "KULTI_OPS_STORAGE": str(folder / "backups"),
        "KULTI_OPS_STATE_DIR": str(folder / "state"),
        "KULTI_OPS_CACHE_DIR": str(session_root / "cache"),
        "KULTI_OPS_SCRATCH_DIR": str(session_root / "drills"),
    }
    return Tool(environment, folder / "backups")


@pytest.fixture(scope="session")
def backup_id(tool: Tool) -> str:
    """One good backup of the whole sandbox, made off a terminal."""
    ran = tool("backup", "create", "--label", "path")
    assert ran.code == 0, ran.stderr
    assert ran.stderr == ""
    return ran.stdout.strip()


def test_backup_create_off_a_terminal_prints_the_id_only(tool: Tool, backup_id: str) -> None:
    assert (tool.storage / backup_id / "manifest.json").is_file()


def test_backup_create_leaves_private_files_and_nothing_else(tool: Tool, backup_id: str) -> None:
    folder = tool.storage / backup_id
    names = {p.name for p in folder.iterdir() if p.name != "records"}
    assert names == {"dump.pgc", "globals.sql", "inventory.json", "SHA256SUMS", "manifest.json"}
    assert all(stat.S_IMODE(p.stat().st_mode) == 0o600 for p in folder.iterdir() if p.is_file())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (folder / "manifest.json").stat().st_size <= 4096


def test_backup_create_json_names_what_scripts_rely_on(tool: Tool) -> None:
    data = tool.json("backup", "create", "--label", "json")["data"]
    assert data["size_bytes"] > 1_000_000
    assert data["path"].endswith(data["backup_id"])
    assert data["rows"] > 30_000


def test_backup_list_shows_state_size_and_pin(tool: Tool, backup_id: str) -> None:
    rows = tool.json("backup", "list")["data"]["backups"]
    mine = next(r for r in rows if r["backup_id"] == backup_id)
    assert {"created_at", "size_bytes", "state", "pinned"} <= mine.keys()
    assert mine["pinned"] is False


def test_backup_show_names_what_is_not_covered(tool: Tool, backup_id: str) -> None:
    data = tool.json("backup", "show", backup_id)["data"]
    assert any("files" in name for name in data["not_covered"])
    assert "password" not in json.dumps(data["source"])


def test_verify_quick_and_contents_hold_and_are_recorded(tool: Tool, backup_id: str) -> None:
    quick = tool.json("verify", "backup", backup_id, "--level", "quick")
    assert {r["id"]: r["status"] for r in quick["results"]} == {
        "artifacts": "ok",
        "checksum": "ok",
        "sums-file": "ok",
    }
    contents = tool.json("verify", "backup", backup_id)
    statuses = {r["id"]: r["status"] for r in contents["results"]}
    assert set(statuses.values()) == {"ok"}, statuses
    entry = catalog.find(open_storage(str(tool.storage)), backup_id)
    assert entry.state in {catalog.State.VERIFIED, catalog.State.DRILLED}


def test_drill_proves_every_table_and_leaves_nothing(
    tool: Tool, backup_id: str, session_root: Path
) -> None:
    report = tool.storage.parent / "drill.md"
    done = tool.json("restore", "drill", backup_id, "--report", str(report))
    assert done["status"] == "ok", done["results"]
    assert done["data"]["rto_s"] > 0
    assert {"verify", "prepare", "load", "compare"} <= done["data"]["phases"].keys()
    tables = done["data"]["tables"]
    assert len(tables) > 100
    assert all(t["match"] for t in tables)
    assert {r["status"] for r in done["results"]} == {"ok"}
    assert list((session_root / "drills").glob("scratch-*")) == []
    assert "equal" in report.read_text()
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    history = tool.json("restore", "history")
    assert history["data"]["drills"][-1]["backup_id"] == backup_id
    state = next(
        r for r in tool.json("backup", "list")["data"]["backups"] if r["backup_id"] == backup_id
    )["state"]
    assert state == "drilled"


def test_restore_run_into_an_empty_server_names_no_difference(
    tool: Tool, backup_id: str, empty_url: str
) -> None:
    target = empty_url
    plan = tool.json("restore", "plan", backup_id, "--target", "env:T", "--create-roles", T=target)
    assert {s["action"] for s in plan["data"]["steps"]} >= {"load", "rights", "skip"}
    done = tool.json(
        "restore", "run", backup_id, "--target", "env:T", "--create-roles", "--yes", T=target
    )
    results = {r["id"]: r for r in done["results"]}
    assert results["restore"]["evidence"]["errors"] == 0
    assert results["restored-inventory"]["evidence"]["differences"] == 0
    assert all(t["match"] for t in done["data"]["tables"])
    audit = (tool.storage.parent / "state" / "audit.jsonl").read_text()
    assert "restore begun" in audit
    assert "restore ended" in audit
    password = psycopg.conninfo.conninfo_to_dict(target)["password"]
    assert password not in audit + json.dumps(done)


def test_restore_run_without_a_terminal_wants_yes(
    tool: Tool, backup_id: str, empty_url: str
) -> None:
    ran = tool(
        *("restore", "run", backup_id, "--target", "env:T", "--create-roles"),
        T=empty_url,
    )
    assert ran.code == 6
    assert "--yes" in ran.stderr


@pytest.mark.parametrize("what", ["source", "same source by another name", "not empty"])
def test_restore_run_refuses_a_wrong_target(
    tool: Tool, backup_id: str, sandbox: SandboxInfo, plain_server: PgServer, what: str
) -> None:
    urls = {
        "source": sandbox.admin_url,
        "same source by another name": sandbox.admin_url.replace("127.0.0.1", "localhost"),
        "not empty": plain_server.dsn("not_empty"),
    }
    if what == "not empty":
        with psycopg.connect(plain_server.dsn(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE not_empty")
        with psycopg.connect(plain_server.dsn("not_empty"), autocommit=True) as connection:
            connection.execute("CREATE TABLE kept (a int)")
    ran = tool("restore", "run", backup_id, "--target", "env:T", "--yes", T=urls[what])
    assert ran.code == 6
    expected = "relation public.kept" if what == "not empty" else "backup was made of"
    assert expected in ran.stderr


def test_restore_without_kulti_ops_by_the_commands_shown(
    tool: Tool, backup_id: str, empty_url: str
) -> None:
    commands = tool.json("backup", "show", backup_id)["data"]["restore_commands"]
    bin_dir = embedded_bin_dir()
    done = subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-c", "\n".join(commands)],
        cwd=tool.storage / backup_id,
        env={"PATH": f"{bin_dir}:{os.environ['PATH']}", "TARGET": empty_url},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "ERROR" not in done.stderr
    assert done.stdout.count(": OK") == 3


def test_backup_create_without_rows_of_a_table_says_so_everywhere(tool: Tool) -> None:
    arguments = ("--label", "partial", "--exclude-table-data", "public.ai_*")
    created = tool.json("backup", "create", *arguments)["data"]
    assert "rows of public.ai_messages" in created["left_out"]
    done = tool.json("verify", "backup", created["backup_id"])
    assert {r["id"]: r["status"] for r in done["results"]}["rows"] == "ok"
    drill = tool.json("restore", "drill", created["backup_id"])
    assert drill["status"] in {"ok", "warn"}


def test_demo_that_cannot_begin_leaves_nothing(tool: Tool, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    done = tool("demo", KULTI_OPS_CACHE_DIR=str(file / "below"), TMPDIR=str(temporary))
    assert (done.code, list(temporary.iterdir())) == (4, [])
    assert "KULTI_OPS_CACHE_DIR" in done.stderr


def test_demo_holds_every_step_and_cleans_up(tool: Tool) -> None:
    done = tool.json("demo", "--scale", "0.001")
    steps = {s["step"]: s["status"] for s in done["data"]["steps"]}
    assert steps == dict.fromkeys(
        ("sandbox", "backup", "verify", "damage", "drill", "clean-up"), "ok"
    )
