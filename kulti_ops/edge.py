"""The edge: the one place where outcomes and exceptions become output and exit codes.

Reads the clock, catches signals, renders reports, and hands every command an
`Invocation`. Holds no knowledge of any feature.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import re
import signal
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from kulti_ops import options as opts
from kulti_ops.errors import ExitCode, KultiError, OperationFailedError
from kulti_ops.menu import PROGRAM
from kulti_ops.redact import redact, redact_server
from kulti_ops.report import ErrorInfo, Outcome, Report, exit_code
from kulti_ops.signals import TerminatedError, set_signals, signals_unwind

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kulti_ops.config import Settings
    from kulti_ops.progress import Progress

_COMPLETED = (ExitCode.OK, ExitCode.CRIT, ExitCode.UNKNOWN)
_BETWEEN_EXCEPTIONS = r"(\n\n(?:The above exception|During handling)[^\n]*\n\n)"
BUG_HINT = "this is a bug of kulti-ops: run again with --debug and report what it prints"


@dataclass(kw_only=True)
class Invocation:
    """What a command function gets besides its own options."""

    command: str
    now: datetime
    common: opts.CommonOptions
    progress: Progress
    secrets: set[str] = field(default_factory=set)

    @functools.cached_property
    def settings(self) -> Settings:
        """The settings, loaded at first use; starts telemetry when a DSN is set."""
        from kulti_ops import telemetry
        from kulti_ops.config import load_settings

        settings = load_settings(env_file=self.common.env_file)
        self.secrets.update(settings.secret_values())
        telemetry.start(settings, command=self.command, secrets=self.secrets)
        return settings

    @property
    def interactive(self) -> bool:
        """Whether a person can be asked."""
        return sys.stdin.isatty() and sys.stderr.isatty()

    def write_file(self, path: Path, text: str, *, masked: bool = True) -> None:
        """Replace a file that the user asked for, atomically, readable by its owner only.

        `masked` takes secrets out; SQL that holds none is not to be changed by it.

        Raises: OperationFailedError when it cannot be written.
        """
        from kulti_ops.output import write_private

        try:
            write_private(path, self.masked(text) if masked else text)
        except OSError as error:
            raise OperationFailedError(f"cannot write {path}: {error.strerror or error}") from error

    def masked(self, text: str) -> str:
        """Return a text without the secrets that are known."""
        return redact(text, self.secrets)

    def say(self, text: str) -> None:
        """Write one line for people to stderr."""
        from kulti_ops.render.rows import visible

        self.progress.clear()
        sys.stderr.write(visible(self.masked(text)) + "\n")
        sys.stderr.flush()


def group(name: str, text: str) -> typer.Typer:
    """Return a command group; a group of one command is still a group."""
    app = typer.Typer(name=name, help=text, no_args_is_help=True, add_completion=False)
    app.callback()(lambda: None)
    return app


def command(
    app: typer.Typer,
    name: str | None = None,
    *,
    checks: bool = False,
    examples: tuple[str, ...],
    exits: str = "",
) -> Callable[[Callable[..., Outcome]], Callable[..., None]]:
    """Register a function `(run, **options) -> Outcome` as a command of `app`.

    Adds the shared options, the examples and the exit codes to its help.
    `checks` says that the command gives verdicts: then it has `--fail-on`, and an
    error leaves its status `unknown`.
    """

    def decorate(function: Callable[..., Outcome]) -> Callable[..., None]:
        @functools.wraps(function)
        def entry(**parameters: Any) -> None:  # noqa: ANN401 - whatever the command declares
            common = opts.CommonOptions(
                **{key: parameters.pop(key) for key in _shared(checks=checks)}
            )
            label = _label(app, name)
            raise typer.Exit(execute(label, function, common, parameters, checks=checks))

        _extend_signature(entry, function, checks=checks)
        entry.__doc__ = _help_text(function, examples, exits, checks=checks)
        app.command(name)(entry)
        return entry

    return decorate


def execute(
    label: str,
    function: Callable[..., Outcome],
    common: opts.CommonOptions,
    parameters: dict[str, Any],
    *,
    checks: bool,
) -> int:
    """Run one command function, write its report, return the exit code."""
    run = Invocation(
        command=label, now=datetime.now(UTC), common=common, progress=_progress(quiet=common.quiet)
    )
    started = time.perf_counter()
    outcome, error, code = _call(run, function, parameters)
    if (failure := outcome.failure) is not None:
        error, code = _info(run, failure.kind, failure.message, failure.hint), failure.exit_code
    if code in (ExitCode.INTERRUPTED, ExitCode.TERMINATED):
        set_signals(signal.SIG_DFL)  # cleaned up: a second one may end us anywhere
    run.progress.clear()
    report = Report(
        command=label,
        started_at=run.now,
        duration_s=time.perf_counter() - started,
        outcome=outcome,
        checks=checks,
        error=error,
    )
    if error is None:
        code = exit_code(report.status, fail_on_warn=common.fail_on is opts.FailOn.WARN)
    returned = _deliver(run, report, code)
    _finish_telemetry(code)
    if common.format is opts.CheckFormat.NAGIOS:
        return _plugin_status(report, delivered=returned == code)
    return returned


def _plugin_status(report: Report, *, delivered: bool) -> int:
    """Return what a monitoring plugin exits with: the codes are the format's, not ours."""
    from kulti_ops.render import nagios

    return nagios.exit_status(report) if delivered else nagios.UNKNOWN_STATUS


def _finish_telemetry(code: ExitCode) -> None:
    """Let what was recorded leave, after the answer: it must not wait for Sentry."""
    telemetry = sys.modules.get("kulti_ops.telemetry")
    if telemetry is not None:
        with contextlib.suppress(KeyboardInterrupt, TerminatedError):
            telemetry.finish(status="ok" if code in _COMPLETED else "internal_error")


