from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kulti_ops.duration import parse_duration, spoken
from kulti_ops.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("30s", 30),
        ("250ms", 0.25),
        ("10m", 600),
        ("10 min", 600),
        ("1.5h", 5400),
        ("26H", 93600),
        (" 7d ", 604800),
        ("2w", 1209600),
    ],
)
def test_parse_duration_reads_units(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "0", "0s", "-5s", "5x", "s", "1h30m", "1,5h", "1e3", "inf", "9" * 400]
)
def test_parse_duration_refuses_what_is_none(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_duration(text)
    assert caught.value.hint


@given(st.text())
def test_parse_duration_is_positive_or_refused(text: str) -> None:
    with contextlib.suppress(UsageError):
        assert 0 < parse_duration(text) < float("inf")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (45.9, "45 s"),
        (61, "1 min 1 s"),
        (3600, "1 h"),
        (3661, "1 h 1 min"),
        (26 * 3600, "26 h"),
        (2 * 86400, "2 d"),
        (2 * 86400 + 3 * 3600 + 59, "2 d 3 h"),
        (2 * 86400 + 59, "2 d"),
    ],
)
def test_spoken_duration_has_two_units_at_most(seconds: float, text: str) -> None:
    assert spoken(seconds) == text
