"""The probe of latency: the median of some against a budget, and where the time goes."""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from statistics import median
from typing import TYPE_CHECKING, Any

from kulti_ops.platform import surface
from kulti_ops.report import CheckResult, Verdict
from kulti_ops.smoke.probe import Context, finding, ok, together

if TYPE_CHECKING:
    from kulti_ops.message import Timings

# A percentile needs so many samples that one of them lies beyond it.
_PERCENTILES = (("p95_s", 95, 20), ("p99_s", 99, 100))
_CRIT_TIMES = 3
_PARTS = ("dns_s", "connect_s", "tls_s", "first_byte_s", "body_s")


async def latency(context: Context) -> CheckResult:
    """Check: the home page and an API answer come within their budgets."""
    budgets = context.site.budgets
    page, api = await together(
        (_measure(context, surface.HOME), _measure(context, surface.DATABASE))
    )
    rows = (
        _row(surface.HOME, page, budgets.page_s),
        _row(surface.DATABASE, api, budgets.api_s),
    )
    slow = [row for row in rows if row["median_s"] > row["budget_s"]]
    text = ", ".join(
        f"{row['path']} {row['median_s'] * 1000:.0f} ms of {row['budget_s'] * 1000:.0f}"
        for row in slow or rows
    )
    if not slow:
        return ok(f"{text} (median of {budgets.samples})", samples=budgets.samples, rows=rows)
    far = any(row["median_s"] > _CRIT_TIMES * row["budget_s"] for row in slow)
    return finding(
        f"{text} (median of {budgets.samples}; most of it: {_worst_part(slow[0])})",
        status=Verdict.CRIT if far else Verdict.WARN,
        advice="kulti-ops smoke run --only latency once more; then look at the slowest part",
        evidence={"samples": budgets.samples, "rows": rows},
    )


async def _measure(context: Context, path: str) -> list[Timings]:
    alone = replace(context, client=context.apart)
    return [(await alone.ask(path)).timings for _ in range(context.site.budgets.samples)]


def _row(path: str, times: list[Timings], budget_s: float) -> dict[str, Any]:
    """Return the medians; connecting is that of the first, later ones reuse connections."""
    parts = {
        name: [value for t in times if (value := getattr(t, name)) is not None] for name in _PARTS
    }
    return {
        "path": path,
        "budget_s": budget_s,
        "median_s": round(median(t.total_s for t in times), 4),
        **percentiles([t.total_s for t in times]),
        **{name: round(median(values), 4) if values else None for name, values in parts.items()},
    }


def percentiles(values_s: list[float]) -> dict[str, float]:
    """Return the percentiles (nearest rank) that so many samples have; of a few there are none."""
    ordered = sorted(values_s)
    return {
        name: round(ordered[ceil(len(ordered) * percent / 100) - 1], 4)
        for name, percent, needed in _PERCENTILES
        if len(ordered) >= needed
    }


def _worst_part(row: dict[str, Any]) -> str:
    words = {
        "dns_s": "looking the name up",
        "connect_s": "connecting",
        "tls_s": "the TLS handshake",
        "first_byte_s": "waiting for the first byte",
        "body_s": "the body",
    }
    return words[max(_PARTS, key=lambda name: row[name] or 0.0)]
