from __future__ import annotations

import re
from pathlib import Path

import pytest

from kulti_ops.sandbox.web.faults import FILE, WEB_FAULTS, read_faults, write_faults

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "sandbox-site.md"


def test_faults_page_lists_every_fault() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| (.+) \|$", PAGE.read_text(), flags=re.MULTILINE)
    assert dict(rows) == WEB_FAULTS


def test_faults_written_are_read(tmp_path: Path) -> None:
    assert read_faults(tmp_path) == frozenset()
    write_faults(tmp_path, ["slow", "db-down"])
    assert read_faults(tmp_path) == {"slow", "db-down"}


@pytest.mark.parametrize("text", ["", "{", "{}", "3", '["unheard-of"]', "[1]"])
def test_faults_file_that_is_damaged_breaks_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    assert read_faults(tmp_path) == frozenset()
