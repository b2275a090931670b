"""Which compression a pg_dump was built with: zstd is free, lz4 nearly, gzip is slow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kulti_ops.process import run_tool

if TYPE_CHECKING:
    from kulti_ops.pgtools import Installation

# zstd compresses faster than the server's COPY delivers (measured: free at level 3), lz4 next
COMPRESSIONS = ("zstd:3", "lz4", "gzip:6")
ZSTD_SINCE_MAJOR = 16


def best_compression(tools: Installation) -> str:
    """Return the best compression that this pg_dump was built with."""
    if tools.major < ZSTD_SINCE_MAJOR:
        return "6"
    for candidate in COMPRESSIONS[:-1]:
        probe = run_tool(
            [str(tools.tool("pg_dump")), "--format=custom", f"--compress={candidate}"],
            env={"LC_ALL": "C", "PGHOST": "/nonexistent", "PGDATABASE": "none"},
            timeout_s=10,
            check=False,
        )
        if not any("does not support compression" in line for line in probe.stderr_tail):
            return candidate
    return COMPRESSIONS[-1]
