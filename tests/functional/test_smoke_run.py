"""`smoke run` against the stand-in: each fault is named, and nothing else is."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from kulti_ops.http import Policy, own_loopback
from kulti_ops.platform import surface
from kulti_ops.report import CheckResult, Verdict
from kulti_ops.sandbox.web.lifecycle import WebInfo, remove_web, set_faults, start_web
from kulti_ops.smoke.probe import Budgets, Site
from kulti_ops.smoke.run import run_smoke
from kulti_ops.smoke.selection import IDS, Order, Selection
from tests.functional.cli import document, kulti_ops, statuses
from tests.functional.web import Seen, answer, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kulti_ops.sandbox.lifecycle import SandboxInfo

VENDORS = ("supabase", "vercel", "sentry", "upstash", "100ms", "anthropic")
EVERYTHING = Selection()
AGENTS = b'{"agents":[],"meta":{"total":0}}'
# The loopback budgets are wide: other work shares this machine.
BUDGETS = Budgets(page_s=2.0, api_s=0.5)


@pytest.fixture(scope="module")
def _served(sandbox: SandboxInfo) -> Iterator[WebInfo]:
    yield start_web(sandbox.dir, database_url=sandbox.database_url, now=datetime.now(UTC))
    remove_web(sandbox.dir)


@pytest.fixture
def web(sandbox: SandboxInfo, _served: WebInfo) -> Iterator[WebInfo]:
    set_faults(sandbox.dir, [])
    yield _served
    set_faults(sandbox.dir, [])


def order_for(web: WebInfo, selection: Selection = EVERYTHING) -> Order:
    pages = {vendor: f"{web.status_url}/{vendor}" for vendor in VENDORS}
    hosts = own_loopback(web.url, web.http_url, web.status_url)
    return Order(
        site=Site(
            base_url=web.url,
            http_url=web.http_url,
            is_own=True,
            budgets=BUDGETS,
            webhook_secret=web.webhook_secret,
        ),
        policy=Policy(private_hosts=hosts, cafile=web.cafile),
        status_pages=pages,
        selection=selection,
        tls_private=True,
    )


def run(order: Order) -> dict[str, CheckResult]:
    done = asyncio.run(run_smoke(order, now=datetime.now(UTC)))
    return {result.id: result for result in done.results}


def findings(results: dict[str, CheckResult]) -> dict[str, Verdict]:
    fine = {Verdict.OK, Verdict.SKIPPED}
    return {name: r.status for name, r in results.items() if r.status not in fine}


def test_run_of_a_healthy_site_finds_nothing_in_time(web: WebInfo) -> None:
    began = time.monotonic()
    results = run(order_for(web))
    took_s = time.monotonic() - began
    assert findings(results) == {}, results
    assert tuple(results) == IDS
    skipped = {name for name, r in results.items() if r.status is Verdict.SKIPPED}
    assert skipped == {"health", "account"}
    assert results["health"].next
    assert results["account"].next
    slowest_s = max(result.duration_s for result in results.values())
    assert took_s <= max(1.5 * slowest_s, 1.5), slowest_s
    assert took_s <= 5


@pytest.mark.parametrize(
    ("fault", "expected", "verdict"),
    [
        ("site-down", "home", Verdict.CRIT),
        ("slow", "latency", Verdict.WARN),
        ("headers-lost", "headers", Verdict.CRIT),
        ("limiter-down", "rate-limit", Verdict.CRIT),
        ("cert-expired", "tls", Verdict.CRIT),
        ("cert-wrong-host", "tls", Verdict.CRIT),
        ("db-down", "database", Verdict.CRIT),
        ("vendor-outage", "vendors", Verdict.WARN),
        ("soft-404", "soft-404", Verdict.CRIT),
        ("challenge", "challenge", Verdict.UNKNOWN),
        ("size-limit-lost", "size-limit", Verdict.CRIT),
        ("unsigned-webhook-accepted", "webhook-unsigned", Verdict.CRIT),
    ],
)
def test_run_names_the_fault_and_no_other(
    web: WebInfo, sandbox: SandboxInfo, fault: str, expected: str, verdict: Verdict
) -> None:
    set_faults(sandbox.dir, [fault])
    began = time.monotonic()
    results = run(order_for(web))
    assert findings(results) == {expected: verdict}, results
    assert results[expected].next
    assert time.monotonic() - began <= 8


def test_run_blames_the_vendor_that_reports_trouble(web: WebInfo, sandbox: SandboxInfo) -> None:
    set_faults(sandbox.dir, ["db-down"])
    ours = run(order_for(web))["database"]
    set_faults(sandbox.dir, ["db-down", "vendor-outage"])
    theirs = run(order_for(web))["database"]
    assert (ours.evidence["blame"], theirs.evidence["blame"]) == ("ours", "supabase")
    assert "supabase reports" in theirs.summary


def test_run_without_a_network_is_unknown_and_no_site_s_fault(web: WebInfo) -> None:
    with serve(lambda _: answer()) as closed:
        gone = closed.url
    order = order_for(web)
    order = replace(
        order,
        site=replace(order.site, base_url=gone),
        status_pages=dict.fromkeys(VENDORS, gone),
        policy=replace(order.policy, private_hosts=own_loopback(gone)),
    )
    results = run(order)
    assert results["home"].status is Verdict.UNKNOWN
    assert "network" in results["home"].summary
    assert Verdict.CRIT not in findings(results).values()


def test_run_of_an_unreachable_site_is_critical_when_others_answer(web: WebInfo) -> None:
    with serve(lambda _: answer()) as closed:
        gone = closed.url
    order = order_for(web)
    hosts = order.policy.private_hosts | own_loopback(gone)
    results = run(
        replace(
            order,
            site=replace(order.site, base_url=gone),
            policy=replace(order.policy, private_hosts=hosts),
        )
    )
    assert findings(results) == {"home": Verdict.CRIT}


def test_run_selection_runs_only_what_was_asked(web: WebInfo) -> None:
    only = run(order_for(web, Selection(only=frozenset({"database", "headers"}))))
    assert set(only) == {"database", "headers"}
    tagged = run(order_for(web, Selection(tag="speed")))
    assert set(tagged) == {"latency"}
    without = run(order_for(web, Selection(skip=frozenset({"latency", "rate-limit"}))))
    assert set(IDS) - set(without) == {"latency", "rate-limit"}


def test_run_probe_asked_for_behind_a_broken_gate_is_unknown(
    web: WebInfo, sandbox: SandboxInfo
) -> None:
    set_faults(sandbox.dir, ["site-down"])
    results = run(order_for(web, Selection(only=frozenset({"database"}))))
    assert {name: r.status for name, r in results.items()} == {"database": Verdict.UNKNOWN}


def test_run_size_limit_of_a_route_that_is_absent_is_unknown(web: WebInfo) -> None:
    order = order_for(web, Selection(only=frozenset({"size-limit"})))
    elsewhere = replace(order.site, size_limited=(*surface.SIZE_LIMITED, "/api/gone/away"))
    found = run(replace(order, site=elsewhere))["size-limit"]
    assert (found.status, "/api/gone/away" in found.summary) == (Verdict.UNKNOWN, True)


def test_run_rate_limit_of_a_foreign_site_wants_its_name(web: WebInfo) -> None:
    order = order_for(web, Selection(skip=frozenset({"latency"})))
    foreign = replace(order, site=replace(order.site, is_own=False))
    assert run(foreign)["rate-limit"].status is Verdict.SKIPPED
    asked = replace(foreign, selection=Selection(only=frozenset({"rate-limit"})))
    assert run(asked)["rate-limit"].status is Verdict.OK


def test_run_skip_wins_over_only_and_tag() -> None:
    assert not Selection(only=frozenset({"home"}), skip=frozenset({"home"})).takes("home")
    assert not Selection(tag="page", skip=frozenset({"home"})).takes("home")


def test_run_private_address_is_no_site_s_fault(tmp_path: Path) -> None:
    done = kulti_ops(
        *("smoke", "run", "--base-url", "https://10.0.0.1", "--format", "json"),
        folder=tmp_path,
        env={"KULTI_OPS_STATUS_PAGES": "a=http://127.0.0.1:1"},
    )
    results = {result["id"]: result for result in document(done)["results"]}
    assert (done.returncode, results["home"]["status"]) == (3, "unknown")
    assert "PRIVATE_HOSTS" in results["home"]["next"]
    assert results["tls"]["status"] == "skipped"


def test_run_budget_that_is_used_up_is_unknown(web: WebInfo, sandbox: SandboxInfo) -> None:
    set_faults(sandbox.dir, ["slow"])
    selection = Selection(only=frozenset({"latency", "database"}))
    results = run(replace(order_for(web, selection), budget_s=2.5))
    assert results["latency"].status is Verdict.UNKNOWN
    assert results["database"].status is Verdict.OK


def test_run_fail_fast_stops_at_the_first_crit(web: WebInfo, sandbox: SandboxInfo) -> None:
    set_faults(sandbox.dir, ["slow", "db-down"])
    selection = Selection(only=frozenset({"latency", "database"}))
    results = run(replace(order_for(web, selection), fail_fast=True))
    assert results["database"].status is Verdict.CRIT
    assert results["latency"].status is Verdict.SKIPPED


def test_run_pass_on_the_second_try_is_flaky() -> None:
    broken = iter([True])

    def respond(seen: Seen) -> bytes:
        if seen.target == "/api/agents":
            if next(broken, False):
                return b""
            body = b'{"agents":[],"meta":{"total":0}}'
            return answer("200 OK", "Content-Type: application/json", body=body)
        return answer("200 OK", "Content-Type: text/html", body=b"<title>x</title>")

    with serve(respond) as site:
        order = Order(
            site=Site(base_url=site.url),
            policy=Policy(private_hosts=own_loopback(site.url)),
            status_pages={},
            selection=Selection(only=frozenset({"database"})),
        )
        results = run(order)
    assert results["database"].status is Verdict.WARN
    assert "flaky" in results["database"].summary


def home_and_agents(*agents: bytes, home: tuple[bytes, ...] = ()) -> Callable[[Seen], bytes]:
    """Return a site whose routes answer one after the other; the last answer stays."""
    page = answer("200 OK", "Content-Type: text/html", body=b"<title>x</title>")
    good = answer("200 OK", "Content-Type: application/json", body=AGENTS)
    queues = {"/": list(home) or [page], "/api/agents": list(agents) or [good]}
    queues["/"] += [page] if home else []

    def respond(seen: Seen) -> bytes:
        queue = queues.get(seen.target, [page])
        return queue.pop(0) if len(queue) > 1 else queue[0]

    return respond


def database_of(respond: Callable[[Seen], bytes], *, budget_s: float = 30.0) -> CheckResult:
    with serve(respond) as site:
        order = Order(
            site=Site(base_url=site.url),
            policy=Policy(private_hosts=own_loopback(site.url)),
            status_pages={},
            selection=Selection(only=frozenset({"database"})),
            budget_s=budget_s,
        )
        return run(order)["database"]


def test_run_read_that_is_asked_to_come_back_does_so_and_is_flaky() -> None:
    busy = answer("503 Service Unavailable", "Retry-After: 0")
    good = answer("200 OK", "Content-Type: application/json", body=AGENTS)
    found = database_of(home_and_agents(busy, good))
    assert (found.status, "come back" in found.summary) == (Verdict.WARN, True)
    home = answer("429 Too Many Requests", "Retry-After: Thu, 01 Jan 2026 00:00:00 GMT")
    assert database_of(home_and_agents(home=(home,))).status is Verdict.OK


def test_run_wait_beyond_the_budget_is_not_taken() -> None:
    busy = answer("503 Service Unavailable", "Retry-After: 3600")
    good = answer("200 OK", "Content-Type: application/json", body=AGENTS)
    assert database_of(home_and_agents(busy, good)).status is Verdict.CRIT


def test_run_that_is_sent_away_for_good_tells_nothing_about_the_site() -> None:
    away = answer("429 Too Many Requests", "Retry-After: 3600")
    found = database_of(home_and_agents(away))
    assert (found.status, "429" in found.summary) == (Verdict.UNKNOWN, True)
    assert database_of(home_and_agents(home=(away, away))).status is Verdict.UNKNOWN


def test_run_of_a_site_that_hangs_ends_with_the_budget() -> None:
    async def hang(_seen: Seen, _writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    began = time.monotonic()
    with serve(handler=hang) as site:
        order = Order(
            site=Site(base_url=site.url),
            policy=Policy(private_hosts=own_loopback(site.url)),
            status_pages={"a": site.url},
            selection=EVERYTHING,
            budget_s=0.2,
        )
        results = run(order)
    assert results["home"].status is Verdict.UNKNOWN
    assert "budget" in results["home"].summary
    assert time.monotonic() - began < 4


def signed_in(web: WebInfo, cookie: str) -> Order:
    order = order_for(web, Selection(only=frozenset({"account"})))
    return replace(order, site=replace(order.site, account=(("Cookie", cookie),)))


def test_run_reads_what_the_test_account_sees(web: WebInfo, sandbox: SandboxInfo) -> None:
    good = run(signed_in(web, web.account_cookie))["account"]
    assert (good.status, "private" in good.summary) == (Verdict.OK, True)
    refused = run(signed_in(web, "sb-sandbox-auth-token=old"))["account"]
    assert (refused.status, "expired" in refused.summary) == (Verdict.UNKNOWN, True)
    set_faults(sandbox.dir, ["db-down"])
    down = run(signed_in(web, web.account_cookie))["account"]
    assert (down.status, "see database" in down.summary) == (Verdict.SKIPPED, True)


def test_run_sends_the_account_s_cookie_nowhere_else(tmp_path: Path) -> None:
    with serve(lambda _: answer()) as other:

        def respond(seen: Seen) -> bytes:
            if seen.target.startswith("/api/"):
                return answer("307 Temporary Redirect", f"Location: {other.url}/x")
            return answer("200 OK", "Content-Type: text/html", body=b"<title>x</title>")

        with serve(respond) as site:
            done = kulti_ops(
                *("smoke", "run", "--only", "account", "--format", "json"),
                folder=tmp_path,
                env={
                    "NEXT_PUBLIC_APP_URL": site.url,
                    "KULTI_OPS_STATUS_PAGES": f"a={other.url}",
                    "KULTI_OPS_TEST_ACCOUNT_COOKIE": "sb-auth=canary-token-1; b=canary-token-2",
                },
            )
    assert (done.returncode, statuses(done)) == (3, {"account": "unknown"})
    sent = [
        seen.headers.get("cookie", "") for seen in site.seen if seen.target in surface.ACCOUNT_READS
    ]
    assert sent == ["sb-auth=canary-token-1; b=canary-token-2"] * 3
    assert all("cookie" not in seen.headers for seen in other.seen)
    assert all(
        "cookie" not in s.headers for s in site.seen if s.target not in surface.ACCOUNT_READS
    )
    assert "canary" not in done.stdout + done.stderr


def test_run_cookie_that_is_none_is_a_fault_of_the_configuration(tmp_path: Path) -> None:
    env = {
        "NEXT_PUBLIC_APP_URL": "http://127.0.0.1:1",
        "KULTI_OPS_TEST_ACCOUNT_COOKIE": "canary-token",
    }
    done = kulti_ops("smoke", "run", folder=tmp_path, env=env)
    assert (done.returncode, "TEST_ACCOUNT_COOKIE" in done.stderr) == (4, True)
    assert "canary" not in done.stdout + done.stderr


def environment(web: WebInfo) -> dict[str, str]:
    pages = [f"{vendor}={web.status_url}/{vendor}" for vendor in VENDORS]
    return {
        "NEXT_PUBLIC_APP_URL": web.url,
        "KULTI_OPS_CAFILE": str(web.cafile),
        "KULTI_OPS_HTTP_URL": web.http_url,
        "KULTI_OPS_STATUS_PAGES": ",".join(pages),
        "HMS_APP_SECRET": web.webhook_secret,
        "VERCEL_AUTOMATION_BYPASS_SECRET": "canary-bypass-1",
        "KULTI_OPS_TEST_ACCOUNT_COOKIE": web.account_cookie,
    }


@pytest.mark.parametrize("style", ["table", "json", "csv", "markdown", "junit", "github", "nagios"])
def test_run_command_reports_without_secrets(web: WebInfo, tmp_path: Path, style: str) -> None:
    done = kulti_ops("smoke", "run", "--format", style, folder=tmp_path, env=environment(web))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "canary" not in done.stdout + done.stderr
    assert web.webhook_secret not in done.stdout + done.stderr
    assert web.account_cookie.partition("=")[2] not in done.stdout + done.stderr


def test_run_http_side_of_another_host_is_not_looked_at(web: WebInfo, tmp_path: Path) -> None:
    env = environment(web)
    elsewhere = {**env, "KULTI_OPS_HTTP_URL": web.http_url.replace("localhost", "127.0.0.1")}
    command = ("smoke", "run", "--only", "https-redirect", "--format", "json")
    own, other = (kulti_ops(*command, folder=tmp_path, env=e) for e in (env, elsewhere))
    assert statuses(own) == {"https-redirect": "ok"}
    assert statuses(other) == {"https-redirect": "skipped"}


def test_run_command_exit_code_says_whether_to_roll_back(
    web: WebInfo, sandbox: SandboxInfo, tmp_path: Path
) -> None:
    set_faults(sandbox.dir, ["db-down"])
    done = kulti_ops(
        *("smoke", "run", "--skip", "latency", "--format", "json"),
        folder=tmp_path,
        env=environment(web),
    )
    assert (done.returncode, document(done)["status"]) == (10, "crit")
    assert [name for name, s in statuses(done).items() if s == "crit"] == ["database"]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--only", "nothing"), "no probe"),
        (("--tag", "nothing"), "no tag"),
        (("--budget", "soon"), "no duration"),
        (("--base-url", "ftp://x"), "http"),
        (("--base-url", " "), "no host"),
        (("--base-url", "http://a..b"), "no host"),
        (("--base-url", "https://a b"), "no host"),
        (("--baseline", "/"), "directory"),
    ],
)
def test_run_command_wrong_use_is_said(
    tmp_path: Path, arguments: tuple[str, ...], word: str
) -> None:
    env = {"NEXT_PUBLIC_APP_URL": "http://127.0.0.1:1"}
    done = kulti_ops("smoke", "run", *arguments, folder=tmp_path, env=env)
    assert (done.returncode, word in done.stderr) == (2, True)
