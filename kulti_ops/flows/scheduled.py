"""A scheduled run as a whole: alone on this machine, written down, told to everybody."""

from __future__ import annotations

import os
import time
from collections import deque
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from kulti_ops.backup.schedule.runs import FOLDER, History, Run, record_run
from kulti_ops.errors import ExitCode, KultiError, OperationFailedError, RefusedError
from kulti_ops.flows.routine import Checks, Routine, run_steps
from kulti_ops.lock import held, is_held_by
from kulti_ops.notify import Ending
from kulti_ops.notify.herald import Herald
from kulti_ops.redact import redact_server
from kulti_ops.report import CheckResult, Verdict, exit_code

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime
    from pathlib import Path

    from kulti_ops.flows.routine import Steps
    from kulti_ops.notify import Beginning, Notifier

LOCK_NAME = "schedule-run"
LOCK_FILE = "run.lock"
LOCK_POLL_S = 1.0
LOG_LINES = 60
LINE_CHARACTERS = 500
TEXT_CHARACTERS = 8_000  # receivers of pings keep 10 kB or more


@dataclass(kw_only=True)
class Log:
    """The last steps that were begun, each with the seconds since the run began."""

    started: float = field(default_factory=time.monotonic)
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=LOG_LINES))

    @property
    def elapsed_s(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self.started

    def add(self, text: str) -> None:
        """Add one step."""
        self.lines.append(f"{self.elapsed_s:8.1f} s  {text}")


@dataclass(frozen=True, kw_only=True)
class Errand:
    """Which schedule runs, and around it: state, receivers, what to keep from them.

    `wait_s` is how long to wait for another scheduled run to end.
    """

    beginning: Beginning
    state: Path
    now: datetime
    log: Log
    notifiers: tuple[Notifier, ...]
    notify_timeout_s: float
    fail_on_warn: bool
    secrets: Collection[str]
    wait_s: float = 0.0

    def shown(self, text: str) -> str:
        """Return one line as others may see it."""
        # what is masked may span lines: first mask, then join, then cut
        return " ".join(redact_server(text, self.secrets).split())[:LINE_CHARACTERS]


def run_scheduled(errand: Errand, steps: Steps) -> tuple[Routine, Checks]:
    """Run the steps alone on this machine, write the run down, tell everybody.

    Returns what was done, and the results of writing and telling. Raises: RefusedError when
    another scheduled run goes on; whatever is raised has been written down and told as well.
    """
    routine = Routine()
    run = Run(run_id=errand.beginning.run_id, pid=os.getpid(), started_at=errand.now)
    herald = Herald(errand.notifiers, timeout_s=errand.notify_timeout_s)
    try:
        with _alone(errand):
            _record(errand, run)
            herald.begin(errand.beginning)
            run_steps(routine, steps)
    except BaseException as error:
        message = error.message if isinstance(error, KultiError) else type(error).__name__
        ended = _ended(errand, run, routine)
        ended = replace(ended, exit_code=_code_of(error), problem=errand.shown(message))
        _close(errand, herald, replace(ended, status=Verdict.UNKNOWN), routine)
        raise
    return routine, _close(errand, herald, _ended(errand, run, routine), routine)


def goes_on(state: Path, pid: int) -> bool:
    """Return whether a scheduled run goes on as that process; others get its number later.

    Raises: OperationFailedError when it cannot be told.
    """
    path = state / FOLDER / LOCK_FILE
    try:
        return is_held_by(path, pid)
    except OSError as error:
        raise OperationFailedError(
            f"cannot look at the lock {path}: {error.strerror or error}",
            hint="look as the user whose cron or systemd makes the backups",
        ) from error


@contextmanager
def _alone(errand: Errand) -> Iterator[None]:
    """Hold the one lock of scheduled runs.

    Raises: RefusedError, OperationFailedError.
    """
    path = errand.state / FOLDER / LOCK_FILE
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(held(path, name=LOCK_NAME))
                break
            except RefusedError:
                if errand.log.elapsed_s >= errand.wait_s:
                    raise
                time.sleep(LOCK_POLL_S)
            except OSError as error:
                raise OperationFailedError(
                    f"cannot lock {path}: {error.strerror or error}",
                    hint="set KULTI_OPS_STATE_DIR to a folder that can be written",
                ) from error
        yield


def _ended(errand: Errand, run: Run, routine: Routine) -> Run:
    """Return the run as it ended."""
    manifest = routine.created.manifest if routine.created else None
    bad = [r for r in routine.results if r.status not in {Verdict.OK, Verdict.SKIPPED}]
    status = routine.status
    return replace(
        run,
        ended_at=errand.now + timedelta(seconds=errand.log.elapsed_s),
        status=status,
        exit_code=int(exit_code(status, fail_on_warn=errand.fail_on_warn)),
        backup_id=manifest.backup_id if manifest else None,
        snapshot_at=manifest.snapshot_at if manifest else None,
        size_bytes=manifest.size_bytes if manifest else None,
        proven=routine.proven,
        problem=errand.shown(f"{bad[0].id}: {bad[0].summary}") if bad else "",
    )


def _close(errand: Errand, herald: Herald, run: Run, routine: Routine) -> Checks:
    """Write the end down and tell it; return what became of that."""
    history, unwritten = _record(errand, run)
    ended_at = run.ended_at or errand.now
    told = herald.end(
        Ending(
            beginning=errand.beginning,
            failed=run.exit_code != 0,
            exit_code=run.exit_code or 0,
            ended_at=ended_at,
            duration_s=(ended_at - run.started_at).total_seconds(),
            text=_text(errand, run, routine),
            size_bytes=history.last_size_bytes,
            last_success_at=history.last_success_at,
            last_proven_at=history.last_proven_at,
        )
    )
    return (*unwritten, *(told or (_NOBODY,)))


def _record(errand: Errand, run: Run) -> tuple[History, Checks]:
    """Write the run down; that it cannot be is a warning, for the backup does not need it."""
    try:
        return record_run(errand.state, errand.beginning.schedule, run), ()
    except OperationFailedError as error:
        unwritten = CheckResult(
            id="history", status=Verdict.WARN, summary=error.message, next=error.hint
        )
        return History().with_run(run), (unwritten,)


def _text(errand: Errand, run: Run, routine: Routine) -> str:
    """Return what receivers show to people: the steps, then the log's end."""
    head = f"{errand.beginning.schedule}: exit code {run.exit_code}"
    lines = [head + (f", {run.problem}" if run.problem else "")]
    lines += [errand.shown(f"{r.id}: {r.status}: {r.summary}") for r in routine.results]
    text = "\n".join(lines)[: TEXT_CHARACTERS // 2]
    log = "\n".join(errand.shown(line) for line in errand.log.lines)
    return f"{text}\n\n{log[-(TEXT_CHARACTERS // 2) :]}"


def _code_of(error: BaseException) -> int:
    """Return the exit code that the program will end with; nothing else unwinds like a signal."""
    if isinstance(error, KultiError):
        return int(error.exit_code)
    if isinstance(error, KeyboardInterrupt):
        return int(ExitCode.INTERRUPTED)
    return int(ExitCode.BUG if isinstance(error, Exception) else ExitCode.TERMINATED)


_NOBODY = CheckResult(
    id="notify",
    status=Verdict.SKIPPED,
    summary="nobody is told: no KULTI_OPS_PING_URL, KULTI_OPS_SENTRY_MONITOR or "
    "KULTI_OPS_TEXTFILE_DIR",
)
