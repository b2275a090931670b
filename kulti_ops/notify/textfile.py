"""Metrics for node_exporter's textfile collector: one file per schedule, always whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kulti_ops.errors import OperationFailedError
from kulti_ops.files import replace_file

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from kulti_ops.notify import Beginning, Ending

_MODE = 0o644  # node_exporter runs as another user


class Textfile:
    """A folder that node_exporter reads."""

    name = "textfile"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def where(self) -> str:
        """The folder."""
        return str(self._folder)

    async def begin(self, beginning: Beginning) -> None:
        """Write nothing: the last run's figures stand until this one has ended."""

    async def end(self, ending: Ending) -> None:
        """Replace the schedule's file.

        Raises: OperationFailedError.
        """
        path = self._folder / f"kulti_ops_backup_{ending.beginning.schedule}.prom"
        try:
            replace_file(path, metrics(ending), mode=_MODE)
        except OSError as error:
            raise OperationFailedError(f"cannot write {path}: {error.strerror or error}") from error


def metrics(ending: Ending) -> str:
    """Return the metrics; a time is 0 when there never was one, so that its age alarms."""
    figures: tuple[tuple[str, str, float | None], ...] = (
        ("last_run_timestamp_seconds", "When the last run ended", _seconds(ending.ended_at)),
        (
            "last_success_timestamp_seconds",
            "When a run last ended well; 0: never",
            _seconds(ending.last_success_at),
        ),
        (
            "last_proven_timestamp_seconds",
            "Time of the newest snapshot that a run proved; 0: none",
            _seconds(ending.last_proven_at),
        ),
        ("last_run_duration_seconds", "How long the last run took", ending.duration_s),
        ("last_run_exit_status", "Exit code of the last run", ending.exit_code),
        ("last_size_bytes", "Size of the newest backup", ending.size_bytes),
    )
    lines: list[str] = []
    for name, words, value in figures:
        if value is not None:
            metric = f"kulti_ops_backup_{name}"
            lines += [f"# HELP {metric} {words}.", f"# TYPE {metric} gauge"]
            lines.append(f'{metric}{{schedule="{ending.beginning.schedule}"}} {value:.3f}')
    return "\n".join(lines) + "\n"


def _seconds(moment: datetime | None) -> float:
    return moment.timestamp() if moment else 0.0
