"""Our process and pg_dump killed: no false backup, no child left, the next run cleans up."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyrage
import pytest

from kulti_ops.backup.catalog import State, list_entries
from kulti_ops.backup.create import sweep_leftovers
from kulti_ops.backup.pump import Pump
from kulti_ops.process import Child
from kulti_ops.storage.local import LocalStorage
from tests.functional.faults.stage import Pause, Stage, die_at, fake_tools, sessions, until
from tests.functional.support import processes_under

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.functional.conftest import Database

CREATE = "kulti_ops.backup.create"
ATTEMPT = "kulti_ops.backup.attempt"
LOCAL = "kulti_ops.storage.local"
# stage -> (function, after it instead of before, which call), in the order of a backup
STAGES: dict[str, tuple[str, bool, int]] = {
    "settings read": (f"{CREATE}:create_backup", False, 1),
    "storage probed": (f"{LOCAL}:LocalStorage.prepare", True, 1),
    "lock held": (f"{CREATE}:sweep_leftovers", False, 1),
    "leftovers swept": (f"{CREATE}:sweep_leftovers", True, 1),
    "preflight asked": (f"{CREATE}:_survey", True, 1),
    "preflight judged": (f"{CREATE}:_judge", True, 1),
    "tools chosen": (f"{CREATE}:best_compression", True, 1),
    "folder claimed": (f"{CREATE}:write_backup", False, 1),
    "dump file opened": (f"{ATTEMPT}:hold_snapshot", False, 1),
    "snapshot held": (f"{ATTEMPT}:_run_dump", False, 1),
    "pg_dump started": (f"{ATTEMPT}:take_expectations", False, 1),
    "rows counted": (f"{ATTEMPT}:take_expectations", True, 1),
    "globals linked": ("os:link", True, 1),
    "globals published": (f"{LOCAL}.writer:LocalWriter.commit", True, 1),
    "inventory published": (f"{LOCAL}.writer:LocalWriter.commit", True, 2),
    "pg_dump ended": (f"{ATTEMPT}:_run_dump", True, 1),
    "dump or sums linked": ("os:link", True, 3),
    "dump or sums published": (f"{LOCAL}.writer:LocalWriter.commit", True, 3),
    "dump and sums published": (f"{LOCAL}.writer:LocalWriter.commit", True, 4),
    "manifest written": (f"{LOCAL}.writer:LocalWriter.commit", False, 5),
    "manifest linked": ("os:link", True, 5),
    "manifest published": (f"{LOCAL}.writer:LocalWriter.commit", True, 5),
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


# After the other stages only the run's first step is taken: it is what cleans up.
SWEPT_BY_A_RUN = ("lock held", "pg_dump started", "manifest written", "manifest linked")


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
    if name in SWEPT_BY_A_RUN:
        assert stage.forked("backup", "create").code == 0
    else:
        sweep_leftovers(LocalStorage(str(stage.storage)))
    assert len(listed(stage)) == len(found) + (name in SWEPT_BY_A_RUN)
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
@pytest.mark.parametrize("offset", [-1, 1, 700_000])
def test_create_killed_at_a_byte_offset_leaves_no_false_backup(
    stage: Stage,
    small: Database,
    offset: int,
    number: signal.Signals,
    outcome: Callable[[object], None],
) -> None:
    pause = Pause.at(stage, offset)
    with stage.begun("backup", "create", **pause.environment) as child:
        pause.wait()
        child.send_signal(number)
        done = child.finish()
    assert done.code == {signal.SIGTERM: 143, signal.SIGINT: 130}.get(number, -number)
    assert listed(stage) == []
    until(lambda: sessions(small.url, small.name) == 0)
    if number is signal.SIGKILL:
        assert stage.forked("backup", "create").code == 0
        assert len(listed(stage)) == 1
    assert stage.rubbish == []
    outcome("nothing in the catalog, no child left")


@pytest.mark.parametrize("to", [(), (str(pyrage.x25519.Identity.generate().to_public()),)], ids=len)
def test_pump_left_early_writes_nothing_afterwards(to: tuple[str, ...]) -> None:
    """A chunk that came late would go into whatever file has the closed one's number by then."""
    begun, written = threading.Event(), []

    class Slow:
        def write(self, chunk: bytes) -> None:
            begun.set()
            threading.Event().wait(0.2)
            written.append(len(chunk))

    argv = ["head", "--bytes=20000000", "/dev/zero"]
    writer: Any = Slow()
    with (
        Child(argv, env={"PATH": "/usr/bin:/bin"}) as child,
        Pump(child, writer, recipients=to) as pump,
    ):
        begun.wait(10)
    assert not pump.running
    assert not any(t.name == "seal" for t in threading.enumerate())
    assert written


@pytest.mark.fault("pg_dump killed")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_create_pg_dump_killed_fails_and_says_by_which_signal(
    stage: Stage, number: signal.Signals, outcome: Callable[[object], None]
) -> None:
    pause = Pause.at(stage, 5000)
    with stage.begun("backup", "create", "--format", "json", **pause.environment) as child:
        pause.wait()
        os.kill(dump_process(child.pid), number)
        done = child.finish()
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


