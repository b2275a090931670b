"""Delivering a report: to stdout or a file, masked, in the format that was asked for.

Decides where the text goes and what happens when it cannot be written; the text
itself is made by `render`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from kulti_ops.files import replace_file
from kulti_ops.redact import redact_value
from kulti_ops.report import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kulti_ops.report import Report

DEFAULT_FORMAT = "table"
DEFAULT_WIDTH = 100
NEVER_SILENT = frozenset({"nagios"})  # a plugin without a word is a broken plugin
_SECOND_SCREEN, _FIRST_SCREEN = "\x1b[?1049h", "\x1b[?1049l"
_ERASE = "\x1b[H\x1b[2J"


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """Where a report goes and how; `format_name` is None when none was asked for."""

    format_name: str | None
    path: Path | None
    quiet: bool


def deliver(report: Report, delivery: Delivery, secrets: Iterable[str]) -> OSError | None:
    """Write the report; return the error that kept it from being written.

    A reader that is gone is no error: the verdict still stands in the exit code.
    """
    try:
        _write(masked(report, secrets), delivery)
    except BrokenPipeError:
        silence_stdout()
    except OSError as error:
        silence_stdout()
        return error
    return None


def add_to_job_summary(
    report: Report, delivery: Delivery, secrets: Iterable[str]
) -> OSError | None:
    """Append the report to the job's summary where GitHub asks for one; return what kept it."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if delivery.format_name != "github" or not path:
        return None
    from kulti_ops.render.summary import render_summary

    try:
        with Path(path).open("a", encoding="utf-8", errors="replace") as file:
            file.write(render_summary(masked(report, secrets)))
    except OSError as error:
        return error
    return None


def masked(report: Report, secrets: Iterable[str]) -> Report:
    """Return the report without secrets, unless they are what was asked for."""
    outcome = report.outcome
    if not outcome.reveals_secrets:
        outcome = redact_value(outcome, secrets)
    return replace(report, outcome=outcome, error=redact_value(report.error, secrets))


def silence_stdout() -> None:
    """Lead what stdout still buffers nowhere, so that Python does not complain at its end."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Screen:
    """Draws reports as tables: each over the one before on a terminal, else one below the other.

    On a terminal it borrows the second screen and leaves the last report on the first.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = secrets
        self._terminal = sys.stdout.isatty()
        self._last = ""

    def __enter__(self) -> Self:
        if self._terminal:
            self._put(_SECOND_SCREEN)
        return self

    def __exit__(self, *_: object) -> None:
        if self._terminal:
            self._put(_FIRST_SCREEN + self._last)

    def draw(self, report: Report, header: str) -> bool:
        """Draw a report below a line of text; tell whether somebody still reads."""
        text = _as_table(masked(report, self._secrets))
        self._last, lines = text, [header, *text.splitlines()]
        if not self._terminal:
            return self._put("\n".join(lines) + "\n\n")
        height = shutil.get_terminal_size((DEFAULT_WIDTH, 24)).lines
        if len(lines) >= height:  # the worst stand first: what does not fit is left out below
            lines = [*lines[: height - 2], f"… {len(lines) - height + 2} more lines"]
        return self._put(_ERASE + "\n".join(lines))

    @staticmethod
    def _put(text: str) -> bool:
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except BrokenPipeError:
            silence_stdout()
            return False
        return True


def _as_table(report: Report) -> str:
    from kulti_ops.render import render

    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    width = shutil.get_terminal_size((DEFAULT_WIDTH, 24)).columns
    return render(report, "table", colour=colour, width=width)


def _write(report: Report, delivery: Delivery) -> None:
    from kulti_ops.render import render

    shown = delivery.format_name or DEFAULT_FORMAT
    if delivery.path is not None:
        write_private(delivery.path, render(report, shown))
        return
    silent = delivery.quiet and shown not in NEVER_SILENT
    if silent and report.error is None and report.status in (None, Verdict.OK):
        return
    terminal = sys.stdout.isatty()
    if delivery.format_name is None and report.outcome.plain is not None and not terminal:
        text = report.outcome.plain + "\n"
    else:
        colour = terminal and not os.environ.get("NO_COLOR")
        width = shutil.get_terminal_size((DEFAULT_WIDTH, 24)).columns
        text = render(report, shown, colour=colour, width=width)
    sys.stdout.write(text)
    sys.stdout.flush()


def write_private(path: Path, text: str) -> None:
    """Replace `path` in one step with a file that only its owner can read.

    What is no regular file (a terminal, /dev/stdout, a pipe) is written to, not replaced.
    """
    if path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8")
        return
    replace_file(path.resolve(), text)  # of a link, the file that it names
