from __future__ import annotations

import pytest

from kulti_ops.db import own_target
from kulti_ops.errors import RefusedError
from kulti_ops.restore.databases import DatabaseState
from kulti_ops.restore.swap import Sessions, judge_replace, judge_sessions

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