VERIFY = "kulti_ops.verify.contents"
VERIFY_STAGES = {
    "before the pass": (f"{VERIFY}:_pass", False, 1),
    "while following the archive": ("kulti_ops.archive:walk", False, 1),
    "while reading rows": (f"{VERIFY}:CopyReader.feed", False, 2),
    "after the pass": (f"{VERIFY}:_pass", True, 1),
}


@pytest.mark.fault("interrupt during verify")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("name", VERIFY_STAGES)
def test_verify_interrupted_leaves_nothing(
    damaged: Stage, name: str, number: signal.Signals, outcome: Callable[[object], None]
) -> None:
    spot, after, call = VERIFY_STAGES[name]
    prepare = die_at(spot, number, after=after, call=call)
    done = damaged.forked("verify", "backup", prepare=prepare)
    assert done.code == {signal.SIGINT: 130, signal.SIGTERM: 143}[number]
    assert damaged.rubbish == []
    assert children_of_tools(damaged) == []
    assert not (damaged.backup / "records").exists()
    outcome("exit 130 or 143, no record, no child, no file left")


DRILL = "kulti_ops.restore"
DRILL_STAGES = {
    "initdb runs": (f"{DRILL}.drill:verify_or_recall", False, 1),
    "initdb": ("kulti_ops.pgserver.server:PgServer.start", False, 1),
    "server started": (f"{DRILL}.drill:prepare_roles", False, 1),
    "pg_restore's first words": (f"{DRILL}.tool:_Errors.see", False, 40),
    "digests": ("kulti_ops.verify.live:_read_table", False, 1),
}


@pytest.mark.fault("interrupt during a drill")
@pytest.mark.parametrize("name", DRILL_STAGES)
def test_drill_interrupted_leaves_no_server_and_no_record(
    damaged: Stage, name: str, outcome: Callable[[object], None]
) -> None:
    spot, after, call = DRILL_STAGES[name]
    prepare = die_at(spot, signal.SIGINT, after=after, call=call)
    done = damaged.forked("restore", "drill", prepare=prepare)
    assert done.code == 130, done.err
    assert done.err.endswith("kulti-ops: interrupted\n")
    assert scratch_left(damaged) == []
    assert damaged.rubbish == []
    assert listed(damaged) == [damaged.backup.name]
    outcome("exit 130, no scratch server, no record, no file left")


@pytest.mark.fault("SIGKILL during a drill")
@pytest.mark.parametrize("name", ["initdb", "digests"])
def test_drill_killed_is_reaped_by_the_next(
    damaged: Stage, name: str, outcome: Callable[[object], None]
) -> None:
    spot, after, call = DRILL_STAGES[name]
    prepare = die_at(spot, signal.SIGKILL, after=after, call=call)
    assert damaged.forked("restore", "drill", prepare=prepare).code == -signal.SIGKILL
    assert len(scratch_left(damaged)) == 1
    assert listed(damaged) == [damaged.backup.name]
    until(lambda: not processes_under(damaged.root / "scratch"))
    until(lambda: not children_of_tools(damaged))
    last = die_at(f"{DRILL}.drill:prepare_roles", signal.SIGINT)
    assert damaged.forked("restore", "drill", prepare=last).code == 130
    assert scratch_left(damaged) == []
    outcome("the server dies with us; the next drill removes its folder")


RESTORE_STAGES = {
    "begun": (f"{DRILL}.run:run_restore", False, 1),
    "roles made": (f"{DRILL}.run:_database_settings", False, 1),
    "pg_restore's first words": (f"{DRILL}.tool:_Errors.see", False, 40),
    "rights": (f"{DRILL}.native:NativeRestore._rights", False, 1),
    "comparison": (f"{DRILL}.run:compare_all", False, 1),
}


@pytest.mark.fault("interrupt during a restore")
@pytest.mark.parametrize("name", RESTORE_STAGES)
def test_restore_interrupted_leaves_no_session_and_says_it_is_not_done(
    damaged: Stage,
    empty_database: Callable[[], Database],
    name: str,
    outcome: Callable[[object], None],
) -> None:
    spot, after, call = RESTORE_STAGES[name]
    target = empty_database()
    done = damaged.forked(
        *("restore", "run", "--target", "env:RESTORE_URL", "--create-roles", "--yes"),
        prepare=die_at(spot, signal.SIGINT, after=after, call=call),
        RESTORE_URL=target.url,
    )
    assert done.code == 130, done.err
    assert f"{target.name} may hold a part" in done.err
    until(lambda: sessions(target.url, target.name) == 0)
    assert damaged.rubbish == []
    audit = (damaged.root / "state" / "audit.jsonl").read_text()
    assert "restore begun" in audit
    assert '"restored-rows": "ok"' not in audit
    outcome("exit 130, no session, no file left; the audit log says that it began")


def scratch_left(stage: Stage) -> list[Path]:
    return list((stage.root / "scratch").glob("scratch-*"))


def children_of_tools(stage: Stage) -> list[str]:
    """Return the command lines of living client tools that work for this stage."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            environment = (entry / "environ").read_bytes()
            name = (entry / "comm").read_text().strip()
            if (
                name in {"pg_restore", "pg_dump", "psql"}
                and str(stage.root).encode() in environment
            ):
                found.append(name)
    return found
