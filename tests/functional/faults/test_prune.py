"""Pruning killed, doubled, met by a create: no good backup is lost, nothing half is left."""

from __future__ import annotations

import json
import signal
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from kulti_ops.backup.catalog import list_entries
from kulti_ops.backup.create import sweep_leftovers
from kulti_ops.storage.local import LocalStorage
from tests.functional.faults.stage import Stage, die_at, do_at
from tests.unit.backup.storing import store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PRUNE = "kulti_ops.backup.prune"
LOCAL = "kulti_ops.storage.local:LocalStorage"
# stage -> (function, after it instead of before, which call), in the order of a prune of three
STAGES: dict[str, tuple[str, bool, int]] = {
    "planned": (f"{PRUNE}:run_prune", False, 1),
    "leftovers swept": (f"{PRUNE}:sweep_leftovers", True, 1),
    "planned again": (f"{PRUNE}:_fresh_plan", True, 1),
    "audit written": (f"{PRUNE}:write_audit", True, 1),
    "first manifest about to go": (f"{LOCAL}.delete", False, 1),
    "first manifest gone": (f"{LOCAL}.delete", True, 1),
    "first artifact gone": ("os:unlink", True, 2),
    "first backup gone": (f"{LOCAL}.sweep", True, 1),
    "second manifest gone": (f"{LOCAL}.delete", True, 2),
    "last backup gone": (f"{LOCAL}.sweep", True, 3),
    "finished": (f"{PRUNE}:run_prune", True, 1),
}
KEEP = ("--keep-last", "2", "--keep-daily", "0", "--keep-weekly", "0", "--keep-monthly", "0")


@pytest.fixture
def full(session_root: Path, tmp_path: Path) -> Stage:
    """A stage with five verified backups, one a day; no database is needed."""
    made = Stage.make(tmp_path / "full", cache=session_root / "cache", url="")
    made.environment["KULTI_OPS_KEEP_FLOOR"] = "1"
    now = datetime.now(UTC)
    storage = LocalStorage(str(made.storage))
    for day in range(5):
        store(storage, now - timedelta(days=day), number=day)
    return made


def listed(stage: Stage) -> list[str]:
    return [e.backup_id for e in list_entries(LocalStorage(str(stage.storage)))]


@pytest.mark.fault("SIGKILL at every stage of a prune")
@pytest.mark.parametrize("name", STAGES)
def test_prune_killed_leaves_whole_backups_and_rubbish_that_the_next_run_sweeps(
    full: Stage, name: str, outcome: Callable[[object], None]
) -> None:
    newest = listed(full)[-2:]
    spot, after, call = STAGES[name]
    prepare = die_at(spot, signal.SIGKILL, after=after, call=call)
    assert full.forked("backup", "prune", "--apply", *KEEP, prepare=prepare).code == -signal.SIGKILL
    left = listed(full)
    assert left[-2:] == newest
    for backup_id in left:
        assert full.forked("verify", "backup", backup_id, "--level", "quick").code == 0
    sweep_leftovers(LocalStorage(str(full.storage)))
    assert full.rubbish == []
    assert listed(full) == left
    assert full.forked("backup", "prune", "--apply", *KEEP).code == 0
    assert listed(full) == newest
    assert full.rubbish == []
    outcome(f"{len(left)} whole backups left, the next run ends it")


