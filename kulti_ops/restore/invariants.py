"""The platform's invariants on a restored copy, asked over several connections.

A violation is a warning, not a failure of the backup: the copy is what the source
was, and it was the source that broke the rule.
"""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import wait
from typing import TYPE_CHECKING

from kulti_ops.background import begin
from kulti_ops.clock import iso
from kulti_ops.db import connect, translated
from kulti_ops.invariants import InvariantResult, check_invariants
from kulti_ops.platform.invariants import NOW_SETTING, Invariant, load_invariants
from kulti_ops.report import CheckResult, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from kulti_ops.db import Connection, Target

NAMES_SHOWN = 5
# Nobody waits for a scratch server, and other comparisons keep its cores busy meanwhile.
TIMEOUT_S = 3600.0
# What adding the constraint has just proven, and the inventory has compared: no need to ask again.
PROVEN_BY_CONSTRAINTS = frozenset({"foreign_keys"})
SESSION = {
    "default_statistics_target": "5",  # a rough sample is enough to choose plans by
    "work_mem": "128MB",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",  # the connections keep the cores busy themselves
}


def hold_invariants(target: Target, *, at: datetime, jobs: int) -> CheckResult:
    """Ask the restored copy whether the platform's invariants hold, as of the snapshot.

    Raises: DatabaseError when the copy cannot be asked at all.
    """
    started = time.monotonic()
    wanted = deque(i for i in load_invariants() if i.id not in PROVEN_BY_CONSTRAINTS)
    with connect(target, application="invariants") as connection, translated("statistics"):
        _prepare(connection, at)
        _analyze(connection, {name for i in wanted for name in i.requires})
    found = _ask_all(target, wanted, at=at, jobs=jobs)
    status, summary = _judge(found)
    broken = tuple(r for r in found if r.status is Verdict.CRIT)
    return CheckResult(
        id="invariants",
        status=status,
        summary=summary,
        evidence={str(v): sum(r.status is v for r in found) for v in Verdict},
        rows=tuple({"invariant": r.invariant.id, "violations": r.violations} for r in broken),
        next="look at the source's data: the backup holds what was there" if broken else None,
        duration_s=time.monotonic() - started,
    )


def _analyze(connection: Connection, relations: Iterable[str]) -> None:
    """Take statistics of those relations that are there; nobody reads the others."""
    query = "SELECT to_regclass(name)::text FROM unnest(%s::text[]) AS name"
    found = connection.execute(query, (sorted(relations),)).fetchall()
    names = [name for (name,) in found if name is not None]
    if names:
        connection.execute(
            f"ANALYZE {', '.join(names)}".encode()
        )  # names as the server quotes them


def _ask_all(
    target: Target, waiting: deque[Invariant], *, at: datetime, jobs: int
) -> list[InvariantResult]:
    """Let several connections take invariants from one queue."""
    found: list[InvariantResult] = []

    def work() -> None:
        with connect(target, application="invariants") as connection:
            _prepare(connection, at)
            while True:
                try:
                    invariant = waiting.popleft()
                except IndexError:
                    return
                found.extend(check_invariants(connection, (invariant,), timeout_s=TIMEOUT_S))

    begun = [begin(work, name="invariants") for _ in range(max(1, jobs))]
    wait(begun)
    for one in begun:
        one.result()
    return sorted(found, key=lambda r: r.invariant.id)


def _prepare(connection: Connection, at: datetime) -> None:
    for name, value in {**SESSION, NOW_SETTING: iso(at)}.items():
        connection.execute("SELECT set_config(%s, %s, false)", (name, value))


def _judge(found: list[InvariantResult]) -> tuple[Verdict, str]:
    """Return the verdict: what could not be asked outweighs what is broken."""
    broken = [r for r in found if r.status is Verdict.CRIT]
    untold = [r for r in found if r.status is Verdict.UNKNOWN]
    held = sum(r.status is Verdict.OK for r in found)
    if untold:
        names = "; ".join(f"{r.invariant.id}: {r.reason}" for r in untold[:NAMES_SHOWN])
        return Verdict.UNKNOWN, f"could not be asked: {names}"
    if broken:
        names = "; ".join(f"{r.invariant.title} ({r.violations})" for r in broken[:NAMES_SHOWN])
        return Verdict.WARN, f"broken already at the source: {names}"
    if not held:
        return Verdict.SKIPPED, "none of the platform's tables is there"
    missing = sum(r.status is Verdict.SKIPPED for r in found)
    aside = f"; {missing} need tables that are not there" if missing else ""
    return Verdict.OK, f"{held} invariants of the platform hold{aside}"
