"""CSV cells: no formula, NULL and empty apart, every value restored exactly."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kulti_ops.backup.export_cells import csv_cell, csv_line, defused


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""),
        ("", '""'),
        ("plain", "plain"),
        (" spaced", '" spaced"'),
        ('say "hi"', '"say ""hi"""'),
        ("a,b", '"a,b"'),
        ("two\nlines", '"two\nlines"'),
        ("-50", "-50"),
        ("+4.5", "+4.5"),
        ("=1+1", '"\'=1+1"'),
        ('=HYPERLINK("http://x")', '"\'=HYPERLINK(""http://x"")"'),
        ("+cmd|' /C calc'!A0", "\"'+cmd|' /C calc'!A0\""),
        ("-2+3", '"\'-2+3"'),
        ("@SUM(A1)", '"\'@SUM(A1)"'),
        ("\t=1", '"\'\t=1"'),
        ("\r=1", '"\'\r=1"'),
        ("\uff1d1", '"\'\uff1d1"'),
        ("'quoted", "\"''quoted\""),
        ("-", '"\'-"'),
        ("a=1", "a=1"),
    ],
)
def test_cell_is_exact_and_harmless(value: str | None, cell: str) -> None:
    assert csv_cell(value) == cell


@given(st.lists(st.none() | st.text(alphabet=st.characters(exclude_categories=["Cs"])), min_size=2))
@settings(max_examples=300, deadline=None)
def test_line_is_read_back_by_csv_and_holds_no_formula(cells: list[str | None]) -> None:
    text = csv_line(cells)
    (read,) = csv.reader(io.StringIO(text, newline=""))
    restored = [cell.removeprefix("'") for cell in read]
    assert restored == [cell or "" for cell in cells]
    for cell in read:
        assert not cell.startswith(tuple("=@\t\r\n\uff1d\uff20"))
        if cell.startswith(("+", "-")):
            float(cell)


@given(st.text())
@settings(max_examples=100, deadline=None)
def test_defused_text_loses_nothing(value: str) -> None:
    assert defused(value).removeprefix("'") == value or defused(value) == value
    assert (defused(value) == value) is not defused(value).startswith("'")
