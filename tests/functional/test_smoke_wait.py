"""`smoke wait`, and probes of one's own, on servers that change."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from kulti_ops.http import Policy, own_loopback
from kulti_ops.report import CheckResult, Verdict
from kulti_ops.smoke.probe import Site
from kulti_ops.smoke.waiting import wait_for
from tests.functional.cli import document, kulti_ops, statuses
from tests.functional.web import Seen, answer, serve

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SHA = "1a2b3c4d5e6f"


def wait(respond: Callable[[Seen], bytes], *, timeout_s: float = 0.3) -> CheckResult:
    with serve(respond) as site:
        return asyncio.run(
            wait_for(
                Site(base_url=site.url),
                SHA,
                policy=Policy(private_hosts=own_loopback(site.url)),
                header="x-kulti-version",
                now=datetime.now(UTC),
                timeout_s=timeout_s,
                pause_s=0.01,
            )
        )


def test_wait_ends_when_the_header_tells_the_commit() -> None:
    versions = iter(["0000000", "0000000"])
    found = wait(lambda _: answer("200 OK", f"X-Kulti-Version: {next(versions, SHA[:7])}"))
    assert found.status is Verdict.OK


def test_wait_reads_the_health_endpoint_too() -> None:
    def respond(seen: Seen) -> bytes:
        body = b'{"status":"ok","version":"1a2b3c4"}' if seen.target == "/api/health" else b""
        return answer(body=body)

    assert wait(respond).status is Verdict.OK


def test_wait_for_a_site_that_hangs_ends_with_its_time() -> None:
    async def hang(_seen: Seen, _writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    with serve(handler=hang) as site:
        found = asyncio.run(
            wait_for(
                Site(base_url=site.url),
                SHA,
                policy=Policy(private_hosts=own_loopback(site.url), timeout_s=3600.0),
                header="x-kulti-version",
                now=datetime.now(UTC),
                timeout_s=0.2,
            )
        )
    assert (found.status, "in time" in found.summary) == (Verdict.UNKNOWN, True)


def test_wait_comes_back_when_the_site_says() -> None:
    away = answer("503 Service Unavailable", "Retry-After: 0")
    answers = iter([away, answer("200 OK", f"X-Kulti-Version: {SHA}")])
    found = wait(lambda _: next(answers), timeout_s=5)
    assert found.status is Verdict.OK


def test_wait_for_a_deploy_that_does_not_come_is_critical() -> None:
    found = wait(lambda _: answer("200 OK", "X-Kulti-Version: 0000000"))
    assert (found.status, "0000000" in found.summary) == (Verdict.CRIT, True)


def test_wait_on_a_site_that_tells_no_version_is_unknown() -> None:
    assert wait(lambda _: answer()).status is Verdict.UNKNOWN
    assert wait(lambda _: b"").status is Verdict.UNKNOWN


@pytest.mark.parametrize("sha", ["", "1a2b3c"])
def test_wait_for_no_commit_is_refused_at_once(tmp_path: Path, sha: str) -> None:
    done = kulti_ops("smoke", "wait", "--sha", sha, "--base-url", "http://x", folder=tmp_path)
    assert (done.returncode, "--sha" in done.stderr) == (2, True)


def test_wait_command_sends_the_bypass_and_hides_it(tmp_path: Path) -> None:
    with serve(lambda _: answer("200 OK", f"X-Kulti-Version: {SHA}")) as site:
        done = kulti_ops(
            *("smoke", "wait", "--sha", SHA[:8], "--timeout", "2s", "--base-url", site.url),
            *("--format", "json"),
            folder=tmp_path,
            env={"VERCEL_AUTOMATION_BYPASS_SECRET": "canary-bypass-1"},
        )
    assert (done.returncode, statuses(done)) == (0, {"version": "ok"})
    assert site.seen[0].headers["x-vercel-protection-bypass"] == "canary-bypass-1"
    assert "canary" not in done.stdout + done.stderr


def test_run_takes_probes_of_one_s_own(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        "[[probe]]\nid = 'fits'\npath = '/x'\nexpect.status = 200\n"
        "[[probe]]\nid = 'fails'\npath = '/x?token=canary-1'\n"
        "headers = { x-a = 'canary-header' }\nexpect = { status = 404, regex = 'z' }\n"
    )

    def respond(_seen: Seen) -> bytes:
        return answer("200 OK", "Content-Type: text/html", body=b"<p>")

    with serve(respond) as site:
        done = kulti_ops(
            *("smoke", "run", "--tag", "own", "--probes", "own.toml", "--format", "json"),
            folder=tmp_path,
            env={"NEXT_PUBLIC_APP_URL": site.url, "KULTI_OPS_STATUS_PAGES": f"a={site.url}"},
        )
    assert (done.returncode, statuses(done)) == (10, {"fits": "ok", "fails": "crit"})
    assert "canary" not in done.stdout + done.stderr
    assert document(done)["data"]["base_url"] == site.url
    sent = {seen.target: seen.headers.get("x-a") for seen in site.seen}
    assert sent["/x?token=canary-1"] == "canary-header"
