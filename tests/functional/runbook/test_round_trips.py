"""How often the runbook waits for the server: counted by a proxy between the two.

A laptop is 80 ms away from the database: what counts is how often the client speaks and then
waits. The proxy passes on what the client says when the client has been silent for a moment,
so that one burst is one round trip.
"""

from __future__ import annotations

import select
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from kulti_ops.db import connect, own_target
from kulti_ops.pgserver.process import wait_until
from kulti_ops.runbook.library import load_accepted, load_library
from kulti_ops.runbook.run import RunOptions, run_checks
from kulti_ops.runbook.triage import run_triage, triage_set

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.functional.conftest import Database

SILENCE_S = 0.05
# TCP and password: start-up, two of SCRAM; then the probe, the checks, the second samples, the end.
MOST_TURNS = 8


class Counter:
    """What has come through the proxy."""

    def __init__(self) -> None:
        self.connections = 0
        self.turns = 0


@contextmanager
def counting_proxy(url: str) -> Iterator[tuple[str, Counter]]:
    """Yield the same database's URL by way of a proxy, and what it has counted."""
    params = conninfo_to_dict(url)
    server = (str(params["host"]), int(str(params["port"])))
    counter = Counter()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    near, _ = listener.accept()
                except OSError:
                    return
                counter.connections += 1
                far = socket.create_connection(server, timeout=10)
                threading.Thread(target=_carry, args=(near, far, counter), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        port = listener.getsockname()[1]
        yield make_conninfo(url, host="127.0.0.1", port=port, sslmode="disable"), counter
        listener.shutdown(socket.SHUT_RDWR)


def _carry(near: socket.socket, far: socket.socket, counter: Counter) -> None:
    with near, far:
        while True:
            ready, _, _ = select.select((near, far), (), ())
            if far in ready:
                data = far.recv(65536)
                if not data:
                    return
                near.sendall(data)
                continue
            burst = b""
            while select.select((near,), (), (), SILENCE_S)[0]:
                piece = near.recv(65536)
                if not piece:
                    return
                burst += piece
            counter.turns += 1
            far.sendall(burst)


def backends(database: Database) -> int:
    with psycopg.connect(database.admin_url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'kulti-ops%'"
            " AND datname = current_database()"
        ).fetchone()
        assert row is not None
        return int(row[0])


@pytest.mark.parametrize("what", ["triage", "all"])
def test_checks_wait_for_few_round_trips_over_one_connection(copy: Database, what: str) -> None:
    library = load_library()
    options = RunOptions(accepted=load_accepted(), deadline_s=30)
    with counting_proxy(copy.url) as (url, counter):
        target = own_target(url, "test")
        if what == "triage":
            results = run_triage(target, library, options=options, connect_timeout_s=10)
            asked = len(triage_set(library)) + 1
        else:
            connection = connect(target, application="runbook")
            results = run_checks(connection, library, options=options).results
            connection.close()
            asked = len(library)
        assert len(results) == asked
        assert not [r for r in results if r.status == "unknown"]
    assert counter.connections == 1
    assert counter.turns <= MOST_TURNS
    assert wait_until(lambda: backends(copy) == 0, timeout_s=5)
