"""Whose fault a finding is: ours, a vendor's, or the runner's network."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from kulti_ops.http import Client, ExchangeError, Patience
from kulti_ops.report import CheckResult, Verdict
from kulti_ops.services.statuspage import UNKNOWN, VendorState, fetch_state
from kulti_ops.smoke.probe import finding, ok
from kulti_ops.smoke.selection import HOME

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

STATUS_PAGE_TIMEOUT_S = 5.0


async def ask_vendors(
    client: Client, pages: Mapping[str, str], *, now: datetime, budget_s: float
) -> tuple[VendorState | str, ...]:
    """Return each vendor's state, or the name of one whose page gave no answer."""
    patience = Patience(now=now, budget_s=min(STATUS_PAGE_TIMEOUT_S, budget_s))

    async def one(vendor: str, base: str) -> VendorState | str:
        try:
            async with asyncio.timeout(patience.budget_s):
                return await fetch_state(client, vendor, base, patience=patience)
        except (ExchangeError, TimeoutError):
            return vendor

    return tuple(await asyncio.gather(*(one(v, base) for v, base in pages.items())))


def judge_vendors(states: tuple[VendorState | str, ...]) -> CheckResult:
    """Return what the vendors' pages come to together."""
    known = [s for s in states if isinstance(s, VendorState) and s.indicator != UNKNOWN]
    untold = [s if isinstance(s, str) else s.vendor for s in states if s not in known]
    troubled = [f"{s.vendor}: {s.description}" for s in known if not s.is_well]
    if not known:
        return finding("no status page could be read", status=Verdict.UNKNOWN)
    text = "; ".join(troubled) or f"{len(known)} vendors report no incident"
    if untold:
        text += f"; not readable: {', '.join(untold)}"
    if troubled or untold:
        advice = "see their status pages before touching anything" if troubled else None
        return finding(text, status=Verdict.WARN, advice=advice)
    return ok(text)


def with_network(
    results: tuple[CheckResult, ...], states: tuple[VendorState | str, ...]
) -> tuple[CheckResult, ...]:
    """Blame the runner's network when neither the site nor any status page answers."""
    home = next(result for result in results if result.id == HOME)
    if "failure" not in home.evidence or home.status is not Verdict.CRIT or not states:
        return results
    if any(isinstance(state, VendorState) for state in states):
        return results
    network = replace(
        home,
        status=Verdict.UNKNOWN,
        summary=f"{home.summary}; nothing else can be reached either: the runner's network",
        next="try again from another network",
    )
    return tuple(network if result is home else result for result in results)


def with_blame(result: CheckResult, states: tuple[VendorState | str, ...]) -> CheckResult:
    """Say in a failed probe's verdict when the vendor behind it reports trouble."""
    if result.status is not Verdict.CRIT:
        return result
    vendor = result.evidence.get("blames", "")
    for state in states:
        if isinstance(state, VendorState) and state.vendor == vendor and not state.is_well:
            text = f"{result.summary}; {vendor} reports: {state.description}"
            return replace(result, summary=text, evidence={**result.evidence, "blame": vendor})
    return replace(result, evidence={**result.evidence, "blame": "ours"})
