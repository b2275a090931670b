"""The stand-in's process: serves http, https and status pages until it is told to end.

Started detached by `lifecycle` with the web folder as its only argument. Holds the
folder's lock as long as it lives: who finds it free knows that no server runs.
"""

from __future__ import annotations

import asyncio
import fcntl
import functools
import json
import os
import signal
import ssl
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from kulti_ops.db import connect, own_target, translated
from kulti_ops.pgserver.process import wait_until
from kulti_ops.sandbox.web.account import ask_account
from kulti_ops.sandbox.web.app import World, make_app, make_status_app
from kulti_ops.sandbox.web.certificates import EXPIRED, GOOD, WRONG_HOST, certificate_file
from kulti_ops.sandbox.web.faults import read_faults

if TYPE_CHECKING:
    from collections.abc import Callable

LOCK_FILE = "web.lock"
PLAN_FILE = "plan.json"
READY_FILE = "ready.json"
HOST = "127.0.0.1"
_LOCK_TIMEOUT_S = 3.0
_AGENTS = (
    "SELECT agent_id AS id, agent_name AS name, status, coalesce(viewers_count, 0) AS viewers "
    "FROM public.ai_agent_sessions ORDER BY agent_name LIMIT 50"
)


def main() -> None:
    """Serve the folder named on the command line."""
    folder = Path(sys.argv[1])
    handle = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    if not wait_until(functools.partial(_try_lock, handle), timeout_s=_LOCK_TIMEOUT_S):
        sys.exit("another server holds the lock")
    asyncio.run(serve(folder))


def _try_lock(handle: int) -> bool:
    """Take the lock; a look at it by others holds it for a moment."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def serve(folder: Path) -> None:
    """Serve until SIGTERM."""
    plan = json.loads((folder / PLAN_FILE).read_text(encoding="utf-8"))
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    faults = functools.partial(read_faults, folder)
    world = World(
        agents=functools.partial(_ask, plan["database_url"]),
        faults=faults,
        account=functools.partial(asyncio.to_thread, ask_account, plan["database_url"]),
        webhook_secret=plan["webhook_secret"],
        account_cookie=plan["account_cookie"],
    )
    app, status_app = make_app(world), make_status_app(faults)
    runners = (web.AppRunner(app, access_log=None), web.AppRunner(status_app, access_log=None))
    for runner in runners:
        await runner.setup()
    context = server_context(folder, faults)
    ports = plan.get("ports", {})
    https = await _listen(runners[0], ports.get("https", 0), context)
    world.https_port = https
    http = await _listen(runners[0], ports.get("http", 0), None)
    status = await _listen(runners[1], ports.get("status", 0), None)
    _tell(folder, {"pid": os.getpid(), "http": http, "https": https, "status": status})
    await ended.wait()
    for runner in runners:
        await runner.cleanup()


def server_context(folder: Path, faults: Callable[[], frozenset[str]]) -> ssl.SSLContext:
    """Return TLS settings that show the certificate which the faults ask for."""
    contexts = {}
    for kind in (GOOD, EXPIRED, WRONG_HOST):
        contexts[kind] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        contexts[kind].load_cert_chain(certificate_file(folder, kind))

    def choose(connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        broken = faults()
        if "cert-expired" in broken:
            connection.context = contexts[EXPIRED]
        elif "cert-wrong-host" in broken:
            connection.context = contexts[WRONG_HOST]

    contexts[GOOD].sni_callback = choose
    return contexts[GOOD]


async def _listen(runner: web.AppRunner, port: int, context: ssl.SSLContext | None) -> int:
    """Listen on a port, or on any other when it is taken; return which."""
    try:
        site = web.TCPSite(runner, HOST, port, ssl_context=context)
        await site.start()
    except OSError:
        if not port:
            raise
        return await _listen(runner, 0, context)
    server: Any = site._server  # noqa: SLF001 - aiohttp names no other way to the port
    return int(server.sockets[0].getsockname()[1])


async def _ask(database_url: str) -> dict[str, Any]:
    return await asyncio.to_thread(_agents, database_url)


def _agents(database_url: str) -> dict[str, Any]:
    target = own_target(database_url, "the sandbox")
    with (
        connect(target, application="sandbox web", timeout_s=2) as connection,
        translated("agents"),
    ):
        connection.execute("SET statement_timeout = '2s'")
        rows = connection.execute(_AGENTS).fetchall()
    agents = [{"id": r[0], "name": r[1], "status": r[2], "viewers": r[3]} for r in rows]
    live = [agent for agent in agents if agent["status"] == "live"]
    viewers = sum(agent["viewers"] for agent in live)
    return {
        "agents": agents,
        "meta": {"total": len(agents), "live": len(live), "totalViewers": viewers},
    }


def _tell(folder: Path, ready: dict[str, int]) -> None:
    temporary = folder / f".{READY_FILE}.tmp"
    temporary.write_text(json.dumps(ready), encoding="utf-8")
    temporary.replace(folder / READY_FILE)


if __name__ == "__main__":
    main()
