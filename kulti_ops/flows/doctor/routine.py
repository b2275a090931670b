"""Questions about scheduled runs: are their times and paths usable, and is anybody told."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kulti_ops.backup.schedule.configured import insist_on_whole_paths, planned
from kulti_ops.errors import ConfigError
from kulti_ops.flows.doctor.check import Answer, from_error, ok, skipped
from kulti_ops.message import is_loopback_host
from kulti_ops.report import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kulti_ops.config import Settings


def schedule(settings: Settings) -> Answer:
    """Check that the schedules can be understood, and mean the same wherever they start."""
    try:
        schedules = planned(settings)
        if schedules:
            insist_on_whole_paths(settings)
    except ConfigError as error:
        return from_error(Verdict.CRIT, error)
    if not schedules:
        return skipped("no KULTI_OPS_SCHEDULE_* is set: nothing runs by itself")
    return ok(
        ", ".join(f"{s.name}: {s.words}" for s in schedules),
        schedules={str(s.name): s.crontab for s in schedules},
    )


def notifications(settings: Settings) -> Answer:
    """Check that receivers of scheduled runs' notifications can be used; nothing is sent."""
    wanted = (settings.ping_url, settings.sentry_monitor, settings.textfile_dir)
    if not any(wanted):
        return skipped("no receiver is set: only cron's mail tells of scheduled runs")
    problems = tuple(_problems(settings))
    if problems:
        return Answer(
            status=Verdict.WARN,
            summary=problems[0] + (f", and {len(problems) - 1} more" if problems[1:] else ""),
            next="mend the settings: nobody would be told",
            rows=tuple({"problem": problem} for problem in problems),
        )
    names = ("ping", "Sentry monitor", "textfile")
    used = [name for name, value in zip(names, wanted, strict=True) if value]
    return ok(f"{', '.join(used)}: usable; nothing was sent", receivers=used)


def _problems(settings: Settings) -> Iterator[str]:
    if settings.ping_url:
        yield from _url_problems(settings.ping_url.get_secret_value())
    if settings.sentry_monitor and settings.sentry_dsn is None:
        yield "KULTI_OPS_SENTRY_MONITOR without KULTI_OPS_SENTRY_DSN"
    folder = settings.textfile_dir
    if folder and not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
        yield f"KULTI_OPS_TEXTFILE_DIR {folder} cannot be written"


def _url_problems(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        parts, host = urlsplit(""), ""
    if parts.scheme not in {"http", "https"} or not host:
        yield "KULTI_OPS_PING_URL is no URL"
    elif parts.scheme == "http" and not is_loopback_host(host):
        yield "KULTI_OPS_PING_URL is http: whoever reads along can ping in our name"
