"""Interrupting the main thread, and putting that off where it would do harm.

The exception of a signal may come up between any two instructions of the main thread.
Inside the hooks that run around a fork it would vanish, and leave a lock held for ever:
there it is kept until the fork is through.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Waiting:
    """How many reasons there are to wait, and what waits."""

    depth = 0
    kept: BaseException | None = None


@contextmanager
def put_off() -> Iterator[None]:
    """Keep an interruption until the end of the context; in other threads there is none."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _Waiting.depth += 1
    try:
        yield
    finally:
        _Waiting.depth -= 1
        if not _Waiting.depth and (kept := _Waiting.kept) is not None:
            _Waiting.kept = None
            raise kept


def interrupt(error: BaseException) -> None:
    """Raise, in the main thread: now, or when nothing puts it off any more."""
    if not _Waiting.depth:
        raise error
    _Waiting.kept = error
