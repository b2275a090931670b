"""Blocking calls beside the loop: none of them keeps a run from ending."""

from __future__ import annotations

import asyncio
import threading

import pytest

from kulti_ops.http import in_thread


def test_in_thread_returns_and_raises_what_the_call_does() -> None:
    def fail() -> None:
        raise KeyError("x")

    async def both() -> None:
        assert await in_thread(lambda: 7) == 7
        await in_thread(fail)

    with pytest.raises(KeyError):
        asyncio.run(both())


def test_in_thread_call_that_does_not_end_keeps_no_loop_from_ending() -> None:
    told = threading.Event()

    async def give_up() -> None:
        async with asyncio.timeout(0.01):
            await in_thread(told.wait)

    with pytest.raises(TimeoutError):
        asyncio.run(give_up())
    assert not told.is_set()
    told.set()
