"""HTTP: the one adapter over aiohttp; bounded, without surprises, with its time accounted for.

Redirects are never followed by themselves. Credentials stay on their origin. A name that
leads to a private address is refused unless the caller named it. Bodies are read and
unpacked up to a bound. Failures have a kind each; nothing here judges an answer.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
import zlib
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from kulti_ops import __version__
from kulti_ops.errors import ConfigError, OperationFailedError
from kulti_ops.message import (
    Request,
    Response,
    Timings,
    host_of,
    is_address,
    is_loopback_host,
    is_private_address,
    origin_of,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

USER_AGENT = f"kulti-ops/{__version__}"
MAX_BODY_BYTES = 1_000_000
TIMEOUT_S = 10.0
MAX_REDIRECTS = 10
MAX_HEADER_BYTES = 32_768
_CHUNK = 65_536
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SEE_OTHER = 303
# zlib's window for each content coding; what is called deflate comes with or without zlib's frame.
_WINDOWS = {
    "gzip": (zlib.MAX_WBITS | 16,),
    "x-gzip": (zlib.MAX_WBITS | 16,),
    "deflate": (zlib.MAX_WBITS, -zlib.MAX_WBITS),
}


class Failure(StrEnum):
    """Why an exchange failed."""

    INVALID_URL = "invalid-url"
    DNS = "dns"
    PRIVATE_ADDRESS = "private-address"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    CERTIFICATE = "certificate"
    TLS = "tls"
    TIMEOUT = "timeout"
    RESET = "reset"
    PROTOCOL = "protocol"
    REDIRECTS = "redirects"


class ExchangeError(OperationFailedError):
    """One exchange failed; `failure` says how. The message names the origin, never the query."""

    def __init__(self, failure: Failure, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.failure = failure


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What a client may do. `private_hosts` may lead to loopback or private addresses."""

    private_hosts: frozenset[str] = frozenset()
    cafile: Path | None = None
    verify: bool = True
    timeout_s: float = TIMEOUT_S
    max_body_bytes: int = MAX_BODY_BYTES
    headers: tuple[tuple[str, str], ...] = ()


def own_loopback(*urls: str) -> frozenset[str]:
    """Return the hosts of these URLs that are loopback by name: the user asked for them."""
    hosts = {host_of(url) for url in urls}
    return frozenset(host for host in hosts if is_loopback_host(host))


class _PrivateAddressError(OSError):
    """A name leads to a private address."""


@dataclass
class _Clock:
    """Moments of one exchange, as its hooks see them."""

    started: float = field(default_factory=time.perf_counter)
    marks: dict[str, float] = field(default_factory=dict)

    def mark(self, name: str) -> None:
        self.marks[name] = time.perf_counter()

    def between(self, first: str, last: str) -> float | None:
        if first not in self.marks or last not in self.marks:
            return None
        return max(self.marks[last] - self.marks[first], 0.0)


_clock: ContextVar[_Clock | None] = ContextVar("kulti_ops_http_clock", default=None)


class _TimedContext(ssl.SSLContext):
    """Tells when a TLS handshake begins: aiohttp counts it as part of connecting."""

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:  # noqa: ANN401 - passed on
        clock = _clock.get()
        if clock is not None:
            clock.mark("tls_start")
        return super().wrap_bio(*args, **kwargs)