@pytest.mark.fault("interrupt during a prune")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_prune_interrupted_says_in_the_audit_log_what_is_gone(
    full: Stage, number: signal.Signals, outcome: Callable[[object], None]
) -> None:
    oldest = listed(full)[0]
    prepare = die_at(f"{LOCAL}.delete", number, after=True)
    done = full.forked("backup", "prune", "--apply", *KEEP, prepare=prepare)
    assert done.code == {signal.SIGINT: 130, signal.SIGTERM: 143}[number]
    lines = (full.root / "state" / "audit.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["action"] == "prune ended"
    assert len(listed(full)) == 4
    assert oldest not in listed(full)
    outcome("exit 130 or 143; the rest is swept by the next run")


@pytest.mark.fault("two prunes at once")
def test_prune_beside_another_is_refused_and_the_other_goes_on(
    full: Stage, outcome: Callable[[object], None]
) -> None:
    second = full.root / "second"

    def run_second() -> None:
        done = full.run("backup", "prune", "--apply", *KEEP)
        second.write_text(f"{done.code} {done.err}")

    prepare = do_at(f"{PRUNE}:_fresh_plan", run_second)
    first = full.forked("backup", "prune", "--apply", *KEEP, prepare=prepare)
    assert first.code == 0
    assert second.read_text().startswith("6 ")
    assert "another run holds the lock" in second.read_text()
    assert len(listed(full)) == 2
    outcome("exit 6 for the second")


def test_prune_pin_list_and_unpin_as_a_user_types_them(full: Stage) -> None:
    ids = listed(full)
    plan = full.json("backup", "prune", *KEEP).document["data"]
    assert plan["applied"] is False
    (source,) = plan["sources"]
    assert [r["backup_id"] for r in source["remove"]] == ids[2::-1]
    assert len(listed(full)) == 5
    shown = full.forked("backup", "prune", *KEEP)
    assert shown.code == 0
    assert "one of the last 2" in shown.out
    assert "nothing was removed: add --apply" in shown.err

    pinned = full.json("backup", "pin", ids[0], "--reason", "court", "--until", "2099-12-31")
    assert pinned.document["data"]["until"] == "2100-01-01T00:00:00.000Z"
    assert full.forked("backup", "pin", ids[1], "--reason", "for good").code == 0
    assert "pinned: for good" in full.forked("backup", "show", ids[1]).out
    assert "failed" not in full.forked("backup", "list").out
    done = full.forked("backup", "prune", "--apply", "--quiet", *KEEP)
    assert (done.code, done.out, done.err) == (0, "", "")
    assert listed(full) == [ids[0], ids[1], *ids[3:]]

    assert full.forked("backup", "unpin", ids[1]).code == 0
    assert full.forked("backup", "unpin", ids[1]).code == 6
    applied = full.json("backup", "prune", "--apply", *KEEP).document["data"]
    assert applied["removed"] == [ids[1]]
    actions = [
        json.loads(line)["action"]
        for line in (full.root / "state" / "audit.jsonl").read_text().splitlines()
    ]
    assert [actions.count(a) for a in ("pin", "unpin", "prune begun")] == [2, 1, 2]


def test_prune_with_nothing_to_remove_sweeps_what_dead_runs_left(full: Stage) -> None:
    dead = full.storage / "20261122T030000Z-dead-1a2b"
    dead.mkdir()
    (dead / "dump.pgc").write_bytes(b"half")
    keep_all = ("--keep-last", "9", "--yes")
    planned = full.json("backup", "prune", *keep_all).document["data"]
    assert planned["applied"] is False
    assert dead.exists()
    applied = full.run("backup", "prune", "--apply", *keep_all)
    assert applied.code == 0
    assert "nothing to remove: all 5 backups stay" in applied.err
    assert "swept what 1 broken runs had left" in applied.err
    assert not dead.exists()
    assert len(listed(full)) == 5
    again = full.json("backup", "prune", "--apply", *keep_all).document["data"]
    assert (again["applied"], again["removed"], again["swept"]) == (True, [], [])


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("prune", *KEEP, "--keep-last", "0", "--apply"), 6),
        (("prune", "--keep-daily", "-1"), 2),
        (("prune", "--keep-label", "x"), 2),
        (("prune", "--source", "nowhere"), 5),
        (("pin", "latest"), 2),
        (("pin", "latest", "--reason", " "), 2),
        (("pin", "latest", "--reason", "x", "--until", "2001-01-01"), 2),
        (("pin", "latest", "--reason", "x", "--until", "soon"), 2),
        (("pin", "20010101", "--reason", "x"), 5),
    ],
)
def test_prune_and_pin_refuse_what_makes_no_sense(
    full: Stage, arguments: tuple[str, ...], code: int
) -> None:
    assert full.forked("backup", *arguments).code == code
    assert len(listed(full)) == 5
