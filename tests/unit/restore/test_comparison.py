"""Comparisons that run beside others."""

from __future__ import annotations

import threading

import pytest

from kulti_ops.errors import DatabaseError
from kulti_ops.report import CheckResult, Verdict
from kulti_ops.restore.comparison import alongside


def test_alongside_lets_the_caller_go_on_and_returns_the_result_in_the_end() -> None:
    may_end = threading.Event()

    def check() -> CheckResult:
        assert may_end.wait(timeout=60)
        return CheckResult(id="anything", status=Verdict.WARN, summary="seen")

    result = alongside("invariants", check)
    may_end.set()  # never reached by a check that the caller had to wait for

    assert result() == CheckResult(id="invariants", status=Verdict.WARN, summary="seen")


def test_alongside_a_failing_check_is_unknown() -> None:
    def check() -> CheckResult:
        raise DatabaseError("the connection was lost")

    found = alongside("invariants", check)()

    assert (found.id, found.status) == ("invariants", Verdict.UNKNOWN)
    assert found.summary == "the connection was lost"


def test_alongside_a_bug_is_raised_where_the_result_is_asked_for() -> None:
    def check() -> CheckResult:
        raise ZeroDivisionError

    result = alongside("invariants", check)

    with pytest.raises(ZeroDivisionError):
        result()
