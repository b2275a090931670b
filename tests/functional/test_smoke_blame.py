"""`smoke run`: what is not the deploy's fault rolls nothing back, and what is does."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from kulti_ops.http import Policy, own_loopback
from kulti_ops.platform import surface
from kulti_ops.report import CheckResult, Verdict
from kulti_ops.smoke.probe import Site
from kulti_ops.smoke.run import run_smoke
from kulti_ops.smoke.selection import Order, Selection
from tests.certs import issue, make_ca
from tests.functional.cli import kulti_ops, statuses
from tests.functional.web import Seen, answer, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

HTML, JSON = "Content-Type: text/html", "Content-Type: application/json"
PAGE = answer("200 OK", HTML, body=b"<title>Kulti</title>")
SECRET = answer("200 OK", JSON, body=b'{"credits_balance":1}')
REFUSED = answer("401 Unauthorized", JSON, body=b'{"error":"Unauthorized"}')
AWAY = answer("429 Too Many Requests")
CHALLENGE = answer("403 Forbidden", HTML, "x-vercel-mitigated: challenge")
WELL = answer("200 OK", JSON, body=b'{"status":{"indicator":"none"}}')
STATUS_PAGE = "/api/v2/summary.json"


def site(
    answers: Mapping[str, bytes | list[bytes]], *, otherwise: bytes = REFUSED
) -> Callable[[Seen], bytes]:
    """Return a site by path; of a list the answers come one after the other, the last stays."""
    known: dict[str, bytes | list[bytes]] = {"/": PAGE, STATUS_PAGE: WELL, **answers}

    def respond(seen: Seen) -> bytes:
        found = known.get(seen.target.partition("?")[0], otherwise)
        if isinstance(found, list):
            return found.pop(0) if len(found) > 1 else found[0]
        return found

    return respond


def probe(
    respond: Callable[[Seen], bytes], *names: str, status_page: str | None = None
) -> dict[str, CheckResult]:
    with serve(respond) as served:
        return run(served.url, *names, status_page=status_page or served.url)


def run(
    url: str, *names: str, status_page: str, http_url: str | None = None, timeout_s: float = 10
) -> dict[str, CheckResult]:
    order = order_of(url, *names, status_page=status_page)
    order = replace(
        order,
        site=replace(order.site, http_url=http_url),
        policy=replace(order.policy, timeout_s=timeout_s),
    )
    done = asyncio.run(run_smoke(order, now=datetime.now(UTC)))
    return {result.id: result for result in done.results}


def order_of(url: str, *names: str, status_page: str) -> Order:
    return Order(
        site=Site(base_url=url),
        policy=Policy(private_hosts=own_loopback(url, status_page)),
        status_pages={"supabase": status_page},
        selection=Selection(only=frozenset(names)),
        tls_private=True,
    )


@pytest.mark.parametrize("gate", [AWAY, CHALLENGE], ids=["429", "challenge"])
@pytest.mark.parametrize(
    "name",
    ["pages", "anonymous-401", "methods", "size-limit", "webhook-unsigned", "errors-leak", "cors"],
)
def test_run_that_is_kept_out_after_the_home_page_tells_nothing(name: str, gate: bytes) -> None:
    found = probe(site({}, otherwise=gate), name)[name]
    assert (found.status, "cannot be told" in found.summary) == (Verdict.UNKNOWN, True)


def test_run_that_is_kept_out_of_some_routes_judges_the_others() -> None:
    half = probe(site({"/api/search": AWAY}), "anonymous-401")["anonymous-401"]
    assert (half.status, "1 of 15" in half.summary) == (Verdict.UNKNOWN, True)
    given = site({"/api/search": AWAY, surface.BALANCE: SECRET})
    open_ = probe(given, "anonymous-401")["anonymous-401"]
    assert (open_.status, "/api/search" in open_.summary) == (Verdict.CRIT, False)


@pytest.mark.parametrize(
    ("indicator", "verdict", "blame"),
    [
        ("major", Verdict.UNKNOWN, "supabase"),
        ("critical", Verdict.UNKNOWN, "supabase"),
        ("minor", Verdict.CRIT, "ours"),
        ("none", Verdict.CRIT, "ours"),
        ("never heard of", Verdict.CRIT, "ours"),
    ],
)
def test_run_rolls_nothing_back_for_a_vendor_s_outage(
    indicator: str, verdict: Verdict, blame: str
) -> None:
    page = answer("200 OK", JSON, body=f'{{"status":{{"indicator":"{indicator}"}}}}'.encode())
    down = answer("500 Internal Server Error", JSON, body=b"{}")
    found = probe(site({STATUS_PAGE: page, surface.DATABASE: down}), "database")["database"]
    assert (found.status, found.evidence["blame"]) == (verdict, blame)


def test_run_routes_of_a_vendor_s_outage_are_compared_with_no_deploy() -> None:
    page = answer("200 OK", JSON, body=b'{"status":{"indicator":"major"}}')
    down = answer("500 Internal Server Error", JSON, body=b"{}")
    with serve(site({STATUS_PAGE: page, surface.DATABASE: down})) as served:
        order = order_of(served.url, "home", "database", "latency", status_page=served.url)
        done = asyncio.run(run_smoke(order, now=datetime.now(UTC)))
    assert {exchange.route for exchange in done.exchanges} == {"GET /"}


@pytest.mark.parametrize(("indicator", "is_kept"), [("major", False), ("none", True)])
def test_run_account_that_fails_with_its_database_is_excused_with_it(
    indicator: str, *, is_kept: bool
) -> None:
    page = answer("200 OK", JSON, body=f'{{"status":{{"indicator":"{indicator}"}}}}'.encode())
    down = answer("500 Internal Server Error", JSON, body=b"{}")
    routes = {STATUS_PAGE: page, surface.DATABASE: down}
    routes |= dict.fromkeys(surface.ACCOUNT_READS, down)
    with serve(site(routes)) as served:
        order = order_of(served.url, "database", "account", status_page=served.url)
        signed_in = replace(order.site, account=(("Cookie", "session=1"),), is_own=True)
        done = asyncio.run(run_smoke(replace(order, site=signed_in), now=datetime.now(UTC)))
    account = next(result for result in done.results if result.id == "account")
    assert account.status is Verdict.SKIPPED
    assert bool(done.exchanges) == is_kept


@pytest.mark.parametrize(
    ("location", "verdict", "word"),
    [
        ("http://10.0.0.1/", Verdict.CRIT, "private address"),
        ("ftp://kulti.example/", Verdict.CRIT, "neither http nor https"),
        ("http://[::1", Verdict.CRIT, "no URL"),
        ("/", Verdict.CRIT, "redirect loop"),
    ],
)
def test_run_home_page_that_leads_away_is_ours(location: str, verdict: Verdict, word: str) -> None:
    away = answer("302 Found", f"Location: {location}")
    home = probe(site({"/": away}), "home")["home"]
    assert (home.status, word in home.summary) == (verdict, True)


def test_run_home_page_of_another_site_is_ours_and_its_usual_address_is_not() -> None:
    with serve(lambda _: PAGE) as other:
        away = answer("308 Permanent Redirect", f"Location: {other.url}/")
        results = probe(site({"/": away}), "home", "pages", status_page=other.url)
        assert results["home"].status is Verdict.UNKNOWN  # the same host, another port
        assert (results["home"].next or "").endswith(other.url)
        assert results["pages"].status is Verdict.UNKNOWN
        elsewhere = other.url.replace("127.0.0.1", "localhost")
        away = answer("308 Permanent Redirect", f"Location: {elsewhere}/")
        home = probe(site({"/": away}), "home", status_page=elsewhere)["home"]
    assert (home.status, "another site" in home.summary) == (Verdict.CRIT, True)


def test_run_protected_preview_is_no_fault_of_the_application() -> None:
    login = answer("401 Unauthorized", HTML, "Set-Cookie: _vercel_sso_nonce=1", body=b"<p>")
    results = probe(site({"/": login}), "home", "challenge", "pages")
    assert {r.status for r in results.values()} == {Verdict.UNKNOWN}
    assert "BYPASS" in (results["challenge"].next or "")


def test_run_where_no_certificate_is_trusted_blames_the_runner(tmp_path: Path) -> None:
    intercepting = issue(make_ca("a proxy"), "127.0.0.1").context(tmp_path)
    with serve(site({}), tls=intercepting) as served, serve(lambda _: WELL) as vendor:
        alone = run(served.url, "tls", status_page=served.url)["tls"]
        fault = run(served.url, "tls", status_page=vendor.url)["tls"]
    assert (alone.status, "network" in alone.summary) == (Verdict.UNKNOWN, True)
    assert fault.status is Verdict.CRIT


def test_run_behind_a_portal_that_answers_for_everybody_blames_the_network() -> None:
    with serve(lambda _: PAGE) as closed:
        gone = closed.url
    with serve(lambda _: PAGE) as portal:
        home = run(gone, "home", status_page=portal.url)["home"]
    assert (home.status, "network" in home.summary) == (Verdict.UNKNOWN, True)


@pytest.mark.parametrize("status", ["404 Not Found", "500 Internal Server Error", "405 Not"])
def test_run_limiter_behind_a_route_that_fails_cannot_be_looked_at(status: str) -> None:
    found = probe(site({surface.INVITE_VALIDATION: answer(status)}), "rate-limit")["rate-limit"]
    assert (found.status, status[:3] in found.summary) == (Verdict.UNKNOWN, True)


@pytest.mark.parametrize("name", ["home", "pages"])
def test_run_empty_page_is_no_page(name: str) -> None:
    empty = answer("200 OK", HTML, body=b"\n")
    answers = {"/": empty} if name == "home" else {"/watch": empty}
    found = probe(site(answers, otherwise=PAGE), name)[name]
    assert (found.status, "empty" in found.summary) == (Verdict.CRIT, True)


def test_run_gateway_s_passing_answer_is_tried_once_more_and_flaky() -> None:
    good = answer("200 OK", JSON, body=b'{"agents":[],"meta":{"total":0}}')
    starting = site({surface.DATABASE: [answer("502 Bad Gateway"), good]})
    found = probe(starting, "database")["database"]
    assert (found.status, "flaky" in found.summary) == (Verdict.WARN, True)
    down = probe(site({surface.DATABASE: answer("502 Bad Gateway")}), "database")["database"]
    assert down.status is Verdict.CRIT


def test_run_never_asks_to_delete() -> None:
    with serve(site({}, otherwise=PAGE)) as served:
        run(served.url, status_page=served.url)
    assert {seen.method for seen in served.seen} == {"GET", "POST", "PUT"}
    assert [seen.body for seen in served.seen if seen.method == "PUT"] == [b""]
    assert all(seen.target != surface.SEND_OTP for seen in served.seen)


@pytest.mark.parametrize(
    ("credentials", "verdict"), [("true", Verdict.CRIT), ("false", Verdict.WARN)]
)
def test_run_reflected_origin_is_critical_with_cookies_only(
    credentials: str, verdict: Verdict
) -> None:
    def respond(seen: Seen) -> bytes:
        origin = seen.headers.get("origin")
        allowed = (
            (f"Access-Control-Allow-Origin: {origin}",
             f"Access-Control-Allow-Credentials: {credentials}")
            if origin
            else ()
        )  # fmt: skip
        return answer("200 OK", HTML, *allowed, body=b"<p>")

    assert probe(respond, "cors")["cors"].status is verdict


@pytest.mark.parametrize(("way_back", "verdict"), [(True, Verdict.OK), (False, Verdict.WARN)])
def test_run_login_is_the_site_s_own_however_its_host_is_written(
    *, way_back: bool, verdict: Verdict
) -> None:
    ports: list[int] = []

    def respond(seen: Seen) -> bytes:
        if seen.target in {"/", STATUS_PAGE}:
            return PAGE
        back = f"/login?redirectTo={seen.target}" if way_back else "/login"
        return answer("307 Temporary", f"Location: http://LocalHost:{ports[0]}{back}")

    with serve(respond, host="localhost") as served:
        ports.append(served.port)
        found = run(served.url, "protected-redirect", status_page=served.url)
    assert found["protected-redirect"].status is verdict


def test_run_location_that_is_no_url_is_a_finding_of_each_probe() -> None:
    astray = answer("307 Temporary Redirect", "Location: http://[::1")
    with serve(site({}, otherwise=astray)) as served, serve(lambda _: astray) as http:
        found = run(
            *(served.url, "protected-redirect", "https-redirect"),
            status_page=served.url,
            http_url=http.url,
        )
    assert {result.status for result in found.values()} == {Verdict.CRIT}


def test_run_http_side_that_hangs_is_unknown_and_one_that_stays_is_ours() -> None:
    async def hang(_seen: Seen, _writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    stays = answer("200 OK", "Location: https://127.0.0.1/", HTML, body=b"<p>")
    with serve(site({})) as served, serve(handler=hang) as deaf, serve(lambda _: stays) as http:
        found = [
            run(
                *(served.url, "https-redirect"),
                status_page=served.url,
                http_url=side.url,
                timeout_s=0.5,
            )["https-redirect"].status
            for side in (deaf, http)
        ]
    assert found == [Verdict.UNKNOWN, Verdict.CRIT]


def test_run_headers_that_keep_the_camera_from_the_site_are_ours() -> None:
    denied = (
        *("Content-Security-Policy: default-src 'none'", "X-Content-Type-Options: nosniff"),
        *("Strict-Transport-Security: max-age=63072000", "Permissions-Policy: camera=()"),
    )
    page = answer("200 OK", HTML, *denied, body=b"<p>")
    found = probe(site({"/": page}), "headers")["headers"]
    assert (found.status, "camera" in found.summary) == (Verdict.CRIT, True)


def test_run_with_a_ca_of_one_s_own_still_trusts_the_vendors_own(tmp_path: Path) -> None:
    ours, theirs = make_ca("ours"), make_ca("theirs")
    (tmp_path / "ours.pem").write_bytes(ours.pem())
    (tmp_path / "theirs.pem").write_bytes(theirs.pem())
    with (
        serve(site({}), tls=issue(ours, "127.0.0.1").context(tmp_path)) as served,
        serve(lambda _: WELL, tls=issue(theirs, "127.0.0.1").context(tmp_path)) as vendor,
    ):
        command = ("smoke", "run", "--base-url", served.url, "--cafile", "ours.pem")
        env = {
            "KULTI_OPS_STATUS_PAGES": f"supabase={vendor.url}",
            "SSL_CERT_FILE": str(tmp_path / "theirs.pem"),
        }
        only = ("--only", "home", "--only", "vendors", "--only", "tls", "--format", "json")
        done = kulti_ops(*command, *only, folder=tmp_path, env=env)
    assert statuses(done) == {"home": "ok", "tls": "ok", "vendors": "ok"}
