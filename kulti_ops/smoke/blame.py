"""Whose fault a finding is: ours, a vendor's, or the runner's network."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from kulti_ops.http import Client, ExchangeError, Patience
from kulti_ops.report import CheckResult, Verdict
from kulti_ops.services.statuspage import UNKNOWN, VendorState, fetch_state
from kulti_ops.smoke.probe import finding, ok
from kulti_ops.smoke.selection import HOME, TLS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

STATUS_PAGE_TIMEOUT_S = 5.0
OURS = "ours"


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
    known = [s for s in states if isinstance(s, VendorState) and _is_told(s)]
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
    """Blame the runner's network when neither the site nor any status page answers.

    Also when no certificate is trusted here: a clock that is wrong, a proxy in between.
    """
    if not states or any(_is_told(state) for state in states):
        return results
    by_id = {result.id: result for result in results}
    home, tls = by_id[HOME], by_id[TLS]
    if home.status is Verdict.CRIT and "failure" in home.evidence:
        failed = home
    elif home.status is Verdict.SKIPPED and tls.status is Verdict.CRIT:
        failed = tls
    else:
        return results
    network = replace(
        failed,
        status=Verdict.UNKNOWN,
        summary=f"{failed.summary}; nothing else can be reached either: the runner's network",
        next="try again from another network; see the runner's clock and CAs",
    )
    return tuple(network if result is failed else result for result in results)


def with_blame(result: CheckResult, states: tuple[VendorState | str, ...]) -> CheckResult:
    """Say in a failed probe's verdict when the vendor behind it reports trouble.

    A vendor's outage is unknown, not crit: rolling back would not help, and whether the
    deploy is good cannot be told. A minor incident, which vendors often have, excuses nothing.
    """
    if result.status is not Verdict.CRIT:
        return result
    vendor = result.evidence.get("blames", "")
    state = next((s for s in states if isinstance(s, VendorState) and s.vendor == vendor), None)
    if state is None or not _is_told(state) or state.is_well:
        return replace(result, evidence={**result.evidence, "blame": OURS})
    text = f"{result.summary}; {vendor} reports: {state.description}"
    if not state.is_outage:
        return replace(result, summary=text, evidence={**result.evidence, "blame": OURS})
    return replace(
        result,
        status=Verdict.UNKNOWN,
        summary=text,
        evidence={**result.evidence, "blame": vendor},
        next=f"wait for {vendor}, then run it again: a rollback would not help",
    )


def _is_told(state: VendorState | str) -> bool:
    """Tell whether a status page was read; any other answer may be anybody's on the way."""
    return isinstance(state, VendorState) and state.indicator != UNKNOWN
