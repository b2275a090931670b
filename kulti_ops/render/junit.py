"""JUnit XML, for CI systems that show test results: one test case per check.

Crit is a failure, unknown an error, skipped is skipped; a warn passes and says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from kulti_ops.clock import iso
from kulti_ops.report import CheckResult, Verdict

if TYPE_CHECKING:
    from kulti_ops.report import Report

_ELEMENTS = {Verdict.CRIT: "failure", Verdict.UNKNOWN: "error", Verdict.SKIPPED: "skipped"}


def render(report: Report, *, colour: bool, width: int) -> str:  # noqa: ARG001 - one interface
    """Return one test suite; a command that failed is a suite with one error."""
    results = report.outcome.results or ()
    if (error := report.bare_error) is not None:
        failed = f"{error.message} → {error.hint}".removesuffix(" → ")
        results = (CheckResult(id=error.kind, status=Verdict.UNKNOWN, summary=failed),)
    elif not results:
        nothing = "nothing was checked"
        results = (CheckResult(id="checks", status=Verdict.UNKNOWN, summary=nothing),)
    count = {verdict: sum(r.status is verdict for r in results) for verdict in Verdict}
    totals = (
        f'tests="{len(results)}" failures="{count[Verdict.CRIT]}" '
        f'errors="{count[Verdict.UNKNOWN]}" skipped="{count[Verdict.SKIPPED]}" '
        f'time="{report.duration_s:.3f}"'
    )
    name = _attribute(f"kulti-ops {report.command}")
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f"<testsuites {totals}>",
        f'  <testsuite name={name} {totals} timestamp="{iso(report.started_at)}">',
        *(_case(result, name) for result in results),
        "  </testsuite>",
        "</testsuites>",
    ]
    return "\n".join(lines) + "\n"


def _case(result: CheckResult, suite: str) -> str:
    head = (
        f"    <testcase classname={suite} name={_attribute(result.id)} "
        f'time="{result.duration_s:.3f}"'
    )
    element = _ELEMENTS.get(result.status)
    if element is None:
        text = _clean(f"{result.status}: {result.summary}")
        return f"{head}><system-out>{escape(text)}</system-out></testcase>"
    message = _attribute(result.summary)
    advice = escape(_clean(result.next or ""))
    return f"{head}><{element} message={message}>{advice}</{element}></testcase>"


def _attribute(text: str) -> str:
    return quoteattr(_clean(text).replace("\n", " "))


def _clean(text: str) -> str:
    """Return text without what XML 1.0 cannot hold."""
    return "".join(c if c in "\t\n" or (c >= " " and not _is_outside(c)) else "�" for c in text)


def _is_outside(char: str) -> bool:
    return "\ud800" <= char <= "\udfff" or char in "\ufffe\uffff"
