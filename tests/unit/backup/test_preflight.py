"""Preflight's judgements."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kulti_ops.backup import preflight
from kulti_ops.errors import RefusedError

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def survey(**changes: Any) -> preflight.Survey:
    values: dict[str, Any] = {
        "server_version": "17.6",
        "server_version_num": 170006,
        "database_bytes": 10**9,
        "server_now": NOW,
        "in_recovery": False,
        "sees_all_rows": True,
        "session": {},
        "unreadable": (),
        "vendors": (),
        "hidden_rows": (),
        "unreadable_large_objects": 0,
    }
    return preflight.Survey(**{**values, **changes})


def test_rights_that_suffice_pass() -> None:
    preflight.judge_rights(survey(vendors=("vault.key",)), large_objects=True)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"unreadable": ("public.profiles",)}, "public.profiles"),
        ({"hidden_rows": ("public.messages",)}, "row-level security hides rows"),
        ({"unreadable_large_objects": 3}, "3 large objects"),
    ],
)
def test_rights_that_lack_something_of_ours_are_refused(changes: Any, said: str) -> None:
    with pytest.raises(RefusedError, match=said):
        preflight.judge_rights(survey(**changes), large_objects=True)


def test_large_objects_left_out_on_request_are_no_reason() -> None:
    preflight.judge_rights(survey(unreadable_large_objects=3), large_objects=False)


def test_many_names_are_shown_as_some_and_a_count() -> None:
    names = tuple(f"t{n}" for n in range(25))
    with pytest.raises(RefusedError, match="and 15 more"):
        preflight.judge_rights(survey(unreadable=names), large_objects=True)


@pytest.mark.parametrize(
    ("free", "last", "refused"),
    [
        (None, None, False),
        (10**8, None, True),
        (3 * 10**8, None, False),
        (10**8, 10**8, True),
        (13 * 10**7, 10**8, False),
    ],
)
def test_space_is_judged_by_the_last_backup_or_the_database(
    free: int | None,
    last: int | None,
    refused: bool,  # noqa: FBT001
) -> None:
    expected = preflight.expected_bytes(survey(), last_size_bytes=last)
    if refused:
        with pytest.raises(RefusedError, match="free"):
            preflight.judge_space(free_bytes=free, expected_bytes=expected)
    else:
        preflight.judge_space(free_bytes=free, expected_bytes=expected)


def test_clock_that_differs_warns() -> None:
    assert preflight.clock_warning(survey(), now=NOW + timedelta(seconds=299)) is None
    told = preflight.clock_warning(survey(), now=NOW - timedelta(hours=1))
    assert told is not None
    assert "-3600 s" in told
