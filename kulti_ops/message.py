"""HTTP messages as values: requests, responses, their headers and timings.

Pure values. Fetching them is `http`'s part, judging them `smoke`'s.
"""

from __future__ import annotations

import ipaddress
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urljoin, urlsplit

Headers = tuple[tuple[str, str], ...]
DEFAULT_PORTS = {"http": 80, "https": 443}
# RFC 9110 §15.4: where Location names the next URL to ask.
REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052
_HOST = re.compile(r"[^\x00-\x20\x7f\s!\"#$%&'()*+,/:;<=>?@\[\\\]^`{|}~]+")
_MOST_DIGITS = 12  # of seconds: more is for ever


@dataclass(frozen=True, kw_only=True)
class Timings:
    """Where the time of one exchange went, in seconds; None: it did not happen or was not seen."""

    dns_s: float | None = None
    connect_s: float | None = None
    tls_s: float | None = None
    first_byte_s: float | None = None
    body_s: float | None = None
    total_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request to make. `credentials` are headers that never go to another origin."""

    url: str
    method: str = "GET"
    headers: Headers = ()
    credentials: Headers = field(default=(), repr=False)
    body: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Response:
    """One answer. `truncated` says that the body is longer than what was read of it."""

    url: str
    status: int
    headers: Headers = ()
    body: bytes = b""
    truncated: bool = False
    timings: Timings = field(default_factory=Timings)

    def values(self, name: str) -> tuple[str, ...]:
        """Return every value of one header."""
        return header_values(self.headers, name)

    def value(self, name: str) -> str | None:
        """Return the first value of one header."""
        return next(iter(self.values(name)), None)

    @property
    def media_type(self) -> str:
        """The content type without its parameters, in lower case; empty when there is none."""
        return (self.value("content-type") or "").partition(";")[0].strip().lower()

    @property
    def is_html(self) -> bool:
        """Whether the body is to be read as HTML."""
        return self.media_type in {"text/html", "application/xhtml+xml"}

    @property
    def text(self) -> str:
        """The body as text; what is not UTF-8 is replaced."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:  # noqa: ANN401 - any JSON
        """Return the body as JSON values; None when it is no JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


def location_of(response: Response) -> str | None:
    """Return the URL that an answer leads to; None when it names none, or what is no URL."""
    value = response.value("location")
    if response.status not in REDIRECTS or not value:
        return None
    try:
        url = urljoin(response.url, value.strip())
        _ = urlsplit(url).port
    except ValueError:
        return None
    return url


def header_values(headers: Headers, name: str) -> tuple[str, ...]:
    """Return every value of one header, in order; names are compared without case."""
    wanted = name.lower()
    return tuple(value for key, value in headers if key.lower() == wanted)


def retry_after_s(response: Response, *, now: datetime) -> float | None:
    """Return the seconds that an answer asks to wait (RFC 9110 §10.2.3); None when it does not.

    A date is counted from the answer's own Date, since clocks differ; without one from `now`.
    """
    value = (response.value("retry-after") or "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:_MOST_DIGITS])
    when = _http_date(value)
    if when is None:
        return None
    return max((when - (_http_date(response.value("date") or "") or now)).total_seconds(), 0.0)


def _http_date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def origin_of(url: str) -> str:
    """Return scheme://host[:port] of `url`, without a default port; empty for no origin."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return ""
    if not host:
        return ""
    shown = f"[{host}]" if ":" in host else host
    usual = port is None or port == DEFAULT_PORTS.get(parts.scheme)
    return f"{parts.scheme}://{shown}" if usual else f"{parts.scheme}://{shown}:{port}"


def host_of(url: str) -> str:
    """Return the host name of `url` in lower case; empty when there is none."""
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def is_address(host: str) -> bool:
    """Tell whether a host is an IP address and no name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_private_address(address: str) -> bool:
    """Tell whether an IP address is not one of the public internet."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    inner = _inner_address(parsed) if isinstance(parsed, ipaddress.IPv6Address) else None
    return not parsed.is_global if inner is None else not inner.is_global


def _inner_address(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that one leads to by a translation: mapped, NAT64, 6to4."""
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour


def is_host(host: str) -> bool:
    """Tell whether a text can be the name or address of a host."""
    if is_address(host):
        return True
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return bool(_HOST.fullmatch(host))


@lru_cache(maxsize=256)  # a retention plan asks for every backup, mostly of one host
def is_loopback_host(host: str) -> bool:
    """Tell whether a host is this machine by its very name."""
    return host == "localhost" or (is_address(host) and ipaddress.ip_address(host).is_loopback)
