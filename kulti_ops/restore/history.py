"""What drills measured over time: recovery time per phase, recovery point, trend. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from kulti_ops.progress import size
from kulti_ops.report import CheckResult, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from kulti_ops.backup.catalog import Entry

TREND_FACTOR = 1.5  # a drill this much slower than the median of the earlier ones is worth a look
PLAIN, HOSTED = "plain server", "hosted project"  # what a drill restored into
TREND_MINIMUM = 3  # earlier drills; fewer say nothing about a trend


@dataclass(frozen=True, kw_only=True)
class DrillRecord:
    """One drill: when, of what, into what, how it ended, and its times in seconds."""

    backup_id: str
    at: datetime
    status: Verdict
    size_bytes: int
    phases_s: Mapping[str, float]
    rto_s: float | None
    rpo_s: float
    target: str = PLAIN


def drills_of(entries: Iterable[Entry]) -> tuple[DrillRecord, ...]:
    """Return all drills in a catalog, the oldest first."""
    found = [
        DrillRecord(
            backup_id=entry.backup_id,
            target=str(record.data.get("target", PLAIN)),
            at=record.at,
            status=record.status or Verdict.UNKNOWN,
            size_bytes=entry.manifest.totals.database_bytes,
            phases_s=record.data.get("phases", {}),
            rto_s=record.data.get("rto_s"),
            rpo_s=float(record.data.get("rpo_s", 0.0)),
        )
        for entry in entries
        if entry.manifest is not None
        for record in entry.records
        if record.kind == "drill"
    ]
    return tuple(sorted(found, key=lambda d: d.at))


def judge_history(
    drills: tuple[DrillRecord, ...], *, rto_target_s: float, rpo_target_s: float
) -> tuple[CheckResult, ...]:
    """Return verdicts on the newest drill: outcome, RTO, RPO, and the trend of the RTO."""
    if not drills:
        return (
            CheckResult(
                id="drills",
                status=Verdict.UNKNOWN,
                summary="no backup was ever drilled",
                next="kulti-ops restore drill",
            ),
        )
    newest = drills[-1]
    outcome = CheckResult(
        id="drills",
        status=newest.status,
        summary=f"{len(drills)} drills; the newest, of {newest.backup_id}, was {newest.status}",
        evidence={"drills": len(drills)},
        next=None if newest.status is Verdict.OK else "kulti-ops restore drill",
    )
    rto = _objective("rto", "recovery time", newest.rto_s, rto_target_s)
    rpo = _objective("rpo", "age of the backup when drilled", newest.rpo_s, rpo_target_s)
    return outcome, rto, rpo, _trend(drills)


def _objective(check_id: str, noun: str, measured_s: float | None, target_s: float) -> CheckResult:
    if measured_s is None:
        return CheckResult(
            id=check_id,
            status=Verdict.UNKNOWN,
            summary=f"{noun} was not measured",
        )
    within = measured_s <= target_s
    return CheckResult(
        id=check_id,
        status=Verdict.OK if within else Verdict.WARN,
        summary=f"{noun} {measured_s:.0f} s, objective {target_s:.0f} s",
        evidence={"measured_s": measured_s, "target_s": target_s},
        next=None if within else "see docs/explanation/what-a-proof-covers.md",
    )


def _trend(drills: tuple[DrillRecord, ...]) -> CheckResult:
    alike = [d for d in drills if d.target == drills[-1].target]
    times = [d.rto_s for d in alike if d.rto_s is not None]
    if len(times) <= TREND_MINIMUM:
        return CheckResult(
            id="trend",
            status=Verdict.SKIPPED,
            summary=f"{len(times)} measured drills are too few to see a trend",
        )
    earlier = median(times[:-1])
    slower = times[-1] > TREND_FACTOR * earlier
    return CheckResult(
        id="trend",
        status=Verdict.WARN if slower else Verdict.OK,
        summary=f"newest {times[-1]:.0f} s, median of the earlier {earlier:.0f} s "
        f"(database now {size(drills[-1].size_bytes)})",
        evidence={"newest_s": times[-1], "median_s": earlier},
        next="drill with more --jobs, or find out what grew" if slower else None,
    )
