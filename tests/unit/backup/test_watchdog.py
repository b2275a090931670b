"""The watchdog: it goes on looking after it lost its connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg

from kulti_ops.backup import watchdog
from kulti_ops.backup.watchdog import Watchdog, YieldedError
from kulti_ops.db import own_target

if TYPE_CHECKING:
    from typing import Self

    import pytest


class Session:
    """A connection: a lost one fails once and is closed then, another sees who waits."""

    def __init__(self, *, lost: bool) -> None:
        self.closed = False
        self._lost = lost

    def execute(self, text: str, _parameters: object = None) -> Self:
        if self._lost and not text.startswith("SET"):
            self.closed = True
            raise psycopg.OperationalError("terminating connection")
        return self

    def fetchone(self) -> tuple[int, str, float]:
        return (7, "a migration", 12.0)


def test_watchdog_that_lost_its_connection_connects_again(monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = [Session(lost=True), Session(lost=False)]

    def connect(*_: object, **__: object) -> Any:
        return sessions.pop(0)

    monkeypatch.setattr(watchdog, "connect", connect)
    dog = Watchdog(
        own_target("postgresql://db.example/postgres", "the test"),
        holder_pid=1,
        dump_name="dump",
        yield_after_s=10,
        deadline_s=3600,
        stop=lambda: None,
    )
    assert dog._judge() is None
    verdict = dog._judge()
    assert isinstance(verdict, YieldedError)
    assert "process 7 (a migration)" in verdict.message
