"""The comparison after a restore, the same for a drill and for a real one.

Each comparison looks for itself; one that fails is `unknown`, and the others still
run. Also judges the restore's own errors.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kulti_ops.background import begin
from kulti_ops.errors import KultiError, OperationFailedError
from kulti_ops.report import CheckResult, Verdict
from kulti_ops.restore.plan import Action
from kulti_ops.restore.tool import EntryError
from kulti_ops.verify.restored import (
    Expected,
    TableMatch,
    compare_large_objects,
    compare_materialized_views,
    compare_objects,
    compare_rows,
    compare_sequences,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kulti_ops.db import Target
    from kulti_ops.pgrestore import ArchiveSource
    from kulti_ops.pgtools import Installation
    from kulti_ops.restore.plan import RestorePlan
    from kulti_ops.verify.compare import Difference

NAMES_SHOWN = 5


def compare_all(
    target: Target,
    expected: Expected,
    rules: Iterable[Callable[[Difference], str]],
    *,
    tools: Installation,
    jobs: int,
) -> tuple[tuple[CheckResult, ...], tuple[TableMatch, ...]]:
    """Hold a restored database against its backup; ids start with `restored-`."""
    tables: list[TableMatch] = []

    def rows() -> CheckResult:
        result, matches = compare_rows(target, expected, tools=tools, jobs=jobs)
        tables.extend(matches)
        return result

    checks: dict[str, Callable[[], CheckResult]] = {
        "inventory": lambda: compare_objects(target, expected, rules)[0],
        "rows": rows,
        "sequences": lambda: compare_sequences(target, expected),
        "large-objects": lambda: compare_large_objects(target, expected, tools=tools),
        "materialized-views": lambda: compare_materialized_views(target, expected),
    }
    # the rows last: they keep every core busy to the end, what takes one session would not
    found = {
        name: checked(f"restored-{name}", checks[name])
        for name in sorted(checks, key=lambda name: name == "rows")
    }
    return tuple(found[name] for name in checks), tuple(tables)


def judge_errors(errors: Iterable[EntryError], plan: RestorePlan, *, again: int = 0) -> CheckResult:
    """Judge the restore itself: zero unexplained errors, and how much was explained.

    `again` entries were loaded a second time, after a deadlock.
    """
    missing = plan.missing_extensions
    lacking = (EntryError(label=f"EXTENSION {n}", message="not available") for n in missing)
    found = (*lacking, *errors)
    done = sum(len(plan.entries(a)) for a in Action if a is not Action.SKIP)
    explained = len(plan.explained)
    aside = f"; {explained} left out, explained" if explained else ""
    aside += f"; {again} again, alone, after a deadlock" if again else ""
    shown = "; ".join(f"{e.label}: {e.message}" for e in found[:NAMES_SHOWN])
    return CheckResult(
        id="restore",
        status=Verdict.CRIT if found else Verdict.OK,
        summary=f"{len(found)} unexplained errors: {shown}"
        if found
        else f"{done} entries restored without an error{aside}",
        evidence={"entries": done, "errors": len(found), "explained": explained, "again": again},
        rows=tuple({"entry": e.label, "message": e.message, "sqlstate": e.sqlstate} for e in found),
        next="the restored copy is not complete: see the rows of this result" if found else None,
    )


def failure_of(results: Iterable[CheckResult]) -> OperationFailedError | None:
    """Return why a restore has failed as an operation, None where it was carried out.

    A difference that the comparison found is no failure of the restore: it is a verdict.
    """
    for result in results:
        if result.id == "restore" and result.status is Verdict.CRIT:
            return OperationFailedError(
                f"the restore failed: {result.summary}", hint=result.next or ""
            )
    return None


def jobs_result(archive: ArchiveSource, jobs: int) -> tuple[CheckResult, ...]:
    """Say that the jobs asked for did not come about, where they did not."""
    if jobs == 1 or archive.path is not None:
        return ()
    return (
        CheckResult(
            id="jobs",
            status=Verdict.SKIPPED,
            summary=f"loaded by 1 job instead of {jobs}: the archive is no plain file on this "
            "machine, and pg_restore cannot share a pipe between jobs",
        ),
    )


def checked(check_id: str, check: Callable[[], CheckResult]) -> CheckResult:
    """Run one comparison; a failing one is `unknown`."""
    try:
        return replace(check(), id=check_id)
    except KultiError as error:
        return CheckResult(id=check_id, status=Verdict.UNKNOWN, summary=error.message)


def alongside(check_id: str, check: Callable[[], CheckResult]) -> Callable[[], CheckResult]:
    """Begin a comparison while others run; what is returned waits for its result.

    Nobody who is interrupted has to wait for it: it ends with the server or the process.
    Raises: in the end, what the comparison raised.
    """
    return begin(lambda: checked(check_id, check), name=check_id).result
