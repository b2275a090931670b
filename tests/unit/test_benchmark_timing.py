"""The benchmarks' shared timing."""

from __future__ import annotations

import sys

import pytest

from benchmarks.timing import Run, Series, interleave, ratio, time_command


def series(name: str, *walls_s: float) -> Series:
    return Series(name=name, runs=tuple(Run(wall_s=w, peak_rss_bytes=1) for w in walls_s))


def test_interleave_alternates_and_drops_warmups() -> None:
    order: list[str] = []

    def command(name: str) -> Run:
        order.append(name)
        return Run(wall_s=float(len(order)), peak_rss_bytes=len(order))

    made = interleave({n: lambda n=n: command(n) for n in "ab"}, pairs=2, warmups=1)  # type: ignore[misc]
    assert order == list("ababab")
    assert made["a"].walls_s == (3.0, 5.0)
    assert made["b"].peak_rss_bytes == 6


def test_ratio_compares_medians_and_pairs() -> None:
    found = ratio(series("slow", 2.0, 9.0, 4.0), series("base", 1.0, 3.0, 4.0))
    assert found.of_medians == pytest.approx(4.0 / 3.0)
    assert (found.pair_min, found.pair_median, found.pair_max) == (1.0, 2.0, 3.0)
    assert found.line(target=1.0).endswith("MISSED")
    assert found.line(target=2.0).endswith("met")


def test_time_command_measures_time_and_memory() -> None:
    run = time_command([sys.executable, "-c", "x = bytearray(150_000_000)"], timeout_s=30)
    assert run.peak_rss_bytes > 150_000_000
    assert 0 < run.wall_s < 30


@pytest.mark.parametrize("code", ["raise SystemExit(3)", "while True: pass"])
def test_time_command_failed_or_endless_command_raises(code: str) -> None:
    with pytest.raises(RuntimeError, match="exit code"):
        time_command([sys.executable, "-c", code], timeout_s=0.5)
