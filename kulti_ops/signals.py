"""Signals as exceptions: whatever ends the program lets everything clean up first."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from kulti_ops.interruption import interrupt

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from types import FrameType

RESEND_AFTER_S = 0.05
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

T = TypeVar("T")


class TerminatedError(BaseException):
    """SIGTERM or SIGHUP arrived: unwinds like KeyboardInterrupt, so that everything cleans up."""


@contextlib.contextmanager
def signals_unwind() -> Iterator[None]:
    """Turn SIGINT, SIGTERM and SIGHUP into exceptions; ignore a second one while cleaning up.

    Where Python swallows such an exception (in a destructor, say) the signal is sent again.
    """
    before = sys.unraisablehook

    def judge(swallowed: sys.UnraisableHookArgs) -> None:
        number = _signal_of(swallowed.exc_value)
        if number is None:
            before(swallowed)
            return
        set_signals(_unwind)
        again = threading.Timer(RESEND_AFTER_S, os.kill, (os.getpid(), number))
        again.daemon = True
        again.start()

    sys.unraisablehook = judge
    set_signals(_unwind)
    try:
        yield
    finally:
        sys.unraisablehook = before


def set_signals(action: signal.Handlers | Callable[[int, FrameType | None], None]) -> None:
    """Have every signal that ends a program do `action`; not SIGHUP where nohup said so."""
    for number in ENDING:
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, action)


def run_unwinding(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a loop of its own; a signal cancels it and is raised at its end.

    An exception that a signal raises inside a loop ends whichever task runs just then: one
    that nobody waits for keeps it, and the program goes on.

    Raises: KeyboardInterrupt, TerminatedError, whatever the coroutine raises.
    """
    import asyncio

    arrived: list[signal.Signals] = []
    before = {number: signal.getsignal(number) for number in ENDING}

    async def cancellable() -> T:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - it runs in one

        def cancel(number: signal.Signals) -> None:
            if not arrived:
                task.cancel()
            arrived.append(number)

        for number, action in before.items():
            if action is not signal.SIG_IGN:
                asyncio.get_running_loop().add_signal_handler(number, cancel, number)
        return await main

    try:
        found = asyncio.run(cancellable())
    except asyncio.CancelledError:
        if not arrived:
            raise
    finally:
        for number, action in before.items():
            signal.signal(number, action)
    if arrived:
        set_signals(_pass_over)  # as `_unwind` does: a second one must not break the cleaning up
        raise _error_of(arrived[0])
    return found


def _unwind(number: int, _frame: FrameType | None) -> None:
    set_signals(_pass_over)
    interrupt(_error_of(number))


def _error_of(number: int) -> BaseException:
    return KeyboardInterrupt() if number == signal.SIGINT else TerminatedError()


def _pass_over(_number: int, _frame: FrameType | None) -> None:
    """Do nothing; SIG_IGN would be inherited by children, which could not be ended then."""


def _signal_of(error: BaseException | None) -> signal.Signals | None:
    if isinstance(error, TerminatedError):
        return signal.SIGTERM
    return signal.SIGINT if isinstance(error, KeyboardInterrupt) else None
