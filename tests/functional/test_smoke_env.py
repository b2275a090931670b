from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.functional.cli import document, kulti_ops, statuses
from tests.unit.smoke.test_environment import GOOD

if TYPE_CHECKING:
    from pathlib import Path


def test_env_of_a_file_is_checked_without_showing_a_value(tmp_path: Path) -> None:
    values = {**GOOD, "HMS_APP_SECRET": "your_hms_secret", "NEXT_PUBLIC_X": GOOD["HMS_APP_SECRET"]}
    lines = [f'{name}="{value}"' for name, value in values.items()]
    (tmp_path / "app.env").write_text("\n".join(lines))
    done = kulti_ops("smoke", "env", "--file", "app.env", "--format", "json", folder=tmp_path)
    assert done.returncode == 10
    assert [name for name, status in statuses(done).items() if status == "crit"] == [
        "HMS_APP_SECRET"
    ]
    assert "canary" not in done.stdout + done.stderr


@pytest.mark.parametrize("style", ["table", "json", "csv", "markdown"])
def test_env_of_the_environment_shows_no_secret(tmp_path: Path, style: str) -> None:
    values = {**GOOD, "NEXT_PUBLIC_COPY": GOOD["HMS_APP_SECRET"], "ANTHROPIC_API_KEY": "canary-2x"}
    done = kulti_ops("smoke", "env", "--format", style, folder=tmp_path, env=values)
    assert done.returncode == 10
    assert "canary" not in done.stdout + done.stderr
    assert "eyJ" not in done.stdout + done.stderr


def test_env_good_environment_is_ok(tmp_path: Path) -> None:
    done = kulti_ops("smoke", "env", "--format", "json", folder=tmp_path, env=GOOD)
    assert (done.returncode, document(done)["status"]) == (0, "ok")


def test_env_file_that_is_absent_is_an_error(tmp_path: Path) -> None:
    done = kulti_ops("smoke", "env", "--file", "absent", folder=tmp_path)
    assert (done.returncode, "cannot read absent" in done.stderr) == (5, True)


@pytest.mark.parametrize("style", ["plain", "crlf", "export", "single", "bom"])
def test_env_file_is_read_however_it_is_written(tmp_path: Path, style: str) -> None:
    lines = [f"{name}={value}" for name, value in GOOD.items()]
    text = {
        "plain": "\n".join(lines),
        "crlf": "\r\n".join(lines),
        "export": "\n".join(f"export {line}" for line in lines),
        "single": "\n".join(f"{n} = '{v}'  # canary-comment" for n, v in GOOD.items()),
        "bom": "\ufeff" + "\n".join(lines),
    }[style]
    (tmp_path / "app.env").write_bytes(text.encode())
    done = kulti_ops("smoke", "env", "--file", "app.env", "--format", "json", folder=tmp_path)
    assert (done.returncode, statuses(done)["file"]) == (0, "ok")
    assert "canary" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("more", "code", "word"),
    [
        ('X_CLIENT_ID="canary-without-end', 10, "from line 14 on"),
        ("NODE_ENV=development", 0, "NODE_ENV more than once"),
    ],
)
def test_env_file_that_reads_otherwise_than_meant_is_said(
    tmp_path: Path, more: str, code: int, word: str
) -> None:
    lines = [f"{name}={value}" for name, value in GOOD.items()]
    (tmp_path / "app.env").write_text("\n".join([*lines, more]))
    done = kulti_ops("smoke", "env", "--file", "app.env", "--format", "json", folder=tmp_path)
    found = {result["id"]: result["summary"] for result in document(done)["results"]}
    assert (done.returncode, word in found["file"]) == (code, True)
    assert done.stderr == ""
    assert "canary" not in done.stdout
