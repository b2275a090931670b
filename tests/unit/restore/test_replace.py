from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kulti_ops.db import own_target
from kulti_ops.errors import RefusedError
from kulti_ops.restore.replace import (
    DatabaseState,
    Sessions,
    judge_replace,
    judge_sessions,
    sibling_name,
    way_back,
    way_on,
)

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
LIVE = DatabaseState(
    name="kulti",
    oid=5,
    owner="o",
    encoding="UTF8",
    collate="C",
    ctype="C",
    provider="c",
    locale=None,
    rules=None,
    tablespace="pg_default",
    connection_limit=-1,
    comment=None,
    default_rights=True,
    grants=(),
    settings=(),
)


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


@pytest.mark.parametrize("confirmed", [None, "", "other", "KULTI"])
def test_replace_wants_the_exact_name(confirmed: str | None) -> None:
    target = own_target("postgresql://u@127.0.0.1:1/kulti", "test")
    with pytest.raises(RefusedError, match="wants its name said"):
        judge_replace(target, None, confirmed=confirmed)
    judge_replace(target, None, confirmed="kulti")


def test_sessions_are_named_by_application_unless_they_are_to_be_ended() -> None:
    sessions = (Sessions(application="next-app", role="api", count=12),)
    with pytest.raises(
        RefusedError, match="12 sessions are connected to kulti: 12 of next-app as api"
    ):
        judge_sessions(LIVE, sessions, end=False)
    judge_sessions(LIVE, sessions, end=True)
    judge_sessions(LIVE, (), end=False)
