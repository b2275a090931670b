"""The steps of a scheduled run: what follows from a step that does not hold."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from kulti_ops.backup.create import Created
from kulti_ops.backup.schedule.runs import read_history
from kulti_ops.errors import ExitCode, OperationFailedError, RefusedError
from kulti_ops.flows.routine import Routine, Steps, run_steps
from kulti_ops.flows.scheduled import Errand, Log, goes_on, run_scheduled
from kulti_ops.lock import held
from kulti_ops.report import CheckResult, Verdict
from tests.unit.backup.test_manifest import make as manifest
from tests.unit.notify.test_notify import BEGINNING, Fake

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kulti_ops.flows.routine import Checks
    from kulti_ops.notify import Ending

NOW = datetime(2026, 11, 22, 3, 30, tzinfo=UTC)


def found(*statuses: str) -> Checks:
    return tuple(
        CheckResult(id=f"c{n}", status=Verdict(s), summary=f"it is {s}")
        for n, s in enumerate(statuses)
    )


def fails(*_: object) -> Checks:
    raise OperationFailedError("it broke", hint="mend it")


def steps(**changes: object) -> Steps:
    made = Steps(
        create=lambda: Created(manifest=manifest()),
        verify=lambda _: found("ok", "ok"),
        drill=lambda _: found("ok"),
        prune=lambda: found("ok"),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def taken(taking: Steps) -> tuple[Routine, dict[str, str]]:
    routine = Routine()
    run_steps(routine, taking)
    return routine, {result.id: str(result.status) for result in routine.results}


OK = {"create": "ok", "verify": "ok", "drill": "ok", "prune": "ok"}
SKIPPED = dict.fromkeys(OK, "skipped")


@pytest.mark.parametrize(
    ("changes", "expected", "proven"),
    [
        ({}, OK, True),
        ({"create": fails}, SKIPPED | {"create": "crit"}, False),
        ({"verify": fails}, OK | {"verify": "crit", "drill": "skipped", "prune": "skipped"}, False),
        (
            {"verify": lambda _: found("ok", "crit")},
            OK | {"verify": "crit", "drill": "skipped", "prune": "skipped"},
            False,
        ),
        (
            {"verify": lambda _: found("ok", "unknown")},
            OK | {"verify": "unknown", "drill": "skipped", "prune": "skipped"},
            False,
        ),
        (
            {"verify": lambda _: ()},
            OK | {"verify": "unknown", "drill": "skipped", "prune": "skipped"},
            False,
        ),
        ({"verify": lambda _: found("warn")}, OK | {"verify": "warn"}, True),
        ({"drill": lambda _: found("crit")}, OK | {"drill": "crit", "prune": "skipped"}, False),
        ({"drill": None}, OK | {"drill": "skipped"}, True),
        ({"drill": None, "proves": False}, OK | {"drill": "skipped"}, False),
        ({"proves": False}, OK, True),
        ({"prune": fails}, OK | {"prune": "crit"}, True),
        ({"prune": None}, OK | {"prune": "skipped"}, True),
    ],
)
def test_run_steps_takes_what_rests_on_what_held(
    changes: dict[str, object], expected: dict[str, str], *, proven: bool
) -> None:
    routine, verdicts = taken(steps(**changes))
    assert (verdicts, routine.proven) == (expected, proven)
    assert all(result.summary for result in routine.results)


def test_run_steps_summary_names_the_worst_and_data_holds_everything() -> None:
    routine, _ = taken(steps(verify=lambda _: found("ok", "warn", "crit")))
    verify = next(r for r in routine.results if r.id == "verify")
    assert verify.summary == "it is crit"
    assert [row["status"] for row in verify.rows] == ["warn", "crit"]
    (details,) = [s for s in routine.as_data()["steps"] if s["step"] == "verify"]
    assert [r["status"] for r in details["results"]] == ["ok", "warn", "crit"]


def test_run_steps_warning_of_the_backup_is_a_warning_of_the_step() -> None:
    made = Created(manifest=manifest(), warnings=("the clock is wrong",), remarks=("left out: x",))
    routine, verdicts = taken(steps(create=lambda: made))
    assert verdicts == OK | {"create": "warn"}
    assert "clock" in routine.results[0].summary


class Recorder(Fake):
    """A receiver that keeps what it is told."""

    def __init__(self) -> None:
        super().__init__("take", "take")
        self.endings: list[Ending] = []

    async def end(self, ending: Ending) -> None:
        self.endings.append(ending)


def errand(state: Path, receiver: Recorder, **changes: object) -> Errand:
    made = Errand(
        beginning=BEGINNING,
        state=state,
        now=NOW,
        log=Log(),
        notifiers=(receiver,),
        notify_timeout_s=5,
        fail_on_warn=False,
        secrets={"canary-secret"},
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def raising(error: BaseException) -> Callable[[], Created]:
    def create() -> Created:
        raise error

    return create


def test_run_scheduled_is_written_down_and_told(tmp_path: Path) -> None:
    receiver = Recorder()
    routine, told = run_scheduled(errand(tmp_path, receiver), steps())
    assert routine.status is Verdict.OK
    assert [result.status for result in told] == [Verdict.OK]
    (ending,) = receiver.endings
    assert (ending.failed, ending.exit_code) == (False, 0)
    assert ending.last_proven_at == manifest().snapshot_at
    (run,) = read_history(tmp_path, "daily").runs
    assert (run.exit_code, run.proven, run.backup_id) == (0, True, manifest().backup_id)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ValueError("a bug with canary-secret"), ExitCode.BUG),
        (KeyboardInterrupt(), ExitCode.INTERRUPTED),
        (SystemExit(), ExitCode.TERMINATED),
    ],
)
def test_run_scheduled_that_is_torn_down_is_told_as_failed(
    tmp_path: Path, error: BaseException, code: int
) -> None:
    receiver = Recorder()
    with pytest.raises(type(error)):
        run_scheduled(errand(tmp_path, receiver), steps(create=raising(error)))
    (ending,) = receiver.endings
    assert (ending.failed, ending.exit_code) == (True, code)
    (run,) = read_history(tmp_path, "daily").runs
    assert (run.exit_code, run.status) == (code, Verdict.UNKNOWN)
    assert "canary" not in ending.text + run.problem


def test_run_scheduled_text_is_bounded_and_without_secrets_or_rows(tmp_path: Path) -> None:
    receiver = Recorder()
    row = "DETAIL:  Key (email)=(canary@mail.example) exists.\nCONTEXT:  canary-row"
    broken = OperationFailedError(f"it broke with canary-secret\n{row}" + " long" * 3000)
    doing = errand(tmp_path, receiver)
    for number in range(200):
        doing.log.add(f"step {number} canary-secret {'x' * 1000}")
    run_scheduled(doing, steps(create=raising(broken)))
    text = receiver.endings[0].text
    assert len(text) < 10_000
    assert "canary" not in text + read_history(tmp_path, "daily").runs[0].problem
    assert "create: crit: it broke with ***" in text
    assert "step 199" in text


def test_run_scheduled_warning_fails_where_warnings_are_to_fail(tmp_path: Path) -> None:
    warned = steps(verify=lambda _: found("warn"))
    for fail_on_warn, code in ((False, 0), (True, 10)):
        receiver = Recorder()
        run_scheduled(errand(tmp_path, receiver, fail_on_warn=fail_on_warn), warned)
        assert receiver.endings[0].exit_code == code


def test_run_scheduled_history_that_cannot_be_written_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "schedule").mkdir()
    (tmp_path / "schedule" / "daily.json").mkdir()
    receiver = Recorder()
    routine, told = run_scheduled(errand(tmp_path, receiver), steps())
    assert routine.status is Verdict.OK
    assert {r.id: r.status for r in told} == {"history": Verdict.WARN, "notify-fake": Verdict.OK}
    assert receiver.endings[0].last_success_at is not None


def test_run_scheduled_waits_for_another_as_long_as_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as other:
        other.enter_context(held(tmp_path / "schedule" / "run.lock", name="other"))
        refused = Recorder()
        with pytest.raises(RefusedError, match="another run"):
            run_scheduled(errand(tmp_path, refused), steps())
        assert refused.endings[0].exit_code == ExitCode.REFUSED
        monkeypatch.setattr("kulti_ops.flows.scheduled.time.sleep", lambda _: other.close())
        waited = Recorder()
        run_scheduled(errand(tmp_path, waited, wait_s=60.0), steps())
    assert waited.endings[0].exit_code == 0


def test_run_goes_on_only_while_its_process_holds_the_lock(tmp_path: Path) -> None:
    """The number of a killed run's process may be another's by now."""
    me = os.getpid()
    assert not goes_on(tmp_path, me)
    with held(tmp_path / "schedule" / "run.lock", name="a run"):
        assert goes_on(tmp_path, me)
        assert not goes_on(tmp_path, me + 1)
        assert not goes_on(tmp_path, int(str(me)[:-1] or 1))
    assert not goes_on(tmp_path, me)
    (tmp_path / "schedule" / "run.lock").unlink()
    (tmp_path / "schedule" / "run.lock").symlink_to("run.lock")
    with pytest.raises(OperationFailedError, match="cannot look at the lock"):
        goes_on(tmp_path, me)
