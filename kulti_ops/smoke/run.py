"""A smoke run: first whether the site can be looked at, then every probe at once, then blame.

What stands in front of everything (a broken certificate, a challenge page, a site that is
down, a runner without a network) is one finding; the probes behind it are skipped, since
they would only repeat it.
"""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from kulti_ops.errors import KultiError
from kulti_ops.http import Client, ExchangeError, Failure, Policy, open_client
from kulti_ops.message import Request, Response
from kulti_ops.report import CheckResult, Verdict, worst
from kulti_ops.services.statuspage import UNKNOWN, VendorState, fetch_state
from kulti_ops.smoke.certificates import Limits, judge_tls
from kulti_ops.smoke.page import read_page
from kulti_ops.smoke.probe import Context, Probe, Site, finding, named, ok, skipped
from kulti_ops.smoke.probes import PROBES
from kulti_ops.tls import look

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping
    from datetime import datetime

T = TypeVar("T")

HOME, TLS, CHALLENGE, VENDORS = "home", "tls", "challenge", "vendors"
_GATE = (HOME, TLS, CHALLENGE, VENDORS)
IDS = (*_GATE, *(probe.id for probe in PROBES))
_TAGS = {
    HOME: frozenset({"page"}),
    TLS: frozenset({"security"}),
    CHALLENGE: frozenset({"page"}),
    VENDORS: frozenset({"vendor"}),
    **{probe.id: probe.tags for probe in PROBES},
}
TAGS = tuple(sorted({tag for tags in _TAGS.values() for tag in tags}))
STATUS_PAGE_TIMEOUT_S = 5.0
RETRY_AFTER_S = 0.3
_OK, _FORBIDDEN, _SERVER_ERROR = 200, 403, 500
_PASSING = frozenset({502, 503, 504})
# A second try may help against these, and against nothing that is an answer.
_PASSING_FAILURES = frozenset({Failure.RESET, Failure.TIMEOUT, Failure.REFUSED})
_CHALLENGE_TITLES = ("security checkpoint", "just a moment", "attention required")


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which probes run: all, those with a tag, only some, or all but some."""

    tag: str | None = None
    only: frozenset[str] = frozenset()
    skip: frozenset[str] = frozenset()

    def takes(self, probe: str, tags: frozenset[str] | None = None) -> bool:
        """Tell whether a probe runs; `tags` are those of a probe that is none of ours."""
        if self.only:
            return probe in self.only
        has = _TAGS.get(probe, frozenset()) if tags is None else tags
        return probe not in self.skip and (self.tag is None or self.tag in has)


@dataclass(frozen=True, kw_only=True)
class Order:
    """One run: what to look at, how long, and whom to ask when it fails."""

    site: Site
    policy: Policy
    status_pages: Mapping[str, str]
    selection: Selection
    budget_s: float = 30.0
    fail_fast: bool = False
    tls_private: bool = False
    own: tuple[Probe, ...] = ()

    @property
    def probes(self) -> tuple[Probe, ...]:
        """The probes that were selected, one's own last."""
        return tuple(p for p in (*PROBES, *self.own) if self.selection.takes(p.id, p.tags))


@dataclass(frozen=True, kw_only=True)
class _Gate:
    """What was found before the probes; `reason` says why there is nothing to probe."""

    results: tuple[CheckResult, ...]
    home: Response | None
    reason: str = ""


async def run_smoke(order: Order, *, now: datetime) -> tuple[CheckResult, ...]:
    """Run the selected probes and return their verdicts in the order of IDS."""
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(open_client(order.policy))
        ends = time.monotonic() + order.budget_s
        states_task = asyncio.create_task(_vendors(client, order.status_pages))
        gate = await _gate(client, order, now=now)
        if gate.home is None:
            states = await states_task
            results = _behind(gate, order)
        else:
            context = Context(
                client=client,
                site=order.site,
                home=gate.home,
                now_s=int(now.timestamp()),
                asked_for=order.selection.only,
            )
            probes = await _probe_all(context, order, ends=ends)
            states = await states_task
            results = (*gate.results, *probes)
    results = (*_with_network(results, states), named(_judge_vendors(states), VENDORS))
    places = {name: place for place, name in enumerate((*IDS, *(p.id for p in order.own)))}
    chosen = {p.id for p in order.probes} | {n for n in _GATE if order.selection.takes(n)}
    found = [_with_blame(result, states) for result in results if result.id in chosen]
    return tuple(sorted(found, key=lambda result: places[result.id]))


