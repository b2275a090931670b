"""What is marked between two rounds."""

from __future__ import annotations

import pytest

from kulti_ops.report import CheckResult, Verdict
from kulti_ops.runbook.changes import change_of, gone, mark_changes


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
