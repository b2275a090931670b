"""The client: one exchange, or a redirection chain by hand, within a policy."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import aiohttp

from kulti_ops import __version__
from kulti_ops.errors import ConfigError
from kulti_ops.http.addresses import GuardedResolver
from kulti_ops.http.body import read_body, unpack
from kulti_ops.http.failure import ExchangeError, Failure, failed, translate
from kulti_ops.http.sockets import Sockets
from kulti_ops.http.timing import Clock, TimedContext, clock_of, timings_of, trace_config
from kulti_ops.message import (
    REDIRECTS,
    Request,
    Response,
    is_address,
    is_private_address,
    location_of,
    origin_of,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

USER_AGENT = f"kulti-ops/{__version__}"
MAX_BODY_BYTES = 1_000_000
TIMEOUT_S = 10.0
MAX_REDIRECTS = 10
MAX_HEADER_BYTES = 32_768
# More at once than a browser opens, few enough that TLS handshakes are not what is measured.
CONNECTIONS_PER_HOST = 16
_SEE_OTHER = 303


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What a client may do. `private_hosts` may lead to loopback or private addresses."""

    private_hosts: frozenset[str] = frozenset()
    cafile: Path | None = None
    verify: bool = True
    timeout_s: float = TIMEOUT_S
    max_body_bytes: int = MAX_BODY_BYTES
    connections_per_host: int = CONNECTIONS_PER_HOST
    headers: tuple[tuple[str, str], ...] = ()


class Client:
    """Makes exchanges; get one from `open_client`."""

    def __init__(self, session: aiohttp.ClientSession, policy: Policy) -> None:
        self._session = session
        self._policy = policy

    async def fetch(self, request: Request, *, timeout_s: float | None = None) -> Response:
        """Make one exchange; a redirect is an answer like any other.

        Raises: ExchangeError.
        """
        self._check(request.url)
        clock = Clock()
        token = clock_of.set(clock)
        try:
            async with asyncio.timeout(timeout_s or self._policy.timeout_s):
                return await self._exchange(request, clock)
        except TimeoutError as error:
            where = "its answer did not end" if "headers" in clock.marks else "no answer"
            seconds = timeout_s or self._policy.timeout_s
            raise failed(Failure.TIMEOUT, request.url, f"{where} within {seconds:g} s") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise translate(error, request.url) from error
        finally:
            clock_of.reset(token)

    async def follow(
        self,
        request: Request,
        *,
        max_redirects: int = MAX_REDIRECTS,
        timeout_s: float | None = None,
    ) -> tuple[Response, ...]:
        """Follow redirects by hand and return every answer; the last one is no redirect.

        Credentials go to the first origin only. `timeout_s` bounds each exchange.
        Raises: ExchangeError, also for a loop.
        """
        answers: list[Response] = []
        seen: set[str] = set()
        while True:
            if request.url in seen or len(answers) > max_redirects:
                what = "a redirect loop" if request.url in seen else "too many redirects"
                raise failed(Failure.REDIRECTS, answers[0].url, what)
            seen.add(request.url)
            try:
                answer = await self.fetch(request, timeout_s=timeout_s)
            except ExchangeError as error:
                error.redirects = len(answers)
                raise
            answers.append(answer)
            if answer.status not in REDIRECTS or not answer.value("location"):
                return tuple(answers)
            url = location_of(answer)
            if url is None:
                astray = failed(Failure.INVALID_URL, answers[0].url, "it leads to what is no URL")
                astray.redirects = len(answers)
                raise astray
            request = redirected(request, answer.status, url)

    def _check(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            _ = parts.port
        except ValueError as error:
            raise ExchangeError(Failure.INVALID_URL, "a URL cannot be understood") from error
        host = (parts.hostname or "").lower()
        if parts.scheme not in {"http", "https"} or not host:
            raise ExchangeError(
                Failure.INVALID_URL, "a URL is neither http nor https", hint="give a full URL"
            )
        if is_address(host) and is_private_address(host) and host not in self._policy.private_hosts:
            raise failed(Failure.PRIVATE_ADDRESS, url, "it is a private address")

    async def _exchange(self, request: Request, clock: Clock) -> Response:
        # a list of pairs keeps repeated names; aiohttp adds nothing but Host
        headers = [
            ("User-Agent", USER_AGENT),
            ("Accept-Encoding", "gzip"),
            *self._policy.headers,
            *request.headers,
            *request.credentials,
        ]
        async with self._session.request(
            request.method,
            request.url,
            headers=headers,
            data=request.body,
            allow_redirects=False,
            skip_auto_headers=("Accept-Encoding", "User-Agent"),
        ) as answer:
            clock.mark("headers")
            packed, cut = await read_body(answer.content, self._policy.max_body_bytes)
            clock.mark("end")
            pairs = tuple(
                (key.decode("latin-1"), value.decode("utf-8", "replace"))
                for key, value in answer.raw_headers
            )
            encoding = answer.headers.get("Content-Encoding", "").strip().lower()
            body, more = unpack(packed, encoding, self._policy.max_body_bytes, is_cut=cut)
            return Response(
                url=request.url,
                status=answer.status,
                headers=pairs,
                body=body,
                truncated=cut or more,
                timings=timings_of(clock),
            )


@asynccontextmanager
async def open_client(
    policy: Policy, *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Client]:
    """Open a client; its connections end with it. Neither proxies nor cookies are used.

    `tls` is `tls_context(policy)` when it was made before: reading the system's CAs takes
    some 50 ms.
    """
    sockets = Sockets()
    connector = aiohttp.TCPConnector(
        resolver=GuardedResolver(policy.private_hosts),
        ssl=tls or tls_context(policy),
        limit=0,
        limit_per_host=policy.connections_per_host,
        use_dns_cache=False,
        socket_factory=sockets.make,
    )
    try:
        async with aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            trace_configs=[trace_config()],
            trust_env=False,
            max_line_size=MAX_HEADER_BYTES,
            max_field_size=MAX_HEADER_BYTES,
        ) as session:
            # it would try once more by itself: whether an answer came at the first try is a finding
            session._retry_connection = False  # noqa: SLF001 - there is no public switch
            yield Client(session, policy)
    finally:
        await sockets.close()


def tls_context(policy: Policy, *, system_too: bool = False) -> ssl.SSLContext:
    """Return the TLS settings of a policy; a CA file stands instead of the system's CAs.

    With `system_too` it stands beside them: for others than the site it was given for.
    Raises: ConfigError when the CA file cannot be used.
    """
    context = TimedContext(ssl.PROTOCOL_TLS_CLIENT)
    if not policy.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    try:
        if policy.cafile is None or system_too:
            context.load_default_certs()
        if policy.cafile is not None:
            context.load_verify_locations(cafile=policy.cafile)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"the CA file {policy.cafile} cannot be used", hint="it must hold PEM certificates"
        ) from error
    return context


def redirected(request: Request, status: int, location: str) -> Request:
    """Return the request that a redirect asks for; to another origin without credentials."""
    url = urljoin(request.url, location).partition("#")[0]
    same_origin = origin_of(url) == origin_of(request.url)
    turned = status == _SEE_OTHER or (status in {301, 302} and request.method == "POST")
    turned = turned and request.method != "HEAD"
    return replace(
        request,
        url=url,
        method="GET" if turned else request.method,
        body=None if turned else request.body,
        credentials=request.credentials if same_origin else (),
    )
