"""`smoke run --save-baseline` and `--baseline`, as two deploys of a site."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.functional.cli import document, kulti_ops, statuses
from tests.functional.web import Seen, Site, answer, serve

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

HTML, JSON = "Content-Type: text/html", "Content-Type: application/json"
HSTS = "X-Frame-Options: DENY"
COOKIE = "Set-Cookie: session=canary-cookie-1; Secure; HttpOnly; SameSite=Lax"
GOOD: dict[str, bytes] = {
    "/": answer("200 OK", HTML, HSTS, COOKIE, body=b"<title>Kulti</title>"),
    "/api/agents": answer("200 OK", JSON, body=b'{"agents":[{"id":1}],"meta":{"total":1}}'),
    "/own?key=canary-query-2": answer("200 OK", JSON, body=b'{"a":1}'),
    "/api/v2/summary.json": answer("200 OK", JSON, body=b'{"status":{"indicator":"none"}}'),
}
OWN = "[[probe]]\nid = 'own'\npath = '/own?key=canary-query-2'\nexpect.status = 200\n"


class Deploys:
    """A site whose answers can be replaced."""

    def __init__(self) -> None:
        self.answers = dict(GOOD)

    def respond(self, seen: Seen) -> bytes:
        return self.answers.get(seen.target, answer("404 Not Found", HTML))


@pytest.fixture
def deploys() -> Deploys:
    return Deploys()


@pytest.fixture
def smoke(
    deploys: Deploys, tmp_path: Path
) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    (tmp_path / "own.toml").write_text(OWN)

    def run(*arguments: str, site: Site) -> subprocess.CompletedProcess[str]:
        return kulti_ops(
            *("smoke", "run", "--probes", "own.toml", "--format", "json"),
            *(part for name in ("home", "database", "own") for part in ("--only", name)),
            *arguments,
            folder=tmp_path,
            env={
                "NEXT_PUBLIC_APP_URL": site.url,
                "KULTI_OPS_STATUS_PAGES": f"a={site.url}",
                "VERCEL_AUTOMATION_BYPASS_SECRET": "canary-bypass-3",
            },
        )

    with serve(deploys.respond) as site:
        yield lambda *arguments: run(*arguments, site=site)


def test_baseline_of_the_same_deploy_finds_nothing_and_holds_no_secret(
    smoke: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    done = smoke("--save-baseline", "b.json")
    assert done.returncode == 0, done.stdout
    assert document(done)["data"]["baseline_saved"] == "b.json"
    file = tmp_path / "b.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert "canary" not in file.read_text()
    again = smoke("--baseline", "b.json", "--save-baseline", "b.json")
    found = statuses(again)
    assert {found[name] for name in ("baseline", "baseline-status", "baseline-body")} == {"ok"}
    assert found["baseline-latency"] == "skipped"
    assert again.returncode == 0
    assert "canary" not in again.stdout + again.stderr


def test_baseline_names_what_a_deploy_made_worse(
    smoke: Callable[..., subprocess.CompletedProcess[str]], deploys: Deploys, tmp_path: Path
) -> None:
    smoke("--save-baseline", "b.json")
    before = (tmp_path / "b.json").read_text()
    deploys.answers["/"] = answer("200 OK", HTML, COOKIE, body=b"<title>Kulti</title>")
    deploys.answers["/api/agents"] = answer(
        "200 OK", JSON, body=b'{"agents":[{"no":1}],"meta":{"total":1}}'
    )
    deploys.answers["/own?key=canary-query-2"] = answer("500 Oops", HTML)
    done = smoke("--baseline", "b.json", "--save-baseline", "b.json")
    results = {result["id"]: result for result in document(done)["results"]}
    assert done.returncode == 10
    assert results["baseline-headers"]["summary"] == "GET /: x-frame-options DENY → absent"
    assert results["baseline-body"]["summary"] == "GET /api/agents: $.agents[].id number → gone"
    assert results["baseline-status"]["summary"] == "GET /own (own): status 200 → 500"
    assert results["baseline-status"]["status"] == "crit"
    # a crit run does not become what the next one is compared with
    assert results["baseline-saved"]["status"] == "skipped"
    assert (tmp_path / "b.json").read_text() == before
    assert "canary" not in done.stdout + done.stderr


@pytest.mark.usefixtures("deploys")
def test_baseline_of_more_than_was_looked_at_says_so(
    smoke: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    smoke("--save-baseline", "b.json", "--only", "health")
    done = smoke("--baseline", "b.json")
    results = {result["id"]: result for result in document(done)["results"]}
    assert results["baseline"]["status"] == "ok"
    assert "did not run: health" in results["baseline"]["summary"]
    (tmp_path / "b.json").write_text("{")
    refused = smoke("--baseline", "b.json")
    assert (refused.returncode, "damaged" in refused.stderr) == (5, True)
    newer = {"kind": "kulti-ops smoke baseline", "schema_version": 9}
    (tmp_path / "b.json").write_text(json.dumps(newer))
    assert "of form 9" in smoke("--baseline", "b.json").stderr
    assert "--save-baseline" in smoke("--baseline", "absent.json").stderr


@pytest.mark.usefixtures("deploys")
def test_baseline_that_cannot_be_written_costs_no_verdict(
    smoke: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = smoke("--save-baseline", "absent/b.json")
    assert (done.returncode, statuses(done)["baseline-saved"]) == (3, "unknown")
    assert statuses(done)["home"] == "ok"
