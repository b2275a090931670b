"""Signals as exceptions: whatever ends the program lets everything clean up first."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

from kulti_ops.interruption import interrupt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

RESEND_AFTER_S = 0.05


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
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, action)


def _unwind(number: int, _frame: FrameType | None) -> None:
    set_signals(_pass_over)
    interrupt(KeyboardInterrupt() if number == signal.SIGINT else TerminatedError())


def _pass_over(_number: int, _frame: FrameType | None) -> None:
    """Do nothing; SIG_IGN would be inherited by children, which could not be ended then."""


def _signal_of(error: BaseException | None) -> signal.Signals | None:
    if isinstance(error, TerminatedError):
        return signal.SIGTERM
    return signal.SIGINT if isinstance(error, KeyboardInterrupt) else None
