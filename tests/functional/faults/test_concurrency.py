"""Runs that meet, locks that stay, clocks that lie, labels that try their luck."""

from __future__ import annotations

import fcntl
import json
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from kulti_ops.backup.catalog import find, list_entries
from kulti_ops.storage.local import LocalStorage
from tests.functional.faults.stage import Pause, Stage, ask

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.functional.conftest import Database

    Note = Callable[[object], None]


def entries(stage: Stage) -> list[str]:
    return [e.backup_id for e in list_entries(LocalStorage(str(stage.storage)))]


def at(moment: datetime) -> Callable[[], None]:
    """Return a preparation that sets this process's clock."""

    def prepare() -> None:
        import kulti_ops.edge

        class Clock(datetime):
            @classmethod
            def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
                assert tz is UTC
                return moment

        kulti_ops.edge.datetime = Clock  # type: ignore[misc]

    return prepare


@pytest.mark.fault("two creates at once")
def test_create_beside_another_is_refused_and_the_other_goes_on(
    stage: Stage, outcome: Note
) -> None:
    pause = Pause.at(stage, 5000)
    with stage.begun("backup", "create", **pause.environment) as child:
        pause.wait()
        second = stage.run("backup", "create")
        pause.end()
        first = child.finish()
    assert second.code == 6
    assert f"process {child.pid} on " in second.line
    assert first.code == 0
    assert entries(stage) == [first.out.strip()]
    assert stage.rubbish == []
    outcome(f"exit 6: {second.line}")


@pytest.mark.fault("two creates at once")
def test_create_beside_one_of_another_source_leaves_it_alone(
    stage: Stage, small_copy: Callable[[], Database]
) -> None:
    """The second sweeps leftovers: what a living run is writing is none."""
    pause = Pause.at(stage, 5000)
    with stage.begun("backup", "create", **pause.environment) as child:
        pause.wait()
        second = stage.run("backup", "create", DATABASE_URL=small_copy().url)
        pause.end()
        first = child.finish()
    assert (first.code, second.code) == (0, 0)
    assert sorted(entries(stage)) == sorted([first.out.strip(), second.out.strip()])
    assert stage.rubbish == []
    for name in entries(stage):
        assert stage.forked("verify", "backup", name).code == 0


def lock_file(stage: Stage) -> str:
    (found,) = (stage.storage / ".locks").iterdir()
    return str(found)


@pytest.mark.fault("stale lock of a dead holder")
@pytest.mark.parametrize("content", ["dead", "empty", "junk", "living"])
def test_create_lock_file_of_nobody_living_is_taken_over(
    stage: Stage, content: str, outcome: Note
) -> None:
    """Also when its number now belongs to another process: the lock is the kernel's."""
    assert stage.forked("backup", "create").code == 0
    text = {
        "dead": json.dumps({"pid": 2**22 - 1, "host": "elsewhere"}),
        "empty": "",
        "junk": "\0" * 100,
        "living": json.dumps({"pid": os.getpid(), "host": "here"}),
    }[content]
    with open(lock_file(stage), "w") as file:  # noqa: PTH123
        file.write(text)
    assert stage.forked("backup", "create").code == 0
    assert len(entries(stage)) == 2
    outcome("taken over")


@pytest.mark.fault("lock of a living holder")
@pytest.mark.parametrize("content", ["", "{}", '{"pid": "x"}', "\0", '{"pid": 12, "host": "far"}'])
def test_create_lock_held_is_refused_whatever_the_file_says(
    stage: Stage, content: str, outcome: Note
) -> None:
    assert stage.forked("backup", "create").code == 0
    with open(lock_file(stage), "r+") as file:  # noqa: PTH123
        file.truncate()
        file.write(content)
        file.flush()
        fcntl.flock(file, fcntl.LOCK_EX)
        done = stage.forked("backup", "create")
    assert done.code == 6
    assert "another run holds the lock" in done.line
    assert len(entries(stage)) == 1
    outcome(f"exit 6: {done.line}")


