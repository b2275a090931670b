"""Doing something in a thread that nobody who is interrupted has to wait for.

Its result, or what it raised, belongs to whoever asks for it.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")


def begin(work: Callable[[], _T], *, name: str) -> Future[_T]:
    """Begin something in a daemon thread of this name; `result()` waits, and raises what it raised.

    Where the system gives no thread it is done here and now.
    """
    future: Future[_T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - handed to whoever asks for the result
            future.set_exception(error)

    try:
        threading.Thread(target=run, name=name, daemon=True).start()
    except RuntimeError:  # can't start new thread
        run()
    return future
