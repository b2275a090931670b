"""The hosted restore against `pg_restore -j1` of the same archive on the same server.

    .venv/bin/python benchmarks/hosted.py [--scale 1] [--pairs 3] [--check]

Builds a sandbox of the scale and a backup of it. Each pair is a fresh scratch server: first
`restore run` into a new project, then bare `pg_restore -j1` as superuser into a plain
database. Compares the executor with bare, and the comparison before the commit with the
executor; prints the peak memory of our process. Targets are for a quiet machine with two
cores.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from backup import Bench, sandboxed

from kulti_ops import project
from kulti_ops.db import own_target
from kulti_ops.pgserver import ScratchOptions, scratch_server
from kulti_ops.platform import shape
from kulti_ops.restore.drill import SETTINGS

if TYPE_CHECKING:
    from pathlib import Path

PASSWORD = "benchmark"
TARGETS = {"restore": 1.3, "compare": 0.6}
PEAK_TARGET_MB = 150


@dataclass
class Runs:
    """Seconds of every run, and the largest peak."""

    ours: list[float] = field(default_factory=list)
    compare: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    peak_bytes: int = 0


def main() -> int:
    """Run the benchmark and print it."""
    parser = argparse.ArgumentParser(description="the hosted restore against bare pg_restore -j1")
    parser.add_argument("--scale", type=float, default=1.0, help="1 is 1 GB (default)")
    parser.add_argument("--pairs", type=int, default=3, help="runs of each (default 3)")
    parser.add_argument("--check", action="store_true", help="exit 1 when a target is missed")
    options = parser.parse_args()
    runs = Runs()
    with sandboxed(options.scale) as bench:
        bench.tool("backup", "create")
        dump = max((bench.root / "backups").glob("*/dump.pgc"))
        for _ in range(options.pairs):
            _pair(bench, dump, runs)
    missed = report(runs)
    return 1 if missed and options.check else 0


def _pair(bench: Bench, dump: Path, runs: Runs) -> None:
    chosen = ScratchOptions(superuser=shape.ADMIN_ROLE, listen="tcp", settings=SETTINGS)
    with scratch_server(bench.root / "projects", bench.install, options=chosen) as server:
        admin = own_target(server.dsn(), "benchmark")
        project.create_project(admin, postgres_password=PASSWORD)
        os.environ["NEW_PROJECT_URL"] = server.dsn(user=shape.OWNER_ROLE, password=PASSWORD)
        _seconds, peak, document = bench.tool(
            *("restore", "run", "--create-roles", "--yes", "--target", "env:NEW_PROJECT_URL")
        )
        phases = _phases(document)
        print("phases", phases, flush=True)
        runs.compare.append(phases.pop("compare"))
        runs.ours.append(sum(phases.values()))
        runs.peak_bytes = max(runs.peak_bytes, peak)
        plain = admin.with_database("bare")
        environment = {k: v for k, v in plain.environment().items() if k.startswith("PG")}
        bench.bare(
            "psql -qc 'CREATE DATABASE bare TEMPLATE template0'",
            **{**environment, "PGDATABASE": "postgres"},
        )
        runs.bare.append(bench.bare(f"pg_restore -j1 --dbname=bare {dump}", **environment))


def _phases(document: dict[str, Any]) -> dict[str, float]:
    return dict(document["data"]["phases"])


def report(runs: Runs) -> bool:
    """Print the ratios and return whether a target is missed."""
    ours, bare = statistics.median(runs.ours), statistics.median(runs.bare)
    compare = statistics.median(runs.compare)
    ratios = {"restore": ours / bare, "compare": compare / ours}
    peak_mb = runs.peak_bytes / 1e6
    print(f"restore ours {ours:.2f} s  bare {bare:.2f} s  comparison {compare:.2f} s")
    for name, target in TARGETS.items():
        print(f"{name:<8} ratio {ratios[name]:.2f} (target <= {target})")
    print(f"peak     {peak_mb:.0f} MB (target <= {PEAK_TARGET_MB} MB)")
    return any(ratios[n] > t for n, t in TARGETS.items()) or peak_mb > PEAK_TARGET_MB


if __name__ == "__main__":
    sys.exit(main())
