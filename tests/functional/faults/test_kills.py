"""Our process and pg_dump killed: no false backup, no child left, the next run cleans up."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kulti_ops.backup.catalog import State, list_entries
from kulti_ops.backup.pump import Pump
from kulti_ops.process import Child
from kulti_ops.storage.local import LocalStorage
from tests.functional.faults.stage import Pause, Stage, die_at, fake_tools, finish, sessions, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.functional.conftest import Database

CREATE = "kulti_ops.backup.create"
LOCAL = "kulti_ops.storage.local"
# stage -> (function, after it instead of before, which call), in the order of a backup
STAGES: dict[str, tuple[str, bool, int]] = {
    "settings read": (f"{CREATE}:create_backup", False, 1),
    "storage probed": (f"{LOCAL}:LocalStorage.prepare", True, 1),
    "lock held": (f"{CREATE}:sweep_leftovers", False, 1),
    "leftovers swept": (f"{CREATE}:sweep_leftovers", True, 1),
    "preflight asked": (f"{CREATE}:_survey", True, 1),
    "preflight judged": (f"{CREATE}:_judge", True, 1),
    "tools chosen": (f"{CREATE}:_compression", True, 1),
    "folder claimed": (f"{CREATE}:_write_backup", False, 1),
    "dump file opened": (f"{CREATE}:hold_snapshot", False, 1),
    "snapshot held": (f"{CREATE}:_run_dump", False, 1),
    "pg_dump started": (f"{CREATE}:take_expectations", False, 1),
    "rows counted": (f"{CREATE}:take_expectations", True, 1),
    "pg_dump ended": (f"{CREATE}:_run_dump", True, 1),
    "dump linked": ("os:link", True, 1),
    "dump published": (f"{LOCAL}:LocalWriter.commit", True, 1),
    "globals published": (f"{LOCAL}:LocalWriter.commit", True, 2),
    "inventory published": (f"{LOCAL}:LocalWriter.commit", True, 3),
    "sums published": (f"{LOCAL}:LocalWriter.commit", True, 4),
    "manifest written": (f"{LOCAL}:LocalWriter.commit", False, 5),
    "manifest linked": ("os:link", True, 5),
    "manifest published": (f"{LOCAL}:LocalWriter.commit", True, 5),
    "backup finished": (f"{CREATE}:create_backup", True, 1),
}
# From here on the backup is whole: killed or not, it may stay, and then it must be good.
WHOLE = ("manifest linked", "manifest published", "backup finished")


FAILS_AT_THE_END = """
import os, subprocess, sys
code = subprocess.run([REAL, *sys.argv[1:]]).returncode
if not any(a.startswith("--snapshot") for a in sys.argv):
    sys.exit(code)
sys.stderr.write("pg_dump: error: query failed: the very end\\n")
sys.exit(1)
"""
WRITES_ONLY = """
import os, sys
if not any(a.startswith("--snapshot") for a in sys.argv):
    os.execv(REAL, [REAL, *sys.argv[1:]])
os.write(1, {written!r}.encode())
"""


def dump_process(tool: int) -> int:
    """Return the child of the tool that became pg_dump."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit():
                words = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(words[1]) == tool and (entry / "comm").read_text() == "pg_dump\n":
                    found.append(int(entry.name))
    (one,) = found
    return one


def kill_at(stage: Stage, name: str, number: signal.Signals) -> int:
    spot, after, call = STAGES[name]
    prepare = die_at(spot, number, after=after, call=call)
    return stage.forked("backup", "create", prepare=prepare).code


def listed(stage: Stage) -> list[str]:
    entries = list_entries(LocalStorage(str(stage.storage)))
    assert all(e.state is State.CREATED for e in entries)
    return [e.backup_id for e in entries]


@pytest.mark.fault("SIGKILL at every stage of a backup")
@pytest.mark.parametrize("name", STAGES)
def test_create_killed_leaves_no_false_backup_and_the_next_run_cleans_up(
    stage: Stage, small: Database, name: str, outcome: Callable[[object], None]
) -> None:
    assert kill_at(stage, name, signal.SIGKILL) == -signal.SIGKILL
    found = listed(stage)
    assert len(found) == (name in WHOLE)
    if found:
        assert stage.forked("verify", "backup", "--level", "quick").code == 0
    until(lambda: sessions(small.url, small.name) == 0)
    assert stage.forked("backup", "create").code == 0
    assert len(listed(stage)) == len(found) + 1
    assert stage.rubbish == []
    outcome("nothing in the catalog, swept by the next run")


@pytest.mark.fault("SIGTERM at every stage of a backup")
@pytest.mark.parametrize("name", STAGES)
def test_create_terminated_cleans_up_itself(
    stage: Stage, small: Database, name: str, outcome: Callable[[object], None]
) -> None:
    assert kill_at(stage, name, signal.SIGTERM) == 143
    assert len(listed(stage)) == (name == "backup finished")
    assert stage.rubbish == []
    assert sessions(small.url, small.name) == 0
    outcome("exit 143, nothing left")


