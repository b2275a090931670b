"""Backups to S3 against `pg_dump` piped into a plain boto3 upload, in the same run.

    .venv/bin/python benchmarks/storage.py [--scale 1] [--pairs 3] [--check]

Builds a sandbox of the scale and starts OpenStack Swift's S3 interface on loopback, then
alternates `backup create` with `pg_dump -Fc --compress=zstd:3 | upload_fileobj`. Prints
medians, the ratio (with the second of start, preflight, leases and manifest that does not grow
with the data) and the peak memory of our process. Targets are for a quiet machine with two
cores: the server takes a good part of them, on both sides alike.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.backup import Bench, sandboxed
from tests.s3server import BUCKET, swift_server

RATIO_TARGET = 1.15
PEAK_TARGET_MB = 150
UPLOAD = """
import boto3, os, sys
boto3.client("s3", endpoint_url=os.environ["KULTI_OPS_S3_ENDPOINT"]).upload_fileobj(
    sys.stdin.buffer, sys.argv[1], "bare/dump.pgc"
)
"""


@dataclass(frozen=True)
class OnS3(Bench):
    """The sandbox with a storage in the bucket."""

    bucket: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What the tool and the bare tools run in."""
        return {**super().environment, **self.bucket, "AWS_DEFAULT_REGION": "us-east-1"}


def main() -> int:
    """Run the benchmark and print it."""
    parser = argparse.ArgumentParser(description="backup create to S3 against a plain upload")
    parser.add_argument("--scale", type=float, default=1.0, help="1 is 1 GB (default)")
    parser.add_argument("--pairs", type=int, default=3, help="runs of each (default 3)")
    parser.add_argument("--check", action="store_true", help="exit 1 when a target is missed")
    options = parser.parse_args()
    with sandboxed(options.scale) as bench, swift_server() as server:
        on_s3 = OnS3(bench.root, bench.url, bench.install, server.environment())
        missed = measure(on_s3, options.pairs)
    return 1 if missed and options.check else 0


def measure(bench: OnS3, pairs: int) -> bool:
    """Alternate ours and theirs, print, and return whether a target was missed."""
    script = f"{sys.executable} -c '{UPLOAD}' {BUCKET}"
    pipe = f'pg_dump -Fc --compress=zstd:3 "$DATABASE_URL" | {script}'
    bench.bare(pipe)
    ours, theirs, peak = [], [], 0
    for _ in range(pairs):
        seconds, used, _document = bench.tool("backup", "create")
        ours.append(seconds)
        peak = max(peak, used)
        theirs.append(bench.bare(pipe))
    mine, bare = statistics.median(ours), statistics.median(theirs)
    ratio = mine / bare
    print(
        f"create  ours {mine:6.2f} s  bare {bare:6.2f} s  ratio {ratio:.2f} "
        f"(target <= {RATIO_TARGET})  peak {peak / 1e6:.0f} MB "
        f"(target <= {PEAK_TARGET_MB})"
    )
    return ratio > RATIO_TARGET or peak > PEAK_TARGET_MB * 1e6


if __name__ == "__main__":
    sys.exit(main())
