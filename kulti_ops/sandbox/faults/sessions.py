"""Incidents of sessions: locks, full connections, runaways. A process of their own holds them.

The process (`hold`) opens the sessions, says that they stand, and ends when it loses them:
with the server, or when `heal` ends them there.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from kulti_ops.errors import OperationFailedError
from kulti_ops.sandbox.faults.scenario import APPLICATION, Scenario, Site, Staged, end_sessions

if TYPE_CHECKING:
    from collections.abc import Mapping

READY = "ready"
# rows of their own, so that scenarios can be staged together
_UPDATE, _OTHER_UPDATE = (
    f"UPDATE public.recordings SET duration = duration"  # noqa: S608 - our own texts
    f" WHERE id = (SELECT {which}(id::text)::uuid FROM public.recordings)"
    for which in ("min", "max")
)


@dataclass(frozen=True, kw_only=True)
class Session:
    """One session: what it runs, and whether its last statement is left running."""

    label: str
    statements: tuple[str, ...]
    hangs: bool = False


SESSIONS: Mapping[str, tuple[Session, ...]] = {
    "lock-chain": (
        Session(
            label="migration",
            statements=("BEGIN", "LOCK TABLE public.waitlist IN ACCESS EXCLUSIVE MODE"),
        ),
        Session(label="reader", statements=("SELECT count(*) FROM public.waitlist",), hangs=True),
        Session(label="editor", statements=("BEGIN", _UPDATE)),
        # the second in line holds the tuple's lock, on which the third waits
        Session(label="second", statements=(_UPDATE,), hangs=True),
        Session(label="third", statements=(_UPDATE,), hangs=True),
        Session(label="worker", statements=("SELECT pg_advisory_lock(4711)",)),
        Session(label="twin", statements=("SELECT pg_advisory_lock(4711)",), hangs=True),
    ),
    "idle-in-transaction": (Session(label="debugger", statements=("BEGIN", _OTHER_UPDATE)),),
    "runaway-query": (Session(label="report", statements=("SELECT pg_sleep(86400)",), hangs=True),),
    "connections-full": (),  # as many as the server gives
}


def _stage(name: str, site: Site) -> Staged:
    argv = [sys.executable, "-m", "kulti_ops.sandbox.faults.hold", str(site.folder), name]
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        text=True,
    )
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    with process, process.stdout:  # the process we see only makes the one that stays
        said = process.stdout.readline().strip()  # it has timeouts of its own
    word, _, pid = said.partition(" ")
    if word != READY:
        end_sessions(site, name)
        raise OperationFailedError(f"the scenario {name} could not be staged: {said or 'no word'}")
    return Staged(pid=int(pid))


def _heal(name: str, site: Site, staged: Staged) -> None:  # noqa: ARG001 - the interface
    end_sessions(site, name)


def _scenario(name: str, title: str, look: str) -> Scenario:
    return Scenario(
        name=name, title=title, look=look, stage=partial(_stage, name), heal=partial(_heal, name)
    )


def application(name: str, label: str) -> str:
    """Return the name that a session of a scenario shows."""
    return f"{APPLICATION} {name} {label}"


SCENARIOS = (
    _scenario(
        "lock-chain",
        "sessions that wait for a table, a row, each other, an advisory lock",
        "kulti-ops runbook check blocking --warn 0",
    ),
    _scenario(
        "connections-full",
        "every connection is taken",
        "kulti-ops runbook triage",
    ),
    _scenario(
        "runaway-query",
        "a query that does not end",
        "kulti-ops runbook check long-queries --warn 0",
    ),
    _scenario(
        "idle-in-transaction",
        "a session that wrote something and went away",
        "kulti-ops runbook check idle-in-transaction --warn 0",
    ),
)
