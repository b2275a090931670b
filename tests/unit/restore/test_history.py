"""Verdicts on what drills measured."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from kulti_ops.report import Verdict
from kulti_ops.restore.history import HOSTED, DrillRecord, judge_history

AT = datetime(2026, 11, 1, tzinfo=UTC)


def drills(*rto: float | None, status: Verdict = Verdict.OK) -> tuple[DrillRecord, ...]:
    return tuple(
        DrillRecord(
            backup_id=f"b{n}",
            at=AT + timedelta(days=n),
            status=status,
            size_bytes=10**9,
            phases_s={"load": 1.0},
            rto_s=value,
            rpo_s=3600,
        )
        for n, value in enumerate(rto)
    )


def verdicts(found: tuple[DrillRecord, ...]) -> dict[str, Verdict]:
    results = judge_history(found, rto_target_s=3600, rpo_target_s=86400)
    return {r.id: r.status for r in results}


def test_history_without_a_drill_is_unknown_not_ok() -> None:
    assert verdicts(()) == {"drills": Verdict.UNKNOWN}


def test_history_with_a_failed_newest_drill_is_crit() -> None:
    assert verdicts(drills(10.0, status=Verdict.CRIT))["drills"] is Verdict.CRIT


def test_history_over_the_objective_warns() -> None:
    assert verdicts(drills(4000.0))["rto"] is Verdict.WARN


def test_history_of_a_drill_that_restored_nothing_has_no_recovery_time() -> None:
    assert verdicts(drills(None))["rto"] is Verdict.UNKNOWN


def test_history_sees_a_trend_only_with_enough_drills() -> None:
    assert verdicts(drills(10, 10, 30))["trend"] is Verdict.SKIPPED
    assert verdicts(drills(10, 11, 10, 30))["trend"] is Verdict.WARN
    assert verdicts(drills(10, 11, 10, 12))["trend"] is Verdict.OK


def test_history_sees_a_trend_among_drills_of_one_kind_only() -> None:
    plain = drills(10, 11, 10)
    hosted = tuple(replace(d, at=d.at + timedelta(days=9), target=HOSTED) for d in drills(30))
    assert verdicts((*plain, *hosted))["trend"] is Verdict.SKIPPED
