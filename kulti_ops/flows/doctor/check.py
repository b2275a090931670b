"""One question of the doctor: its answer, its time, and what happens when it fails.

An exception inside a question makes its answer `unknown`; the others are still asked.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kulti_ops.errors import KultiError
from kulti_ops.report import CheckResult, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A verdict in the making: a `CheckResult` without its id and duration."""

    status: Verdict
    summary: str
    next: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    rows: tuple[Mapping[str, Any], ...] = ()


class CannotAskError(Exception):
    """What the question rests on is not there; `answer` says what and why."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.summary)
        self.answer = answer


def ok(summary: str, **evidence: object) -> Answer:
    """Return the answer that all is well."""
    return Answer(status=Verdict.OK, summary=summary, evidence=evidence)


def skipped(summary: str, *, then: str | None = None) -> Answer:
    """Return the answer that the question does not apply here."""
    return Answer(status=Verdict.SKIPPED, summary=summary, next=then)


def from_error(status: Verdict, error: KultiError, **evidence: object) -> Answer:
    """Return an error as an answer: its message, its hint as the next step."""
    return Answer(status=status, summary=error.message, next=error.hint or None, evidence=evidence)


def ask(check_id: str, question: Callable[[], Answer]) -> CheckResult:
    """Ask one question and time it."""
    started = time.perf_counter()
    answer = _answer(question)
    return CheckResult(
        id=check_id,
        status=answer.status,
        summary=answer.summary,
        evidence=answer.evidence,
        rows=answer.rows,
        next=answer.next,
        duration_s=time.perf_counter() - started,
    )


def _answer(question: Callable[[], Answer]) -> Answer:
    try:
        return question()
    except CannotAskError as error:
        return error.answer
    except KultiError as error:
        return from_error(Verdict.UNKNOWN, error)
    except Exception as error:  # noqa: BLE001 - the check runner: the other checks go on
        return Answer(
            status=Verdict.UNKNOWN,
            summary=f"could not be checked: {type(error).__name__}: {error}",
            next="report this: it is a bug of kulti-ops",
        )
