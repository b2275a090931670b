"""What became of the scheduled runs: one small file per schedule in the state folder.

A run is written down when it begins and again when it ends: one that was killed in between
is seen. Backups do not depend on these files; `status` and the metrics do.
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kulti_ops.clock import iso, parse_iso
from kulti_ops.errors import OperationFailedError
from kulti_ops.files import replace_file
from kulti_ops.report import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

FOLDER = "schedule"
SCHEMA_VERSION = 1
RUNS_KEPT = 100


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run; `ended_at` is None while it goes on, and for ever when it was killed.

    `snapshot_at` is the time of the backup's snapshot where one was made; `proven` says that
    it was verified or drilled by this run. `problem` is one line without secrets.
    """

    run_id: str
    pid: int
    started_at: datetime
    ended_at: datetime | None = None
    status: Verdict | None = None
    exit_code: int | None = None
    backup_id: str | None = None
    snapshot_at: datetime | None = None
    proven: bool = False
    size_bytes: int | None = None
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class History:
    """The last runs of a schedule, the oldest first, and what must outlive them.

    `last_proven_at` is the snapshot's time of the newest backup that a run proved.
    """

    runs: tuple[Run, ...] = ()
    last_success_at: datetime | None = None
    last_proven_at: datetime | None = None
    last_size_bytes: int | None = None

    def with_run(self, run: Run) -> History:
        """Return the history with `run` in it, in the place of its beginning."""
        runs = (*(r for r in self.runs if r.run_id != run.run_id), run)[-RUNS_KEPT:]
        changed = replace(self, runs=runs)
        if run.exit_code == 0:
            changed = replace(changed, last_success_at=run.ended_at)
        if run.size_bytes is not None:
            changed = replace(changed, last_size_bytes=run.size_bytes)
        if run.proven and run.snapshot_at is not None:
            newest = max(run.snapshot_at, self.last_proven_at or run.snapshot_at)
            changed = replace(changed, last_proven_at=newest)
        return changed


def read_history(state: Path, name: str) -> History:
    """Return a schedule's history; an empty one when nothing was written yet.

    Raises: OperationFailedError when it cannot be read or understood.
    """
    path = state / FOLDER / f"{name}.json"
    try:
        return _parse(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return History()
    except OSError as error:
        raise OperationFailedError(
            f"cannot read {path}: {error.strerror or error}",
            hint="look as the user whose cron or systemd makes the backups",
        ) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise OperationFailedError(
            f"{path} is damaged ({type(error).__name__})",
            hint="remove it: the next run begins a new one",
        ) from error


def record_run(state: Path, name: str, run: Run) -> History:
    """Write a run down and return the history with it; a damaged history begins anew.

    Raises: OperationFailedError when it cannot be written.
    """
    folder = state / FOLDER
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone(folder / f".{name}.lock"):
            try:
                earlier = read_history(state, name)
            except OperationFailedError:
                earlier = History()
            history = earlier.with_run(run)
            replace_file(folder / f"{name}.json", json.dumps(_document(history), indent=1) + "\n")
    except OSError as error:
        raise OperationFailedError(
            f"cannot write {folder}/{name}.json: {error.strerror or error}",
            hint="set KULTI_OPS_STATE_DIR to a folder that can be written",
        ) from error
    return history


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Wait for the few milliseconds in which another process writes."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _document(history: History) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "last_success_at": _text(history.last_success_at),
        "last_proven_at": _text(history.last_proven_at),
        "last_size_bytes": history.last_size_bytes,
        "runs": [
            vars(run)
            | {
                "started_at": iso(run.started_at),
                "ended_at": _text(run.ended_at),
                "snapshot_at": _text(run.snapshot_at),
            }
            for run in history.runs
        ],
    }


def _parse(document: Any) -> History:  # noqa: ANN401 - of JSON
    if document["schema_version"] != SCHEMA_VERSION:
        raise ValueError("another schema")
    return History(
        runs=tuple(_run(run) for run in document["runs"]),
        last_success_at=_time(document["last_success_at"]),
        last_proven_at=_time(document["last_proven_at"]),
        last_size_bytes=document["last_size_bytes"],
    )


def _run(document: dict[str, Any]) -> Run:
    status = document["status"]
    return Run(
        run_id=str(document["run_id"]),
        pid=int(document["pid"]),
        started_at=parse_iso(document["started_at"]),
        ended_at=_time(document["ended_at"]),
        status=None if status is None else Verdict(status),
        exit_code=document["exit_code"],
        backup_id=document["backup_id"],
        snapshot_at=_time(document["snapshot_at"]),
        proven=bool(document["proven"]),
        size_bytes=document["size_bytes"],
        problem=str(document["problem"]),
    )


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)


def _time(text: str | None) -> datetime | None:
    return None if text is None else parse_iso(text)
