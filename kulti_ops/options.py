"""The options that every command shares, and the values they are parsed into.

Declares parameters only; what they do happens in `edge`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

PANEL = "Output"


class Format(StrEnum):
    """How a report is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"


class CheckFormat(StrEnum):
    """How a report with verdicts is written: also as CI and monitoring systems read it."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"
    JUNIT = "junit"
    GITHUB = "github"
    NAGIOS = "nagios"


class FailOn(StrEnum):
    """Which verdicts make the exit code 10."""

    CRIT = "crit"
    WARN = "warn"


@dataclass(frozen=True, kw_only=True)
class CommonOptions:
    """The shared options of one invocation."""

    format: Format | CheckFormat | None = None
    output: Path | None = None
    quiet: bool = False
    fail_on: FailOn = FailOn.CRIT
    env_file: Path | None = None
    debug: bool = False


FormatOption = Annotated[
    Format | None,
    typer.Option(
        "--format", help="How to write the report.", show_default="table", rich_help_panel=PANEL
    ),
]
CheckFormatOption = Annotated[
    CheckFormat | None,
    typer.Option(
        "--format", help="How to write the report.", show_default="table", rich_help_panel=PANEL
    ),
]
OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output", help="Write it to this file (mode 0600).", dir_okay=False, rich_help_panel=PANEL
    ),
]
QuietOption = Annotated[
    bool,
    typer.Option(
        "--quiet", help="For cron: print nothing unless something is wrong.", rich_help_panel=PANEL
    ),
]
FailOnOption = Annotated[
    FailOn,
    typer.Option("--fail-on", help="Verdict from which to exit with 10.", rich_help_panel=PANEL),
]
EnvFileOption = Annotated[
    Path | None,
    typer.Option(
        "--env-file",
        help="Read settings from this file too.",
        dir_okay=False,
        rich_help_panel=PANEL,
    ),
]
DebugOption = Annotated[
    bool,
    typer.Option("--debug", help="Show the traceback of an error.", rich_help_panel=PANEL),
]
