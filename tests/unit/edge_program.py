"""The whole program with one more command group, `fake`, whose commands end as they are told to.

Run as a program by test_edge.py and test_telemetry.py; no test itself.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import replace
from types import ModuleType
from typing import Annotated, Any

import typer

from kulti_ops import cli, errors, menu
from kulti_ops.edge import Invocation, command, group
from kulti_ops.report import CheckResult, Outcome, Verdict

CANARY = "canary-secret-31337"
URL = f"postgresql://postgres:{CANARY}@db.example:5432/app"

app = group("fake", "Commands that end as they are told to.")


def result(status: Verdict) -> Outcome:
    found = CheckResult(id="one", status=status, summary=f"it is {status}", next="do something")
    return Outcome(results=(found,))


@command(app, "check", checks=True, examples=("kulti-ops fake check ok",))
def check(run: Invocation, status: Annotated[Verdict, typer.Argument()] = Verdict.OK) -> Outcome:
    """Give one verdict."""
    run.progress.step("looking")
    run.progress.advance("half done")
    return result(status)


@command(app, "nothing", checks=True, examples=("kulti-ops fake nothing",))
def nothing(run: Invocation) -> Outcome:  # noqa: ARG001
    """Find nothing to check."""
    return Outcome(results=())


@command(app, "fail", examples=("kulti-ops fake fail ConfigError",))
def fail(run: Invocation, name: Annotated[str, typer.Argument()]) -> Outcome:  # noqa: ARG001
    """Raise an error of kulti_ops.errors."""
    raise getattr(errors, name)(f"cannot open {URL}", hint=f"try {URL} again")


@command(app, "check-fails", checks=True, examples=("kulti-ops fake check-fails",))
def check_fails(run: Invocation) -> Outcome:  # noqa: ARG001
    """Raise an error where verdicts were expected."""
    raise errors.OperationFailedError("the tool broke")


@command(app, "fails-with-results", checks=True, examples=("kulti-ops fake fails-with-results",))
def fails_with_results(run: Invocation) -> Outcome:  # noqa: ARG001
    """Fail, and show how far it came."""
    failure = errors.OperationFailedError("the tool broke half-way", hint="try again")
    return replace(result(Verdict.CRIT), failure=failure)


@command(app, "bug", examples=("kulti-ops fake bug",))
def bug(run: Invocation) -> Outcome:
    """Fail as a bug does, with secrets and row data in the message and in the locals."""
    secret_local = f"local-{CANARY}"
    _ = run.settings
    run.secrets.add("plain-secret-word")
    run.progress.step("opening the door")
    run.progress.step(f"loading {URL} with plain-secret-word")
    raise ValueError(
        f"bad row of {URL} plain-secret-word\n"
        "DETAIL:  Key (email)=(jane.doe@mail.example) already exists.\n"
        f"jane again, phone +491701234567{secret_local[:0]}"
    )


@command(app, "leak", examples=("kulti-ops fake leak",))
def leak(run: Invocation) -> Outcome:
    """Put a secret everywhere."""
    run.secrets.add('odd"\\secret')
    run.say(f"warning: {URL}")
    data: dict[str, Any] = {
        "url": URL,
        "list": [URL],
        "token": None,
        "password": CANARY,
        "odd": 'an odd"\\secret here',
        "none": None,
    }
    return Outcome(data=data)


@command(app, "reveal", examples=("kulti-ops fake reveal",))
def reveal(run: Invocation) -> Outcome:  # noqa: ARG001
    """Show a secret that was asked for."""
    return Outcome(data={"url": URL}, plain=URL, reveals_secrets=True)


@command(app, "slow", examples=("kulti-ops fake slow",))
def slow(run: Invocation) -> Outcome:
    """Wait to be interrupted, and clean up."""
    return slow_work(run)


def slow_work(run: Invocation) -> Outcome:
    try:
        run.say("ready")
        time.sleep(30)
    finally:
        run.say("cleaned up")
    return Outcome()


class Deaf:
    """Python swallows what is raised while this is destroyed."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0)


@command(app, "deaf", examples=("kulti-ops fake deaf",))
def deaf(run: Invocation) -> Outcome:
    """Be told to end while nothing can be raised."""
    made = Deaf()
    del made
    return slow_work(run)


@command(app, "settings", examples=("kulti-ops fake settings",))
def settings(run: Invocation) -> Outcome:
    """Load the settings."""
    return Outcome(data={"jobs": run.settings.jobs})


@command(app, "long", examples=("kulti-ops fake long",))
def long(run: Invocation) -> Outcome:  # noqa: ARG001
    """Print more than a pipe holds."""
    return Outcome(table=tuple({"n": n, "text": "x" * 80} for n in range(5000)))


def install() -> None:
    """Make the program know the group."""
    module = ModuleType("kulti_ops.commands.fake")
    module.app = app  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    menu.COMMANDS["Fake"] = {"fake": "commands that end as they are told to"}


if __name__ == "__main__":
    install()
    cli.main()
