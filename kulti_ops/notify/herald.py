"""The herald: tells every receiver at once, beside the work, within a bounded time.

The beginning is told while the backup already runs. At the end nobody is waited for longer
than the timeout, half of which is for a beginning that is still being told: an end must
not overtake it.
"""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import CancelledError, wait
from typing import TYPE_CHECKING, Any

from kulti_ops.errors import KultiError
from kulti_ops.report import CheckResult, Verdict

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from concurrent.futures import Future

    from kulti_ops.notify import Beginning, Ending, Notifier

_END_OF_LOOP_S = 1.0


class Herald:
    """Tells `notifiers`; use it as: `begin`, the work, `end`. `begin` may be left out."""

    def __init__(self, notifiers: tuple[Notifier, ...], *, timeout_s: float) -> None:
        self._notifiers = notifiers
        self._timeout_s = timeout_s
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._begun: list[Future[str]] = []

    def begin(self, beginning: Beginning) -> None:
        """Start telling, and return at once."""
        self._begun = [self._tell(n, n.begin(beginning), self._timeout_s) for n in self._notifiers]

    def end(self, ending: Ending) -> tuple[CheckResult, ...]:
        """Tell how it ended; one result per receiver, a warning where it was not taken."""
        started = time.monotonic()
        wait(self._begun, self._timeout_s / 2)
        for begun in self._begun:
            begun.cancel()
        rest_s = max(self._timeout_s - (time.monotonic() - started), self._timeout_s / 2)
        told = [self._tell(n, n.end(ending), rest_s) for n in self._notifiers]
        ends = [_answer(future, rest_s) for future in told]
        begins = [_answer(future, 0) for future in self._begun] or [""] * len(ends)
        self._stop()
        return tuple(
            _result(notifier, begin, end)
            for notifier, begin, end in zip(self._notifiers, begins, ends, strict=True)
        )

    def _tell(
        self, notifier: Notifier, telling: Coroutine[Any, Any, None], timeout_s: float
    ) -> Future[str]:
        outcome = _outcome(notifier.where, telling, timeout_s)
        return asyncio.run_coroutine_threadsafe(outcome, self._loop)

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_END_OF_LOOP_S)
        if not self._thread.is_alive():
            self._loop.close()


def _answer(future: Future[str], timeout_s: float) -> str:
    try:
        return future.result(timeout_s + _END_OF_LOOP_S)
    except (CancelledError, TimeoutError):
        return "no answer in time"


async def _outcome(where: str, telling: Coroutine[Any, Any, None], timeout_s: float) -> str:
    """Return why a receiver did not take it; empty when it did."""
    try:
        async with asyncio.timeout(timeout_s):
            await telling
    except KultiError as error:
        return error.message
    except TimeoutError:
        return f"{where}: no answer within {timeout_s:.1f} s"
    except Exception as error:  # noqa: BLE001 - a receiver must never fail a backup
        return f"{where}: {type(error).__name__}"
    return ""


def _result(notifier: Notifier, begin: str, end: str) -> CheckResult:
    problem = f"the end: {end}" if end else f"the beginning: {begin}" if begin else ""
    return CheckResult(
        id=f"notify-{notifier.name}",
        status=Verdict.WARN if problem else Verdict.OK,
        summary=f"not told {problem}" if problem else f"told {notifier.where}",
        evidence={"begin": begin or "taken", "end": end or "taken"},
        next="kulti-ops doctor shows the settings" if problem else None,
    )