@pytest.mark.fault("two backups in one second")
def test_create_twice_in_one_second_makes_two(stage: Stage, outcome: Note) -> None:
    now = datetime.now(UTC)
    ids = [stage.forked("backup", "create", prepare=at(now)).out.strip() for _ in range(2)]
    assert len({i[:16] for i in ids}) == 1
    assert len(set(ids)) == 2
    assert entries(stage) == ids
    outcome("two ids, in the order of their snapshots")


@pytest.mark.fault("clock set back")
@pytest.mark.parametrize("by", [timedelta(hours=-3), timedelta(days=-4000), timedelta(days=9000)])
def test_create_with_a_clock_set_back_is_still_the_newest(
    stage: Stage, by: timedelta, outcome: Note
) -> None:
    now = datetime.now(UTC)
    first = stage.forked("backup", "create", prepare=at(now)).out.strip()
    verified = stage.forked("verify", "backup", prepare=at(now))
    second = stage.forked("backup", "create", prepare=at(now + by))
    assert "this machine's clock is" in second.err
    name = second.out.strip()
    storage = LocalStorage(str(stage.storage))
    assert find(storage, "latest").backup_id == name
    assert verified.code == 0
    assert find(storage, "latest-verified").backup_id == first
    newest_first = stage.forked("backup", "list", "--format", "json").document["data"]["backups"]
    assert [b["backup_id"] for b in newest_first] == [name, first]
    outcome("latest is the newest by its snapshot, with a warning")


@pytest.mark.fault("clock set back")
def test_verdict_with_a_clock_set_back_still_counts_as_the_newest(damaged: Stage) -> None:
    now = datetime.now(UTC)
    assert damaged.forked("verify", "backup", prepare=at(now)).code == 0
    dump = damaged.backup / "dump.pgc"
    dump.write_bytes(dump.read_bytes()[:-1])
    earlier = at(now - timedelta(days=30))
    assert damaged.forked("verify", "backup", prepare=earlier).code == 10
    (entry,) = list_entries(LocalStorage(str(damaged.storage)))
    assert entry.state == "failed"


@pytest.mark.fault("strange labels")
@pytest.mark.parametrize(
    "label",
    [
        *("../../etc", "..", ".hidden", "a/b", "", " ", "a b", "ä", "x" * 64, "-rf", "--", "a\nb"),
        *("$(id)", "`id`", "a;b", "a\tb", "a'b", 'a"b', "%s", "{0}"),
    ],
)
def test_create_label_that_is_no_name_is_a_usage_error(
    stage: Stage, label: str, outcome: Note
) -> None:
    done = stage.forked("backup", "create", f"--label={label}")
    if label == "":
        assert done.code in {0, 2}
    else:
        assert done.code == 2
        assert stage.folders == []
    outcome(f"exit 2: {done.err.splitlines()[-1] if done.err else ''}")


@pytest.mark.fault("strange labels")
@pytest.mark.parametrize("label", ["x" * 63, "_", "v1.2-3", "latest"])
def test_create_label_of_odd_but_allowed_form_can_be_named_again(stage: Stage, label: str) -> None:
    done = stage.forked("backup", "create", "--label", label)
    assert done.code == 0, done.err
    assert stage.forked("backup", "show", done.out.strip()).code == 0
    assert stage.forked("verify", "backup", done.out.strip(), "--level", "quick").code == 0


@pytest.mark.fault("strange labels")
@pytest.mark.parametrize("name", ["Kulti-Prod.1", "-x", "ünï %s", "x" * 63])
def test_create_database_of_a_strange_name_has_a_usable_id(
    stage: Stage, sandbox_named: Callable[[str], str], name: str
) -> None:
    stage.url = sandbox_named(name)
    ask(stage.url, "CREATE TABLE public.one AS SELECT 1 AS number")
    done = stage.forked("backup", "create")
    assert done.code == 0, done.err
    assert stage.forked("verify", "backup", done.out.strip()).code == 0
