"""A smoke run: first whether the site can be looked at, then every probe at once, then blame."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kulti_ops.http import ExchangeError, Patience, open_client, tls_context
from kulti_ops.report import CheckResult, Verdict
from kulti_ops.smoke.blame import OURS, ask_vendors, judge_vendors, with_blame, with_network
from kulti_ops.smoke.gate import (
    NOT_ASKED,
    ONCE_MORE,
    PASSING_FAILURES,
    PASSING_STATUSES,
    behind,
    failure_of,
    open_gate,
    pause,
)
from kulti_ops.smoke.gatekeeper import is_challenge, is_kept_out
from kulti_ops.smoke.probe import (
    Context,
    Exchange,
    Probe,
    Trail,
    finding,
    named,
    skipped,
    undone,
)
from kulti_ops.smoke.selection import HOME, IDS, VENDORS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from kulti_ops.message import Response
    from kulti_ops.smoke.gate import Gate
    from kulti_ops.smoke.selection import Order


@dataclass(frozen=True, kw_only=True)
class SmokeRun:
    """A run's verdicts, in the order of IDS, and the exchanges that a baseline keeps."""

    results: tuple[CheckResult, ...]
    exchanges: tuple[Exchange, ...] = ()


async def run_smoke(order: Order, *, now: datetime) -> SmokeRun:
    """Run the selected probes."""
    patience = Patience(now=now, budget_s=order.budget_s)
    async with AsyncExitStack() as stack:
        tls = tls_context(order.policy)
        client = await stack.enter_async_context(open_client(order.policy, tls=tls))
        # a client of its own: what it measures must not wait for other probes' connections
        apart = await stack.enter_async_context(open_client(order.policy, tls=tls))
        vendors = client
        if order.policy.cafile and any(p.startswith("https:") for p in order.status_pages.values()):
            both = tls_context(order.policy, system_too=True)
            vendors = await stack.enter_async_context(open_client(order.policy, tls=both))
        states_task = asyncio.create_task(
            ask_vendors(vendors, order.status_pages, now=now, budget_s=order.budget_s)
        )
        gate = await open_gate(client, order, now=now, patience=patience)
        exchanges: tuple[Exchange, ...] = ()
        if gate.home is None:
            results = behind(gate, order)
        else:
            context = Context(
                client=client,
                apart=apart,
                site=order.site,
                home=gate.home,
                patience=patience,
                now_s=int(now.timestamp()),
                asked_for=order.selection.only,
            )
            probed, exchanges = await _probe_all(context, order)
            results = (*gate.results, *probed)
            exchanges = (*_of_home(gate.home, order), *exchanges)
        results = (*results, _beside_home(await gate.tls, gate))
        states = await states_task
    results = with_network(results, states)
    results = (*results, named(judge_vendors(states), VENDORS))
    places = {name: place for place, name in enumerate((*IDS, *(p.id for p in order.own)))}
    found = [with_blame(result, states) for result in results if result.id in order.chosen]
    return SmokeRun(
        results=tuple(sorted(found, key=lambda result: places[result.id])),
        exchanges=_ours(exchanges, found),
    )


def _ours(exchanges: tuple[Exchange, ...], results: Iterable[CheckResult]) -> tuple[Exchange, ...]:
    """Leave out the routes on which a vendor's outage shows: they say nothing of the deploy."""
    found = tuple(results)
    excused = {r.id for r in found if r.evidence.get("blame", OURS) != OURS}
    excused |= {r.id for r in found if r.evidence.get("see") in excused}  # the same failure
    routes = {exchange.route for exchange in exchanges if exchange.probe in excused}
    return tuple(exchange for exchange in exchanges if exchange.route not in routes)


def _beside_home(tls: CheckResult, gate: Gate) -> CheckResult:
    """Leave a host that cannot be reached to `home`: the same finding twice is one too many."""
    if gate.home is None and gate.reason and tls.status is Verdict.UNKNOWN:
        return replace(tls, status=Verdict.SKIPPED, summary=gate.reason, next=None)
    return tls


def _of_home(home: Response, order: Order) -> tuple[Exchange, ...]:
    is_chosen = order.selection.takes(HOME)
    return (Exchange(probe=HOME, route="GET /", response=home),) if is_chosen else ()


