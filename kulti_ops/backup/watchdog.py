"""The watchdog: a backup gives way when somebody waits behind it.

An ALTER TABLE that waits for our share locks makes every later reader wait
behind it. A thread with a connection of its own looks once a second, and stops
the backup, by name of the one who waits, after `yield_after_s`; and also when the
backup takes longer than it may hold a snapshot.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from kulti_ops.db import connect, translated
from kulti_ops.errors import DatabaseError, KultiError, OperationFailedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from kulti_ops.db import Connection, Target

INTERVAL_S = 1.0

_WAITERS = """
SELECT w.pid, coalesce(nullif(a.application_name, ''), a.usename),
       extract(epoch FROM clock_timestamp() - w.waitstart)::float8
  FROM pg_locks w JOIN pg_stat_activity a ON a.pid = w.pid
 WHERE NOT w.granted AND w.waitstart < clock_timestamp() - make_interval(secs => %(after)s)
   AND (SELECT array_agg(o.pid) FROM pg_stat_activity o
         WHERE o.pid = %(holder)s OR o.application_name = %(dump)s) && pg_blocking_pids(w.pid)
   AND a.application_name IS DISTINCT FROM %(dump)s
 ORDER BY w.waitstart LIMIT 1
"""


class YieldedError(OperationFailedError):
    """The backup gave way to somebody who waited behind it."""


class Watchdog:
    """Watches one attempt; `stop` is called once, from its thread, when it must end."""

    def __init__(
        self,
        target: Target,
        *,
        holder_pid: int,
        dump_name: str,
        yield_after_s: float,
        deadline_s: float,
        stop: Callable[[], None],
    ) -> None:
        self._target = target
        self._connection = self._connected()
        self._parameters = {"holder": holder_pid, "dump": dump_name, "after": yield_after_s}
        self._deadline = time.monotonic() + deadline_s
        self._deadline_s = deadline_s
        self._stop = stop
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
        self.verdict: KultiError | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join(INTERVAL_S * 10)
        self._connection.close()

    def _connected(self) -> Connection:
        connection = connect(self._target, application="backup watchdog")
        with translated("watchdog"):
            connection.execute("SET statement_timeout = '5s'")
            connection.execute("SET idle_session_timeout = 0")  # the role may have one
        return connection

    def _run(self) -> None:
        while not self._ended.wait(INTERVAL_S):
            self.verdict = self._judge()
            if self.verdict is not None:
                self._stop()
                return

    def _judge(self) -> KultiError | None:
        if time.monotonic() > self._deadline:
            return OperationFailedError(
                f"the dump took longer than {self._deadline_s:.0f} s and was given up",
                hint="raise KULTI_OPS_BACKUP_TIMEOUT_S, or find what slows it down",
            )
        try:
            if self._connection.closed:
                self._connection = self._connected()
            with translated("watchdog"):
                row = self._connection.execute(_WAITERS, self._parameters).fetchone()
        except DatabaseError:
            return None  # asked again soon; the control connection's loss is what fails a backup
        if row is None:
            return None
        pid, who, waited_s = row
        return YieldedError(
            f"the backup gave way to process {pid} ({who}), which waited {waited_s:.0f} s for it",
            hint="run it again when the schema change is through",
        )
