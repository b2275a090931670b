from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from kulti_ops.report import Verdict
from kulti_ops.runbook.diagnostic import Diagnostic, Kind, Rule
from kulti_ops.runbook.judge import Answer, judge
from kulti_ops.runbook.library import Accepted

COUNT = Rule(kind=Kind.COUNT, warn=1, crit=3)
USED = Rule(kind=Kind.COLUMN, measure="used", warn=80, crit=90)


def diagnostic(rule: Rule, **changes: Any) -> Diagnostic:
    facts: dict[str, Any] = {
        "id": "some-check",
        "title": "all is well",
        "group": "database",
        "when": "Always.",
        "explanation": "Because.",
        "next": "psql \"$DATABASE_URL\" -c 'DROP INDEX {name}'",
        "finding": "{name} is used to {used} %",
        "sql": "SELECT 1",
        "noun": "tables",
        "rule": rule,
    }
    return Diagnostic(**{**facts, **changes})


def answer(*rows: dict[str, Any], evidence: dict[str, Any] | None = None, **counts: int) -> Answer:
    return Answer(rows=rows, total=counts.pop("total", len(rows)), evidence=evidence, **counts)


@pytest.mark.parametrize(
    ("found", "status"), [(0, "ok"), (1, "warn"), (2, "warn"), (3, "crit"), (500, "crit")]
)
def test_judge_counts_findings_also_beyond_the_rows_fetched(found: int, status: str) -> None:
    rows = [{"name": "a", "used": 1}] * min(found, 2)
    result = judge(diagnostic(COUNT), answer(*rows, total=found), limit=1)
    assert (result.status, result.evidence["findings"]) == (status, found)
    assert len(result.rows) == min(found, 1)


def test_judge_measure_makes_findings_of_some_rows() -> None:
    rows = ({"name": "a", "used": 50}, {"name": "b", "used": Decimal("85.20")})
    result = judge(diagnostic(USED), answer(*rows, over_warn=1), limit=10)
    assert result.status is Verdict.WARN
    assert result.summary == "b is used to 85.2 %"
    assert [row["level"] for row in result.rows] == ["warn", "ok"]


def test_judge_measure_below_a_threshold_is_a_finding() -> None:
    rule = Rule(kind=Kind.COLUMN, measure="used", below=True, warn=99, crit=95)
    result = judge(
        diagnostic(rule), answer({"name": "a", "used": 94}, over_warn=1, over_crit=1), limit=10
    )
    assert result.status is Verdict.CRIT


def test_judge_missing_measure_is_no_finding() -> None:
    result = judge(diagnostic(USED), answer({"name": "a", "used": None}), limit=10)
    assert (result.status, result.rows[0]["level"]) == (Verdict.OK, None)


def test_judge_rows_of_which_none_was_examined_are_not_called_well() -> None:
    result = judge(
        diagnostic(USED), answer({"name": "a", "used": None}, evidence={"examined": 0}), limit=10
    )
    assert (result.status, result.next) == (Verdict.SKIPPED, None)


def test_judge_a_finding_stands_where_nothing_else_was_examined() -> None:
    row = {"name": "a", "used": 99}
    result = judge(diagnostic(USED), answer(row, evidence={"examined": 0}, over_warn=1), limit=10)
    assert result.status is Verdict.WARN


def test_judge_nothing_examined_is_skipped_not_ok() -> None:
    result = judge(diagnostic(COUNT), answer(evidence={"examined": 0}), limit=10)
    assert (result.status, result.summary) == (
        Verdict.SKIPPED,
        "nothing to look at: there are no tables",
    )


def test_judge_measurements_without_rows_are_skipped() -> None:
    assert judge(diagnostic(Rule(kind=Kind.INFO)), answer(), limit=10).status is Verdict.SKIPPED


@pytest.mark.parametrize(("found", "status"), [(0, "unknown"), (1, "unknown"), (3, "crit")])
def test_judge_what_could_not_be_examined_is_unknown(found: int, status: str) -> None:
    rows = [{"name": "a", "used": 1}] * found
    result = judge(
        diagnostic(COUNT), answer(*rows, evidence={"examined": 9, "unexamined": 2}), limit=10
    )
    assert result.status == status
    assert "2 tables could not be examined" in result.summary
    assert "all is well" not in result.summary


def test_judge_nothing_examined_says_nothing_about_the_rest() -> None:
    evidence = {"examined": 0, "unexamined": 2}
    result = judge(diagnostic(COUNT), answer(evidence=evidence), limit=10)
    assert (result.status, result.summary) == ("unknown", "2 tables could not be examined")


def test_judge_accepted_findings_are_shown_and_not_counted() -> None:
    known = Accepted(
        diagnostic="some-check",
        key="name",
        values=frozenset({"a"}),
        reason="as built",
        date=date(2026, 11, 22),
    )
    rows = ({"name": "a", "used": 1}, {"name": "b", "used": 2})
    result = judge(diagnostic(COUNT), answer(*rows), accepted=(known,), limit=10)
    assert (result.status, result.evidence["findings"]) == (Verdict.WARN, 1)
    assert result.rows[1] == {
        "level": "accepted",
        "name": "a",
        "used": 1,
        "accepted": "as built (2026-11-22)",
    }
    alone = judge(diagnostic(COUNT), answer(rows[0]), accepted=(known,), limit=10)
    assert (alone.status, alone.evidence["accepted"]) == (Verdict.OK, 1)


def test_judge_accepted_crit_measure_does_not_make_it_crit() -> None:
    known = Accepted(
        diagnostic="some-check",
        key="name",
        values=frozenset({"a"}),
        reason="as built",
        date=date(2026, 11, 22),
    )
    rows = ({"name": "a", "used": 95}, {"name": "b", "used": 85})
    result = judge(
        diagnostic(USED), answer(*rows, over_warn=2, over_crit=1), accepted=(known,), limit=9
    )
    assert (result.status, result.evidence["findings"]) == (Verdict.WARN, 1)


@pytest.mark.parametrize("name", ["x'; rm -rf /; '", "$(reboot)", "`id`", "a\\b"])
def test_judge_name_that_a_shell_would_run_stays_out_of_the_command(name: str) -> None:
    result = judge(diagnostic(COUNT), answer({"name": name, "used": 1}), limit=10)
    assert result.next == "kulti-ops runbook check some-check --format json"


def test_judge_next_command_has_the_worst_rows_name() -> None:
    result = judge(diagnostic(COUNT), answer({"name": 'public."A b"', "used": 1}), limit=10)
    assert result.next == 'psql "$DATABASE_URL" -c \'DROP INDEX public."A b"\''


def test_judge_violation_of_several_invariants_is_taken_apart() -> None:
    row = {"rule": "r", "must_hold": "m", "violation": {"name": "a", "used": 3}}
    result = judge(diagnostic(COUNT), answer(row), limit=10)
    assert result.rows[0] == {
        "level": "warn",
        "rule": "r",
        "must_hold": "m",
        "name": "a",
        "used": 3,
    }
