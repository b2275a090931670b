"""`smoke headers` as a user runs it, against servers on loopback and saved responses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.certs import issue, make_ca
from tests.functional.cli import document, kulti_ops, statuses
from tests.functional.web import Seen, answer, serve
from tests.unit.smoke.support import PLATFORM

if TYPE_CHECKING:
    from pathlib import Path

HTML = "Content-Type: text/html; charset=utf-8"
GOOD = (
    HTML,
    "Content-Security-Policy: default-src 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options: nosniff",
    "Referrer-Policy: no-referrer",
)
SAVED_PLATFORM = (
    "HTTP/2 200\r\n"
    + "".join(f"{name}: {value}\r\n" for name, value in PLATFORM)
    + f"{HTML}\r\n\r\n<html></html>"
).encode()


def test_headers_of_a_saved_response_are_graded(tmp_path: Path) -> None:
    (tmp_path / "saved").write_bytes(SAVED_PLATFORM)
    done = kulti_ops(
        "smoke", "headers", "--from-file", "saved", "--format", "json", folder=tmp_path
    )
    data = document(done)["data"]
    assert (done.returncode, data["score"], data["grade"]) == (0, 75, "B")
    checks = {check["id"]: check for check in data["checks"]}
    assert set(checks["content-security-policy"]) == {"id", "result", "score_modifier"}
    assert checks["content-security-policy"]["score_modifier"] == -20
    assert statuses(done)["redirection"] == "skipped"
    assert statuses(done)["cross-origin-resource-sharing"] == "skipped"


def test_headers_of_stdin_in_the_reference_profile(tmp_path: Path) -> None:
    done = kulti_ops(
        *("smoke", "headers", "--from-file", "-", "--profile", "observatory"),
        *("--format", "json"),
        folder=tmp_path,
        stdin=b"HTTP/1.1 200 OK\r\nStrict-Transport-Security: max-age=63072000\r\n\r\n",
    )
    data = document(done)["data"]
    assert (data["score"], data["grade"], len(data["checks"])) == (50, "C", 12)


@pytest.mark.parametrize(("grade", "code", "verdict"), [("B", 0, "ok"), ("B+", 10, "crit")])
def test_headers_minimum_decides_the_exit_code(
    tmp_path: Path, grade: str, code: int, verdict: str
) -> None:
    done = kulti_ops(
        *("smoke", "headers", "--from-file", "-", "--min-grade", grade, "--format", "json"),
        folder=tmp_path,
        stdin=SAVED_PLATFORM,
    )
    assert (done.returncode, statuses(done)["grade"]) == (code, verdict)


def test_headers_missing_on_one_route_are_found(tmp_path: Path) -> None:
    def respond(seen: Seen) -> bytes:
        return answer("200 OK", *(GOOD if seen.target == "/" else (HTML,)))

    with serve(respond) as site:
        done = kulti_ops(
            *("smoke", "headers", site.url + "/", "--route", "/other", "--format", "json"),
            folder=tmp_path,
        )
    results = {result["id"]: result for result in document(done)["results"]}
    assert results["x-content-type-options"]["status"] == "warn"
    assert results["x-content-type-options"]["rows"][0]["path"] == "/other"
    assert results["redirection"]["status"] == "skipped"
    routes = document(done)["data"]["routes"]
    assert routes[0]["score"] < document(done)["data"]["score"]
    assert "/other" in results["grade"]["summary"]


def test_headers_platform_routes_and_an_asset_are_looked_at_by_default(tmp_path: Path) -> None:
    page = b"<script src=/_next/static/a.js></script>"
    with serve(lambda _: answer("200 OK", *GOOD, body=page)) as site:
        done = kulti_ops("smoke", "headers", site.url, "--format", "json", folder=tmp_path)
    paths = [route["path"] for route in document(done)["data"]["routes"]]
    assert paths == ["/api/agents", "/kulti-ops/no-such-page", "/dashboard", "/_next/static/a.js"]


def test_headers_nonce_that_comes_twice_is_found(tmp_path: Path) -> None:
    csp = "Content-Security-Policy: default-src 'self'; script-src 'unsafe-inline' 'nonce-same'"
    with serve(lambda _: answer("200 OK", HTML, csp)) as site:
        done = kulti_ops("smoke", "headers", site.url, "--format", "json", folder=tmp_path)
    checks = {check["id"]: check["result"] for check in document(done)["data"]["checks"]}
    assert checks["content-security-policy"] == "csp-implemented-with-unsafe-inline"


def test_headers_reflected_origin_is_critical(tmp_path: Path) -> None:
    def respond(seen: Seen) -> bytes:
        origin = seen.headers.get("origin", "")
        allow = f"Access-Control-Allow-Origin: {origin}"
        return answer("200 OK", *GOOD, allow, "Access-Control-Allow-Credentials: true")

    with serve(respond) as site:
        done = kulti_ops("smoke", "headers", site.url, "--format", "json", folder=tmp_path)
    assert done.returncode == 10
    crit = [check for check, status in statuses(done).items() if status == "crit"]
    assert crit == ["cross-origin-resource-sharing"]


@pytest.mark.parametrize(
    ("cache", "verdict"), [("Cache-Control: private", "ok"), ("Cache-Control: public", "warn")]
)
def test_headers_of_a_personal_answer_are_judged_with_the_test_account(
    tmp_path: Path, cache: str, verdict: str
) -> None:
    def respond(seen: Seen) -> bytes:
        is_signed_in = seen.headers.get("cookie") == "sb-auth=canary-token-1"
        assert is_signed_in == (seen.target == "/api/credits/balance")
        return answer("200 OK", *GOOD, *([cache] if is_signed_in else []))

    with serve(respond) as site:
        done = kulti_ops(
            *("smoke", "headers", site.url, "--format", "json"),
            folder=tmp_path,
            env={"KULTI_OPS_TEST_ACCOUNT_COOKIE": "sb-auth=canary-token-1"},
        )
    assert statuses(done)["cache-control"] == verdict
    assert "canary" not in done.stdout + done.stderr


def test_headers_way_in_is_followed_where_it_is_named(tmp_path: Path) -> None:
    with serve(lambda _: answer("200 OK", *GOOD)) as site:
        done = kulti_ops(
            *("smoke", "headers", site.url, "--http-url", site.url, "--format", "json"),
            folder=tmp_path,
        )
    checks = {check["id"]: check["result"] for check in document(done)["data"]["checks"]}
    assert checks["redirection"] == "redirection-missing"


def test_headers_route_without_an_answer_is_unknown(tmp_path: Path) -> None:
    def respond(seen: Seen) -> bytes:
        return answer("200 OK", *GOOD) if seen.target == "/" else b""

    with serve(respond) as site:
        done = kulti_ops(
            *("smoke", "headers", site.url, "--route", "/x", "--format", "json"), folder=tmp_path
        )
    assert (done.returncode, statuses(done)["route /x"]) == (3, "unknown")


def test_headers_without_an_answer_is_an_error_of_one_line(tmp_path: Path) -> None:
    with serve(lambda _: b"") as site:
        url = site.url
    done = kulti_ops("smoke", "headers", f"{url}/?token=canary-1", folder=tmp_path)
    assert done.returncode == 5
    assert "refused" in done.stderr
    assert "canary" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        ((), 2, "no URL"),
        (("https://a:canary-pw@b.example",), 2, "credentials"),
        (("ftp://b.example",), 2, "http"),
        (("https://b.example", "--min-grade", "Z"), 2, "no grade"),
        (("--from-file", "absent"), 5, "cannot read"),
        (("http://10.0.0.1/",), 5, "private"),
    ],
)
def test_headers_wrong_use_is_said_in_one_line(
    tmp_path: Path, arguments: tuple[str, ...], code: int, word: str
) -> None:
    done = kulti_ops("smoke", "headers", *arguments, folder=tmp_path)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False)
    assert word in done.stderr
    assert "canary" not in done.stderr


@pytest.mark.parametrize("style", ["table", "json", "csv", "markdown"])
def test_headers_report_shows_no_secret_that_a_site_sets(tmp_path: Path, style: str) -> None:
    cookie = "Set-Cookie: session=canary-cookie-1; Path=/"
    jump = "Location: /next?token=canary-query-2"

    def respond(seen: Seen) -> bytes:
        if seen.target == "/":
            return answer("302 Found", HTML, cookie, jump)
        return answer("200 OK", HTML, cookie)

    with serve(respond) as site:
        done = kulti_ops("smoke", "headers", site.url, "--format", style, folder=tmp_path)
    assert done.returncode == 10
    assert "canary" not in done.stdout + done.stderr


def test_headers_of_a_protected_preview_are_those_behind_its_login(tmp_path: Path) -> None:
    login = answer("401 Unauthorized", HTML, "Set-Cookie: _vercel_sso_nonce=1", body=b"<p>")

    def respond(seen: Seen) -> bytes:
        let_in = seen.headers.get("x-vercel-protection-bypass") == "canary-bypass-1"
        return answer("200 OK", *GOOD, body=b"<p>") if let_in else login

    with serve(respond) as site:
        command = ("smoke", "headers", site.url, "--format", "json")
        out = kulti_ops(*command, folder=tmp_path)
        env = {"VERCEL_AUTOMATION_BYPASS_SECRET": "canary-bypass-1"}
        let_in = kulti_ops(*command, "--min-grade", "C", folder=tmp_path, env=env)
    assert (out.returncode, statuses(out)) == (3, {"grade": "unknown"})
    assert document(out)["data"]["grade"] is None
    assert (let_in.returncode, statuses(let_in)["x-content-type-options"]) == (0, "ok")
    assert "canary" not in let_in.stdout + let_in.stderr


def test_headers_route_behind_a_gatekeeper_is_unknown(tmp_path: Path) -> None:
    def respond(seen: Seen) -> bytes:
        gate = answer("403 Forbidden", HTML, "x-vercel-mitigated: challenge")
        return gate if seen.target == "/watch" else answer("200 OK", *GOOD, body=b"<p>")

    with serve(respond) as site:
        command = ("smoke", "headers", site.url, "--route", "/watch", "--format", "json")
        done = kulti_ops(*command, folder=tmp_path)
    assert (done.returncode, statuses(done)["route /watch"]) == (3, "unknown")


def test_headers_credentials_go_to_the_named_origin_with_a_good_certificate_only(
    tmp_path: Path,
) -> None:
    env = {
        "VERCEL_AUTOMATION_BYPASS_SECRET": "canary-bypass-1",
        "KULTI_OPS_TEST_ACCOUNT_COOKIE": "sb-auth=canary-token-2",
    }
    page = answer("200 OK", *GOOD, body=b"<p>")
    untrusted = issue(make_ca(), "127.0.0.1").context(tmp_path)
    with (
        serve(lambda _: page) as other,
        serve(lambda _: answer("302 Found", f"Location: {other.url}/")) as leading,
        serve(lambda _: page, tls=untrusted) as bad,
    ):
        for site in (leading, bad):
            kulti_ops("smoke", "headers", site.url, folder=tmp_path, env=env)
    assert leading.seen[0].headers["x-vercel-protection-bypass"] == "canary-bypass-1"
    assert other.seen
    assert bad.seen
    assert all("canary" not in str(seen.headers) for seen in (*other.seen, *bad.seen))


def test_headers_cookies_of_the_redirects_before_the_page_count(tmp_path: Path) -> None:
    def respond(seen: Seen) -> bytes:
        if seen.target == "/":
            return answer("307 Temporary", "Location: /home", "Set-Cookie: session=canary-cookie")
        return answer("200 OK", *GOOD, body=b"<p>")

    with serve(respond) as site:
        done = kulti_ops("smoke", "headers", site.url, "--format", "json", folder=tmp_path)
    checks = {check["id"]: check["result"] for check in document(done)["data"]["checks"]}
    assert checks["cookies"] == "cookies-session-without-secure-flag"
    assert "canary" not in done.stdout


@pytest.mark.parametrize("style", ["table", "json", "csv", "markdown", "junit", "github", "nagios"])
def test_headers_show_no_secret_of_an_address(tmp_path: Path, style: str) -> None:
    script = b"<script src='https://u:canary-pw@cdn.test/a.js?k=canary-query'></script>"

    def respond(seen: Seen) -> bytes:
        if seen.target.startswith("/?"):
            return answer("302 Found", f"Location: http://u:canary-pw@{host}/x?t=canary-token")
        return answer("200 OK", *GOOD, "Set-Cookie: sess=canary-cookie", body=script)

    with serve(respond) as site:
        host = site.url.removeprefix("http://")
        done = kulti_ops(
            *("smoke", "headers", f"{site.url}/?key=canary-key", "--format", style),
            *("--http-url", f"{site.url}/?a=canary-http"),
            folder=tmp_path,
        )
    assert done.returncode in {2, 10}
    assert done.stdout
    assert "canary" not in done.stdout + done.stderr
