"""Loopback servers that behave as told: bytes as written, certificates as made here."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Iterator

    Handler = Callable[["Seen", asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One request as the server saw it."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass(kw_only=True)
class Site:
    """A running server."""

    url: str
    port: int
    seen: list[Seen] = field(default_factory=list)


def answer(
    status: str = "200 OK", *headers: str, body: bytes = b"", length: int | None = None
) -> bytes:
    """Return a whole HTTP/1.1 response."""
    size = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {size}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@contextmanager
def serve(
    respond: Callable[[Seen], bytes] | None = None,
    *,
    handler: Handler | None = None,
    tls: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
) -> Iterator[Site]:
    """Serve in a thread until the block ends."""
    loop = asyncio.new_event_loop()
    site = Site(url="", port=0)
    writers: list[asyncio.StreamWriter] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        try:
            seen = await _request(reader)
            site.seen.append(seen)
            if handler is not None:
                await handler(seen, writer)
            elif respond is not None:
                writer.write(respond(seen))
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def start() -> asyncio.Server:
        loop.set_exception_handler(lambda *_: None)  # clients that refuse a certificate
        return await asyncio.start_server(talk, host, 0, ssl=tls)

    server = loop.run_until_complete(start())
    site.port = server.sockets[0].getsockname()[1]
    site.url = f"{'https' if tls else 'http'}://{host}:{site.port}"
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield site
    finally:
        asyncio.run_coroutine_threadsafe(_end(server, writers), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _end(server: asyncio.Server, writers: list[asyncio.StreamWriter]) -> None:
    """Stop listening; let every connection, also one still in its handshake, close its socket."""
    for listener in server.sockets:
        asyncio.get_running_loop().remove_reader(listener.fileno())
    # A connection that has only just come gets its task, which closes it; a server that is
    # closed in between (seen with 3.11) leaves it half made.
    await _turns()
    server.close()
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    for writer in writers:
        writer.transport.abort()  # a TLS farewell would outlive the server
    await _turns()


async def _turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def _request(reader: asyncio.StreamReader) -> Seen:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Seen(method=method, target=target, headers=headers, body=body)
