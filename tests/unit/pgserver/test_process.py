from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from kulti_ops.pgserver.process import (
    is_alive,
    recorded_pid,
    runs_in,
    server_pids,
    telling_line,
    wait_until,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("output", "line"),
    [
        ("2026 LOG: a\n2026 FATAL:  lock exists\nHINT: b\n", "FATAL: lock exists"),
        ("initdb: error: no space\ninitdb: removing data directory\n", "error: no space"),
        ("one\ntwo\n", "two"),
        ("", "it said nothing"),
    ],
)
def test_telling_line_prefers_the_cause(output: str, line: str) -> None:
    assert telling_line(output) == line


@pytest.mark.parametrize(("text", "pid"), [("123\n/data\n", 123), ("", None), ("x\n", None)])
def test_recorded_pid_reads_first_line(tmp_path: Path, text: str, pid: int | None) -> None:
    (tmp_path / "postmaster.pid").write_text(text)
    assert recorded_pid(tmp_path) == pid


def test_recorded_pid_without_file_is_none(tmp_path: Path) -> None:
    assert recorded_pid(tmp_path / "nowhere") is None


def test_server_pids_are_those_that_work_in_the_folder(tmp_path: Path) -> None:
    with subprocess.Popen(["/bin/sleep", "60"], cwd=tmp_path) as child:
        assert server_pids(tmp_path) == (child.pid,)
        assert runs_in(child.pid, tmp_path)
        assert not runs_in(os.getpid(), tmp_path)
        child.kill()
        child.wait()
        assert server_pids(tmp_path) == ()


def test_is_alive_zombie_is_not() -> None:
    with subprocess.Popen(["/bin/sleep", "60"]) as child:
        assert is_alive(child.pid)
        child.kill()
        assert wait_until(lambda: not is_alive(child.pid), timeout_s=5)


def test_wait_until_never_true_gives_up() -> None:
    assert not wait_until(lambda: False, timeout_s=0.01)
