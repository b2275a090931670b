"""The how-tos about scheduled backups: what they show is what the commands print."""

from __future__ import annotations

import re
import shlex
import textwrap
from typing import TYPE_CHECKING

import pytest

from tests.functional.cli import kulti_ops
from tests.functional.support import ROOT
from tests.unit.test_reference import all_commands

if TYPE_CHECKING:
    from pathlib import Path

PAGES = tuple(
    ROOT / "docs" / "how-to" / f"{name}.md"
    for name in (
        "weekly-backups-to-s3-with-cron",
        "weekly-backups-to-s3-with-systemd",
        "backups-in-github-actions",
    )
)
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)


def blocks(page: Path) -> list[tuple[str, str]]:
    """Return each code block: its language and its text without the list's indentation."""
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [(language, textwrap.dedent(text)) for _, language, text in found]


def commands(page: Path) -> list[list[str]]:
    """Return the argv of every kulti-ops command that a page shows."""
    text = "\n".join(text for language, text in blocks(page) if language in {"", "sh"})
    lines = [
        part
        for line in text.replace("\\\n", " ").splitlines()
        for part in re.split(r" && | > |; ", line)
    ]
    return [shlex.split(line) for line in lines if re.search(r"kulti-ops backup", line)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page_shows_exactly_what_its_command_renders(page: Path, tmp_path: Path) -> None:
    found = blocks(page)
    (number,) = [n for n, (language, _) in enumerate(found) if language == "sh"]
    (_, *arguments) = shlex.split(found[number][1].replace("\\\n", " ").split(" > ")[0])
    shown = next(text for language, text in found[number + 1 :] if language)
    done = kulti_ops(*arguments, folder=tmp_path, env={"TZ": "UTC", "KULTI_OPS_STATE_DIR": ""})
    assert (done.returncode, done.stderr) == (0, "")
    assert shown == done.stdout, "the page is out of date"
    assert "***" not in shown


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page_names_commands_and_options_that_exist(page: Path) -> None:
    known = dict(all_commands())
    shown = commands(page)
    assert shown
    for words in shown:
        start = words.index("backup") - 1
        assert words[start].rpartition("/")[2] == "kulti-ops"
        called = " ".join(words[start + 1 : start + 4])
        options = {name for parameter in known[called].params for name in parameter.opts}
        assert {word for word in words[start:] if word.startswith("--")} <= options, words