@pytest.mark.fault("SIGINT at every stage of a backup")
@pytest.mark.parametrize("name", STAGES)
def test_create_interrupted_cleans_up_itself(
    stage: Stage, small: Database, name: str, outcome: Callable[[object], None]
) -> None:
    assert kill_at(stage, name, signal.SIGINT) == 130
    assert len(listed(stage)) == (name == "backup finished")
    assert stage.rubbish == []
    assert sessions(small.url, small.name) == 0
    outcome("exit 130, nothing left")


@pytest.mark.fault("SIGKILL at every stage of a backup")
def test_create_killed_while_cleaning_up_leaves_no_manifest(stage: Stage) -> None:
    spot, after, call = STAGES["manifest published"]

    def prepare() -> None:
        die_at(spot, signal.SIGTERM, after=after, call=call)()
        die_at(f"{LOCAL}:LocalStorage.delete", signal.SIGKILL, after=True)()

    assert stage.forked("backup", "create", prepare=prepare).code == -signal.SIGKILL
    assert listed(stage) == []


@pytest.mark.fault("killed at several byte offsets of the dump")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("offset", [-1, 1, 5000, 700_000])
def test_create_killed_at_a_byte_offset_leaves_no_false_backup(
    stage: Stage,
    small: Database,
    offset: int,
    number: signal.Signals,
    outcome: Callable[[object], None],
) -> None:
    pause = Pause.at(stage, offset)
    with stage.started("backup", "create", **pause.environment) as child:
        pause.wait()
        child.send_signal(number)
        done = finish(child)
    assert done.code == {signal.SIGTERM: 143, signal.SIGINT: 130}.get(number, -number)
    assert listed(stage) == []
    until(lambda: sessions(small.url, small.name) == 0)
    if number is signal.SIGKILL:
        assert stage.forked("backup", "create").code == 0
        assert len(listed(stage)) == 1
    assert stage.rubbish == []
    outcome("nothing in the catalog, no child left")


def test_pump_left_early_writes_nothing_afterwards() -> None:
    """A chunk that came late would go into whatever file has the closed one's number by then."""
    begun, written = threading.Event(), []

    class Slow:
        def write(self, chunk: bytes) -> None:
            begun.set()
            threading.Event().wait(0.2)
            written.append(len(chunk))

    argv = ["head", "--bytes=20000000", "/dev/zero"]
    writer: Any = Slow()
    with Child(argv, env={"PATH": "/usr/bin:/bin"}) as child, Pump(child, writer) as pump:
        begun.wait(10)
    assert not pump.running
    assert written


@pytest.mark.fault("pg_dump killed")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_create_pg_dump_killed_fails_and_says_by_which_signal(
    stage: Stage, number: signal.Signals, outcome: Callable[[object], None]
) -> None:
    pause = Pause.at(stage, 5000)
    with stage.started("backup", "create", "--format", "json", **pause.environment) as child:
        pause.wait()
        os.kill(dump_process(child.pid), number)
        done = finish(child)
    assert done.code == 5
    how = "exit code 1" if number is signal.SIGTERM else f"ended by signal {int(number)}"
    assert done.line.startswith(f"pg_dump failed ({how})")
    assert done.document["error"]["message"] == done.line
    assert done.document["status"] is None
    assert listed(stage) == []
    assert stage.rubbish == []
    outcome(f"exit 5: {done.line}")


@pytest.mark.fault("pg_dump fails after writing everything")
def test_create_pg_dump_failing_after_its_last_byte_is_no_backup(
    stage: Stage, outcome: Callable[[object], None]
) -> None:
    folder = fake_tools(stage.root / "tools", pg_dump=FAILS_AT_THE_END)
    done = stage.run("backup", "create", KULTI_OPS_PG_BIN_DIR=str(folder))
    assert done.code == 5
    assert done.out == ""
    assert done.line == "pg_dump failed (exit code 1): query failed: the very end"
    assert listed(stage) == []
    assert stage.rubbish == []
    outcome(f"exit 5: {done.line}")


@pytest.mark.fault("pg_dump succeeds after writing nothing")
@pytest.mark.parametrize("written", ["", "PGDMP", "-- plain text\n"])
def test_create_pg_dump_writing_no_archive_is_no_backup(
    stage: Stage, written: str, outcome: Callable[[object], None]
) -> None:
    folder = fake_tools(stage.root / "tools", pg_dump=WRITES_ONLY.format(written=written))
    done = stage.run("backup", "create", KULTI_OPS_PG_BIN_DIR=str(folder))
    assert done.code == 5
    assert done.out == ""
    assert "pg_dump" in done.line
    assert listed(stage) == []
    assert stage.rubbish == []
    outcome(f"exit 5: {done.line}")
