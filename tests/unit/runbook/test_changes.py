"""What is marked between two rounds."""

from __future__ import annotations

from typing import Any

import pytest

from kulti_ops.report import CheckResult, Verdict
from kulti_ops.runbook.changes import change_of, gone, mark_changes, mark_rows


def result(status: str, findings: int | None = None, name: str = "blocking") -> CheckResult:
    evidence = {} if findings is None else {"findings": findings}
    return CheckResult(id=name, status=Verdict(status), summary="text", evidence=evidence)


@pytest.mark.parametrize(
    ("before", "now", "change"),
    [
        (result("ok", 0), result("ok", 0), ""),
        (result("warn", 2), result("warn", 2), ""),
        (result("ok", 0), result("crit", 3), "new, was ok, findings 0 → 3"),
        (result("crit", 3), result("ok", 0), "gone, was crit, findings 3 → 0"),
        (result("warn", 1), result("crit", 1), "was warn"),
        (result("ok", 0), result("skipped"), "was ok"),
        (result("ok", 0), result("unknown"), "new, was ok"),
        (result("warn", 1), result("warn", 4), "findings 1 → 4"),
        (None, result("ok"), "new"),
    ],
)
def test_change_is_named(before: CheckResult | None, now: CheckResult, change: str) -> None:
    assert change_of(now, before) == change


def test_first_round_marks_nothing() -> None:
    assert mark_changes((result("crit", 1),), None) == (result("crit", 1),)


def test_marks_stand_before_the_summary() -> None:
    (marked,) = mark_changes((result("warn", 1),), (result("ok", 0),))
    assert marked.summary == "[new, was ok, findings 0 → 1] text"


def test_what_could_not_be_asked_is_gone() -> None:
    before = (result("ok"), result("crit", 1, "connection"))
    assert gone((result("ok"),), before) == ("connection (was crit)",)
    assert gone((result("ok"),), None) == ()


def asked(*rows: dict[str, Any], total: int | None = None) -> tuple[CheckResult, ...]:
    evidence = {"rows": len(rows) if total is None else total}
    return (
        CheckResult(id="x", status=Verdict("warn"), summary="text", rows=rows, evidence=evidence),
    )


def test_rows_that_are_new_and_gone_are_marked_whatever_their_figures() -> None:
    before = asked({"pid": 1, "wait_s": 3.0}, {"pid": 2, "wait_s": 1.0})
    (now,) = mark_rows(asked({"pid": 3, "wait_s": 0.1}, {"pid": 1, "wait_s": 8.0}), before)
    assert [(row["change"], row["pid"]) for row in now.rows] == [("+", 3), ("", 1), ("-", 2)]


def test_rows_without_a_pid_are_told_apart_by_their_texts() -> None:
    before = asked({"level": "warn", "table_name": "a", "dead_rows": 3})
    (now,) = mark_rows(asked({"level": "crit", "table_name": "a", "dead_rows": 9}), before)
    assert now.rows == ({"level": "crit", "table_name": "a", "dead_rows": 9},)


def test_rows_past_the_limit_are_not_called_gone() -> None:
    before = asked({"pid": 1}, {"pid": 2})
    assert mark_rows(asked({"pid": 1}, total=2), before) == asked({"pid": 1}, total=2)


def test_rows_of_a_first_round_are_not_marked() -> None:
    assert mark_rows(asked({"pid": 1}), None) == asked({"pid": 1})
