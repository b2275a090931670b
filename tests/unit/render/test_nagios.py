"""The plugin line: one line whatever a summary holds, and the status that monitoring knows."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kulti_ops.render import render
from kulti_ops.render.nagios import exit_status
from kulti_ops.report import CheckResult, ErrorInfo, Verdict
from tests.unit.render.test_ci_formats import every, report

ERROR = ErrorInfo(kind="operation", message="the storage is gone", hint="mount it")
FIGURE = re.compile(r"[A-Za-z0-9_.-]+=-?[0-9.]+(s|B|%)?")


def one(status: Verdict, **evidence: object) -> CheckResult:
    return CheckResult(id="age", status=status, summary="3 h old", evidence=evidence, next="look")


@pytest.mark.parametrize(
    ("status", "code", "line"),
    [
        (Verdict.OK, 0, "KULTI_OPS OK - smoke run: age ok: 3 h old|"),
        (Verdict.WARN, 1, "KULTI_OPS WARNING - smoke run: age warn: 3 h old (look)|"),
        (Verdict.CRIT, 2, "KULTI_OPS CRITICAL - smoke run: age crit: 3 h old (look)|"),
        (Verdict.UNKNOWN, 3, "KULTI_OPS UNKNOWN - smoke run: age unknown: 3 h old (look)|"),
        (Verdict.SKIPPED, 3, "KULTI_OPS UNKNOWN - smoke run: age skipped: 3 h old|"),
    ],
)
def test_nagios_line_and_status_say_the_same(status: Verdict, code: int, line: str) -> None:
    found = report(one(status))
    assert render(found, "nagios").startswith(line)
    assert exit_status(found) == code


def test_nagios_puts_the_worst_first_and_counts_all() -> None:
    line = render(report(*every("why")), "nagios")
    text, _, figures = line.strip().partition("|")
    assert text.startswith("KULTI_OPS CRITICAL - smoke run: check-crit crit: why (why); ")
    assert figures.startswith("crit=1 unknown=1 warn=1 ok=1 skipped=1 time=1.5s")


def test_nagios_figures_carry_units_and_numbers_only() -> None:
    evidence = {
        "age_s": 7200.5,
        "size_bytes": 10**12,
        "cpu_percent": 0.25,
        "count": -3,
        "names": "x",
        "right": True,
        "none": None,
        "endless": float("inf"),
        "odd name|=": 1,
    }
    figures = render(report(one(Verdict.OK, **evidence)), "nagios").partition("|")[2].split()
    assert figures[6:] == [
        "age.age_s=7200.5s",
        "age.size_bytes=1000000000000B",
        "age.cpu_percent=0.25%",
        "age.count=-3",
        "age.odd_name__=1",
    ]


@pytest.mark.parametrize("error", [ERROR, replace(ERROR, hint="")])
def test_nagios_error_is_one_unknown_line(error: ErrorInfo) -> None:
    found = report(error=error)
    hint = f" ({error.hint})" if error.hint else ""
    assert render(found, "nagios") == (
        f"KULTI_OPS UNKNOWN - smoke run: the storage is gone{hint}\n"
    )
    assert exit_status(found) == 3


def test_nagios_nothing_checked_is_unknown() -> None:
    assert render(report(), "nagios").startswith(
        "KULTI_OPS UNKNOWN - smoke run: nothing was checked|"
    )
    assert exit_status(report()) == 3


@given(st.text(), st.dictionaries(st.text(), st.floats() | st.integers(), max_size=200))
@settings(max_examples=100, deadline=None)
def test_nagios_of_any_text_is_one_line_with_one_bar(
    text: str, evidence: dict[str, float | int]
) -> None:
    found = CheckResult(id="x", status=Verdict.WARN, summary=f"a|b\n{text}", evidence=evidence)
    line = render(report(found, found), "nagios")
    assert line.endswith("\n")
    assert len(line.splitlines()) == 1
    assert len(line) < 4000
    head, bar, figures = line.strip().partition("|")
    assert head.startswith("KULTI_OPS WARNING - ")
    assert bar
    assert all(FIGURE.fullmatch(figure) for figure in figures.split(" "))
