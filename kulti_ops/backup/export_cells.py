"""Rows as CSV, harmless in a spreadsheet and still exact. Pure.

NULL is an empty cell, an empty text is `""`, as PostgreSQL's own CSV has it. A text that
a spreadsheet would take for a formula gets a leading `'`; so does one that begins with `'`,
so that taking one `'` away restores every value.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Shape(StrEnum):
    """How rows are written."""

    CSV = "csv"
    JSONL = "jsonl"


# The characters that OWASP names for CSV injection, with their full-width forms.
_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")  # a plain number computes nothing
_NEEDS_QUOTES = re.compile(r'[",\r\n]')


def csv_line(cells: Iterable[str | None]) -> str:
    """Return one record with its line end."""
    return ",".join(map(csv_cell, cells)) + "\n"


def csv_cell(value: str | None) -> str:
    """Return one cell."""
    if value is None:
        return ""
    shown = defused(value)
    plain = shown and shown == shown.strip() and shown is value and not _NEEDS_QUOTES.search(shown)
    return shown if plain else '"' + shown.replace('"', '""') + '"'


def defused(value: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    if value.startswith("'") or (value.startswith(_FORMULA) and not _NUMBER.fullmatch(value)):
        return f"'{value}"
    return value
