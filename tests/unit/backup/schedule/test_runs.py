"""What is kept of scheduled runs."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from kulti_ops.backup.schedule.runs import RUNS_KEPT, History, Run, read_history, record_run
from kulti_ops.errors import OperationFailedError
from kulti_ops.report import Verdict

if TYPE_CHECKING:
    from pathlib import Path

T = datetime(2026, 11, 22, 3, 30, tzinfo=UTC)


def good(number: int, **changes: object) -> Run:
    begun = T + timedelta(days=number)
    run = Run(
        run_id=f"run-{number}",
        pid=1,
        started_at=begun,
        ended_at=begun + timedelta(minutes=5),
        status=Verdict.OK,
        exit_code=0,
        backup_id=f"backup-{number}",
        snapshot_at=begun,
        proven=True,
        size_bytes=1000 + number,
    )
    return replace(run, **changes)  # type: ignore[arg-type]


def test_record_run_is_read_back_and_private(tmp_path: Path) -> None:
    record_run(tmp_path, "daily", replace(good(0), ended_at=None, exit_code=None))
    written = record_run(tmp_path, "daily", good(0))
    assert read_history(tmp_path, "daily") == written
    assert written.runs == (good(0),)
    file = tmp_path / "schedule" / "daily.json"
    assert file.stat().st_mode & 0o077 == 0


def test_history_of_nothing_is_empty(tmp_path: Path) -> None:
    assert read_history(tmp_path, "daily") == History()


def test_history_outlives_the_runs_that_made_it() -> None:
    history = History().with_run(good(0))
    for number in range(1, RUNS_KEPT + 5):
        failed = good(number, exit_code=10, proven=False, size_bytes=None, snapshot_at=None)
        history = history.with_run(failed)
    assert len(history.runs) == RUNS_KEPT
    assert history.last_success_at == good(0).ended_at
    assert history.last_proven_at == good(0).snapshot_at
    assert history.last_size_bytes == 1000


def test_history_proven_time_does_not_go_back() -> None:
    history = History().with_run(good(1)).with_run(good(2, snapshot_at=T))
    assert history.last_proven_at == good(1).snapshot_at


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"schema_version": 2}', "null"])
def test_read_history_damaged_file_is_named_and_a_run_begins_anew(
    tmp_path: Path, text: str
) -> None:
    record_run(tmp_path, "daily", good(0))
    (tmp_path / "schedule" / "daily.json").write_text(text)
    with pytest.raises(OperationFailedError, match=r"daily\.json is damaged"):
        read_history(tmp_path, "daily")
    assert record_run(tmp_path, "daily", good(1)).runs == (good(1),)
    assert json.loads((tmp_path / "schedule" / "daily.json").read_text())["runs"]


def test_record_run_in_a_file_instead_of_a_folder_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "schedule").write_text("")
    with pytest.raises(OperationFailedError, match="cannot write"):
        record_run(tmp_path, "daily", good(0))