def _progress(*, quiet: bool) -> Progress:
    """Return the listener of this run: a terminal where there is one, and the breadcrumbs."""
    from kulti_ops.progress import SILENT, Recorded
    from kulti_ops.render.terminal import progress_for

    return Recorded(SILENT if quiet else progress_for(), _leave_breadcrumb)


def _leave_breadcrumb(text: str) -> None:
    telemetry = sys.modules.get("kulti_ops.telemetry")
    if telemetry is not None:
        telemetry.step(text)


def _call(
    run: Invocation, function: Callable[..., Outcome], parameters: dict[str, Any]
) -> tuple[Outcome, ErrorInfo | None, ExitCode]:
    try:
        with signals_unwind():
            return function(run, **parameters), None, ExitCode.OK
    except KultiError as error:
        _show_traceback(run)
        return Outcome(), _info(run, error.kind, error.message, error.hint), error.exit_code
    except (KeyboardInterrupt, typer.Abort):  # the latter: Ctrl-C at a question
        return Outcome(), _info(run, "interrupted", "interrupted", ""), ExitCode.INTERRUPTED
    except TerminatedError:
        return Outcome(), _info(run, "terminated", "terminated", ""), ExitCode.TERMINATED
    except (typer.Exit, typer.BadParameter):
        raise
    except Exception as error:  # noqa: BLE001 - the edge: whatever else happens is a bug
        from kulti_ops import telemetry

        _show_traceback(run)
        telemetry.capture(error)
        text = redact_server(f"unexpected {type(error).__name__}: {error}").splitlines()[0]
        return Outcome(), _info(run, "bug", text, BUG_HINT), ExitCode.BUG


def _info(run: Invocation, kind: str, message: str, hint: str) -> ErrorInfo:
    return ErrorInfo(
        kind=kind, message=redact(message, run.secrets), hint=redact(hint, run.secrets)
    )


def _show_traceback(run: Invocation) -> None:
    if run.common.debug:
        import traceback

        # each exception of the chain ends with its own words, and those may quote rows
        parts = re.split(_BETWEEN_EXCEPTIONS, traceback.format_exc().rstrip())
        run.say("".join(redact_server(part, run.secrets) for part in parts))


def _tell(run: Invocation, error: ErrorInfo) -> None:
    """Say an error and its hint to the person."""
    run.say(f"{PROGRAM}: {error.message}")
    if error.hint:
        run.say(f"  → {error.hint}")


def _deliver(run: Invocation, report: Report, code: ExitCode) -> int:
    """Write the report where it belongs; return the exit code."""
    from kulti_ops.output import Delivery, add_to_job_summary, deliver

    common = run.common
    if report.error is not None and common.format is not opts.CheckFormat.NAGIOS:
        _tell(run, report.error)
    where = Delivery(format_name=common.format, path=common.output, quiet=common.quiet)
    try:
        unsummed = add_to_job_summary(report, where, run.secrets)
        failure = deliver(report, where, run.secrets)
    except KeyboardInterrupt:
        return _broken_off(run, code or ExitCode.INTERRUPTED, "interrupted")
    except TerminatedError:
        return _broken_off(run, code or ExitCode.TERMINATED, "terminated")
    if unsummed is not None:  # the verdict stands in the annotations too
        run.say(f"{PROGRAM}: cannot write the job's summary: {unsummed.strerror or unsummed}")
    if failure is None:
        return code
    where_to = common.output or "stdout"
    run.say(f"{PROGRAM}: cannot write the report to {where_to}: {failure.strerror or failure}")
    return code or ExitCode.FAILED


def _broken_off(run: Invocation, code: ExitCode, how: str) -> ExitCode:
    """Say that the report is not whole; return the code."""
    run.say(f"{PROGRAM}: {how} before the report was written")
    return code


def _shared(*, checks: bool) -> dict[str, tuple[Any, Any]]:
    shared: dict[str, tuple[Any, Any]] = {
        "format": (opts.CheckFormatOption if checks else opts.FormatOption, None),
        "output": (opts.OutputOption, None),
        "quiet": (opts.QuietOption, False),
        "fail_on": (opts.FailOnOption, opts.FailOn.CRIT),
        "env_file": (opts.EnvFileOption, None),
        "debug": (opts.DebugOption, False),
    }
    if not checks:
        del shared["fail_on"]
    return shared


def _extend_signature(
    entry: Callable[..., None], function: Callable[..., Outcome], *, checks: bool
) -> None:
    own = inspect.signature(function, eval_str=True)
    parameters = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in list(own.parameters.values())[1:]
    ]
    parameters += [
        inspect.Parameter(
            key, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
        )
        for key, (annotation, default) in _shared(checks=checks).items()
    ]
    entry.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    entry.__annotations__ = {p.name: p.annotation for p in parameters}
    del entry.__wrapped__  # type: ignore[attr-defined]


def _label(app: typer.Typer, name: str | None) -> str:
    return " ".join(part for part in (app.info.name, name) if isinstance(part, str))


def _help_text(
    function: Callable[..., Outcome], examples: tuple[str, ...], exits: str, *, checks: bool
) -> str:
    paragraphs = inspect.cleandoc(function.__doc__ or "").split("\n\n")
    body = "\n\n".join(" ".join(p.split()) for p in paragraphs)  # the terminal wraps, not we
    shown = "\n".join(f"  {example}" for example in examples)
    verdicts = "0 ok, warn or skipped; 10 crit; 3 unknown" if checks else "0 done"
    codes = f"{verdicts}; {exits}" if exits else verdicts
    return f"{body}\n\n\b\nExamples:\n{shown}\n\n\b\nExit codes:\n  {codes}"
