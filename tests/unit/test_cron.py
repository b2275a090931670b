"""When schedules are due, also on the days when clocks change."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kulti_ops.cron import last_due, next_due, zone_of
from kulti_ops.errors import UsageError

BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_next_due_is_after_and_last_due_includes_the_moment() -> None:
    now = at("2026-11-23T03:30:00")
    assert next_due("30 3 * * *", now, zone="UTC") == now + timedelta(days=1)
    assert last_due("30 3 * * *", now, zone="UTC", count=2) == (now - timedelta(days=1), now)


@pytest.mark.parametrize(
    ("after", "due"),
    [
        # 2026-03-29: the clock jumps from 02:00 to 03:00, 02:30 does not exist
        ("2026-03-28T12:00:00", "2026-03-29T01:00:00"),
        ("2026-03-29T12:00:00", "2026-03-30T00:30:00"),
        # 2026-10-25: 02:30 comes twice, and the first one counts
        ("2026-10-24T12:00:00", "2026-10-25T00:30:00"),
        ("2026-10-25T00:30:00", "2026-10-26T01:30:00"),
    ],
)
def test_next_due_when_clocks_change_is_once_a_day(after: str, due: str) -> None:
    assert next_due("30 2 * * *", at(after), zone=BERLIN) == at(due)


@given(
    st.datetimes(min_value=datetime(2026, 1, 1), max_value=datetime(2027, 12, 31)),  # noqa: DTZ001
    st.sampled_from(["30 2 * * *", "0 3 * * 0", "15 * * * *", "30 5 1 1,4,7,10 *", "59 1 28 * *"]),
    st.sampled_from(["UTC", BERLIN, "America/New_York", "Australia/Lord_Howe"]),
)
def test_last_due_leads_to_the_same_moments_as_next_due(
    moment: datetime, expression: str, zone: str
) -> None:
    now = moment.replace(tzinfo=UTC)
    found = last_due(expression, now, zone=zone, count=3)
    assert found == tuple(sorted(found))
    assert found[-1] <= now < next_due(expression, found[-1], zone=zone)
    for first, second in itertools.pairwise(found):
        assert next_due(expression, first, zone=zone) == second


def test_zone_of_unknown_zone_is_refused() -> None:
    for name in ("Mars/Olympus", "../../etc/passwd", ""):
        with pytest.raises(UsageError, match="no time zone"):
            zone_of(name)
