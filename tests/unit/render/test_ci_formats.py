"""JUnit and GitHub: what CI systems read, whatever a summary holds."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kulti_ops.render import render
from kulti_ops.render.summary import render_summary
from kulti_ops.report import CheckResult, ErrorInfo, Outcome, Report, Verdict

NASTY = "a\nb\r <&\"']]> \x00\ud800 ::error:: %0A ä"


def report(*results: CheckResult, error: ErrorInfo | None = None) -> Report:
    return Report(
        command="smoke run",
        started_at=datetime(2026, 11, 22, 3, tzinfo=UTC),
        duration_s=1.5,
        outcome=Outcome(results=results),
        checks=True,
        error=error,
    )


def every(summary: str) -> tuple[CheckResult, ...]:
    return tuple(
        CheckResult(id=f"check-{v}", status=v, summary=summary, next=summary) for v in Verdict
    )


def test_junit_counts_and_cases_agree_with_the_verdicts() -> None:
    root = ET.fromstring(render(report(*every("why")), "junit"))  # noqa: S314 - our own
    suite = root[0]
    counts = {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "5", "failures": "1", "errors": "1", "skipped": "1"}
    cases = {case.get("name"): case[0].tag for case in suite}
    assert cases == {
        "check-ok": "system-out",
        "check-warn": "system-out",
        "check-crit": "failure",
        "check-unknown": "error",
        "check-skipped": "skipped",
    }
    assert suite[2][0].get("message") == "why"


@pytest.mark.parametrize(
    "found",
    [report(), report(error=ErrorInfo(kind="operation", message="gone", hint="look"))],
    ids=["nothing", "error"],
)
def test_junit_without_a_check_is_an_error_and_never_green(found: Report) -> None:
    root = ET.fromstring(render(found, "junit"))  # noqa: S314 - our own
    assert (root.get("tests"), root.get("errors")) == ("1", "1")


@given(st.text())
@settings(max_examples=100, deadline=None)
def test_junit_of_any_text_is_well_formed(text: str) -> None:
    for summary in (text, NASTY):
        ET.fromstring(render(report(*every(summary)), "junit").encode())  # noqa: S314


def test_github_annotates_what_somebody_has_to_act_on() -> None:
    lines = render(report(*every("why")), "github").splitlines()
    assert [line.partition(" ")[0] for line in lines[:3]] == ["::warning", "::error", "::error"]
    assert lines[1] == "::error title=smoke run%3A check-crit::crit: why → why"
    assert lines[3] == "smoke run: crit (5 checks)"


@given(st.text())
@settings(max_examples=100, deadline=None)
def test_github_text_cannot_become_a_command(text: str) -> None:
    lines = render(report(*every(text + NASTY)), "github").split("\n")
    assert len(lines) == 5
    assert "\r" not in "".join(lines)


def test_github_error_is_an_annotation() -> None:
    failed = report(error=ErrorInfo(kind="operation", message="gone", hint=""))
    assert render(failed, "github") == "::error title=smoke run%3A operation::gone\n"


def test_summary_has_the_worst_first_and_folds_what_is_well() -> None:
    text = render_summary(report(*every("why")))
    assert text.startswith("### kulti-ops smoke run: crit\n\n1 crit, 1 unknown, 1 warn, ")
    loud, _, folded = text.partition("<details>")
    rows = [line.split("|")[1].strip() for line in loud.splitlines() if line.startswith("| ")]
    assert rows == ["status", "crit", "unknown", "warn"]
    assert "check-ok" in folded
    assert "check-skipped" in folded
    assert text.endswith("</details>\n\n")


def test_summary_without_a_check_or_with_an_error_is_never_green() -> None:
    assert render_summary(report()).startswith("### kulti-ops smoke run: unknown")
    error = ErrorInfo(kind="operation", message="gone", hint="look")
    text = render_summary(report(error=error))
    assert text.startswith("### kulti-ops smoke run: unknown")
    assert "gone → look" in text


@settings(deadline=None)
@given(st.text())
def test_summary_of_any_text_keeps_to_its_cell(summary: str) -> None:
    text = render_summary(report(CheckResult(id="x", status=Verdict.CRIT, summary=summary)))
    row = next(line for line in text.split("\n") if line.startswith("| crit"))
    bare = row.replace("\\\\", "").replace("\\|", "")
    assert bare.count("|") == 5
    assert "<" not in bare.replace("<br>", "").replace("<!-- -->", "")
