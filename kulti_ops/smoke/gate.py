"""The gate: whether there is a site to probe at all.

What stands in front of everything (a broken certificate, a challenge page, a site that is
down) is one finding; the probes behind it are skipped, since they would only repeat it.
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from kulti_ops.errors import KultiError
from kulti_ops.http import Client, ExchangeError, Failure, in_thread
from kulti_ops.message import Request, Response, host_of, origin_of
from kulti_ops.report import CheckResult, Verdict, worst
from kulti_ops.smoke.certificates import judge_tls
from kulti_ops.smoke.gatekeeper import TOO_MANY, is_challenge, is_protection
from kulti_ops.smoke.probe import finding, named, ok, skipped, undone
from kulti_ops.smoke.selection import CHALLENGE, HOME, TLS
from kulti_ops.tls import look

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from datetime import datetime

    from kulti_ops.http import Patience
    from kulti_ops.smoke.selection import Order

T = TypeVar("T")

RETRY_AFTER_S = 0.3
ONCE_MORE = "run it once more; when it stays, see the host's logs"
# How long the home page may take, at the first and at the second try: a site that hangs is
# told within ten seconds, and 5 s is the platform's own alarm for a page (P1).
HOME_TIMEOUTS_S = (4.0, 5.0)
# A second try may help against these, and against nothing that is an answer.
PASSING_FAILURES = frozenset({Failure.RESET, Failure.TIMEOUT, Failure.REFUSED})
# Our own refusals: nothing was asked, so nothing is known.
NOT_ASKED = frozenset({Failure.PRIVATE_ADDRESS, Failure.INVALID_URL})
_OK, _SERVER_ERROR = 200, 500
# What a gateway answers while an instance starts or ends.
PASSING_STATUSES = frozenset({502, 503, 504})


@dataclass(frozen=True, kw_only=True)
class Gate:
    """What was found before the probes; `reason` says why there is nothing to probe.

    The certificate's own verdict may still be on its way in `tls`: a home page that came
    over https has shown that it is trusted.
    """

    results: tuple[CheckResult, ...]
    home: Response | None
    tls: asyncio.Task[CheckResult]
    reason: str = ""


async def open_gate(client: Client, order: Order, *, now: datetime, patience: Patience) -> Gate:
    """Look at the home page, and at the certificate meanwhile: whether there is a site to probe."""
    tls = asyncio.create_task(_named_tls(order, now=now, patience=patience))
    (found, page), home_s = await _timed(_home(client, order, patience))
    challenge = ok("no challenge page stands in front")
    reason = ""
    if page is not None and (is_challenge(page) or is_protection(page)):
        challenge = finding(
            "a challenge page answers instead of the application: nothing can be told about it",
            status=Verdict.UNKNOWN,
            advice="let the runner pass: set VERCEL_AUTOMATION_BYPASS_SECRET",
        )
        reason = "a challenge page is in the way: see challenge"
        found = skipped(reason)
    elif page is None and (await tls).status is Verdict.CRIT:
        reason = "the certificate is refused: see tls"
        found = challenge = skipped(reason)
    elif found.status in {Verdict.CRIT, Verdict.UNKNOWN}:
        reason = "the site cannot be looked at: see home"
        challenge = skipped(reason) if page is None else challenge
    results = (named(found, HOME, duration_s=home_s), named(challenge, CHALLENGE))
    return Gate(results=results, home=None if reason else page, tls=tls, reason=reason)


async def _timed(action: Awaitable[T]) -> tuple[T, float]:
    began = time.perf_counter()
    return await action, time.perf_counter() - began


def behind(gate: Gate, order: Order) -> tuple[CheckResult, ...]:
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


async def _named_tls(order: Order, *, now: datetime, patience: Patience) -> CheckResult:
    try:
        async with asyncio.timeout(patience.left_s):
            found, duration_s = await _timed(_tls(order, now=now, patience=patience))
    except TimeoutError:
        found, duration_s = undone(), 0.0
    return named(found, TLS, duration_s=duration_s)


async def _tls(order: Order, *, now: datetime, patience: Patience) -> CheckResult:
    parts = urlsplit(order.site.base_url)
    if parts.scheme != "https":
        return skipped("the site is asked over http")
    try:
        sight = await in_thread(
            partial(
                look,
                parts.hostname or "",
                parts.port or 443,
                cafile=order.policy.cafile,
                private=order.tls_private,
                timeout_s=min(order.policy.timeout_s, patience.left_s),
            )
        )
    except KultiError as error:
        return finding(error.message, status=Verdict.UNKNOWN)
    checks = judge_tls(sight, now=now, limits=order.certificate)
    status = worst(check.status for check in checks)
    bad = [f"{c.id}: {c.summary}" for c in checks if c.status is not Verdict.OK]
    if not bad:
        return ok(next(check.summary for check in checks if check.id == "expiry"))
    advice = next(check.next for check in checks if check.status is status)
    return finding("; ".join(bad), status=status, advice=advice)


async def _home(
    client: Client, order: Order, patience: Patience
) -> tuple[CheckResult, Response | None]:
    """Return the verdict on the home page, and the page when the site answered at all."""
    request = Request(url=order.site.base_url, credentials=order.site.credentials)
    for last, timeout_s in zip((False, True), HOME_TIMEOUTS_S, strict=True):
        left_s = patience.left_s
        if left_s <= 0:
            return undone(), None
        try:
            page = (await client.follow(request, timeout_s=min(timeout_s, left_s)))[-1]
        except ExchangeError as error:
            if error.failure is Failure.TIMEOUT and patience.left_s <= 0:
                return undone(), None
            if not last and error.failure in PASSING_FAILURES:
                await pause()
                continue
            return _unreached(error), None
        if not last and await _is_worth_waiting(page, patience):
            continue
        return _judge_home(page, order.site.base_url, flaky=last), page
    raise AssertionError("unreachable")


def _unreached(error: ExchangeError) -> CheckResult:
    """Return that there was no answer.

    An address that may not be asked is not the site's fault, unless the site itself leads there.
    """
    evidence = {**failure_of(error), "blames": "vercel"}
    if error.redirects:
        text = f"the home page leads away, and there: {error.message}"
        return finding(text, advice="see the redirects of the last deploy", evidence=evidence)
    status = Verdict.UNKNOWN if error.failure in NOT_ASKED else Verdict.CRIT
    advice = error.hint or "see the last deploy, and the host's status"
    return finding(error.message, status=status, advice=advice, evidence=evidence)


async def _is_worth_waiting(page: Response, patience: Patience) -> bool:
    """Wait before a second try: as long as the site asks for, else for a moment."""
    if await patience.waited_for(page) is not None:
        return True
    if page.status not in PASSING_STATUSES or page.value("retry-after"):
        return False  # what asks for more than the budget has is not asked again
    await pause()
    return True


def _judge_home(page: Response, base_url: str, *, flaky: bool) -> CheckResult:
    if origin_of(page.url) != origin_of(base_url):
        return _judge_away(page.url, base_url)
    if page.status == TOO_MANY:
        return finding(
            "the home page answers 429: too many requests from here, nothing can be told",
            status=Verdict.UNKNOWN,
            advice="try again later, or from another address",
        )
    if page.status != _OK:
        down = page.status >= _SERVER_ERROR
        text = f"the home page answers {page.status}"
        advice = "roll back to the previous deployment" if down else "see the last deploy"
        return finding(text, advice=advice, evidence={"blames": "vercel"})
    if not page.is_html or not page.body.strip():
        what = "empty" if page.is_html else "no HTML"
        return finding(f"the home page is {what}", advice="see the last deploy")
    if flaky:
        text = "flaky: it answered on the second try"
        return finding(text, status=Verdict.WARN, advice=ONCE_MORE)
    return ok(f"the home page answers 200 in {page.timings.total_s * 1000:.0f} ms")


def _judge_away(url: str, base_url: str) -> CheckResult:
    """Judge a home page of another origin; one of the same site is only its usual address."""
    there = origin_of(url)
    usual = host_of(url).removeprefix("www.") == host_of(base_url).removeprefix("www.")
    return finding(
        f"the home page is at {there}: the probes would only meet the way there"
        if usual
        else f"the home page leads to another site, {there}",
        status=Verdict.UNKNOWN if usual else Verdict.CRIT,
        advice=f"kulti-ops smoke run --base-url {there}"
        if usual
        else "see the redirects of the last deploy; --base-url names another site",
    )


def failure_of(error: ExchangeError) -> dict[str, str]:
    """Return the evidence that an exchange failed."""
    return {"failure": str(error.failure)}


async def pause() -> None:
    """Wait a moment, with jitter, before a second try."""
    await asyncio.sleep(RETRY_AFTER_S * (1 + random.random()))  # noqa: S311 - jitter
