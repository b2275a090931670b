"""Interleaved timing of commands: A B A B, so that a slow minute hits both sides.

Shared by the benchmarks. Every run is a child process of its own, timed from before
it starts until it has been reaped. Peak memory is the kernel's figure for the largest single
process among the child and the descendants that it waited for; it can't fall below this
program's own size (Linux carries that over into the child), so this program stays small.
"""

from __future__ import annotations

import contextlib
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of one command."""

    wall_s: float
    peak_rss_bytes: int


@dataclass(frozen=True, kw_only=True)
class Series:
    """All runs of one command, in the order they were made."""

    name: str
    runs: tuple[Run, ...]

    @property
    def walls_s(self) -> tuple[float, ...]:
        """The wall times."""
        return tuple(run.wall_s for run in self.runs)

    @property
    def median_s(self) -> float:
        """The median wall time."""
        return statistics.median(self.walls_s)

    @property
    def peak_rss_bytes(self) -> int:
        """The largest peak of all runs."""
        return max(run.peak_rss_bytes for run in self.runs)

    def line(self) -> str:
        """Return min, median, max and peak memory as one line."""
        low, high = min(self.walls_s), max(self.walls_s)
        return (
            f"{self.name:<24} min {low * 1000:8.1f} ms  median {self.median_s * 1000:8.1f} ms"
            f"  max {high * 1000:8.1f} ms  peak {self.peak_rss_bytes / 1e6:6.1f} MB"
            f"  n={len(self.runs)}"
        )


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """A series against a base: of the medians, and of each pair of neighbouring runs."""

    name: str
    of_medians: float
    pair_min: float
    pair_median: float
    pair_max: float

    def line(self, *, target: float | None = None) -> str:
        """Return the ratio, its spread, and whether the target is met."""
        text = (
            f"{self.name:<24} ratio of medians {self.of_medians:5.2f}"
            f"  pairwise {self.pair_min:.2f} / {self.pair_median:.2f} / {self.pair_max:.2f}"
        )
        if target is None:
            return text
        verdict = "met" if self.of_medians <= target else "MISSED"
        return f"{text}  target <= {target:g}: {verdict}"


def time_command(
    argv: Sequence[str], *, env: Mapping[str, str] | None = None, timeout_s: float = 600
) -> Run:
    """Run `argv` once with its output discarded.

    Raises: RuntimeError when it exits non-zero or takes longer than `timeout_s`; a failed
    command has no time worth reporting.
    """
    started = time.perf_counter()
    child = subprocess.Popen(
        argv,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = threading.Timer(timeout_s, os.killpg, (child.pid, signal.SIGKILL))
    deadline.start()
    try:
        _, status, usage = os.wait4(child.pid, 0)
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        raise
    finally:
        deadline.cancel()
    ended = time.perf_counter()
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise RuntimeError(f"exit code {child.returncode} of {' '.join(argv)}")
    unit_bytes = 1 if sys.platform == "darwin" else 1024
    return Run(wall_s=ended - started, peak_rss_bytes=usage.ru_maxrss * unit_bytes)


def interleave(
    commands: Mapping[str, Callable[[], Run]], *, pairs: int, warmups: int = 1
) -> dict[str, Series]:
    """Run each command in turn, `pairs` times over, after `warmups` rounds that don't count.

    A command is a function, so that a benchmark can prepare and clean up around the timed part.
    """
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for round_number in range(warmups + pairs):
        for name, run in commands.items():
            result = run()
            if round_number >= warmups:
                runs[name].append(result)
    return {name: Series(name=name, runs=tuple(made)) for name, made in runs.items()}


def ratio(subject: Series, base: Series) -> Ratio:
    """Compare two series of one `interleave`."""
    pairs = [a / b for a, b in zip(subject.walls_s, base.walls_s, strict=True)]
    return Ratio(
        name=subject.name,
        of_medians=subject.median_s / base.median_s,
        pair_min=min(pairs),
        pair_median=statistics.median(pairs),
        pair_max=max(pairs),
    )
