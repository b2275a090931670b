"""The example workflow of the documentation: it parses, and its commands do what it says."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any

import yaml

from tests.functional.cli import kulti_ops
from tests.functional.support import ROOT
from tests.functional.web import answer, serve

if TYPE_CHECKING:
    from pathlib import Path

PAGE = ROOT / "docs" / "how-to" / "smoke-in-github-actions.md"
TEXT = PAGE.read_text(encoding="utf-8")


def workflow() -> dict[Any, Any]:
    found = re.search(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    assert found
    document: dict[Any, Any] = yaml.safe_load(found[1])
    return document


def steps() -> list[dict[str, Any]]:
    (job,) = workflow()["jobs"].values()
    return list(job["steps"])


def test_workflow_is_one_job_that_runs_after_a_deploy_with_few_rights() -> None:
    found = workflow()
    # YAML 1.1 reads the key "on" as true
    assert set(found) == {"name", True, "jobs"}
    assert found[True] == {"deployment_status": None}
    (job,) = found["jobs"].values()
    assert job["permissions"] == {"contents": "read"}
    assert job["timeout-minutes"] <= 10
    assert "state == 'success'" in job["if"]
    assert all(len({"run", "uses"} & set(step)) == 1 for step in job["steps"])
    secrets = [v for v in job["env"].values() if "secrets." in v]
    assert all(re.fullmatch(r"\$\{\{ secrets\.\w+ \}\}", value) for value in secrets)


def test_workflow_prepares_with_a_target_that_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = [s["run"].split()[1] for s in steps() if s.get("run", "").startswith("make ")]
    assert targets
    assert all(re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE) for target in targets)


def test_workflow_commands_annotate_and_sum_up_a_broken_deploy(tmp_path: Path) -> None:
    runs = [s["run"] for s in steps() if "kulti-ops" in s.get("run", "")]
    commands = [shlex.split(line) for line in runs]
    assert {command[0] for command in commands} == {".venv/bin/kulti-ops"}
    summary = tmp_path / "summary.md"
    summary.write_text("an earlier step\n")
    with serve(lambda _: answer("503 Service Unavailable")) as site:
        env = {
            "NEXT_PUBLIC_APP_URL": site.url,
            "KULTI_OPS_STATUS_PAGES": f"supabase={site.url}",
            "GITHUB_STEP_SUMMARY": str(summary),
            "VERCEL_AUTOMATION_BYPASS_SECRET": "canary-bypass-1",
        }
        run, headers = (kulti_ops(*c[1:], folder=tmp_path, env=env) for c in commands)
    assert (run.returncode, headers.returncode) == (10, 10)
    assert "::error title=smoke run%3A home::crit: the home page answers 503" in run.stdout
    assert "::error title=smoke headers%3A grade::" in headers.stdout
    written = summary.read_text()
    assert written.startswith("an earlier step\n### kulti-ops smoke run: crit\n")
    assert "### kulti-ops smoke headers: crit" in written
    assert "| crit | home |" in written
    assert "canary" not in written + run.stdout + headers.stdout


def test_workflow_commands_in_the_text_are_commands(tmp_path: Path) -> None:
    others = re.findall(r"`\.venv/bin/kulti-ops ([^`]+)`", TEXT)
    assert others
    for line in others:
        group, name, *_ = shlex.split(line)
        done = kulti_ops(group, name, "--help", folder=tmp_path)
        flags = re.findall(r"(--[a-z-]+)", line)
        assert done.returncode == 0
        assert all(flag in done.stdout for flag in flags), flags


def test_summary_that_cannot_be_written_costs_no_verdict(tmp_path: Path) -> None:
    with serve(lambda _: answer("200 OK", "Content-Type: text/html", body=b"x")) as site:
        done = kulti_ops(
            *("smoke", "headers", site.url, "--min-grade", "F", "--format", "github"),
            folder=tmp_path,
            env={"GITHUB_STEP_SUMMARY": str(tmp_path / "absent" / "summary.md")},
        )
    assert "smoke headers:" in done.stdout
    assert "cannot write the job's summary" in done.stderr
    assert done.returncode == 0
