"""How long the runbook takes to answer: healthy, far away, and behind a storm of locks.

    DATABASE_URL=$(kulti-ops sandbox start) .venv/bin/python benchmarks/triage.py [--check]

Targets (medians): triage <= 1 s on loopback, <= 2.5 s through a proxy that adds 80 ms per
round trip, <= 5 s while every table of `public` is locked ACCESS EXCLUSIVE; `check --all`
without business <= 3 s, with it <= 20 s. No backend of ours may be left afterwards. Then
what each diagnostic costs the server. Locks a sandbox's tables: never give it another URL.
"""

from __future__ import annotations

import argparse
import contextlib
import heapq
import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from kulti_ops.runbook.library import load_library  # noqa: E402 - found below ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

ONE_WAY_S = 0.04
ALL_BUT_BUSINESS = ("check", "--group", "database", "--group", "access", "--group", "platform")


def main() -> int:
    """Run the benchmark and print it."""
    parser = argparse.ArgumentParser(description="how long the runbook takes to answer")
    parser.add_argument("--runs", type=int, default=5, help="runs of each command (default 5)")
    parser.add_argument("--check", action="store_true", help="exit 1 when a target is missed")
    options = parser.parse_args()
    url = os.environ["DATABASE_URL"]
    met = [
        measure("triage, loopback", url, ("triage",), runs=options.runs, target_s=1.0),
        measure("check --all but business", url, ALL_BUT_BUSINESS, runs=options.runs, target_s=3.0),
        measure("check --all", url, ("check", "--all"), runs=options.runs, target_s=20.0),
    ]
    with delaying_proxy(url) as far:
        met.append(measure("triage, 80 ms away", far, ("triage",), runs=options.runs, target_s=2.5))
    with lock_storm(url):
        met.append(measure("triage, all locked", url, ("triage",), runs=options.runs, target_s=5.0))
    left = backends_left(url)
    print(f"backends left: {left}")
    print_costs(url)
    return 1 if options.check and (left or not all(met)) else 0


def measure(name: str, url: str, arguments: tuple[str, ...], *, runs: int, target_s: float) -> bool:
    """Time the command as a process of its own; print and judge the median."""
    walls = []
    for _ in range(runs):
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "kulti_ops", "runbook", *arguments, "--format", "json"],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": url},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        walls.append(time.perf_counter() - started)
    counts: dict[str, int] = {}
    for result in json.loads(done.stdout)["results"]:
        counts[result["status"]] = counts.get(result["status"], 0) + 1
    median = statistics.median(walls)
    verdict = "met" if median <= target_s else "MISSED"
    print(
        f"{name:<26} min {min(walls):.2f}  median {median:.2f}  max {max(walls):.2f} s"
        f"  target {target_s:g} s {verdict}  {counts}"
    )
    return median <= target_s


@contextlib.contextmanager
def lock_storm(url: str) -> Iterator[None]:
    """Hold ACCESS EXCLUSIVE on every table of public, in ten sessions."""
    with psycopg.connect(url) as first, contextlib.ExitStack() as stack:
        tables = first.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
            " WHERE schemaname = 'public' ORDER BY 1"
        ).fetchall()
        for at in range(10):
            session = stack.enter_context(psycopg.connect(url))
            for (table,) in tables[at::10]:
                session.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        yield


@contextlib.contextmanager
def delaying_proxy(url: str) -> Iterator[str]:
    """Yield the same database's URL by way of a proxy that holds every byte for 40 ms."""
    params = conninfo_to_dict(url)
    server = (str(params["host"]), int(str(params["port"])))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_serve, args=(listener, server), daemon=True).start()
        yield make_conninfo(url, host="127.0.0.1", port=listener.getsockname()[1])


def _serve(listener: socket.socket, server: tuple[str, int]) -> None:
    while True:
        try:
            near, _ = listener.accept()
        except OSError:
            return
        far = socket.create_connection(server)
        for source, sink in ((near, far), (far, near)):
            source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=_carry, args=(source, sink), daemon=True).start()


def _carry(source: socket.socket, sink: socket.socket) -> None:
    """Read at once, write each piece 40 ms later: a delay, not a narrow pipe."""
    waiting: list[tuple[float, int, bytes]] = []
    there = threading.Condition()

    def write() -> None:
        while True:
            with there:
                while not waiting:
                    there.wait()
                due, _, data = heapq.heappop(waiting)
            time.sleep(max(0.0, due - time.monotonic()))
            if not data:
                with contextlib.suppress(OSError):
                    sink.shutdown(socket.SHUT_WR)
                return
            with contextlib.suppress(OSError):
                sink.sendall(data)

    threading.Thread(target=write, daemon=True).start()
    number = 0
    while True:
        try:
            data = source.recv(65536)
        except OSError:
            data = b""
        with there:
            number += 1
            heapq.heappush(waiting, (time.monotonic() + ONE_WAY_S, number, data))
            there.notify()
        if not data:
            return


def backends_left(url: str) -> int:
    """Return how many backends of ours the server still has."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'kulti-ops%'"
        ).fetchone()
        return int(row[0]) if row else 0


def print_costs(url: str) -> None:
    """Print what each diagnostic, its evidence included, adds to the server; the dearest first."""
    costs: list[tuple[float, int, int, str]] = []
    with psycopg.connect(url, options="-c search_path=pg_catalog,extensions") as connection:
        for diagnostic in load_library():
            parts = [
                _cost(connection, text)
                for text in (diagnostic.sql, diagnostic.evidence_sql)
                if text
            ]
            summed = (sum(p[0] for p in parts), sum(p[1] for p in parts), sum(p[2] for p in parts))
            costs.append((*summed, diagnostic.id))
    all_of_it = (sum(c[0] for c in costs), sum(c[1] for c in costs), sum(c[2] for c in costs))
    print("added to the server:")
    for milliseconds, hit, read, name in (*sorted(costs, reverse=True), (*all_of_it, "all")):
        print(f"{name:<28} {milliseconds:9.2f} ms {hit:9d} buffers hit {read:8d} read")


def _cost(connection: psycopg.Connection, text: str) -> tuple[float, int, int]:
    """Return milliseconds, and buffers that were in memory and that were not."""
    query = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {text}"
    row: Any = connection.execute(query.encode()).fetchone()
    connection.rollback()
    plan = row[0][0]
    parts = (plan["Plan"], plan.get("Planning", {}))
    hit, read = (sum(p.get(f"Shared {k} Blocks", 0) for p in parts) for k in ("Hit", "Read"))
    return plan["Execution Time"] + plan["Planning Time"], hit, read


if __name__ == "__main__":
    sys.exit(main())
