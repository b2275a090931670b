"""The suite's own rule: a skip in CI is a failure unless it is listed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

CONFTEST = Path(__file__).parents[1] / "conftest.py"

SKIPS = {
    "mark": "import pytest\n@pytest.mark.skip(reason='no tool')\ndef test_a(): ...\n",
    "call": "import pytest\ndef test_a(): pytest.skip('no tool')\n",
    "fixture": (
        "import pytest\n@pytest.fixture\ndef tool(): pytest.skip('no tool')\n"
        "def test_a(tool): ...\n"
    ),
    "module": "import pytest\npytest.skip('no tool', allow_module_level=True)\n",
    "importing": "import pytest\npytest.importorskip('no_such_tool', reason='no tool')\n",
}


def run_suite(
    folder: Path, sources: dict[str, str], *, ci: str | None, listed: str = ""
) -> tuple[int, str]:
    """Run a suite of one passing test and `sources`; return pytest's exit code and output."""
    shutil.copy(CONFTEST, folder / "conftest.py")
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    (folder / "test_good.py").write_text("def test_good(): ...\n", encoding="utf-8")
    for name, source in sources.items():
        (folder / f"test_{name}.py").write_text(source, encoding="utf-8")
    if listed:
        with (folder / "conftest.py").open("a", encoding="utf-8") as file:
            file.write(f"\nALLOWED_SKIPS[{listed!r}] = 'known'\n")
    environment = {key: value for key, value in os.environ.items() if key != "CI"}
    environment["PYTHONPATH"] = str(CONFTEST.parents[1])  # the conftest names its plugins in full
    if ci is not None:
        environment["CI"] = ci
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", str(folder), "."],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_skips_in_ci_fail_and_are_named(tmp_path: Path) -> None:
    code, output = run_suite(tmp_path, SKIPS, ci="true")
    assert code == 1, output
    named = output.split("skipped without a listed reason")[1]
    assert [name for name in SKIPS if f"test_{name}.py" not in named] == []
    assert named.count("no tool") == len(SKIPS)


def test_skip_outside_ci_passes(tmp_path: Path) -> None:
    code, output = run_suite(tmp_path, SKIPS, ci=None)
    assert code == 0, output


def test_skip_listed_in_ci_passes(tmp_path: Path) -> None:
    by_mark = {"mark": SKIPS["mark"]}
    code, output = run_suite(tmp_path, by_mark, ci="true", listed="test_mark.py::*")
    assert code == 0, output


def test_expected_failure_in_ci_is_no_skip(tmp_path: Path) -> None:
    source = "import pytest\n@pytest.mark.xfail(reason='r')\ndef test_a(): assert False\n"
    code, output = run_suite(tmp_path, {"xfail": source}, ci="true")
    assert code == 0, output