class _GuardedResolver(AbstractResolver):
    """Resolves names and refuses those that lead to a private address without leave."""

    def __init__(self, private_hosts: frozenset[str]) -> None:
        self._private_hosts = private_hosts

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family)
        addresses = [(info[0], str(info[4][0])) for info in found]
        if host.lower() not in self._private_hosts and any(
            is_private_address(a) for _, a in addresses
        ):
            raise _PrivateAddressError(host)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=address_family,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address_family, address in addresses
        ]

    async def close(self) -> None:
        """Hold nothing."""


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
        clock = _Clock()
        token = _clock.set(clock)
        try:
            async with asyncio.timeout(timeout_s or self._policy.timeout_s):
                return await self._exchange(request, clock)
        except TimeoutError as error:
            where = "its answer did not end" if "headers" in clock.marks else "no answer"
            seconds = timeout_s or self._policy.timeout_s
            raise _failed(Failure.TIMEOUT, request.url, f"{where} within {seconds:g} s") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _translate(error, request.url) from error
        finally:
            _clock.reset(token)

    async def follow(
        self, request: Request, *, max_redirects: int = MAX_REDIRECTS
    ) -> tuple[Response, ...]:
        """Follow redirects by hand and return every answer; the last one is no redirect.

        Credentials go to the first origin only. Raises: ExchangeError, also for a loop.
        """
        answers: list[Response] = []
        seen: set[str] = set()
        while True:
            if request.url in seen or len(answers) > max_redirects:
                what = "a redirect loop" if request.url in seen else "too many redirects"
                raise _failed(Failure.REDIRECTS, answers[0].url, what)
            seen.add(request.url)
            answer = await self.fetch(request)
            answers.append(answer)
            location = answer.value("location")
            if answer.status not in _REDIRECTS or not location:
                return tuple(answers)
            request = redirected(request, answer.status, location)

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
            raise _failed(Failure.PRIVATE_ADDRESS, url, "it is a private address")

    async def _exchange(self, request: Request, clock: _Clock) -> Response:
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
            packed, cut = await _read(answer.content, self._policy.max_body_bytes)
            clock.mark("end")
            pairs = tuple(
                (key.decode("latin-1"), value.decode("utf-8", "replace"))
                for key, value in answer.raw_headers
            )
            encoding = answer.headers.get("Content-Encoding", "").strip().lower()
            body, more = _unpack(packed, encoding, self._policy.max_body_bytes, is_cut=cut)
            return Response(
                url=request.url,
                status=answer.status,
                headers=pairs,
                body=body,
                truncated=cut or more,
                timings=_timings(clock),
            )


@asynccontextmanager
async def open_client(policy: Policy) -> AsyncIterator[Client]:
    """Open a client; its connections end with it. Neither proxies nor cookies are used."""
    connector = aiohttp.TCPConnector(
        resolver=_GuardedResolver(policy.private_hosts),
        ssl=tls_context(policy),
        limit=0,
        use_dns_cache=False,
    )
    async with aiohttp.ClientSession(
        connector=connector,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        trace_configs=[_trace()],
        trust_env=False,
        max_line_size=MAX_HEADER_BYTES,
        max_field_size=MAX_HEADER_BYTES,
    ) as session:
        # it would try once more by itself: whether an answer came at the first try is a finding
        session._retry_connection = False  # noqa: SLF001 - there is no public switch
        yield Client(session, policy)


def tls_context(policy: Policy) -> ssl.SSLContext:
    """Return the TLS settings of a policy.

    Raises: ConfigError when the CA file cannot be used.
    """
    context = _TimedContext(ssl.PROTOCOL_TLS_CLIENT)
    if not policy.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    try:
        if policy.cafile is None:
            context.load_default_certs()
        else:
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


def _trace() -> aiohttp.TraceConfig:
    trace = aiohttp.TraceConfig()

    def hook(name: str) -> Any:  # noqa: ANN401 - the shape that aiohttp asks for
        async def note(*_: object) -> None:
            clock = _clock.get()
            if clock is not None:
                clock.mark(name)

        return note

    trace.on_dns_resolvehost_start.append(hook("dns_start"))
    trace.on_dns_resolvehost_end.append(hook("dns_end"))
    trace.on_connection_create_start.append(hook("connect_start"))
    trace.on_connection_create_end.append(hook("connected"))
    trace.on_connection_reuseconn.append(hook("reused"))
    return trace


def _timings(clock: _Clock) -> Timings:
    """Return the parts of an exchange; connecting begins when the name is known."""
    marks = clock.marks
    began = "dns_end" if "dns_end" in marks else "connect_start"
    ready = "connected" if "connected" in marks else "reused"
    return Timings(
        dns_s=clock.between("dns_start", "dns_end"),
        connect_s=clock.between(began, "tls_start" if "tls_start" in marks else "connected"),
        tls_s=clock.between("tls_start", "connected"),
        first_byte_s=clock.between(ready, "headers"),
        body_s=clock.between("headers", "end"),
        total_s=time.perf_counter() - clock.started,
    )