async def _probe_all(
    context: Context, order: Order
) -> tuple[tuple[CheckResult, ...], tuple[Exchange, ...]]:
    """Run the probes at once; what is not done in time is unknown, and leaves no exchanges."""
    tasks = {asyncio.create_task(_probe(probe, context)): probe for probe in order.probes}
    waiting = set(tasks)
    stopped = False
    try:
        while waiting and not stopped:
            done, waiting = await asyncio.wait(
                waiting, timeout=context.patience.left_s, return_when=asyncio.FIRST_COMPLETED
            )
            stopped = not done or (
                order.fail_fast and any(t.result()[0].status is Verdict.CRIT for t in done)
            )
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    late = not context.patience.left_s
    cut = undone() if late else skipped("stopped after the first crit (--fail-fast)")
    done_tasks = [task for task in tasks if task not in waiting]
    results = tuple(
        task.result()[0] if task not in waiting else named(cut, probe.id)
        for task, probe in tasks.items()
    )
    return results, tuple(e for task in done_tasks for e in task.result()[1])


async def _probe(probe: Probe, context: Context) -> tuple[CheckResult, tuple[Exchange, ...]]:
    """Run one probe; a passing fault is tried once more, and said to be flaky."""
    began = time.perf_counter()
    trail = Trail()
    found = await _once(probe, context, trail)
    if _may_pass(found, trail):
        await pause()
        first, trail = found, Trail()
        found = await _once(probe, context, trail)
        if found.status is Verdict.OK:
            text = f"flaky: good on the second try only (at first: {first.summary})"
            found = finding(text, status=Verdict.WARN, advice=ONCE_MORE)
    found = _with_waits(found, trail)
    kept = tuple(
        Exchange(probe=probe.id, route=route, response=response)
        for route, response in trail.answers
        if probe.steady and not is_kept_out(response)
    )
    return named(found, probe.id, duration_s=time.perf_counter() - began), kept


def _with_waits(found: CheckResult, trail: Trail) -> CheckResult:
    """Say when the site sent us away: for a while (flaky), or for good (it cannot be told)."""
    if trail.kept_out and (found.status is Verdict.OK or trail.kept_out == len(trail.answers)):
        return _kept_out(trail)
    if found.status is Verdict.OK and trail.waited_s:
        longest_s = max(trail.waited_s)
        text = f"flaky: the site asked to come back after {longest_s:g} s; then: {found.summary}"
        return replace(found, status=Verdict.WARN, summary=text, next=ONCE_MORE)
    return found


def _may_pass(found: CheckResult, trail: Trail) -> bool:
    """Tell whether a second try may help: a connection that broke, a gateway's own answer."""
    if found.evidence.get("failure") in PASSING_FAILURES:
        return True
    return found.status is Verdict.CRIT and any(
        answer.status in PASSING_STATUSES and not answer.value("retry-after")
        for _, answer in trail.answers
    )


def _kept_out(trail: Trail) -> CheckResult:
    """Return that a gatekeeper answered: what the application would have, nobody knows."""
    total = len(trail.answers)
    if any(is_challenge(answer) for _, answer in trail.answers):
        text = "a challenge page answers instead of the application"
        advice = "let the runner pass: set VERCEL_AUTOMATION_BYPASS_SECRET"
    else:
        text = "the site answers 429: too many requests from here"
        advice = "try again later, or from another address"
    if trail.kept_out < total:
        text += f" ({trail.kept_out} of {total} answers)"
    return finding(f"{text}: it cannot be told", status=Verdict.UNKNOWN, advice=advice)


async def _once(probe: Probe, context: Context, trail: Trail) -> CheckResult:
    try:
        return await probe.ask(replace(context, trail=trail))
    except ExchangeError as error:
        status = Verdict.UNKNOWN if error.failure in NOT_ASKED else Verdict.CRIT
        return finding(
            error.message, status=status, advice=error.hint or None, evidence=failure_of(error)
        )
    except Exception as error:  # noqa: BLE001 - the check runner: the others still run
        text = f"the probe itself failed: {type(error).__name__}"
        return finding(text, status=Verdict.UNKNOWN, advice="report it with --debug")