async def _gate(client: Client, order: Order, *, now: datetime) -> _Gate:
    """Look at the certificate and the home page: whether there is a site to probe."""
    (tls, tls_s), ((found, page), home_s) = await asyncio.gather(
        _timed(_tls(order, now=now)), _timed(_home(client, order.site))
    )
    challenged = page is not None and is_challenge(page)
    challenge = ok("no challenge page stands in front")
    reason = ""
    if challenged:
        challenge = finding(
            "a challenge page answers instead of the application: nothing can be told about it",
            status=Verdict.UNKNOWN,
            advice="let the runner pass: set VERCEL_AUTOMATION_BYPASS_SECRET",
        )
        reason = "a challenge page is in the way: see challenge"
        found = skipped(reason)
    elif page is None and tls.status is Verdict.CRIT:
        reason = "the certificate is refused: see tls"
        found = skipped(reason)
        challenge = skipped(reason)
    elif found.status is Verdict.CRIT:
        reason = "the site cannot be looked at: see home"
        challenge = skipped(reason) if page is None else challenge
    results = (
        named(found, HOME, duration_s=home_s),
        named(tls, TLS, duration_s=tls_s),
        named(challenge, CHALLENGE),
    )
    return _Gate(results=results, home=None if reason else page, reason=reason)


async def _timed(action: Awaitable[T]) -> tuple[T, float]:
    began = time.perf_counter()
    return await action, time.perf_counter() - began


def _behind(gate: _Gate, order: Order) -> tuple[CheckResult, ...]:
    """Return the gate's results, and every probe behind it as skipped."""
    held = skipped(gate.reason)
    results = (*gate.results, *(named(held, probe.id) for probe in order.probes))
    selection = order.selection
    if not selection.only:
        return results
    # asked for by name: what stands in the way is then that probe's own answer
    untold = finding(gate.reason, status=Verdict.UNKNOWN)
    return tuple(
        named(untold, r.id) if r.status is Verdict.SKIPPED and r.id in selection.only else r
        for r in results
    )


async def _tls(order: Order, *, now: datetime) -> CheckResult:
    parts = urlsplit(order.site.base_url)
    if parts.scheme != "https":
        return skipped("the site is asked over http")
    try:
        sight = await asyncio.to_thread(
            look,
            parts.hostname or "",
            parts.port or 443,
            cafile=order.policy.cafile,
            private=order.tls_private,
            timeout_s=order.policy.timeout_s,
        )
    except KultiError as error:
        return finding(error.message, status=Verdict.UNKNOWN)
    checks = judge_tls(sight, now=now, limits=Limits())
    status = worst(check.status for check in checks)
    bad = [f"{c.id}: {c.summary}" for c in checks if c.status is not Verdict.OK]
    if not bad:
        return ok(next(check.summary for check in checks if check.id == "expiry"))
    advice = next(check.next for check in checks if check.status is status)
    return finding("; ".join(bad), status=status, advice=advice)


async def _home(client: Client, site: Site) -> tuple[CheckResult, Response | None]:
    """Return the verdict on the home page, and the page when the site answered at all."""
    request = Request(url=site.base_url, credentials=site.credentials)
    for last in (False, True):
        try:
            page = (await client.follow(request))[-1]
        except ExchangeError as error:
            if not last and error.failure in _PASSING_FAILURES:
                await _pause()
                continue
            advice = error.hint or "see the last deploy, and the host's status"
            return finding(error.message, advice=advice, evidence=_failure(error)), None
        if page.status in _PASSING and not last:
            await _pause()
            continue
        if page.status != _OK:
            down = page.status >= _SERVER_ERROR
            text = f"the home page answers {page.status}"
            advice = "roll back to the previous deployment" if down else "see the last deploy"
            return finding(text, advice=advice, evidence={"blames": "vercel"}), page
        if not page.is_html:
            return finding("the home page is no HTML", advice="see the last deploy"), page
        if last:
            return finding("flaky: it answered on the second try", status=Verdict.WARN), page
        return ok(f"the home page answers 200 in {page.timings.total_s * 1000:.0f} ms"), page
    raise AssertionError("unreachable")


