"""Incidents staged in a sandbox of their own: the right cause first, and healed without a trace."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from kulti_ops.db import connect, own_target
from kulti_ops.errors import (
    DatabaseError,
    NotFoundError,
    OperationFailedError,
    RefusedError,
    UsageError,
)
from kulti_ops.pgserver.process import wait_until
from kulti_ops.runbook.library import load_accepted, load_library
from kulti_ops.runbook.run import RunOptions, run_checks
from kulti_ops.runbook.triage import run_triage, worst_first
from kulti_ops.sandbox import faults, lifecycle
from kulti_ops.sandbox.lifecycle import Places, SandboxInfo

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kulti_ops.report import CheckResult


@pytest.fixture(scope="module")
def box(session_root: Path) -> Iterator[SandboxInfo]:
    """A sandbox that is broken and healed."""
    folder = session_root / "broken-box"
    yield lifecycle.start(
        folder,
        places=Places(cache_dir=session_root / "cache", data_home=session_root / "broken-data"),
        now=datetime.now(UTC),
        scale=0.002,
    )
    lifecycle.destroy(folder)


@pytest.fixture(autouse=True)
def _healed(box: SandboxInfo) -> Iterator[None]:
    yield
    faults.heal(box.dir)


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What is found first, and something of its worst row."""

    first: str
    row: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)


EXPECTED = {
    "lock-chain": Expected(
        first="blocking",
        row={"depth": 0, "state": "idle in transaction", "victims": 2},
        settings={"blocking.warn": "0"},
    ),
    "connections-full": Expected(first="connection"),
    "runaway-query": Expected(
        first="long-queries",
        row={"application": "kulti-fault runaway-query report"},
        settings={"long-queries.warn": "0"},
    ),
    "idle-in-transaction": Expected(
        first="idle-in-transaction",
        row={"harm": "holds what it has written"},
        settings={"idle-in-transaction.warn": "0"},
    ),
    "bloat": Expected(first="bloat", row={"table_name": "edge_cases.fault_bloat"}),
    "invalid-index": Expected(first="invalid-indexes", row={"index_name": "public.fault_invalid"}),
    "rls-off": Expected(first="rls-disabled", row={"table_name": "public.profiles"}),
    "anon-grant": Expected(first="anon-writable", row={"how": "policy fault_open"}),
    "stuck-recordings": Expected(first="recordings-stuck"),
    "broken-ledger": Expected(first="credits-balance-mismatch"),
    "zombie-sessions": Expected(first="sessions-zombie"),
    "invites-full": Expected(first="invites-space", row={"codes": 65536}),
    "dead-slot": Expected(
        first="replication-slots",
        row={"slot_name": "fault_dead_slot"},
        settings={"slot_max_inactive_minutes": "0"},
    ),
    "orphans": Expected(first="orphan-rows", row={"orphans": 3}),
    "disabled-trigger": Expected(
        first="disabled-triggers", row={"trigger_name": "update_recordings_updated_at"}
    ),
}


def ask_everything(box: SandboxInfo, settings: Mapping[str, str]) -> tuple[CheckResult, ...]:
    target = own_target(box.database_url, "test")
    options = RunOptions(settings=settings, accepted=load_accepted())
    try:
        connection = connect(target, application="runbook")
    except DatabaseError:
        return run_triage(target, load_library(), options=options, connect_timeout_s=5)
    try:
        return run_checks(connection, load_library(), options=options).results
    finally:
        connection.close()


def report(results: tuple[CheckResult, ...]) -> dict[str, tuple[Any, ...]]:
    """Return what must be the same again: verdicts, findings, and the findings' rows."""
    return {
        r.id: (
            str(r.status),
            r.evidence.get("findings"),
            r.evidence.get("accepted"),
            [dict(row) for row in r.rows if row["level"] not in ("ok", None)],
        )
        for r in results
    }


def test_scenarios_are_those_expected_and_those_of_the_contract() -> None:
    assert set(EXPECTED) <= set(faults.SCENARIOS)


@pytest.mark.parametrize("name", list(EXPECTED))
def test_scenario_is_named_first_and_healed_without_a_trace(box: SandboxInfo, name: str) -> None:
    expected = EXPECTED[name]
    before = report(ask_everything(box, expected.settings))
    assert not [i for i, r in before.items() if r[0] not in ("ok", "skipped")]
    faults.stage(box.dir, name)
    first = worst_first(ask_everything(box, expected.settings))[0]
    assert first.id == expected.first
    assert first.status in ("warn", "crit")
    assert dict(expected.row).items() <= dict(first.rows[0] if first.rows else {}).items()
    assert [s.name for s in faults.heal(box.dir)] == [name]
    assert report(ask_everything(box, expected.settings)) == before


