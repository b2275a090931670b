"""Signals inside an event loop: they end the whole, not the task that runs just then."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

import pytest

from kulti_ops.signals import TerminatedError, run_unwinding, set_signals, signals_unwind

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE_S = 30


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, action in before.items():
        signal.signal(number, action)


@pytest.mark.parametrize(
    ("number", "error"),
    [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, TerminatedError)],
)
def test_signal_in_a_task_that_nobody_waits_for_cancels_the_whole(
    number: signal.Signals, error: type[BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    cleaned = []

    async def signalled() -> None:
        os.kill(os.getpid(), number)

    async def main() -> None:
        task = asyncio.create_task(signalled())
        try:
            await asyncio.sleep(PATIENCE_S)
            pytest.fail("the signal was lost")
        finally:
            cleaned.append(task.done())

    with signals_unwind(), pytest.raises(error):
        run_unwinding(main())
    assert cleaned == [True]
    assert "never retrieved" not in capsys.readouterr().err


def test_signals_are_handled_as_before_when_the_loop_has_ended() -> None:
    async def main() -> str:
        return "done"

    set_signals(signal.SIG_DFL)
    assert run_unwinding(main()) == "done"
    assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL


def test_coroutine_that_is_cancelled_without_a_signal_stays_cancelled() -> None:
    async def main() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        run_unwinding(main())
