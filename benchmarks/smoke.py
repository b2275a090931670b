"""How long the default suite of `smoke run` takes against its slowest probe, on a sandbox.

    .venv/bin/python benchmarks/smoke.py [--runs N] [--check]

Targets (medians): the suite <= 1.5 times its slowest probe, and the whole command, with the
interpreter's start, <= 5 s. Also printed: the slowest probe when it runs alone, which shows
what the others cost it. On loopback that is processor time: one Python process asks and another
answers some 90 requests. So the same is printed of a site that takes 0.7 s for every answer, as a
site far away does. Starts a sandbox of its own and destroys it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from kulti_ops.http import Policy, own_loopback  # noqa: E402 - found below ROOT
from kulti_ops.smoke.probe import Site  # noqa: E402
from kulti_ops.smoke.run import run_smoke  # noqa: E402
from kulti_ops.smoke.selection import Order, Selection  # noqa: E402

RATIO, WHOLE_S = 1.5, 5.0
VENDORS = ("supabase", "vercel", "sentry", "upstash", "100ms", "anthropic")


def main() -> int:
    """Run the benchmark and print it."""
    parser = argparse.ArgumentParser(description="the smoke suite against its slowest probe")
    parser.add_argument("--runs", type=int, default=7, help="runs of each (default 7)")
    parser.add_argument("--check", action="store_true", help="exit 1 when a target is missed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kulti-ops-bench-") as folder:
        Path(folder).chmod(0o755)
        box = ("--dir", f"{folder}/box", "--format", "json")
        try:
            started = kulti_ops("sandbox", "start", "--web", *box)
            web = started["data"]["web"]
            met = measure(web, runs=options.runs)
            kulti_ops("sandbox", "break", "slow", *box)
            measure_waiting(web)
        finally:
            kulti_ops("sandbox", "destroy", "--yes", *box)
    return 1 if options.check and not met else 0


def measure(web: dict[str, Any], *, runs: int) -> bool:
    """Time suite and slowest probe in turns; print and judge the medians."""
    order = order_of(web)
    run(order)  # what is loaded at first use
    walls, slowest, ratios, alone, whole = [], [], [], [], []
    for _ in range(runs):
        wall_s, durations = run(order)
        name = max(durations, key=durations.__getitem__)
        walls.append(wall_s)
        slowest.append(durations[name])
        ratios.append(wall_s / durations[name])
        alone.append(run(replace(order, selection=Selection(only=frozenset({name}))))[1][name])
        whole.append(command_s(web))
        print(
            f"suite {wall_s:.3f} s  slowest {name} {durations[name]:.3f} s"
            f"  ratio {ratios[-1]:.2f}  {name} alone {alone[-1]:.3f} s  command {whole[-1]:.2f} s"
        )
    ratio, command = statistics.median(ratios), statistics.median(whole)
    print(
        f"medians: suite {statistics.median(walls):.3f} s, slowest {statistics.median(slowest):.3f}"
        f" s, alone {statistics.median(alone):.3f} s"
    )
    print(
        f"ratio {ratio:.2f} (min {min(ratios):.2f}, max {max(ratios):.2f})  "
        f"target <= {RATIO:g}: {'met' if ratio <= RATIO else 'MISSED'}"
    )
    print(
        f"command {command:.2f} s  target <= {WHOLE_S:g} s: "
        f"{'met' if command <= WHOLE_S else 'MISSED'}"
    )
    return ratio <= RATIO and command <= WHOLE_S


def measure_waiting(web: dict[str, Any]) -> None:
    """Print the suite against its slowest probe alone, on a site that is waited for.

    As on production: without `rate-limit`, whose calls come one after the other.
    """
    order = order_of(web)
    order = replace(order, site=replace(order.site, is_own=False))
    wall_s, durations = run(order)
    name = max(durations, key=durations.__getitem__)
    only = replace(order, selection=Selection(only=frozenset({name})))
    alone_s, by_itself = run(only)
    print(
        f"0.7 s an answer: suite {wall_s:.2f} s, {name} {durations[name]:.2f} s, alone "
        f"{by_itself[name]:.2f} s: ratio {wall_s / by_itself[name]:.2f}; "
        f"a run of it alone {alone_s:.2f} s"
    )


def run(order: Order) -> tuple[float, dict[str, float]]:
    """Return the wall time of a run, and each probe's."""
    began = time.perf_counter()
    done = asyncio.run(run_smoke(order, now=datetime.now(UTC)))
    return time.perf_counter() - began, {r.id: r.duration_s for r in done.results}


def order_of(web: dict[str, Any]) -> Order:
    """Return the default suite against a stand-in."""
    pages = {vendor: f"{web['status_url']}/{vendor}" for vendor in VENDORS}
    hosts = own_loopback(web["url"], web["http_url"], web["status_url"])
    site = Site(
        base_url=web["url"],
        http_url=web["http_url"],
        is_own=True,
        webhook_secret=web["webhook_secret"],
        account=(("Cookie", web["account_cookie"]),),
    )
    return Order(
        site=site,
        policy=Policy(private_hosts=hosts, cafile=Path(web["cafile"])),
        status_pages=pages,
        selection=Selection(),
        tls_private=True,
    )


def command_s(web: dict[str, Any]) -> float:
    """Return the wall time of the command as a user runs it."""
    began = time.perf_counter()
    pages = ",".join(f"{vendor}={web['status_url']}/{vendor}" for vendor in VENDORS)
    environment = {
        "NEXT_PUBLIC_APP_URL": web["url"],
        "KULTI_OPS_HTTP_URL": web["http_url"],
        "KULTI_OPS_CAFILE": web["cafile"],
        "KULTI_OPS_STATUS_PAGES": pages,
        "HMS_APP_SECRET": web["webhook_secret"],
    }
    kulti_ops("smoke", "run", "--format", "json", environment=environment)
    return time.perf_counter() - began


def kulti_ops(*arguments: str, environment: dict[str, str] | None = None) -> dict[str, Any]:
    """Run a command; return its document."""
    done = subprocess.run(
        [sys.executable, "-m", "kulti_ops", *arguments],
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"kulti-ops {' '.join(arguments)}: {done.returncode}\n{done.stderr}")
    document: dict[str, Any] = json.loads(done.stdout)
    return document


if __name__ == "__main__":
    sys.exit(main())
