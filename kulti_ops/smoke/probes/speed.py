"""The probe of latency: the median of five against a budget, and where the time goes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING, Any

from kulti_ops.platform import surface
from kulti_ops.report import CheckResult, Verdict
from kulti_ops.smoke.probe import Context, finding, ok

if TYPE_CHECKING:
    from kulti_ops.message import Timings

# One request is a sample; five have a median, and no percentile beyond it.
SAMPLES = 5
_CRIT_TIMES = 3
_PARTS = ("dns_s", "connect_s", "tls_s", "first_byte_s", "body_s")


async def latency(context: Context) -> CheckResult:
    """Check: the home page and an API answer come within their budgets."""
    budgets = context.site.budgets
    page, api = await asyncio.gather(
        _measure(context, surface.HOME), _measure(context, surface.DATABASE)
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
        return ok(f"{text} (median of {SAMPLES})", samples=SAMPLES, rows=rows)
    far = any(row["median_s"] > _CRIT_TIMES * row["budget_s"] for row in slow)
    return finding(
        f"{text} (median of {SAMPLES}; most of it: {_worst_part(slow[0])})",
        status=Verdict.CRIT if far else Verdict.WARN,
        advice="kulti-ops smoke run --only latency once more; then look at the slowest part",
        evidence={"samples": SAMPLES, "rows": rows},
    )


async def _measure(context: Context, path: str) -> list[Timings]:
    alone = replace(context, client=context.apart)
    return [(await alone.ask(path)).timings for _ in range(SAMPLES)]


def _row(path: str, times: list[Timings], budget_s: float) -> dict[str, Any]:
    """Return the medians; connecting is that of the first, later ones reuse connections."""
    parts = {
        name: [value for t in times if (value := getattr(t, name)) is not None] for name in _PARTS
    }
    return {
        "path": path,
        "budget_s": budget_s,
        "median_s": round(median(t.total_s for t in times), 4),
        **{name: round(median(values), 4) if values else None for name, values in parts.items()},
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