async def _read(stream: aiohttp.StreamReader, limit: int) -> tuple[bytes, bool]:
    """Return at most `limit` bytes, and whether there are more."""
    parts: list[bytes] = []
    size = 0
    async for part in stream.iter_chunked(_CHUNK):
        parts.append(part)
        size += len(part)
        if size > limit:
            return b"".join(parts)[:limit], True
    return b"".join(parts), False


def _unpack(packed: bytes, encoding: str, limit: int, *, is_cut: bool) -> tuple[bytes, bool]:
    """Return the body unpacked up to `limit` bytes, and whether there would be more.

    Raises: ExchangeError when it is not what its encoding says.
    """
    if encoding in {"", "identity"} or not packed:
        return packed, False
    windows = _WINDOWS.get(encoding)
    if windows is None:
        raise ExchangeError(Failure.PROTOCOL, f"the body is packed as {encoding[:20]!r}, unasked")
    for window in windows:
        inflater = zlib.decompressobj(window)
        try:
            body = inflater.decompress(packed, limit + 1)
        except zlib.error:
            continue
        if len(body) > limit or inflater.eof or is_cut:
            return body[:limit], len(body) > limit
    raise ExchangeError(Failure.PROTOCOL, f"the body is no whole {encoding}")


def _failed(failure: Failure, url: str, what: str, *, hint: str = "") -> ExchangeError:
    return ExchangeError(failure, f"{origin_of(url) or 'the URL'}: {what}", hint=hint)


def _translate(error: Exception, url: str) -> ExchangeError:
    """Return what a foreign exception means."""
    if isinstance(error, ExchangeError):
        return error
    for cause in _causes(error):
        for kinds, failure, what in _MEANINGS:
            if isinstance(cause, kinds):
                detail = getattr(cause, "verify_message", "")
                text = f"{what}: {detail}" if detail else what
                return _failed(failure, url, text, hint=_HINTS.get(failure, ""))
    return _failed(Failure.PROTOCOL, url, f"no HTTP ({type(error).__name__})")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and what it wraps, the innermost first."""
    chain: list[BaseException] = []
    while error is not None and error not in chain:
        chain.append(error)
        wrapped = getattr(error, "os_error", None) or getattr(error, "certificate_error", None)
        error = wrapped or error.__cause__ or error.__context__
    yield from reversed(chain)


_MEANINGS: tuple[tuple[Any, Failure, str], ...] = (
    (_PrivateAddressError, Failure.PRIVATE_ADDRESS, "it leads to a private address"),
    (ssl.SSLCertVerificationError, Failure.CERTIFICATE, "its certificate is refused"),
    (ssl.CertificateError, Failure.CERTIFICATE, "its certificate is refused"),
    (ssl.SSLError, Failure.TLS, "the TLS handshake failed"),
    (socket.gaierror, Failure.DNS, "the name is not known"),
    (ConnectionRefusedError, Failure.REFUSED, "the connection was refused"),
    (ConnectionResetError, Failure.RESET, "the connection was reset"),
    (BrokenPipeError, Failure.RESET, "the connection was reset"),
    (aiohttp.ServerDisconnectedError, Failure.RESET, "the server hung up without an answer"),
    (aiohttp.ClientPayloadError, Failure.RESET, "the answer broke off"),
    (aiohttp.InvalidURL, Failure.INVALID_URL, "the URL cannot be understood"),
    (aiohttp.ClientResponseError, Failure.PROTOCOL, "the answer is no valid HTTP"),
    (aiohttp.ClientConnectorDNSError, Failure.DNS, "the name is not known"),
    (OSError, Failure.UNREACHABLE, "it cannot be reached"),
)
_HINTS = {
    Failure.PRIVATE_ADDRESS: "name the host in KULTI_OPS_PRIVATE_HOSTS to allow it",
    Failure.CERTIFICATE: "kulti-ops smoke tls HOST says what is wrong with it; "
    "--cafile names a CA of your own",
}
