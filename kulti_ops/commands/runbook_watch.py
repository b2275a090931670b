"""`--watch`: the same checks again and again, with what has changed since the round before."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from kulti_ops.errors import UsageError
from kulti_ops.report import Outcome, Report

if TYPE_CHECKING:
    from collections.abc import Callable

    from kulti_ops.db import Target
    from kulti_ops.edge import Invocation
    from kulti_ops.report import CheckResult

WatchOption = Annotated[
    float | None,
    typer.Option(
        "--watch",
        help="Ask again every so many seconds until Ctrl-C, differences marked; table only.",
        min=0.5,
        max=3600,
        metavar="SECONDS",
        show_default="once",
    ),
]


def check_watchable(run: Invocation, every_s: float | None) -> None:
    """Refuse what goes with one report only.

    Raises: UsageError.
    """
    common = run.common
    if every_s is None:
        return
    if common.format not in {None, "table"}:
        raise UsageError(f"--watch draws a table: it has no --format {common.format}")
    if common.output is not None or common.quiet:
        raise UsageError("--watch draws on the screen: it takes neither --output nor --quiet")


def watch(
    run: Invocation,
    ask: Callable[[], tuple[CheckResult, ...]],
    *,
    every_s: float,
    rows_text: Callable[[tuple[CheckResult, ...]], str] | None = None,
) -> Outcome:
    """Ask, draw, wait, until a signal ends it; or until nobody reads any more.

    `ask` answers with results also when the connection is lost. Rounds begin `every_s` apart,
    or as soon as the one before is done.
    """
    from kulti_ops.output import Screen

    began = time.monotonic()
    before: tuple[CheckResult, ...] | None = None
    with Screen(run.secrets) as screen:
        while True:
            started = time.monotonic()
            results = ask()
            now = run.now + timedelta(seconds=time.monotonic() - began)
            report = Report(
                command=run.command,
                started_at=now,
                duration_s=time.monotonic() - started,
                outcome=_outcome(results, before, rows_text),
                checks=True,
            )
            header = f"{now:%Y-%m-%d %H:%M:%SZ}, every {every_s:g} s until Ctrl-C"
            if not screen.draw(report, header):
                return Outcome(results=results)
            before = results
            time.sleep(max(0.0, started + every_s - time.monotonic()))


def asked_again(
    target: Target, ask: Callable[[], tuple[CheckResult, ...]]
) -> Callable[[], tuple[CheckResult, ...]]:
    """Return `ask` with a lost or refused connection as its finding."""
    from kulti_ops.errors import DatabaseError
    from kulti_ops.runbook.connection import diagnose_failure

    def again() -> tuple[CheckResult, ...]:
        started = time.monotonic()
        try:
            return ask()
        except DatabaseError as error:
            return (diagnose_failure(target, error, duration_s=time.monotonic() - started),)

    return again


def _outcome(
    results: tuple[CheckResult, ...],
    before: tuple[CheckResult, ...] | None,
    rows_text: Callable[[tuple[CheckResult, ...]], str] | None,
) -> Outcome:
    from kulti_ops.runbook.changes import gone, mark_changes, mark_rows

    parts = [rows_text(mark_rows(results, before)) if rows_text is not None else ""]
    if left := gone(results, before):
        parts.append(f"not asked this time: {', '.join(left)}")
    human = "\n\n".join(filter(None, parts))
    return Outcome(results=mark_changes(results, before), human=human or None, findings_first=True)