def _failure(error: ExchangeError) -> dict[str, str]:
    return {"failure": str(error.failure)}


async def _pause() -> None:
    await asyncio.sleep(RETRY_AFTER_S * (1 + random.random()))  # noqa: S311 - jitter


def is_challenge(page: Response) -> bool:
    """Tell whether a page is a gatekeeper's and not the application's."""
    if page.value("x-vercel-mitigated") or page.value("cf-mitigated"):
        return True
    title = read_page(page.text).title.lower()
    return page.status in {_FORBIDDEN, 429, 503} and any(t in title for t in _CHALLENGE_TITLES)


async def _probe_all(context: Context, order: Order, *, ends: float) -> tuple[CheckResult, ...]:
    """Run the probes at once; what is not done in time is unknown."""
    tasks = {asyncio.create_task(_probe(probe, context)): probe for probe in order.probes}
    waiting = set(tasks)
    stopped = False
    try:
        while waiting and not stopped:
            left_s = max(ends - time.monotonic(), 0)
            done, waiting = await asyncio.wait(
                waiting, timeout=left_s, return_when=asyncio.FIRST_COMPLETED
            )
            stopped = not done or (
                order.fail_fast and any(t.result().status is Verdict.CRIT for t in done)
            )
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    late = time.monotonic() >= ends
    return tuple(
        task.result() if task not in waiting else named(_undone(late=late), probe.id)
        for task, probe in tasks.items()
    )


def _undone(*, late: bool) -> CheckResult:
    if late:
        text = "not done within the budget"
        return finding(text, status=Verdict.UNKNOWN, advice="allow more with --budget")
    return skipped("stopped after the first crit (--fail-fast)")


async def _probe(probe: Probe, context: Context) -> CheckResult:
    """Run one probe; a passing network fault is tried once more, and said to be flaky."""
    began = time.perf_counter()
    first = await _once(probe, context)
    found = first
    if first.evidence.get("failure") in _PASSING_FAILURES:
        await _pause()
        found = await _once(probe, context)
        if found.status is Verdict.OK:
            text = f"flaky: good on the second try only (at first: {first.summary})"
            found = finding(text, status=Verdict.WARN)
    return named(found, probe.id, duration_s=time.perf_counter() - began)


async def _once(probe: Probe, context: Context) -> CheckResult:
    try:
        return await probe.ask(context)
    except ExchangeError as error:
        return finding(error.message, advice=error.hint or None, evidence=_failure(error))
    except Exception as error:  # noqa: BLE001 - the check runner: the others still run
        text = f"the probe itself failed: {type(error).__name__}"
        return finding(text, status=Verdict.UNKNOWN, advice="report it with --debug")


async def _vendors(client: Client, pages: Mapping[str, str]) -> tuple[VendorState | str, ...]:
    """Return each vendor's state, or the name of one whose page gave no answer."""

    async def one(vendor: str, base: str) -> VendorState | str:
        try:
            async with asyncio.timeout(STATUS_PAGE_TIMEOUT_S):
                return await fetch_state(client, vendor, base)
        except (ExchangeError, TimeoutError):
            return vendor

    return tuple(await asyncio.gather(*(one(v, base) for v, base in pages.items())))


def _judge_vendors(states: tuple[VendorState | str, ...]) -> CheckResult:
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


def _with_network(
    results: tuple[CheckResult, ...], states: tuple[VendorState | str, ...]
) -> tuple[CheckResult, ...]:
    """Blame the runner's network when neither the site nor any status page answers."""
    home = next(result for result in results if result.id == HOME)
    if "failure" not in home.evidence or not states:
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


def _with_blame(result: CheckResult, states: tuple[VendorState | str, ...]) -> CheckResult:
    """Say in a failed probe's verdict when the vendor behind it reports trouble."""
    if result.status is not Verdict.CRIT:
        return result
    vendor = result.evidence.get("blames", "")
    for state in states:
        if isinstance(state, VendorState) and state.vendor == vendor and not state.is_well:
            text = f"{result.summary}; {vendor} reports: {state.description}"
            return replace(result, summary=text, evidence={**result.evidence, "blame": vendor})
    return replace(result, evidence={**result.evidence, "blame": "ours"})
