"""Looks at a site's routes for `smoke headers`: what to fetch, and what could not be seen.

Reads only, a handful of requests. Judging is `grade`'s part.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from kulti_ops.http import Client, ExchangeError, Failure, Policy, open_client
from kulti_ops.message import DEFAULT_PORTS, Request, Response, is_loopback_host, origin_of
from kulti_ops.platform import surface
from kulti_ops.smoke.csp import nonces, parse_policies
from kulti_ops.smoke.gatekeeper import is_kept_out, is_protection
from kulti_ops.smoke.grade import Evidence, Grade, Profile, grade
from kulti_ops.smoke.page import own_scripts, read_page
from kulti_ops.smoke.survey import Survey, Unseen
from kulti_ops.smoke.transport import ORIGIN_PROBE, Hop, WayIn

if TYPE_CHECKING:
    from kulti_ops.message import Headers

_OK = 200
# An API answer, a page that doesn't exist, a redirect: see docs/reference/headers.md.
KULTI_ROUTES = ("/api/agents", "/kulti-ops/no-such-page", "/dashboard")
_NO_LISTENER = frozenset({Failure.REFUSED, Failure.UNREACHABLE})


@dataclass(frozen=True, kw_only=True)
class Errand:
    """What to look at. Without `routes`, the profile kulti adds the platform's own.

    `account` signs a test account in, for the one route that is looked at as a person sees it;
    `credentials` let every request through to a protected deployment.
    """

    url: str
    routes: tuple[str, ...] = ()
    profile: Profile = Profile.KULTI
    http_url: str | None = None
    preloaded: frozenset[str] = frozenset()
    account: Headers = field(default=(), repr=False)
    credentials: Headers = field(default=(), repr=False)

    def request(self, url: str, *, headers: Headers = (), account: Headers = ()) -> Request:
        """Return a request; credentials are for the origin that was named, and no other."""
        own = (*self.credentials, *account) if origin_of(url) == origin_of(self.url) else ()
        return Request(url=url, headers=headers, credentials=own)


async def survey(errand: Errand, policy: Policy) -> Survey:
    """Fetch and grade the page and its routes.

    Raises: ExchangeError when the page itself gives no answer.
    """
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(open_client(policy))
        bad_certificate = False
        try:
            page = await client.follow(errand.request(errand.url))
        except ExchangeError as error:
            if error.failure is not Failure.CERTIFICATE:
                raise
            lenient = replace(policy, verify=False)
            client = await stack.enter_async_context(open_client(lenient))
            # without a good certificate nobody knows who gets them
            errand = replace(errand, credentials=(), account=())
            page, bad_certificate = await client.follow(errand.request(errand.url)), True
        evidence = await _evidence(client, errand, page, bad_certificate=bad_certificate)
        if is_kept_out(page[-1]) or is_protection(page[-1]):
            return Survey(page=grade(evidence, profile=errand.profile), is_kept_out=True)
        others, unseen = await _others(client, errand, evidence)
    return Survey(page=grade(evidence, profile=errand.profile), others=others, unseen=unseen)


async def _evidence(
    client: Client, errand: Errand, chain: tuple[Response, ...], *, bad_certificate: bool
) -> Evidence:
    response = chain[-1]
    (way_in, why_not), cors, again = await asyncio.gather(
        _way_in(client, errand, response.url),
        _try(client, errand.request(response.url, headers=(("Origin", ORIGIN_PROBE),))),
        _again(client, errand, response),
    )
    return Evidence(
        response=response,
        led_here=chain[:-1],
        way_in=way_in,
        way_in_reason=why_not,
        cors=cors if isinstance(cors, Response) else None,
        cors_reason=str(cors) if isinstance(cors, ExchangeError) else "",
        bad_certificate=bad_certificate,
        stale_nonces=_nonces_of(response) & _nonces_of(again) if again else frozenset(),
        preloaded=errand.preloaded,
    )


async def _way_in(client: Client, errand: Errand, url: str) -> tuple[WayIn | None, str]:
    """Return what http does on the site's host, or why that can't be told."""
    parts = urlsplit(errand.url)
    if errand.http_url is None:
        port = parts.port or DEFAULT_PORTS[parts.scheme]
        if port != DEFAULT_PORTS[parts.scheme]:
            return None, f"port {port} is no usual one: name the http side with --http-url"
    start = errand.http_url or f"http://{urlsplit(url).netloc.rpartition('@')[2]}/"
    try:
        answers = await client.follow(Request(url=start))
    except ExchangeError as error:
        if error.failure in _NO_LISTENER:
            return WayIn(), ""
        if error.failure is Failure.CERTIFICATE:
            return WayIn(bad_certificate=True), ""
        return None, error.message
    return WayIn(hops=tuple(Hop(url=a.url, status=a.status) for a in answers)), ""


async def _again(client: Client, errand: Errand, response: Response) -> Response | None:
    """Fetch once more where nonces are used: one that comes twice protects nothing."""
    if not _nonces_of(response):
        return None
    answer = await _try(client, errand.request(response.url))
    return answer if isinstance(answer, Response) else None


async def _others(
    client: Client, errand: Errand, evidence: Evidence
) -> tuple[tuple[Grade, ...], tuple[Unseen, ...]]:
    urls = [urljoin(errand.url, route) for route in _routes(errand, evidence.response)]
    requests = [(errand.request(url), False) for url in urls]
    if _may_sign_in(errand):
        personal = urljoin(errand.url, surface.BALANCE)
        requests.append((errand.request(personal, account=errand.account), True))
    answers = await asyncio.gather(*(_try(client, request) for request, _ in requests))
    grades, unseen = [], []
    for (request, authenticated), answer in zip(requests, answers, strict=True):
        if isinstance(answer, ExchangeError):
            unseen.append(Unseen(url=request.url, reason=answer.message))
            continue
        if is_kept_out(answer):
            why = f"a gatekeeper answers {answer.status}, not the application"
            unseen.append(Unseen(url=request.url, reason=why))
            continue
        if authenticated and answer.status != _OK:
            why = f"it answers {answer.status} to the test account: its cookie may have expired"
            unseen.append(Unseen(url=request.url, reason=why))
            continue
        seen = replace(
            evidence,
            response=answer,
            led_here=(),
            way_in=None,
            way_in_reason="judged on the page itself",
            cors=None,
            cors_reason="judged on the page itself",
            authenticated=authenticated,
        )
        grades.append(grade(seen, profile=errand.profile))
    return tuple(grades), tuple(unseen)


def _may_sign_in(errand: Errand) -> bool:
    """Tell whether the test account's cookie may be sent: only over https, or to this machine."""
    parts = urlsplit(errand.url)
    is_safe = parts.scheme == "https" or is_loopback_host(parts.hostname or "")
    return bool(errand.account) and is_safe and errand.profile is Profile.KULTI


def _routes(errand: Errand, page: Response) -> tuple[str, ...]:
    if errand.routes or errand.profile is not Profile.KULTI:
        return errand.routes
    asset = next(iter(own_scripts(read_page(page.text), page.url)), None) if page.is_html else None
    return (*KULTI_ROUTES, asset) if asset else KULTI_ROUTES


async def _try(client: Client, request: Request) -> Response | ExchangeError:
    try:
        return await client.fetch(request)
    except ExchangeError as error:
        return error


def _nonces_of(response: Response) -> frozenset[str]:
    header = parse_policies(response.values("content-security-policy"))
    page = read_page(response.text) if response.is_html else None
    return nonces((*header, *parse_policies(page.meta_csp if page else (), in_meta=True)))
