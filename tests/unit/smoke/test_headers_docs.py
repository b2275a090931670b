"""docs/reference/headers.md, held to the tables that it describes."""

from __future__ import annotations

import re
from pathlib import Path

from kulti_ops.smoke.grade import DIVERGENCES, GRADES, letter_of
from kulti_ops.smoke.results import MODIFIERS

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "headers.md"


def test_headers_page_lists_every_modifier() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| ([+-]\d+) \|$", PAGE.read_text(), flags=re.MULTILINE)
    assert dict(rows) == {str(result): f"{points:+d}" for result, points in MODIFIERS.items()}


def test_headers_page_lists_every_divergence() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| ([^|]+) \| ([^|]+) \|$", PAGE.read_text(), re.MULTILINE)
    assert rows == [(d.id, d.rule, d.reason) for d in DIVERGENCES]


def test_headers_page_lists_every_grade() -> None:
    rows = re.findall(r"^\| ([A-F][+-]?) \| (\d+) \|$", PAGE.read_text(), flags=re.MULTILINE)
    assert tuple(letter for letter, _ in rows) == GRADES
    assert all(letter_of(int(points)) == letter for letter, points in rows)
