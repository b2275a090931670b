"""Verdicts, check results and reports: what every command hands to the edge.

Pure values, standard library only. The rules that rank verdicts and map a
report to an exit code live here and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from kulti_ops.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from kulti_ops.errors import KultiError

SCHEMA_VERSION = 1


class Verdict(StrEnum):
    """The answer to one check, in monitoring's usual words."""

    OK = "ok"
    WARN = "warn"
    CRIT = "crit"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"


_RANK = {
    Verdict.SKIPPED: 0,
    Verdict.OK: 1,
    Verdict.WARN: 2,
    Verdict.UNKNOWN: 3,
    Verdict.CRIT: 4,
}


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst verdict: crit > unknown > warn > ok.

    Skipped never counts as ok: nothing but skipped, or nothing at all, is `unknown`.
    """
    ranked = max(verdicts, key=_RANK.__getitem__, default=Verdict.SKIPPED)
    return Verdict.UNKNOWN if ranked is Verdict.SKIPPED else ranked


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """One question and its answer.

    `evidence` holds the figures the verdict rests on, `rows` the findings
    themselves (bounded by the check), `next` the exact next command to type.
    """

    id: str
    status: Verdict
    summary: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    rows: tuple[Mapping[str, Any], ...] = ()
    next: str | None = None
    duration_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a command function returns: check results, data, and how to show the data.

    `results` is None for a command that checks nothing; an empty tuple means that
    it was to check and found nothing to check, which is `unknown`.
    `human` is what a person reads instead of the plain table of `data`.
    `plain` is what stdout gets when it is no terminal and no format was asked for.
    `tables` are the named tables of `data` that csv and markdown show.
    `findings_first` has the table name what is well in one row, once something is not.
    `reveals_secrets` keeps stdout unmasked: the secrets are what was asked for.
    `failure` is why the command failed although it has results to show: they are shown, and
    the exit code is the failure's.
    """

    results: tuple[CheckResult, ...] | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    human: str | None = None
    plain: str | None = None
    table: tuple[Mapping[str, Any], ...] | None = None
    reveals_secrets: bool = False
    findings_first: bool = False
    failure: KultiError | None = None


@dataclass(frozen=True, kw_only=True)
class ErrorInfo:
    """An error as a document shows it."""

    kind: str
    message: str
    hint: str


@dataclass(frozen=True, kw_only=True)
class Report:
    """One run of one command: the document that `--format json` prints."""

    command: str
    started_at: datetime
    duration_s: float
    outcome: Outcome
    checks: bool
    error: ErrorInfo | None = None

    @property
    def bare_error(self) -> ErrorInfo | None:
        """The error where there is nothing else to show, else None."""
        return None if self.outcome.results else self.error

    @property
    def status(self) -> Verdict | None:
        """The worst verdict; None for a command that checks nothing."""
        if not self.checks and self.outcome.results is None:
            return None
        found = [result.status for result in self.outcome.results or ()]
        if self.error is not None:
            found.append(Verdict.UNKNOWN)
        return worst(found)


def exit_code(status: Verdict | None, *, fail_on_warn: bool = False) -> ExitCode:
    """Map a report's status to the exit code of `docs/reference/exit-codes.md`."""
    if status is Verdict.CRIT or (fail_on_warn and status is Verdict.WARN):
        return ExitCode.CRIT
    if status is Verdict.UNKNOWN:
        return ExitCode.UNKNOWN
    return ExitCode.OK
