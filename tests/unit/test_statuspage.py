from __future__ import annotations

from typing import Any

import pytest

from kulti_ops.errors import ConfigError
from kulti_ops.services.statuspage import STATUS_PAGES, parse_pages, parse_summary


@pytest.mark.parametrize(
    ("document", "indicator", "well"),
    [
        ({"status": {"indicator": "none", "description": "All good"}}, "none", True),
        ({"status": {"indicator": "maintenance"}}, "maintenance", True),
        ({"status": {"indicator": "critical"}, "incidents": [{"name": "x"}]}, "critical", False),
        ({"status": {"indicator": "splendid"}}, "unknown", False),
        ({"status": {}}, "unknown", False),
        ({"status": "none"}, "unknown", False),
        ({"status": {"indicator": ["none"]}}, "unknown", False),
        ({}, "unknown", False),
        ([], "unknown", False),
        (None, "unknown", False),
        ({"status": {"indicator": "none"}, "incidents": 3}, "none", True),
    ],
)
def test_summary_that_is_not_understood_is_unknown(
    document: Any, indicator: str, *, well: bool
) -> None:
    state = parse_summary("supabase", document)
    assert (state.indicator, state.is_well) == (indicator, well)


def test_pages_are_all_six_vendors_unless_named() -> None:
    assert parse_pages(" ") == STATUS_PAGES
    assert len(STATUS_PAGES) == 6
    assert parse_pages("a=https://a.example, b=http://b.example") == {
        "a": "https://a.example",
        "b": "http://b.example",
    }
    with pytest.raises(ConfigError):
        parse_pages("a.example")
