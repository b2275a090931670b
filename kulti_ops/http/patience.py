"""Patience: how long one may wait for a server that asks to come back, within a budget.

Only reads are tried a second time, and only when the server itself says when.
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from kulti_ops.message import Response, retry_after_s

if TYPE_CHECKING:
    from kulti_ops.http.client import Client
    from kulti_ops.message import Request

READS = frozenset({"GET", "HEAD"})
# RFC 9110 §10.2.3 and RFC 6585 §4: where Retry-After means "ask again".
COME_BACK = frozenset({429, 503})
_JITTER_S = 0.2


@dataclass(frozen=True, kw_only=True)
class Patience:
    """A budget that runs since it was made; `now` is the date at that moment."""

    now: datetime
    budget_s: float
    began: float = field(default_factory=time.monotonic)

    @property
    def left_s(self) -> float:
        """Seconds that are left; never negative."""
        return max(self.began + self.budget_s - time.monotonic(), 0.0)

    async def waited_for(self, answer: Response) -> float | None:
        """Wait as long as an answer asks for; None, at once, when it doesn't or it is too long."""
        if answer.status not in COME_BACK:
            return None
        now = self.now + timedelta(seconds=time.monotonic() - self.began)
        asked_s = retry_after_s(answer, now=now)
        if asked_s is None:
            return None
        wait_s = asked_s + random.random() * _JITTER_S  # noqa: S311 - jitter, never too early
        if wait_s >= self.left_s:
            return None
        await asyncio.sleep(wait_s)
        return asked_s


async def fetch_patiently(
    client: Client, request: Request, patience: Patience
) -> tuple[Response, float | None]:
    """Make one exchange, a read once more when the server says when; return the seconds waited.

    Raises: ExchangeError.
    """
    answer = await client.fetch(request)
    if request.method not in READS:
        return answer, None
    waited_s = await patience.waited_for(answer)
    return (answer, None) if waited_s is None else (await client.fetch(request), waited_s)
