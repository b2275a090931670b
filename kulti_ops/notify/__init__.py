"""Telling others how a scheduled run goes: one small adapter per receiver.

A receiver gets the beginning and the end of a run. What it answers, or that it does not,
never changes how the run ends: `herald` turns it into a result of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from kulti_ops.config import Settings


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """A run that begins. `crontab` is None when the schedule's times are not configured."""

    schedule: str
    run_id: str
    crontab: str | None
    zone: str
    grace_minutes: float
    max_runtime_minutes: float


@dataclass(frozen=True, kw_only=True)
class Ending:
    """A run that has ended. `text` is for people: short, without secrets and row data.

    `last_success_at`, `last_proven_at` and `size_bytes` also know of earlier runs.
    """

    beginning: Beginning
    failed: bool
    exit_code: int
    ended_at: datetime
    duration_s: float
    text: str
    size_bytes: int | None
    last_success_at: datetime | None
    last_proven_at: datetime | None


class Notifier(Protocol):
    """One receiver. Both methods raise KultiError when it did not take what it was told."""

    @property
    def name(self) -> str:
        """What kind of receiver it is."""

    @property
    def where(self) -> str:
        """Where it is, without secrets."""

    async def begin(self, beginning: Beginning) -> None:
        """Say that a run begins."""

    async def end(self, ending: Ending) -> None:
        """Say how it ended."""


def notifiers_of(settings: Settings) -> tuple[Notifier, ...]:
    """Return the receivers that are configured."""
    from kulti_ops.notify.monitor import SentryMonitor
    from kulti_ops.notify.ping import Ping
    from kulti_ops.notify.textfile import Textfile

    found: list[Notifier] = []
    if settings.sentry_monitor:
        dsn = settings.sentry_dsn.get_secret_value() if settings.sentry_dsn else ""
        found.append(
            SentryMonitor(
                dsn,
                slug=settings.sentry_monitor,
                environment=settings.environment,
                timeout_s=settings.notify_timeout_s,
            )
        )
    if settings.ping_url:
        url = settings.ping_url.get_secret_value()
        found.append(Ping(url, timeout_s=settings.notify_timeout_s))
    if settings.textfile_dir:
        found.append(Textfile(settings.textfile_dir))
    return tuple(found)
