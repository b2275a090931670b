"""A proxy that stands in front of an S3 server and misbehaves where it is told to.

Host and path stay as they were signed. Every request gets a connection of its own.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.s3server import S3Server

ANSWERS = {
    "500": ("500 Internal Server Error", "InternalError"),
    "503": ("503 Slow Down", "SlowDown"),
    "403": ("403 Forbidden", "AccessDenied"),
    "expired": ("400 Bad Request", "ExpiredToken"),
    "skewed": ("403 Forbidden", "RequestTimeTooSkewed"),
    "region": ("301 Moved Permanently", "PermanentRedirect"),
    "bucket gone": ("404 Not Found", "NoSuchBucket"),
}
SILENCE_S = 30.0


@dataclass(frozen=True)
class Request:
    """One request: method, key in the bucket, query."""

    method: str
    path: str
    query: dict[str, list[str]]

    @property
    def part(self) -> int:
        """The number of the part that is uploaded, 0 for anything else."""
        return int(self.query.get("partNumber", ["0"])[0]) if self.method == "PUT" else 0

    @property
    def completes(self) -> bool:
        """Whether it completes an upload."""
        return self.method == "POST" and "uploadId" in self.query

    @property
    def aborts(self) -> bool:
        """Whether it aborts an upload."""
        return self.method == "DELETE" and "uploadId" in self.query


@dataclass
class FaultyProxy:
    """What goes wrong: `fault` on requests that `where` picks, `times` times (None: always).

    Faults are the names of ANSWERS, or `reset` (at once), `cut` (in the middle of the
    answer), `lost` (done, but the answer never comes), `silent` (nothing for a long time),
    `held` (nothing until it is healed, then as if nothing had been).
    """

    server: S3Server
    port: int = 0
    fault: str = ""
    where: Callable[[Request], bool] = lambda _request: True
    times: int | None = None
    seen: list[Request] = field(default_factory=list)
    staged: int = 0

    @property
    def as_server(self) -> S3Server:
        """The server as it looks through the proxy."""
        return replace(self.server, endpoint=f"http://127.0.0.1:{self.port}")

    def stage(
        self, fault: str, where: Callable[[Request], bool], *, times: int | None = None
    ) -> None:
        """Misbehave from now on."""
        self.fault, self.where, self.times, self.staged = fault, where, times, 0

    def heal(self) -> None:
        """Behave from now on."""
        self.fault = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Handle one request."""
        with suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            request, lines, length = _parse(head)
            self.seen.append(request)
            fault = self._fault_for(request)
            if fault == "reset":
                _reset(writer)
            elif fault in ANSWERS:
                await self._say_no(writer, fault, request)
            elif fault == "silent":
                await asyncio.sleep(SILENCE_S)
            else:
                while fault == "held" and self.fault:  # noqa: ASYNC110 - healed from a thread
                    await asyncio.sleep(0.01)
                await self._forward(reader, writer, lines, length, fault)
        writer.close()

    def _fault_for(self, request: Request) -> str:
        left = self.times is None or self.staged < self.times
        if not self.fault or not left or not self.where(request):
            return ""
        self.staged += 1
        return self.fault

    async def _say_no(self, writer: asyncio.StreamWriter, fault: str, request: Request) -> None:
        status, code = ANSWERS[fault]
        body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>staged</Message></Error>"
        text = "" if request.method == "HEAD" else body
        writer.write(
            f"HTTP/1.1 {status}\r\nContent-Type: application/xml\r\nConnection: close\r\n"
            "x-amz-bucket-region: eu-south-2\r\n"
            f"Content-Length: {len(text)}\r\n\r\n{text}".encode()
        )
        await writer.drain()

    async def _forward(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        lines: list[bytes],
        length: int,
        fault: str,
    ) -> None:
        if any(line.lower().startswith(b"expect:") for line in lines):
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await writer.drain()
        body = await reader.readexactly(length)
        parts = urlsplit(self.server.endpoint)
        upstream, out = await asyncio.open_connection(parts.hostname, parts.port)
        kept = [ln for ln in lines if not ln.lower().startswith((b"expect:", b"connection:"))]
        out.write(b"\r\n".join([*kept, b"Connection: close", b"", b""]) + body)
        await out.drain()
        answer = await upstream.read()
        out.close()
        if fault == "lost":
            _reset(writer)
            return
        head, _, rest = answer.partition(b"\r\n\r\n")
        if fault == "cut":
            writer.write(head + b"\r\n\r\n" + rest[: len(rest) // 2])
            await writer.drain()
            return
        writer.write(head + b"\r\nConnection: close\r\n\r\n" + rest)
        await writer.drain()


def _parse(head: bytes) -> tuple[Request, list[bytes], int]:
    lines = head.split(b"\r\n")[:-2]
    method, target, _ = lines[0].decode().split(" ")
    parts = urlsplit(target)
    length = 0
    for line in lines[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    query = parse_qs(parts.query, keep_blank_values=True)
    return Request(method, parts.path, query), lines, length


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@contextmanager
def faulty_proxy(server: S3Server) -> Iterator[FaultyProxy]:
    """Run a proxy in a thread of its own."""
    proxy = FaultyProxy(server)
    loop = asyncio.new_event_loop()
    listening = loop.run_until_complete(
        asyncio.start_server(proxy.serve, "127.0.0.1", 0, limit=1024 * 1024)
    )
    proxy.port = listening.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, name="faulty-proxy")
    thread.start()
    try:
        yield proxy
    finally:
        asyncio.run_coroutine_threadsafe(_end(listening), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _end(listening: asyncio.Server) -> None:
    listening.close()
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
