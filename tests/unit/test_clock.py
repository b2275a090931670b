from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kulti_ops.clock import compact, iso, parse_iso, parse_moment

ZONES = st.integers(-840, 840).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(1900, 1, 2), datetime(9998, 12, 30), timezones=ZONES)  # noqa: DTZ001


def test_iso_is_utc_with_milliseconds() -> None:
    moment = datetime(2026, 11, 22, 5, 0, 0, 123999, timezone(timedelta(hours=2)))
    assert iso(moment) == "2026-11-22T03:00:00.123Z"
    assert compact(moment) == "20261122T030000Z"


@given(MOMENTS)
def test_iso_and_back_keeps_the_millisecond(moment: datetime) -> None:
    back = parse_iso(iso(moment))
    assert back.tzinfo is UTC
    assert timedelta() <= moment - back < timedelta(milliseconds=1)


@given(MOMENTS, MOMENTS)
def test_iso_sorts_like_time(one: datetime, other: datetime) -> None:
    if one <= other:
        assert iso(one) <= iso(other)


@pytest.mark.parametrize("text", ["2026-11-22T03:00:00", "yesterday", "", "2026-13-01T00:00:00Z"])
def test_parse_iso_of_anything_else_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any of them: callers tell no difference
        parse_iso(text)


@pytest.mark.parametrize(
    ("text", "first", "end"),
    [
        ("2026-11-22", "2026-11-22T00:00:00.000Z", "2026-11-23T00:00:00.000Z"),
        ("2026-11-22T03:00:00+02:00", "2026-11-22T01:00:00.000Z", "2026-11-22T01:00:00.000Z"),
    ],
)
def test_moment_of_a_day_is_its_start_or_its_end(text: str, first: str, end: str) -> None:
    assert iso(parse_moment(text)) == first
    assert iso(parse_moment(text, end_of_day=True)) == end


@pytest.mark.parametrize("text", ["", "soon", "2026-11-31", "2026-11-22T03:00:00"])
def test_moment_of_anything_else_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_moment(text)
