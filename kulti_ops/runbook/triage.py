"""Triage: everything that matters in an incident, worst first, also without a database.

Owns the order; asks through `run`, and has a failed connection diagnosed as a finding.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from kulti_ops.db import connect
from kulti_ops.errors import DatabaseError
from kulti_ops.report import CheckResult, Verdict
from kulti_ops.runbook.connection import describe_connection, diagnose_failure
from kulti_ops.runbook.run import run_checks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kulti_ops.db import Target
    from kulti_ops.runbook.diagnostic import Diagnostic
    from kulti_ops.runbook.run import RunOptions

_WORST_FIRST = (Verdict.CRIT, Verdict.UNKNOWN, Verdict.WARN, Verdict.OK, Verdict.SKIPPED)


def triage_set(library: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return what triage asks, causes before their effects."""
    chosen = [(d.triage, d) for d in library if d.triage is not None]
    return tuple(d for _, d in sorted(chosen, key=lambda pair: pair[0]))


def run_triage(
    target: Target,
    library: Iterable[Diagnostic],
    *,
    options: RunOptions,
    connect_timeout_s: int,
) -> tuple[CheckResult, ...]:
    """Return every finding, worst first; a connection that fails is the finding."""
    started = time.monotonic()
    try:
        connection = connect(target, application="runbook", timeout_s=connect_timeout_s)
    except DatabaseError as error:
        return (diagnose_failure(target, error, duration_s=time.monotonic() - started),)
    connected_s = time.monotonic() - started
    chosen = triage_set(library)
    try:
        done = run_checks(connection, chosen, options=replace(options, two_samples=True))
    except DatabaseError as error:
        lost = diagnose_failure(target, error, duration_s=time.monotonic() - started)
        return (lost,)
    finally:
        connection.close()
    first = describe_connection(target, done.server, duration_s=connected_s)
    return worst_first((first, *done.results))


def worst_first(results: Iterable[CheckResult]) -> tuple[CheckResult, ...]:
    """Return the results by verdict; within one, in the order given."""
    return tuple(sorted(results, key=lambda result: _WORST_FIRST.index(result.status)))
