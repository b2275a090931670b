"""The stand-in of the site: the platform's routes as they are, and a life with the sandbox."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kulti_ops.http import Policy, open_client
from kulti_ops.message import Request, Response
from kulti_ops.pgserver.process import wait_until
from kulti_ops.platform import surface
from kulti_ops.sandbox.web.faults import WEB_FAULTS, read_faults
from kulti_ops.sandbox.web.lifecycle import (
    WebInfo,
    remove_web,
    set_faults,
    start_web,
    stop_web,
    web_info,
)
from tests.functional.cli import document, kulti_ops

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kulti_ops.sandbox.lifecycle import SandboxInfo

NOWHERE = "postgresql://postgres:x@127.0.0.1:1/postgres"


@pytest.fixture(scope="module")
def web(sandbox: SandboxInfo) -> Iterator[WebInfo]:
    yield start_web(sandbox.dir, database_url=sandbox.database_url, now=datetime.now(UTC))
    remove_web(sandbox.dir)


def ask(
    web: WebInfo,
    path: str,
    method: str = "GET",
    *,
    body: bytes | None = None,
    headers: tuple[tuple[str, str], ...] = (),
    base: str | None = None,
) -> Response:
    async def go() -> Response:
        policy = Policy(private_hosts=frozenset({"localhost"}), cafile=web.cafile)
        async with open_client(policy) as client:
            url = (base or web.url) + path
            return await client.fetch(Request(url=url, method=method, body=body, headers=headers))

    return asyncio.run(go())


def has_ended(pid: int) -> bool:
    """Wait a little for a process to be gone, or to be waited for by its new parent only."""

    def ended() -> bool:
        with suppress(FileNotFoundError):
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        return True

    return wait_until(ended, timeout_s=5)


def body_of(answer: Response) -> Any:
    return json.loads(answer.body)


@pytest.mark.parametrize("path", [surface.HOME, *surface.PAGES, "/nope", "/sitemap.xml", "/api"])
def test_web_page_is_html_with_the_platform_s_headers(web: WebInfo, path: str) -> None:
    answer = ask(web, path)
    assert (answer.status, answer.is_html) == (200, True)
    for name, value in surface.SECURITY_HEADERS:
        assert answer.value(name) == value
    assert answer.value("x-powered-by") == "Next.js"
    assert answer.value("x-frame-options") is None


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/dashboard", "/login?redirectTo=%2Fdashboard"),
        ("/s/VIBE-AB12", "/login?redirectTo=%2Fs%2FVIBE-AB12"),
        ("/credits", "/login"),
        ("/admin", "/login"),
    ],
)
def test_web_protected_page_leads_to_the_login(web: WebInfo, path: str, location: str) -> None:
    answer = ask(web, path)
    assert (answer.status, answer.value("location")) == (307, location)


@pytest.mark.parametrize("path", [*surface.HEALTH, "/a/b", "/api/no/such"])
def test_web_what_does_not_exist_is_404_html(web: WebInfo, path: str) -> None:
    answer = ask(web, path)
    assert (answer.status, answer.is_html) == (404, True)


def test_web_anonymous_calls_are_unauthorized_in_the_exact_shape(web: WebInfo) -> None:
    calls = [(path, "GET") for path in (*surface.UNAUTHORIZED_GET, "/api/matchmaking/any")]
    for path, method in [*calls, *((path, "POST") for path in surface.UNAUTHORIZED_POST)]:
        answer = ask(web, path, method)
        assert (answer.status, body_of(answer)) == (401, {"error": "Unauthorized"}), path
        wrong = ask(web, path, "POST" if method == "GET" else "GET")
        assert (wrong.status, wrong.body) == (405, b""), path


@pytest.mark.parametrize("path", [*surface.BROKEN_GET, "/api/admin/users"])
def test_web_old_helper_fails_with_an_empty_body(web: WebInfo, path: str) -> None:
    answer = ask(web, path)
    assert (answer.status, answer.body) == (500, b"")


def test_web_agents_come_from_the_database(web: WebInfo) -> None:
    found = body_of(ask(web, surface.DATABASE))
    assert set(found["meta"]) == {"total", "live", "totalViewers"}
    assert found["meta"]["total"] == len(found["agents"]) > 0


@pytest.mark.parametrize("path", surface.SIZE_LIMITED)
def test_web_body_limit_counts_characters(web: WebInfo, path: str) -> None:
    fits = ask(web, path, "POST", body=("ä" * 10_240).encode())
    over = ask(web, path, "POST", body=b"x" * 10_241)
    assert fits.status != 413
    assert (over.status, body_of(over)) == (413, {"error": "Request too large"})


def test_web_test_account_reads_its_own_data(web: WebInfo, sandbox: SandboxInfo) -> None:
    cookie = (("Cookie", f"other=1; {web.account_cookie}"),)
    balance, spent, made = (ask(web, path, headers=cookie) for path in surface.ACCOUNT_READS)
    assert {balance.status, spent.status, made.status} == {200}
    assert balance.value("cache-control") == "private, no-store"
    found = body_of(balance)
    earned, out = found["total_credits_earned"], found["total_credits_spent"]
    assert found["credits_balance"] == earned - out > 0
    assert set(body_of(spent)) == {"transactions", "count", "limit", "offset"}
    assert body_of(spent)["transactions"][0]["balance_after"] == found["credits_balance"]
    assert set(body_of(made)) == {"recordings", "pagination"}
    assert body_of(made)["recordings"]
    wrong = ask(web, surface.BALANCE, headers=(("Cookie", web.account_cookie + "x"),))
    assert (wrong.status, body_of(wrong)) == (401, {"error": "Unauthorized"})
    set_faults(sandbox.dir, ["db-down"])
    down = ask(web, surface.BALANCE, headers=cookie)
    set_faults(sandbox.dir, [])
    assert (down.status, body_of(down)) == (404, {"error": "User not found"})


def test_web_webhook_wants_its_signature(web: WebInfo) -> None:
    def call(body: bytes, *, sign: bool) -> int:
        stamp = "1700000000"
        digest = hmac.new(
            web.webhook_secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256
        ).hexdigest()
        signed = ((surface.WEBHOOK_TIMESTAMP, stamp), (surface.WEBHOOK_SIGNATURE, digest))
        headers = signed if sign else ()
        return ask(web, surface.WEBHOOK, "POST", body=body, headers=headers).status

    assert call(b'{"type":"kulti-ops.probe"}', sign=False) == 401
    assert call(b'{"type":"kulti-ops.probe"}', sign=True) == 200
    assert call(b"{}", sign=True) == 400
    assert call(b"no json", sign=True) == 500
    assert ask(web, surface.WEBHOOK).status == 405


def test_web_http_leads_to_https_and_assets_are_cached(web: WebInfo) -> None:
    answer = ask(web, "/x?y=1", base=web.http_url)
    assert (answer.status, answer.value("location")) == (308, f"{web.url}/x?y=1")
    asset = ask(web, "/_next/static/chunks/main-4f9d2c.js")
    assert (asset.value("content-encoding"), b"stand-in" in asset.body) == ("gzip", True)
    assert "immutable" in (asset.value("cache-control") or "")


def test_web_limiter_answers_429_with_its_headers(web: WebInfo, sandbox: SandboxInfo) -> None:
    set_faults(sandbox.dir, ["limiter-down"])
    free = [ask(web, surface.INVITE_VALIDATION, "POST", body=b'{"code":"K"}') for _ in range(12)]
    assert {answer.status for answer in free} == {200}
    set_faults(sandbox.dir, [])
    answers = [ask(web, surface.INVITE_VALIDATION, "POST", body=b'{"code":"K"}') for _ in range(11)]
    assert [answer.status for answer in answers] == [200] * 10 + [429]
    limited = answers[-1]
    assert set(body_of(limited)) == {"error", "limit", "retryAfter", "resetAt"}
    assert limited.value("retry-after") == str(body_of(limited)["retryAfter"])
    assert limited.value("x-ratelimit-remaining") == "0"


def test_web_phone_that_is_none_is_refused(web: WebInfo) -> None:
    answer = ask(web, surface.SEND_OTP, "POST", body=b'{"phone":"12"}')
    assert answer.status == 400


def test_web_survives_stop_and_keeps_its_ports(server_root: Path) -> None:
    box = server_root / "box"
    box.mkdir()
    now = datetime.now(UTC)
    first = start_web(box, database_url=NOWHERE, now=now)
    assert start_web(box, database_url=NOWHERE, now=now) == first
    assert ask(first, surface.DATABASE).status == 500
    assert (box / "web" / "plan.json").stat().st_mode & 0o077 == 0
    assert first.env_file.stat().st_mode & 0o077 == 0
    seen = document(
        kulti_ops(
            *("smoke", "run", "--env-file", str(first.env_file), "--format", "json"), folder=box
        )
    )
    found = {result["id"]: result["status"] for result in seen["results"]}
    assert (found["home"], found["vendors"], found["webhook-signed"]) == ("ok", "ok", "ok")
    assert (found["database"], found["https-redirect"]) == ("crit", "ok")
    stop_web(box)
    assert web_info(box) is None
    second = start_web(box, database_url=NOWHERE, now=now)
    assert (second.url, second.webhook_secret) == (first.url, first.webhook_secret)
    assert second.account_cookie == first.account_cookie
    remove_web(box)
    assert not (box / "web").exists()
    assert has_ended(second.pid)


def test_web_commands_break_and_heal(server_root: Path, session_root: Path) -> None:
    env = {"KULTI_OPS_CACHE_DIR": str(session_root / "cache")}
    where = ("--dir", str(server_root / "box"), "--format", "json")
    early = kulti_ops("sandbox", "heal", *where, folder=server_root, env=env)
    assert early.returncode == 5
    try:
        start = ("sandbox", "start", "--web", "--scale", "0.002")
        started = document(kulti_ops(*start, *where, folder=server_root, env=env))["data"]
        assert started["web"]["faults"] == []
        done = kulti_ops("sandbox", "break", "db-down", *where, folder=server_root, env=env)
        assert document(done)["data"]["faults"] == ["db-down"]
        assert read_faults(server_root / "box" / "web") == {"db-down"}
        wrong = kulti_ops("sandbox", "break", "everything", *where, folder=server_root, env=env)
        assert (wrong.returncode, all(name in wrong.stderr for name in WEB_FAULTS)) == (2, True)
        healed = kulti_ops("sandbox", "heal", *where, folder=server_root, env=env)
        assert document(healed)["data"] == {"healed": ["db-down"], "faults": []}
    finally:
        kulti_ops("sandbox", "destroy", "--yes", *where, folder=server_root, env=env)
    assert not (server_root / "box").exists()
    assert has_ended(started["web"]["pid"])
