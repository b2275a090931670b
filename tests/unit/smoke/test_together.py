"""Requests of one probe that go out together."""

from __future__ import annotations

import asyncio

import pytest

from kulti_ops.smoke.probe import together


def test_together_ends_the_others_before_a_failure_is_told() -> None:
    ended: list[str] = []

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("waiting")

    async def fail() -> None:
        await asyncio.sleep(0)
        raise KeyError("x")

    async def go() -> None:
        with pytest.raises(KeyError):
            await together((wait(), fail()))
        assert ended == ["waiting"]
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(go())


def test_together_returns_all_in_their_order() -> None:
    async def give(value: int, turns: int) -> int:
        for _ in range(turns):
            await asyncio.sleep(0)
        return value

    async def go() -> list[int]:
        return await together(give(value, 5 - value) for value in range(5))

    assert asyncio.run(go()) == [0, 1, 2, 3, 4]
