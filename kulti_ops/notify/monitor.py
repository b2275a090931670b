"""Check-ins of a Sentry cron monitor, as envelopes of our own.

The SDK sends in the background and never says whether anything arrived; that a check-in
was lost is what has to be known here.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from kulti_ops.errors import ConfigError
from kulti_ops.message import origin_of
from kulti_ops.notify.post import post
from kulti_ops.telemetry import RELEASE, envelope_endpoint

if TYPE_CHECKING:
    from kulti_ops.notify import Beginning, Ending


class SentryMonitor:
    """The monitors `<slug>-<schedule>` of one Sentry project."""

    name = "sentry"

    def __init__(self, dsn: str, *, slug: str, environment: str, timeout_s: float) -> None:
        self._endpoint = envelope_endpoint(dsn)
        self._slug = slug
        self._environment = environment
        self._timeout_s = timeout_s

    @property
    def where(self) -> str:
        """The project's origin."""
        return origin_of(self._endpoint[0]) if self._endpoint else "KULTI_OPS_SENTRY_DSN"

    async def begin(self, beginning: Beginning) -> None:
        """Check in as in progress, with the schedule."""
        await self._check_in(beginning, {"status": "in_progress"})

    async def end(self, ending: Ending) -> None:
        """Check in as ok or error."""
        status = "error" if ending.failed else "ok"
        await self._check_in(
            ending.beginning, {"status": status, "duration": round(ending.duration_s, 3)}
        )

    async def _check_in(self, beginning: Beginning, status: dict[str, Any]) -> None:
        if self._endpoint is None:
            raise ConfigError(
                "a Sentry monitor without a usable DSN", hint="set KULTI_OPS_SENTRY_DSN"
            )
        url, admission = self._endpoint
        item = {
            "check_in_id": beginning.run_id,
            "monitor_slug": f"{self._slug}-{beginning.schedule}",
            "environment": self._environment,
            "release": RELEASE,
            **status,
            **monitor_config(beginning),
        }
        headers = (
            ("X-Sentry-Auth", admission),
            ("Content-Type", "application/x-sentry-envelope"),
        )
        await post(url, envelope(item), timeout_s=self._timeout_s, headers=headers)


def monitor_config(beginning: Beginning) -> dict[str, Any]:
    """Return the monitor as it is to be; empty when the schedule's times are not known."""
    if beginning.crontab is None:
        return {}
    return {
        "monitor_config": {
            "schedule": {"type": "crontab", "value": beginning.crontab},
            "checkin_margin": math.ceil(beginning.grace_minutes),
            "max_runtime": math.ceil(beginning.max_runtime_minutes),
            "timezone": beginning.zone,
            "failure_issue_threshold": 1,
            "recovery_threshold": 1,
        }
    }


def envelope(check_in: dict[str, Any]) -> bytes:
    """Return a check-in as an envelope: its header, the item's header, the item."""
    header = {"type": "check_in", "content_type": "application/json"}
    lines: tuple[dict[str, Any], ...] = ({}, header, check_in)
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)
