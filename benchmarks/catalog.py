"""How long it takes to list 10,000 backups in a local folder, and to plan their retention.

    .venv/bin/python benchmarks/catalog.py [--backups N] [--rounds N] [--check]

Target: list and plan together <= 1 s. Beside it, interleaved, stands what cannot be saved: reading
and parsing the same files. With `--check` a missed target is exit code 1.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kulti_ops.backup import catalog
from kulti_ops.backup import manifest as manifests
from kulti_ops.backup.publish import NOT_COVERED
from kulti_ops.backup.retention import RetentionPolicy, plan_retention
from kulti_ops.storage.local import LocalStorage

TARGET_S = 1.0
NEWEST = datetime(2026, 11, 22, 3, tzinfo=UTC)
POLICY = RetentionPolicy(hourly=48, daily=7, weekly=5, monthly=12, yearly=3, floor=3)
ARTIFACTS = (("dump.pgc", "dump"), ("globals.sql", "globals"), ("inventory.json", "inventory"))


def main() -> int:
    """Run the benchmark and print it."""
    parser = argparse.ArgumentParser(description="listing and planning many backups")
    parser.add_argument("--backups", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--check", action="store_true", help="exit 1 when the target is missed")
    options = parser.parse_args()
    walls: dict[str, list[float]] = {"read and parse only": [], "list": [], "plan": []}
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder), options.backups)
        storage = LocalStorage(folder)
        for _ in range(options.rounds):
            started = time.perf_counter()
            read_only(Path(folder))
            read = time.perf_counter()
            entries = catalog.list_entries(storage)
            listed = time.perf_counter()
            (plan,) = plan_retention(entries, POLICY, now=NEWEST)
            planned = time.perf_counter()
            assert len(plan.keep) + len(plan.remove) == options.backups
            for name, wall in zip(
                walls, (read - started, listed - read, planned - listed), strict=True
            ):
                walls[name].append(wall)
    for name, found in walls.items():
        print(f"{name:<20} min {min(found):6.3f} s  median {statistics.median(found):6.3f} s")
    both = statistics.median(walls["list"]) + statistics.median(walls["plan"])
    verdict = "met" if both <= TARGET_S else "MISSED"
    print(f"{options.backups} backups listed and planned: {both:.3f} s  <= {TARGET_S} s: {verdict}")
    return 1 if both > TARGET_S and options.check else 0


def fill(root: Path, count: int) -> None:
    """Write manifests and one record each, as `create` and `verify` leave them."""
    for number in range(count):
        at = NEWEST - timedelta(hours=3 * number)
        manifest = made(at, number)
        data = manifests.to_json(manifest)
        folder = root / manifest.backup_id
        (folder / "records").mkdir(parents=True)
        (folder / manifests.FILE_NAME).write_bytes(data)
        record = {
            "schema_version": catalog.RECORD_SCHEMA_VERSION,
            "backup_id": manifest.backup_id,
            "manifest_file_sha256": hashlib.sha256(data).hexdigest(),
            "kind": "verify",
            "at": "2026-11-22T03:00:00.000Z",
            "status": "ok",
            "level": "contents",
            "data": {},
            "sequence": 1,
        }
        (folder / "records" / "one.json").write_text(json.dumps(record))


def made(at: datetime, number: int) -> manifests.Manifest:
    """Return a manifest of the usual size."""
    artifacts = tuple(
        manifests.Artifact(name=name, kind=kind, size_bytes=10**6, sha256="a" * 64)
        for name, kind in (*ARTIFACTS, (manifests.SUMS_NAME, "sums"))
    )
    return manifests.Manifest(
        backup_id=manifests.new_id(at, "postgres", f"{number % 65536:04x}"),
        label="postgres",
        created_at=at,
        snapshot_at=at,
        source=manifests.Source(
            host="db.kulti.example",
            port=5432,
            database="postgres",
            user="postgres",
            server_version="17.6",
            server_version_num=170006,
        ),
        tools={"kulti-ops": "0.1.0", "pg_dump": "17.10"},
        compression="zstd:3",
        artifacts=artifacts,
        totals=manifests.Totals(tables=120, rows=10**6, large_objects=0, database_bytes=10**9),
        durations_s={"dump": 3.0, "total": 3.5},
        not_covered=NOT_COVERED,
    )


def read_only(root: Path) -> None:
    """Read and parse every file, and do nothing with it."""
    for folder in root.iterdir():
        json.loads((folder / manifests.FILE_NAME).read_bytes())
        json.loads((folder / "records" / "one.json").read_bytes())


if __name__ == "__main__":
    sys.exit(main())
