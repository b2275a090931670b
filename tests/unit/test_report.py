from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kulti_ops.errors import ExitCode
from kulti_ops.report import CheckResult, ErrorInfo, Outcome, Report, Verdict, exit_code, worst

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
OK, WARN, CRIT, UNKNOWN, SKIPPED = (
    Verdict.OK,
    Verdict.WARN,
    Verdict.CRIT,
    Verdict.UNKNOWN,
    Verdict.SKIPPED,
)


def report(*verdicts: Verdict, checks: bool = True, error: ErrorInfo | None = None) -> Report:
    results = tuple(CheckResult(id=f"c{n}", status=v, summary="") for n, v in enumerate(verdicts))
    outcome = Outcome(results=results if checks else None)
    return Report(
        command="x", started_at=NOW, duration_s=0, outcome=outcome, checks=checks, error=error
    )


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ((), UNKNOWN),
        ((SKIPPED,), UNKNOWN),
        ((SKIPPED, SKIPPED), UNKNOWN),
        ((OK, SKIPPED), OK),
        ((OK, WARN), WARN),
        ((WARN, UNKNOWN, OK), UNKNOWN),
        ((UNKNOWN, CRIT), CRIT),
        ((CRIT, SKIPPED, WARN), CRIT),
    ],
)
def test_worst_ranks_crit_unknown_warn_ok(verdicts: tuple[Verdict, ...], expected: Verdict) -> None:
    assert worst(verdicts) is expected
    assert worst(reversed(verdicts)) is expected


@given(st.lists(st.sampled_from(Verdict)))
def test_worst_is_ok_only_when_something_was_and_nothing_was_worse(verdicts: list[Verdict]) -> None:
    expected = OK in verdicts and set(verdicts) <= {OK, SKIPPED}
    assert (worst(verdicts) is OK) is expected


@given(st.lists(st.sampled_from(Verdict)), st.sampled_from([WARN, UNKNOWN, CRIT]))
def test_worst_never_improves_by_a_bad_verdict_more(verdicts: list[Verdict], more: Verdict) -> None:
    order = [OK, WARN, UNKNOWN, CRIT]
    assert order.index(worst([*verdicts, more])) >= order.index(more)


@pytest.mark.parametrize(
    ("status", "code", "strict"),
    [
        (None, 0, 0),
        (OK, 0, 0),
        (WARN, 0, 10),
        (UNKNOWN, 3, 3),
        (CRIT, 10, 10),
    ],
)
def test_exit_code_follows_the_status(status: Verdict | None, code: int, strict: int) -> None:
    assert exit_code(status) == code
    assert exit_code(status, fail_on_warn=True) == strict


def test_exit_codes_are_the_contract() -> None:
    assert {code.name: int(code) for code in ExitCode} == {
        "OK": 0,
        "BUG": 1,
        "USAGE": 2,
        "UNKNOWN": 3,
        "CONFIG": 4,
        "FAILED": 5,
        "REFUSED": 6,
        "CRIT": 10,
        "INTERRUPTED": 130,
        "TERMINATED": 143,
    }


def test_report_of_a_command_without_checks_has_no_status() -> None:
    assert report(checks=False).status is None


def test_report_of_no_check_at_all_is_unknown() -> None:
    assert report().status is UNKNOWN


@pytest.mark.parametrize(("checks", "expected"), [(True, UNKNOWN), (False, None)])
def test_report_with_an_error_is_unknown_where_it_was_to_check(
    *, checks: bool, expected: Verdict | None
) -> None:
    error = ErrorInfo(kind="bug", message="m", hint="")
    assert report(checks=checks, error=error).status is expected
