"""What is installed for schedules: files as values, and the settings that go with them. Pure."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kulti_ops.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from kulti_ops.backup.schedule.spec import Schedule

UNIT_NAME = "kulti-ops-backup"


@dataclass(frozen=True, kw_only=True)
class RenderedFile:
    """A file to install: where it belongs, and its whole text."""

    path: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Setup:
    """The machine: the program's argv, its settings file, its account, its folders.

    `folders` are what the account must be able to write beside state and cache, `reads` what
    it only reads.
    """

    program: tuple[str, ...]
    env_file: str
    user: str
    state_dir: Path
    cache_dir: Path
    folders: tuple[Path, ...] = ()
    reads: tuple[Path, ...] = ()
    mailto: str | None = None
    max_runtime_minutes: float = 480
    grace_minutes: float = 60

    def command(self, name: str) -> tuple[str, ...]:
        """Return the argv of a schedule's run.

        Raises: UsageError when a path in it is not absolute: schedulers start elsewhere.
        """
        for path in (self.program[0], self.env_file):
            if not path.startswith("/"):
                raise UsageError(f"{path} is not an absolute path", hint="cron starts elsewhere")
        # two timers may fire at once after a pause; half the grace leaves the run in time
        wait = f"{max(1, round(self.grace_minutes / 2))}m"
        options = ("--env-file", self.env_file, "--wait", wait, "--quiet")
        words = (*self.program, "backup", "schedule", "run", name, *options)
        if any("\n" in word for word in words):
            raise UsageError("a path holds a line break")
        return words


def environment_lines(schedules: tuple[Schedule, ...], setup: Setup) -> tuple[str, ...]:
    """Return the lines of the settings file that runs and `status` read the schedules from."""
    lines = [f"KULTI_OPS_SCHEDULE_{s.name.upper()}={_quoted(s.text)}" for s in schedules]
    zones = {s.zone for s in schedules} - {"UTC"}
    lines += [f"KULTI_OPS_SCHEDULE_ZONE={zone}" for zone in zones]
    lines.append(f"KULTI_OPS_STATE_DIR={_quoted(str(setup.state_dir))}")
    lines.append(f"KULTI_OPS_CACHE_DIR={_quoted(str(setup.cache_dir))}")
    return tuple(lines)


def preparation(
    schedules: tuple[Schedule, ...], setup: Setup, *, folders: tuple[Path, ...]
) -> tuple[str, ...]:
    """Return what has to be there first, `folders` included, as lines of a comment."""
    home = shlex.quote(str(setup.state_dir))
    owned = " ".join(shlex.quote(str(folder)) for folder in folders)
    return (
        f"The account: useradd --system --home-dir {home} {setup.user}",
        *((f"Its folders: install -d -m 0700 -o {setup.user} {owned}",) if folders else ()),
        f"The settings: {setup.env_file}, readable by that account only (mode 0600), with",
        "database, storage and receivers of notifications, and these lines:",
        *(f"  {line}" for line in environment_lines(schedules, setup)),
    )


def _quoted(text: str) -> str:
    return f'"{text}"' if " " in text else text
