"""The example workflow of the documentation: it parses, and its command does what it says."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from tests.functional.cli import kulti_ops
from tests.functional.support import ROOT
from tests.functional.web import answer, serve

if TYPE_CHECKING:
    from pathlib import Path

PAGE = ROOT / "docs" / "how-to" / "smoke-in-github-actions.md"


def workflow() -> str:
    found = re.search(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return found[1]


def test_workflow_commands_exist_and_write_what_the_next_step_reads(tmp_path: Path) -> None:
    runs = re.findall(r"run: (.+)$", workflow(), flags=re.MULTILINE)
    makes = [line.split()[1] for line in runs if line.startswith("make ")]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert all(re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE) for target in makes)
    commands = [shlex.split(line) for line in runs if "kulti-ops" in line]
    assert {command[0] for command in commands} == {".venv/bin/kulti-ops"}
    (_, *arguments), (_, *annotate) = commands
    with serve(lambda _: answer("503 Service Unavailable")) as site:
        env = {
            "NEXT_PUBLIC_APP_URL": site.url,
            "KULTI_OPS_STATUS_PAGES": f"supabase={site.url}",
        }
        done = kulti_ops(*arguments, folder=tmp_path, env=env)
        annotated = kulti_ops(*annotate, folder=tmp_path, env=env)
    assert (done.returncode, done.stdout) == (10, "")
    summary = next(line for line in runs if "GITHUB_STEP_SUMMARY" in line)
    written = tmp_path / summary.split()[1]
    assert annotated.returncode == 10
    assert "::error title=smoke headers%3A grade::" in annotated.stdout
    assert "| home" in written.read_text(encoding="utf-8")


def test_workflow_is_well_formed() -> None:
    lines = workflow().splitlines()
    assert all((len(line) - len(line.lstrip())) % 2 == 0 and "\t" not in line for line in lines)
    assert [line for line in lines if not line.startswith(" ")] == ["name: smoke", "on:", "jobs:"]
