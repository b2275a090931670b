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
from typing import TYPE_CHECKING

from kulti_ops.files import replace_file
from kulti_ops.redact import redact_value
from kulti_ops.report import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from kulti_ops.report import Report

DEFAULT_FORMAT = "table"
DEFAULT_WIDTH = 100
NEVER_SILENT = frozenset({"nagios"})  # a plugin without a word is a broken plugin


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
