"""A healthchecks-style URL: /start, success at the URL itself, /fail with the log's end."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

from kulti_ops.message import origin_of
from kulti_ops.notify.post import post

if TYPE_CHECKING:
    from kulti_ops.notify import Beginning, Ending

PLACEHOLDER = "{schedule}"


class Ping:
    """One receiver of pings; its URL is a secret, since whoever knows it can ping."""

    name = "ping"

    def __init__(self, url: str, *, timeout_s: float) -> None:
        self._url = url
        self._timeout_s = timeout_s

    @property
    def where(self) -> str:
        """The receiver's origin."""
        return origin_of(self._url) or "KULTI_OPS_PING_URL"

    async def begin(self, beginning: Beginning) -> None:
        """Ping /start."""
        await self._ping(beginning, "start", "")

    async def end(self, ending: Ending) -> None:
        """Ping success, or /fail; both carry the run's summary."""
        await self._ping(ending.beginning, "fail" if ending.failed else "", ending.text)

    async def _ping(self, beginning: Beginning, word: str, text: str) -> None:
        url = ping_url(self._url, schedule=beginning.schedule, word=word)
        kind = (("Content-Type", "text/plain; charset=utf-8"),)
        await post(url, text.encode(), timeout_s=self._timeout_s, headers=kind)


def ping_url(url: str, *, schedule: str, word: str) -> str:
    """Return where to ping; a query stays at the end."""
    parts = urlsplit(url.replace(PLACEHOLDER, quote(schedule)))
    path = f"{parts.path.rstrip('/')}/{word}" if word else parts.path
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))
