"""The stand-in's answers: the platform's routes with their statuses, shapes and headers.

One handler over a table of routes, since the real one's oddities (a catch-all page, empty
405 and 500 answers) are the point. Knows the database only as a function to ask.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import hmac
import json
import re
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from aiohttp import web

from kulti_ops.platform import surface

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

SLOWNESS_S = 0.7
ASSET = "/_next/static/chunks/main-4f9d2c.js"
_ASSET_BODY = b"// the sandbox's stand-in has no client code\n" * 40
_PHONE = re.compile(r"\+\d{7,15}")
_PROXY_LIMIT_BYTES = 10_000_000


@dataclass(kw_only=True)
class World:
    """What the answers depend on.

    `agents` and `account` ask the database and raise when it is down; the account's cookie
    is `NAME=VALUE`.
    """

    agents: Callable[[], Awaitable[dict[str, Any]]]
    faults: Callable[[], frozenset[str]]
    account: Callable[[], Awaitable[dict[str, Any]]]
    webhook_secret: str
    account_cookie: str
    https_port: int = 0
    calls: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))
    texts_sent: int = 0


def make_app(world: World) -> web.Application:
    """Return the application; the same one serves http and https."""
    app = web.Application(client_max_size=_PROXY_LIMIT_BYTES)

    async def handle(request: web.Request) -> web.Response:
        faults = world.faults()
        if "slow" in faults:
            await asyncio.sleep(SLOWNESS_S)
        answer = await _answer(request, world, faults)
        answer.headers["Server"] = "Vercel"
        if "headers-lost" not in faults:
            answer.headers["X-Powered-By"] = "Next.js"
            for name, value in surface.SECURITY_HEADERS:
                answer.headers.setdefault(name, value)
        return answer

    app.router.add_route("*", "/{path:.*}", handle)
    return app


async def _answer(request: web.Request, world: World, faults: frozenset[str]) -> web.Response:
    if "site-down" in faults:
        return _html("<title>503</title>This Serverless Function has crashed.", status=503)
    if "challenge" in faults:
        answer = _html("<title>Vercel Security Checkpoint</title>", status=403)
        answer.headers["x-vercel-mitigated"] = "challenge"
        return answer
    if request.scheme == "http" and world.https_port:
        host = request.host.partition(":")[0]
        target = f"https://{host}:{world.https_port}{request.path_qs}"
        return web.Response(status=308, headers={"Location": target})
    if request.path.startswith("/api/") and request.path not in surface.HEALTH:
        return await _api(request, world, faults)
    return _page(request, faults)


def _page(request: web.Request, faults: frozenset[str]) -> web.Response:
    path = request.path
    if path == ASSET:
        return _asset(request)
    if path == surface.HOME or path in surface.PAGES:
        return _html(f"<title>Kulti</title><script src={ASSET}></script><h1>Kulti</h1>")
    login = _login(path)
    if login is not None:
        return web.Response(status=307, headers={"Location": login})
    if path not in surface.HEALTH and path.count("/") == 1:
        return _html(f"<title>Agent</title><script src={ASSET}></script>")
    if "soft-404" in faults:
        return _html("<title>Kulti</title><h1>Nothing here</h1>")
    return _html("<title>404: This page could not be found.</title>", status=404)


def _login(path: str) -> str | None:
    """Return where an anonymous visitor of a protected page is sent."""
    if path in surface.PROTECTED_BY_PROXY or path.startswith(surface.PROTECTED_PREFIXES):
        return f"{surface.LOGIN}?redirectTo={quote(path, safe='')}"
    return surface.LOGIN if path in surface.PROTECTED_BY_PAGE else None


def _asset(request: web.Request) -> web.Response:
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable",
        "Content-Type": "application/javascript; charset=UTF-8",
        "Vary": "Accept-Encoding",
    }
    if "gzip" not in request.headers.get("Accept-Encoding", ""):
        return web.Response(body=_ASSET_BODY, headers=headers)
    packed = gzip.compress(_ASSET_BODY, mtime=0)
    return web.Response(body=packed, headers={**headers, "Content-Encoding": "gzip"})


async def _api(request: web.Request, world: World, faults: frozenset[str]) -> web.Response:
    path, method = request.path, request.method
    known = {
        surface.DATABASE: ("GET", _agents),
        surface.INVITE_VALIDATION: ("POST", _validate),
        surface.SEND_OTP: ("POST", _send_otp),
        surface.WEBHOOK: ("POST", _webhook),
        **dict.fromkeys(surface.SIZE_LIMITED, ("POST", _limited)),
    }
    if path in known:
        expected, action = known[path]
        if method != expected:
            return web.Response(status=405)
        return await action(request, world, faults)
    if path in surface.BROKEN_GET or path.startswith("/api/admin/"):
        return web.Response(status=500 if method == "GET" else 405)
    if path in surface.UNAUTHORIZED_GET or path.startswith("/api/matchmaking/"):
        return await _personal(request, world, faults) if method == "GET" else _refused()
    if path in surface.UNAUTHORIZED_POST:
        return _json(surface.UNAUTHORIZED, status=401) if method == "POST" else _refused()
    return _html("<title>404: This page could not be found.</title>", status=404)


def _is_signed_in(request: web.Request, world: World) -> bool:
    name, _, value = world.account_cookie.partition("=")
    return hmac.compare_digest(request.cookies.get(name, "").encode(), value.encode())


async def _personal(request: web.Request, world: World, faults: frozenset[str]) -> web.Response:
    """Answer a read that wants somebody signed in; without a database as the platform does."""
    path = request.path
    if path not in surface.ACCOUNT_READS or not _is_signed_in(request, world):
        return _json(surface.UNAUTHORIZED, status=401)
    try:
        found = None if "db-down" in faults else await world.account()
    except Exception:  # noqa: BLE001 - whatever is wrong with the database, the answer is this
        found = None
    if found is None:
        missing = path == surface.BALANCE
        body = {"error": "User not found" if missing else "Internal server error"}
        return _json(body, status=404 if missing else 500)
    answer = _json(found[path])
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


async def _agents(_request: web.Request, world: World, faults: frozenset[str]) -> web.Response:
    down = _json({"error": "Failed to fetch agents"}, status=500)
    if "db-down" in faults:
        return down
    try:
        return _json(await world.agents())
    except Exception:  # noqa: BLE001 - whatever is wrong with the database, the answer is this
        return down


async def _validate(request: web.Request, world: World, faults: frozenset[str]) -> web.Response:
    if "limiter-down" not in faults:
        blocked = _over_limit(world, request.remote or "")
        if blocked is not None:
            return blocked
    body = await _json_body(request)
    if body is None:
        return _json({"error": "Invalid JSON"}, status=400)
    return _json({"isValid": False, "error": "Invalid invite code"})


def _over_limit(world: World, who: str) -> web.Response | None:
    """Count one call in a sliding window; a rejected one does not count."""
    now, window_s = time.monotonic(), surface.INVITE_VALIDATION_WINDOW_S
    calls = world.calls[who]
    while calls and now - calls[0] >= window_s:
        calls.popleft()
    limit = surface.INVITE_VALIDATION_LIMIT
    if len(calls) < limit:
        calls.append(now)
        return None
    wait_s = max(int(window_s - (now - calls[0])) + 1, 1)
    reset = datetime.fromtimestamp(time.time() + wait_s, UTC).isoformat(timespec="milliseconds")
    reset = reset.replace("+00:00", "Z")
    body = {"error": surface.RATE_LIMITED, "limit": limit, "retryAfter": wait_s, "resetAt": reset}
    answer = _json(body, status=429)
    answer.headers["Retry-After"] = str(wait_s)
    answer.headers["X-RateLimit-Limit"] = str(limit)
    answer.headers["X-RateLimit-Remaining"] = "0"
    answer.headers["X-RateLimit-Reset"] = reset
    return answer


async def _send_otp(request: web.Request, world: World, _faults: frozenset[str]) -> web.Response:
    body = await _json_body(request) or {}
    if not _PHONE.fullmatch(str(body.get("phone", ""))):
        return _json({"error": "Invalid phone number"}, status=400)
    world.texts_sent += 1
    return _json({"success": True, "message": "OTP sent"})


async def _webhook(request: web.Request, world: World, faults: frozenset[str]) -> web.Response:
    raw = await request.read()
    stamp = request.headers.get(surface.WEBHOOK_TIMESTAMP, "")
    given = request.headers.get(surface.WEBHOOK_SIGNATURE, "")
    if "unsigned-webhook-accepted" not in faults:
        signed = f"{stamp}.".encode() + raw
        right = hmac.new(world.webhook_secret.encode(), signed, hashlib.sha256).hexdigest()
        if not stamp or not hmac.compare_digest(right.encode(), given.encode()):
            return _json({"error": "Invalid signature"}, status=401)
    try:
        event = json.loads(raw)
    except ValueError:
        return _json({"error": "Internal server error"}, status=500)
    if not isinstance(event, dict) or "type" not in event:
        return _json({"error": "Invalid payload"}, status=400)
    return _json({"received": True})


async def _limited(request: web.Request, _world: World, faults: frozenset[str]) -> web.Response:
    text = (await request.read()).decode("utf-8", "replace")
    if len(text) > surface.BODY_LIMIT_CHARACTERS and "size-limit-lost" not in faults:
        return _json(surface.TOO_LARGE, status=413)
    if request.path != surface.SIZE_LIMITED[0]:
        return _json(surface.UNAUTHORIZED, status=401)
    try:
        body = json.loads(text)
    except ValueError:
        return _json({"error": "Internal server error"}, status=500)
    if not isinstance(body, dict) or not ("roomId" in body or "sessionId" in body):
        return _json({"error": "Missing roomId or sessionId"}, status=400)
    return _json(surface.UNAUTHORIZED, status=401)


async def _json_body(request: web.Request) -> dict[str, Any] | None:
    try:
        body = json.loads(await request.read())
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _refused() -> web.Response:
    return web.Response(status=405)


def _json(body: object, *, status: int = 200) -> web.Response:
    return web.json_response(body, status=status, headers={"Cache-Control": "no-store"})


def _html(body: str, *, status: int = 200) -> web.Response:
    text = f"<!doctype html><html lang=en>{body}</html>"
    return web.Response(text=text, status=status, content_type="text/html")


def make_status_app(faults: Callable[[], frozenset[str]]) -> web.Application:
    """Return the vendors' status pages, one below /{vendor}."""

    async def handle(request: web.Request) -> web.Response:
        vendor = request.match_info["vendor"]
        down = vendor == "supabase" and "vendor-outage" in faults()
        part = {"id": "1", "name": "API", "status": "major_outage" if down else "operational"}
        incident = {"name": "Elevated errors", "impact": "major", "status": "investigating"}
        return web.json_response(
            {
                "page": {"name": vendor},
                "status": {
                    "indicator": "major" if down else "none",
                    "description": "Major Outage" if down else "All Systems Operational",
                },
                "components": [part],
                "incidents": [incident] if down else [],
                "scheduled_maintenances": [],
            }
        )

    app = web.Application()
    app.router.add_get("/{vendor}/api/v2/summary.json", handle)
    return app
