"""Signals as exceptions: whatever ends the program lets everything clean up first."""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


class TerminatedError(BaseException):
    """SIGTERM or SIGHUP arrived: unwinds like KeyboardInterrupt, so that everything cleans up."""


@contextlib.contextmanager
def signals_unwind() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into an exception; ignore a second signal while cleaning up."""

    def terminate(_number: int, _frame: FrameType | None) -> NoReturn:
        set_signals(signal.SIG_IGN)
        raise TerminatedError

    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        set_signals(signal.SIG_IGN)
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, terminate)
    signal.signal(signal.SIGINT, interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup asks to be left alone
        signal.signal(signal.SIGHUP, terminate)
    yield


def set_signals(action: signal.Handlers) -> None:
    """Have every signal that ends a program do `action`."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, action)
