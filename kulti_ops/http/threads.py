"""Blocking calls beside the loop, in threads that nobody has to wait for.

The loop's own pool is waited for when the loop ends and again when the program does: a name
server that stays silent would hold up a run whose budget is long used up.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


async def in_thread(action: Callable[[], T]) -> T:
    """Return what a blocking call returns; raise what it raises.

    When the wait for it is cancelled, the call goes on by itself, and ends with the program.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def settle(end: Callable[[Any], None], value: object) -> None:
        if not outcome.done():  # somebody still waits
            end(value)

    def run() -> None:
        try:
            end: tuple[Callable[[Any], None], object] = (outcome.set_result, action())
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            end = (outcome.set_exception, error)
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, *end)

    threading.Thread(target=run, daemon=True).start()
    return await outcome
