from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kulti_ops.restore.siblings import sibling_name, way_back, way_on

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def test_sibling_name_is_the_name_with_word_and_stamp() -> None:
    assert sibling_name("kulti", "before", NOW) == "kulti_before_20261122T030000Z"


@pytest.mark.parametrize("name", ["x" * 63, "ü" * 31])
def test_sibling_name_of_a_long_name_fits_and_keeps_its_stamp(name: str) -> None:
    found = sibling_name(name, "restored", NOW)
    assert len(found.encode()) <= 63
    assert found.endswith("_restored_20261122T030000Z")
    assert name.startswith(found.partition("_restored")[0])


def test_ways_quote_every_name() -> None:
    assert way_back('a"b', "c d").endswith('ALTER DATABASE "c d" RENAME TO "a""b";')
    assert '"a""b" RENAME TO "k"' in way_on('a"b', beside="r", kept="k")
