"""Where the time of an exchange went: moments, as aiohttp's hooks and the TLS layer see them."""

from __future__ import annotations

import ssl
import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from kulti_ops.message import Timings


@dataclass
class Clock:
    """Moments of one exchange, as its hooks see them."""

    started: float = field(default_factory=time.perf_counter)
    marks: dict[str, float] = field(default_factory=dict)

    def mark(self, name: str) -> None:
        """Note that something happened now."""
        self.marks[name] = time.perf_counter()

    def between(self, first: str, last: str) -> float | None:
        """Return the seconds between two moments; None when one of them was not seen."""
        if first not in self.marks or last not in self.marks:
            return None
        return max(self.marks[last] - self.marks[first], 0.0)


clock_of: ContextVar[Clock | None] = ContextVar("kulti_ops_http_clock", default=None)


class TimedContext(ssl.SSLContext):
    """Tells when a TLS handshake begins: aiohttp counts it as part of connecting."""

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:  # noqa: ANN401 - passed on
        """Begin a handshake, and note the moment."""
        clock = clock_of.get()
        if clock is not None:
            clock.mark("tls_start")
        return super().wrap_bio(*args, **kwargs)


def trace_config() -> aiohttp.TraceConfig:
    """Return the hooks that note an exchange's moments."""
    trace = aiohttp.TraceConfig()

    def hook(name: str) -> Any:  # noqa: ANN401 - the shape that aiohttp asks for
        async def note(*_: object) -> None:
            clock = clock_of.get()
            if clock is not None:
                clock.mark(name)

        return note

    trace.on_dns_resolvehost_start.append(hook("dns_start"))
    trace.on_dns_resolvehost_end.append(hook("dns_end"))
    trace.on_connection_create_start.append(hook("connect_start"))
    trace.on_connection_create_end.append(hook("connected"))
    trace.on_connection_reuseconn.append(hook("reused"))
    return trace


def timings_of(clock: Clock) -> Timings:
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
