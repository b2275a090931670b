"""`backup schedule render`: what to install for cron, systemd or GitHub Actions."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kulti_ops.backup.schedule.configured import insist_on_whole_paths, planned, some
from kulti_ops.commands.schedule_options import (  # noqa: TC001 - typer reads the annotations
    DailyOption,
    DrillOption,
    HourlyOption,
    MonthlyOption,
    WeeklyOption,
    ZoneOption,
)
from kulti_ops.edge import Invocation  # noqa: TC001 - typer reads the annotations
from kulti_ops.errors import OperationFailedError, UsageError
from kulti_ops.report import Outcome

if TYPE_CHECKING:
    from kulti_ops.backup.schedule.install import RenderedFile, Setup
    from kulti_ops.backup.schedule.spec import Schedule
    from kulti_ops.config import Settings

STATE_DIR = Path("/var/lib/kulti-ops")
CACHE_DIR = Path("/var/cache/kulti-ops")
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
EXAMPLES = (
    'kulti-ops backup schedule render cron --daily 03:30 --weekly "sun 02:00"',
    "kulti-ops backup schedule render systemd --into units",
    "kulti-ops backup schedule render github --daily 03:30 > .github/workflows/backup.yml",
)
EXITS = (
    "2 a time or path cannot be used; 4 one in the settings, or no schedule is set; "
    "5 a file cannot be written"
)


class Kind(StrEnum):
    """What schedules are rendered for."""

    CRON = "cron"
    SYSTEMD = "systemd"
    GITHUB = "github"


def render(  # noqa: PLR0913, PLR0917 - one parameter for each option
    run: Invocation,
    kind: Annotated[Kind, typer.Argument(help="For what.", metavar="cron|systemd|github")],
    hourly: HourlyOption = None,
    daily: DailyOption = None,
    weekly: WeeklyOption = None,
    monthly: MonthlyOption = None,
    drill: DrillOption = None,
    zone: ZoneOption = None,
    user: Annotated[
        str, typer.Option("--user", help="The account that makes backups.", metavar="NAME")
    ] = "kulti-ops",
    settings_file: Annotated[
        str,
        typer.Option("--settings-file", help="Its settings file on that machine.", metavar="PATH"),
    ] = "/etc/kulti-ops/kulti-ops.env",
    program: Annotated[
        str | None,
        typer.Option(
            "--program", help="kulti-ops on that machine.", metavar="PATH", show_default="this one"
        ),
    ] = None,
    mailto: Annotated[
        str | None, typer.Option("--mailto", help="Whom cron mails.", metavar="ADDRESS")
    ] = None,
    into: Annotated[
        Path | None,
        typer.Option("--into", help="Write each file into this folder.", file_okay=False),
    ] = None,
) -> Outcome:
    """Render exactly what to install, and install nothing.

    Folders are those of the settings; what the settings leave open becomes
    /var/lib/kulti-ops and /var/cache/kulti-ops, and the rendered text says which lines
    belong into the settings file. Without --into, everything goes to stdout.
    """
    given = {"hourly": hourly, "daily": daily, "weekly": weekly, "monthly": monthly, "drill": drill}
    schedules = some(planned(run.settings, given, zone=zone))
    setup = _setup(run.settings, user, settings_file, program, mailto)
    files = _rendered(kind, schedules, setup)
    if kind is Kind.CRON:
        _warn_other_zone(run, schedules[0].zone)
    text = "".join(_with_name(file) for file in files) if len(files) > 1 else files[0].text
    if into is not None:
        text = "\n".join(str(_write(into, file)) for file in files)
    data = {"files": [{"path": file.path, "text": file.text} for file in files]}
    shown = text.rstrip("\n")
    # names of secrets, none of their values: a mask would break what is to be installed
    return Outcome(data=data, human=shown, plain=shown, reveals_secrets=True)


def _setup(
    settings: Settings, user: str, env_file: str, program: str | None, mailto: str | None
) -> Setup:
    from kulti_ops.backup.schedule.install import Setup

    if not _USER.fullmatch(user) or user == "root":
        raise UsageError(
            f"backups cannot run as {user!r}", hint="name an account of their own, not root"
        )
    if mailto and re.search(r"\s", mailto):
        raise UsageError(f"no address: {mailto!r}")
    insist_on_whole_paths(settings)
    folders = (settings.scratch_dir, settings.textfile_dir, _storage_folder(settings))
    return Setup(
        program=(program,) if program else _this_program(),
        env_file=env_file,
        user=user,
        state_dir=settings.state_dir or STATE_DIR,
        cache_dir=settings.cache_dir or CACHE_DIR,
        folders=tuple(folder for folder in folders if folder),
        reads=tuple(path for path in (settings.identity_file, settings.pg_bin_dir) if path),
        mailto=mailto,
        max_runtime_minutes=settings.schedule_max_runtime_minutes,
        grace_minutes=settings.schedule_grace_minutes,
    )


def _this_program() -> tuple[str, ...]:
    """Return the argv that starts this very installation from anywhere."""
    script = Path(sys.executable).with_name("kulti-ops")
    return (str(script),) if script.is_file() else (sys.executable, "-m", "kulti_ops")


def _storage_folder(settings: Settings) -> Path | None:
    url = settings.storage or ""
    return Path(url.removeprefix("file://")) if url.startswith(("/", "file:///")) else None


def _rendered(
    kind: Kind, schedules: tuple[Schedule, ...], setup: Setup
) -> tuple[RenderedFile, ...]:
    from kulti_ops.backup.schedule.crontab import render_crontab
    from kulti_ops.backup.schedule.github import render_github
    from kulti_ops.backup.schedule.systemd import render_systemd

    if kind is Kind.CRON:
        return render_crontab(schedules, setup)
    if kind is Kind.SYSTEMD:
        return render_systemd(schedules, setup)
    return render_github(schedules, max_runtime_minutes=setup.max_runtime_minutes)


def _with_name(file: RenderedFile) -> str:
    return f"#### {file.path}\n{file.text}\n"


def _write(folder: Path, file: RenderedFile) -> Path:
    from kulti_ops.files import replace_file

    path = folder / Path(file.path).name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(path, file.text, mode=0o644)
    except OSError as error:
        raise OperationFailedError(f"cannot write {path}: {error.strerror or error}") from error
    return path


def _warn_other_zone(run: Invocation, zone: str) -> None:
    from kulti_ops.cron import zone_of

    here = datetime.now(UTC).astimezone().utcoffset()
    if run.now.astimezone(zone_of(zone)).utcoffset() != here:
        run.say(
            f"warning: this machine's zone is not {zone}: "
            "Debian's and Ubuntu's cron would run at other times"
        )
