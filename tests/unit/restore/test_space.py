"""Free space of a server: known only where the disk is certainly the server's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from kulti_ops.db import own_target
from kulti_ops.errors import DatabaseError, RefusedError
from kulti_ops.report import Verdict
from kulti_ops.restore.space import judge_server_space, server_free_bytes
from tests.unit.backup.test_manifest import make

if TYPE_CHECKING:
    from pathlib import Path

IDENTIFIER = 7_300_000_000_000_000_001
HERE = own_target("postgresql://a@127.0.0.1/live", "test")
ELSEWHERE = own_target("postgresql://a@db.kulti.example/live", "test")
NEEDED = make().totals.database_bytes * 1.5


class Server:
    """A connection that answers one question."""

    def __init__(self, *row: Any, error: DatabaseError | None = None) -> None:
        self._row = row
        self._error = error

    def execute(self, _query: str, _params: object) -> Any:
        if self._error:
            raise self._error
        return self

    def fetchone(self) -> Any:
        return self._row or None


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "global").mkdir()
    (tmp_path / "global" / "pg_control").write_bytes(IDENTIFIER.to_bytes(8, "little") + b"more")
    return tmp_path


def free(server: Any, target: Any = HERE) -> int | None:
    return server_free_bytes(server, target, "live")


def test_server_space_is_seen_where_the_data_folder_is_the_servers(data: Path) -> None:
    assert (free(Server(str(data), "", IDENTIFIER)) or 0) > 0
    assert (free(Server(str(data), str(data / "global"), IDENTIFIER)) or 0) > 0


def test_server_space_is_unknown_in_every_other_case(data: Path) -> None:
    assert free(Server(str(data), "", IDENTIFIER), ELSEWHERE) is None
    assert free(Server(str(data), "", IDENTIFIER + 1)) is None  # another server's folder
    assert free(Server(str(data), "", -1)) is None
    assert free(Server("/nowhere", "", IDENTIFIER)) is None
    assert free(Server(error=DatabaseError("no right"))) is None
    assert free(Server()) is None


@pytest.mark.parametrize(
    ("free_bytes", "status"), [(None, Verdict.SKIPPED), (int(NEEDED), Verdict.OK)]
)
def test_server_space_is_judged_or_said_not_to_be(free_bytes: int | None, status: Verdict) -> None:
    assert judge_server_space(make(), free_bytes, database="live").status is status


def test_server_space_too_small_is_refused_with_both_figures() -> None:
    with pytest.raises(RefusedError, match=r"has \d+ B free, the copy beside live needs about"):
        judge_server_space(make(), int(NEEDED) - 1, database="live")
