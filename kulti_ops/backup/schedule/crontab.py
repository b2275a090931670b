"""A file for /etc/cron.d. Pure.

cron reads `%` as a line break, knows no settings of the account and none of its PATH, starts
in another folder, and mails what is printed: so paths are whole, `%` is escaped, and the
runs are quiet unless something is wrong.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from kulti_ops.backup.schedule.install import UNIT_NAME, RenderedFile, preparation

if TYPE_CHECKING:
    from kulti_ops.backup.schedule.install import Setup
    from kulti_ops.backup.schedule.spec import Schedule


def render_crontab(schedules: tuple[Schedule, ...], setup: Setup) -> tuple[RenderedFile, ...]:
    """Return the file.

    Raises: UsageError when a path is not absolute.
    """
    zone = schedules[0].zone
    folders = (setup.state_dir, setup.cache_dir, *setup.folders)
    lines = [
        "# Scheduled backups of Kulti, for /etc/cron.d (owner root, mode 0644).",
        *(f"# {line}" for line in preparation(schedules, setup, folders=folders)),
        "",
        "SHELL=/bin/sh",
        "PATH=/usr/local/bin:/usr/bin:/bin",
        f"# Times are {zone}. cronie keeps to CRON_TZ; Debian's and Ubuntu's cron does not know",
        f"# it: there the machine's own zone must be {zone}.",
        f"CRON_TZ={zone}",
        *_mail(setup.mailto),
    ]
    for schedule in schedules:
        command = " ".join(shlex.quote(word) for word in setup.command(schedule.name))
        escaped = command.replace("%", "\\%")
        lines += ["", f"# {schedule.words}", f"{schedule.crontab} {setup.user} {escaped}"]
    text = "\n".join(lines) + "\n"
    return (RenderedFile(path=f"/etc/cron.d/{UNIT_NAME}", text=text),)


def _mail(mailto: str | None) -> tuple[str, ...]:
    if mailto:
        return (f"MAILTO={mailto}",)
    return (
        "# Runs print only when something is wrong; cron mails that, where the machine can mail.",
        "#MAILTO=oncall@kulti.example",
    )
