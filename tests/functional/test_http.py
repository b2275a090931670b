"""The HTTP adapter on real sockets: what servers do wrong has one clear name each."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from kulti_ops.http import (
    Client,
    ExchangeError,
    Failure,
    Policy,
    open_client,
    own_loopback,
    redirected,
)
from kulti_ops.message import Request, Response
from tests.certs import issue, make_ca
from tests.functional.web import Seen, answer, serve

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path


def fetch(request: Request, policy: Policy | None = None) -> Response:
    return run(lambda client: client.fetch(request), request.url, policy)


def follow(request: Request, policy: Policy | None = None) -> tuple[Response, ...]:
    return run(lambda client: client.follow(request), request.url, policy)


T = TypeVar("T")


def run(action: Callable[[Client], Awaitable[T]], url: str, policy: Policy | None) -> T:
    async def go() -> T:
        used = policy or Policy(private_hosts=own_loopback(url), timeout_s=3, max_body_bytes=10_000)
        async with open_client(used) as client:
            return await action(client)

    return asyncio.run(go())


def failure(url: str, policy: Policy | None = None) -> Failure:
    with pytest.raises(ExchangeError) as caught:
        fetch(Request(url=url), policy)
    assert "?" not in caught.value.message
    return caught.value.failure


def test_fetch_answer_is_complete() -> None:
    with serve(lambda _: answer("404 Not Found", "X-A: 1", "x-a: 2", body=b"hi")) as site:
        found = fetch(Request(url=site.url + "/x?y=1", headers=(("X-B", "3"),)))
    assert (found.status, found.body, found.values("x-a")) == (404, b"hi", ("1", "2"))
    assert (site.seen[0].target, site.seen[0].headers["x-b"]) == ("/x?y=1", "3")
    assert site.seen[0].headers["user-agent"].startswith("kulti-ops/")


def test_fetch_time_is_accounted_for() -> None:
    with serve(lambda _: answer(body=b"hi")) as site:
        times = fetch(Request(url=site.url)).timings
    parts = (times.dns_s, times.connect_s, times.first_byte_s, times.body_s)
    assert times.tls_s is None
    assert all(part is not None or part is times.dns_s for part in parts)
    assert sum(part or 0 for part in parts) <= times.total_s


def test_fetch_post_sends_exactly_its_body() -> None:
    with serve(lambda _: answer()) as site:
        fetch(Request(url=site.url, method="POST", body=b"x" * 10_241))
    assert (site.seen[0].method, len(site.seen[0].body)) == ("POST", 10_241)


def test_fetch_gzip_is_unpacked() -> None:
    body = gzip.compress(b"hello")
    with serve(lambda _: answer("200 OK", "Content-Encoding: gzip", body=body)) as site:
        assert fetch(Request(url=site.url)).body == b"hello"


@pytest.mark.parametrize(
    "body",
    [gzip.compress(b"\0" * 50_000_000), b"x" * 10_001, zlib.compress(b"\0" * 10_001)],
    ids=["gzip-bomb", "long", "deflate"],
)
def test_fetch_body_beyond_the_bound_is_cut(body: bytes) -> None:
    kind = {b"\x1f\x8b": "gzip", b"xx": "identity"}.get(body[:2], "deflate")
    with serve(lambda _: answer("200 OK", f"Content-Encoding: {kind}", body=body)) as site:
        found = fetch(Request(url=site.url))
    assert (len(found.body), found.truncated) == (10_000, True)


def test_fetch_endless_body_is_cut() -> None:
    async def pour(_seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 1000)
            await writer.drain()

    with serve(handler=pour) as site:
        assert fetch(Request(url=site.url)).truncated


def test_fetch_slow_answer_is_a_timeout() -> None:
    async def drip(_seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    with serve(handler=drip) as site:
        quick = Policy(private_hosts=own_loopback(site.url), timeout_s=0.3)
        assert failure(site.url, quick) is Failure.TIMEOUT


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", Failure.RESET),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi", Failure.RESET),
        (b"SSH-2.0-OpenSSH_9\r\n\r\n", Failure.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\nX-A: " + b"x" * 50_000 + b"\r\n\r\n", Failure.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
         Failure.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 3\r\n\r\nabc",
         Failure.PROTOCOL),
    ],
    ids=["silence", "short", "ssh", "huge-header", "no-gzip", "unasked-br"],
)  # fmt: skip
def test_fetch_broken_answer_has_a_name(content: bytes, expected: Failure) -> None:
    with serve(lambda _: content) as site:
        assert failure(site.url + "/?q=canary") is expected


def test_fetch_reset_connection_has_a_name() -> None:
    async def reset(_seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    with serve(handler=reset) as site:
        assert failure(site.url) is Failure.RESET


def test_fetch_binary_header_and_invalid_utf8_are_read() -> None:
    raw = b"HTTP/1.1 200 OK\r\nX-A: \xff\xfe\r\nContent-Length: 2\r\n\r\n\xff\xfe"
    with serve(lambda _: raw) as site:
        found = fetch(Request(url=site.url))
    assert found.value("x-a") == "\ufffd\ufffd"
    assert found.text == "\ufffd\ufffd"


def test_fetch_closed_port_is_refused() -> None:
    with serve(lambda _: answer()) as site:
        url = site.url
    assert failure(url) is Failure.REFUSED


def test_fetch_unknown_name_is_dns() -> None:
    assert failure("http://no-such-name.invalid/") is Failure.DNS


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/",
        "http://localhost:9/",
        "http://10.0.0.1/",
        "http://[::1]:9/",
        "http://169.254.169.254/latest",
        "http://[::ffff:127.0.0.1]:9/",
    ],
)
def test_fetch_private_address_without_leave_is_refused(url: str) -> None:
    assert failure(url, Policy(timeout_s=3)) is Failure.PRIVATE_ADDRESS


@pytest.mark.parametrize(
    "url", ["ftp://a.example/", "http:///x", "http://a:b:c/", "http://[x/", ""]
)
def test_fetch_url_that_is_none_is_said_so(url: str) -> None:
    assert failure(url, Policy(timeout_s=3)) is Failure.INVALID_URL


def test_follow_returns_every_station() -> None:
    def respond(seen: Seen) -> bytes:
        if seen.target == "/a":
            return answer("307 Temporary Redirect", "Location: /b?c=1#d")
        return answer(body=b"end")

    with serve(respond) as site:
        chain = follow(Request(url=site.url + "/a"))
    assert [r.status for r in chain] == [307, 200]
    assert site.seen[1].target == "/b?c=1"


def test_follow_loop_and_long_chain_end() -> None:
    with (
        serve(lambda _: answer("302 Found", "Location: /a")) as site,
        pytest.raises(ExchangeError, match="redirect loop"),
    ):
        follow(Request(url=site.url + "/a"))
    count = iter(range(100))
    with (
        serve(lambda _: answer("302 Found", f"Location: /{next(count)}")) as site,
        pytest.raises(ExchangeError, match="too many redirects"),
    ):
        follow(Request(url=site.url + "/a"))


def test_follow_to_a_private_address_is_refused() -> None:
    with (
        serve(lambda _: answer("302 Found", "Location: http://10.0.0.1/")) as site,
        pytest.raises(ExchangeError) as caught,
    ):
        follow(Request(url=site.url))
    assert caught.value.failure is Failure.PRIVATE_ADDRESS


def test_follow_keeps_credentials_on_their_origin() -> None:
    secret = (("Authorization", "Bearer canary-1"),)
    with (
        serve(lambda _: answer()) as other,
        serve(lambda _: answer("302 Found", f"Location: {other.url}/x")) as site,
    ):
        follow(Request(url=site.url, credentials=secret))
    assert site.seen[0].headers["authorization"] == "Bearer canary-1"
    assert "authorization" not in other.seen[0].headers


def test_redirect_of_a_post_becomes_a_get_where_browsers_do_so() -> None:
    post = Request(url="https://a.example/x", method="POST", body=b"1", credentials=(("C", "1"),))
    assert redirected(post, 302, "/y").method == "GET"
    assert redirected(post, 308, "/y").body == b"1"
    assert redirected(post, 307, "http://a.example/y").credentials == ()
    assert redirected(post, 307, "/y").credentials == (("C", "1"),)


def test_request_with_credentials_does_not_show_them() -> None:
    assert "canary" not in repr(Request(url="https://a.example", credentials=(("A", "canary"),)))


def test_fetch_tries_no_second_time_by_itself() -> None:
    with serve(lambda _: b"") as site:
        assert failure(site.url) is Failure.RESET
    assert len(site.seen) == 1


def test_fetch_cancelled_as_its_handshake_ends_leaves_no_socket_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, count = make_ca(), 8
    (tmp_path / "ca.pem").write_bytes(root.pem())
    sockets: list[asyncio.trsock.TransportSocket] = []

    async def go(url: str) -> list[BaseException | Response]:
        monkeypatch.setattr(*cancelling(asyncio.get_running_loop(), sockets))
        policy = Policy(private_hosts=own_loopback(url), cafile=tmp_path / "ca.pem")
        async with open_client(policy) as client:
            every = (client.fetch(Request(url=url)) for _ in range(count))
            return await asyncio.gather(*every, return_exceptions=True)

    with serve(lambda _: answer(), tls=issue(root, "127.0.0.1").context(tmp_path)) as site:
        ends = asyncio.run(go(site.url))
    assert [type(end) for end in ends] == [asyncio.CancelledError] * count
    assert [made.fileno() for made in sockets] == [-1] * count


def cancelling(
    loop: asyncio.AbstractEventLoop, sockets: list[asyncio.trsock.TransportSocket]
) -> tuple[asyncio.AbstractEventLoop, str, Callable[..., Awaitable[Any]]]:
    """Return what makes a loop cancel each connection's task when its handshake has ended."""
    connect = loop.create_connection

    async def create_connection(factory: Callable[[], Any], *args: Any, **kwargs: Any) -> Any:
        task = asyncio.current_task()
        assert task is not None

        def make() -> Any:
            protocol = factory()
            made = protocol.connection_made

            def connection_made(transport: asyncio.Transport) -> None:
                made(transport)
                sockets.append(transport.get_extra_info("socket"))
                task.cancel()

            protocol.connection_made = connection_made
            return protocol

        return await connect(make, *args, **kwargs)

    return loop, "create_connection", create_connection