def test_lock_chain_has_a_tree_per_root(box: SandboxInfo) -> None:
    faults.stage(box.dir, "lock-chain")
    results = {r.id: r for r in ask_everything(box, {"blocking.warn": "0"})}
    rows = results["blocking"].rows
    labels = {
        row["root_pid"]: row["application"].removeprefix("kulti-fault lock-chain ")
        for row in rows
        if row["depth"] == 0
    }
    waiting: dict[str, list[tuple[str, int]]] = {}
    for row in rows:
        if row["depth"]:
            label = row["application"].removeprefix("kulti-fault lock-chain ")
            waiting.setdefault(labels[row["root_pid"]], []).append((label, row["depth"]))
    assert waiting == {
        "editor": [("second", 1), ("third", 2)],
        "migration": [("reader", 1)],
        "worker": [("twin", 1)],
    }
    assert results["blocking"].evidence["findings"] == 3
    states = {labels[r["root_pid"]]: r["state"] for r in rows if r["depth"] == 0}
    assert states["worker"] == "idle"


def test_connections_full_is_triages_finding(box: SandboxInfo) -> None:
    faults.stage(box.dir, "connections-full")
    target = own_target(box.database_url, "test")
    (result,) = run_triage(target, load_library(), options=RunOptions(), connect_timeout_s=5)
    assert (result.id, result.status) == ("connection", "crit")
    assert result.evidence["cause"] == "connections-full"


def test_holder_ends_with_the_server(box: SandboxInfo, session_root: Path) -> None:
    faults.stage(box.dir, "idle-in-transaction")
    (broken,) = faults.staged_in(box.dir)
    pid = broken.staged.pid
    assert pid is not None
    lifecycle.stop(box.dir)
    assert wait_until(lambda: _is_gone(pid), timeout_s=10)
    lifecycle.start(
        box.dir,
        places=Places(cache_dir=session_root / "cache", data_home=session_root / "broken-data"),
        now=datetime.now(UTC),
    )


def _is_gone(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():  # a dead process may wait there for its parent
        return not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_break_of_all_sessions_together_comes_back(box: SandboxInfo) -> None:
    for name in ("lock-chain", "runaway-query", "idle-in-transaction"):
        faults.stage(box.dir, name)
    results = {r.id: r for r in ask_everything(box, {"blocking.warn": "0"})}
    assert results["blocking"].evidence["findings"] == 3  # the roots of lock-chain alone


def test_break_gives_up_on_a_lock_that_somebody_else_holds(box: SandboxInfo) -> None:
    with psycopg.connect(box.database_url) as other:
        other.execute("LOCK TABLE public.recordings")
        with pytest.raises(OperationFailedError, match="lock timeout"):
            faults.stage(box.dir, "idle-in-transaction")
    assert faults.staged_in(box.dir) == ()
    assert ask_everything(box, {})[0].status == "ok"


def test_break_of_what_is_staged_is_refused(box: SandboxInfo) -> None:
    faults.stage(box.dir, "rls-off")
    with pytest.raises(RefusedError, match="staged already"):
        faults.stage(box.dir, "rls-off")


def test_break_and_heal_of_wrong_names_say_so(box: SandboxInfo, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no scenario"):
        faults.stage(box.dir, "flood")
    with pytest.raises(NotFoundError, match="not staged"):
        faults.heal(box.dir, "rls-off")
    with pytest.raises(NotFoundError, match="no sandbox"):
        faults.stage(tmp_path, "rls-off")


def test_cache_hit_of_triage_counts_from_the_first_sample(box: SandboxInfo) -> None:
    """The second sample judges what was read since the first, not since the build."""
    target = own_target(box.database_url, "test")
    options = RunOptions(settings={"cache_min_blocks": "1000"})
    chosen = [d for d in load_library() if d.id == "cache-hit"]
    with closing(connect(target, application="runbook")) as connection:
        whole = run_checks(connection, chosen, options=options).results[0]
        twice = replace(options, two_samples=True)
        sample = run_checks(connection, chosen, options=twice).results[0]
    assert (whole.status, whole.evidence["examined"]) == ("ok", 1)
    assert (sample.status, sample.evidence["examined"]) == ("skipped", 0)
