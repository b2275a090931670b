"""Backup, verification and drill against the bare tools of the same client, in the same run.

    .venv/bin/python benchmarks/backup.py [--scale 1] [--scale 3] [--pairs 3] [--encrypted]
                                      [--check]

Builds a sandbox of each scale, then alternates: `backup create` with `pg_dump -Fc
--compress=zstd:3`, `verify backup` with `pg_restore -f - | sha256sum`, `restore drill` with
`pg_restore -j2` into a scratch server of the same settings (a drill's own sessions also take
no parallel workers where its jobs fill the cores; the bare tool's do). Prints medians, ratios,
how long the snapshot was held open (`held`), and the peak memory of our process; with several
scales also the slope of `create` from the smallest to the largest, which knows no fixed cost.
With `--encrypted` it alternates an encrypted `backup create` with an unencrypted one instead,
and what `verify backup --level quick` spends on checksums with sha256sum over the same files.
Targets are for a quiet machine with two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyrage

from kulti_ops.db import own_target
from kulti_ops.pgserver import ScratchOptions, make_enterable_dir, scratch_server
from kulti_ops.restore.drill import SETTINGS
from kulti_ops.sandbox import lifecycle
from kulti_ops.sandbox.server import sandbox_installation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kulti_ops.pgtools import Installation

TIMEOUT_S = 1800
TARGETS = {"create": 1.08, "held": 1.1, "verify": 1.5, "load": 1.05, "drill": 1.5}
ENCRYPTED_TARGETS = {"sealed": 1.15, "quick": 1 / 0.8}
CREATE_FIXED_S = 0.6  # preflight, locks, inventory, fsync: what does not grow with the data
PEAK_TARGET_MB = 100


@dataclass(frozen=True)
class Bench:
    """One sandbox, one storage, one set of tools."""

    root: Path
    url: str
    install: Installation

    @property
    def environment(self) -> dict[str, str]:
        """What the tool and the bare tools run in."""
        return {
            **os.environ,
            "DATABASE_URL": self.url,
            "KULTI_OPS_STORAGE": str(self.root / "backups"),
            "KULTI_OPS_STATE_DIR": str(self.root / "state"),
            "KULTI_OPS_CACHE_DIR": str(self.root / "cache"),
            "KULTI_OPS_SCRATCH_DIR": str(self.root / "drills"),
        }

    def tool(self, *arguments: str, **more: str) -> tuple[float, int, dict[str, Any]]:
        """Run kulti-ops; return seconds, our own peak memory in bytes, and the document."""
        started = time.monotonic()
        with subprocess.Popen(
            [sys.executable, "-m", "kulti_ops", *arguments, "--format", "json"],
            env={**self.environment, **more},
            stdout=subprocess.PIPE,
        ) as child:
            peak = 0
            while child.poll() is None:
                peak = max(peak, _peak_bytes(child.pid))
                time.sleep(0.02)
            assert child.stdout is not None
            output = child.stdout.read()
        if child.returncode != 0:
            sys.exit(f"kulti-ops {' '.join(arguments)} failed: {output.decode()[-2000:]}")
        return time.monotonic() - started, peak, json.loads(output)

    def bare(self, script: str, **more: str) -> float:
        """Run a shell line with the bare tools on its PATH; return seconds."""
        path = f"{self.install.bin_dir}:{os.environ['PATH']}"
        started = time.monotonic()
        subprocess.run(
            ["/bin/bash", "-euo", "pipefail", "-c", script],
            env={**self.environment, "PATH": path, **more},
            check=True,
            timeout=TIMEOUT_S,
            stdout=subprocess.DEVNULL,
        )
        return time.monotonic() - started


def main() -> int:
    """Run the benchmark and print it."""
    parser = argparse.ArgumentParser(description="backup, verify, drill against the bare tools")
    parser.add_argument(
        "--scale", type=float, action="append", help="1 is 1 GB (default); may be repeated"
    )
    parser.add_argument("--pairs", type=int, default=3, help="runs of each (default 3)")
    parser.add_argument("--encrypted", action="store_true", help="what encryption costs")
    parser.add_argument("--check", action="store_true", help="exit 1 when a target is missed")
    options = parser.parse_args()
    missed = False
    medians = {}
    for scale in sorted(options.scale or [1.0]):
        print(f"scale {scale:g}")
        with sandboxed(scale) as bench:
            if options.encrypted:
                ratios = measure_encrypted(bench, options.pairs)
                missed |= any(ratios[name] > limit for name, limit in ENCRYPTED_TARGETS.items())
                continue
            ours, theirs, peaks = measure(bench, options.pairs)
        ratios = report(ours, theirs, peaks, TARGETS)
        missed |= any(value > TARGETS[name] for name, value in ratios.items())
        medians[scale] = (statistics.median(ours["create"]), statistics.median(theirs["create"]))
    if len(medians) > 1:
        slope = create_slope(medians)
        print(f"create, slope over the scales: {slope:.2f} (target <= {TARGETS['create']})")
        missed |= slope > TARGETS["create"]
    return 1 if missed and options.check else 0


def create_slope(medians: dict[float, tuple[float, float]]) -> float:
    """Return how much `create` grows per second that bare pg_dump grows."""
    (our_least, bare_least), (our_most, bare_most) = medians[min(medians)], medians[max(medians)]
    return (our_most - our_least) / (bare_most - bare_least)


@contextmanager
def sandboxed(scale: float) -> Iterator[Bench]:
    """Build a sandbox for the benchmark and remove it afterwards."""
    root = Path(tempfile.gettempdir()) / f"kulti-bench-{os.getpid()}"
    make_enterable_dir(root)
    places = lifecycle.Places(cache_dir=root / "cache", data_home=root / "data")
    info = lifecycle.start(root / "sandbox", places=places, now=datetime.now(UTC), scale=scale)
    try:
        yield Bench(root, info.database_url, sandbox_installation(root / "cache"))
    finally:
        lifecycle.destroy(root / "sandbox")
        subprocess.run(["rm", "-rf", str(root)], check=True, timeout=60)


def measure(
    bench: Bench, pairs: int
) -> tuple[dict[str, list[float]], dict[str, list[float]], dict[str, int]]:
    """Alternate ours and theirs; return the seconds of both and our peak bytes, per subject."""
    dump = bench.root / "bare.pgc"
    pg_dump = f'pg_dump -Fc --compress=zstd:3 "$DATABASE_URL" > {dump}'
    bench.bare(pg_dump)
    ours: dict[str, list[float]] = {name: [] for name in TARGETS}
    theirs: dict[str, list[float]] = {name: [] for name in TARGETS}
    peaks: dict[str, int] = {}
    for _ in range(pairs):
        for name, arguments, script in (
            ("create", ("backup", "create"), pg_dump),
            ("verify", ("verify", "backup"), f"pg_restore -f - {dump} | sha256sum"),
        ):
            seconds, peak, document = bench.tool(*arguments)
            ours[name].append(seconds)
            theirs[name].append(bench.bare(script))
            peaks[name] = max(peaks.get(name, 0), peak)
            if name == "create":
                ours["held"].append(document["data"]["durations_s"]["dump"])
                theirs["held"].append(theirs["create"][-1])
        seconds, peak, document = bench.tool("restore", "drill")
        bare = bare_restore(bench, dump)
        peaks["drill"] = max(peaks.get("drill", 0), peak)
        ours["drill"].append(seconds)
        ours["load"].append(document["data"]["phases"]["load"])
        theirs["drill"].append(bare)
        theirs["load"].append(bare)
        print("phases", document["data"]["phases"])
    return ours, theirs, peaks


def measure_encrypted(bench: Bench, pairs: int) -> dict[str, float]:
    """Alternate sealed and plain, and our checksums with sha256sum; return the ratios."""
    recipient = str(pyrage.x25519.Identity.generate().to_public())
    ours: dict[str, list[float]] = {name: [] for name in ENCRYPTED_TARGETS}
    theirs: dict[str, list[float]] = {name: [] for name in ENCRYPTED_TARGETS}
    peaks: dict[str, int] = {}
    for _ in range(pairs):
        plain, _peak, _document = bench.tool("backup", "create")
        sealed, peaks["sealed"], made = bench.tool(
            "backup", "create", KULTI_OPS_ENCRYPT_TO=recipient
        )
        quick, peaks["quick"], found = bench.tool("verify", "backup", "--level", "quick")
        ours["sealed"].append(sealed)
        theirs["sealed"].append(plain)
        checksum = next(r for r in found["results"] if r["id"] == "checksum")
        ours["quick"].append(checksum["duration_s"])
        theirs["quick"].append(bench.bare(f"cd {made['data']['path']} && sha256sum *.age"))
        print(f"quick in all {quick:.2f} s, start included")
    return report(ours, theirs, peaks, ENCRYPTED_TARGETS)


def bare_restore(bench: Bench, dump: Path) -> float:
    """Time pg_restore -j2 as superuser into a scratch server of the drill's settings."""
    options = ScratchOptions(superuser="bench_admin", settings=SETTINGS)
    newest = max((bench.root / "backups").glob("*/globals.sql"))
    with scratch_server(bench.root / "bare", bench.install, options=options) as server:
        target = own_target(server.dsn(), "benchmark").with_database("bench")
        environment = {k: v for k, v in target.environment().items() if k.startswith("PG")}
        admin = {**environment, "PGDATABASE": "postgres"}
        bench.bare("psql -qc 'CREATE DATABASE bench'", **admin)
        bench.bare(f"psql -q -f {newest}", **admin)
        return bench.bare(f"pg_restore -j2 --dbname=bench {dump}", **environment)


def report(
    ours: dict[str, list[float]],
    theirs: dict[str, list[float]],
    peaks: dict[str, int],
    targets: Mapping[str, float],
) -> dict[str, float]:
    """Print and return the ratios; `create` is freed of its fixed part first."""
    ratios = {}
    for name, target in targets.items():
        fixed = CREATE_FIXED_S if name == "create" else 0.0
        mine, bare = statistics.median(ours[name]), statistics.median(theirs[name])
        ratios[name] = (mine - fixed) / bare
        peak = f"  peak {peaks[name] / 1e6:.0f} MB" if name in peaks else ""
        less = ", less 0.6 s" if fixed else ""
        print(
            f"{name:<7} ours {mine:6.2f} s  bare {bare:6.2f} s  "
            f"ratio {ratios[name]:.2f} (target <= {target:.2f}{less}){peak}"
        )
    print(f"peak memory target <= {PEAK_TARGET_MB} MB")
    return ratios


def _peak_bytes(pid: int) -> int:
    """Return the kernel's high-water mark of one process, 0 once it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(x.split()[1]) * 1024 for x in lines if x.startswith("VmHWM")), 0)


if __name__ == "__main__":
    sys.exit(main())
