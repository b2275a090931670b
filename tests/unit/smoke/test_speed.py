from __future__ import annotations

from kulti_ops.smoke.probes.speed import percentiles


def test_percentiles_want_enough_samples() -> None:
    assert percentiles([0.1] * 19) == {}
    assert percentiles([n / 100 for n in range(1, 21)]) == {"p95_s": 0.19}
    assert percentiles([n / 1000 for n in range(100, 0, -1)]) == {"p95_s": 0.095, "p99_s": 0.099}
