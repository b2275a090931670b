"""Asks diagnostics over one connection: read-only, bounded, in few round trips.

Owns how a question is asked and what an error means; what the rows mean is `judge`'s.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from kulti_ops.errors import DatabaseError
from kulti_ops.pipeline import Statement, Table, Unit, UnitAnswer, run_units
from kulti_ops.report import CheckResult, Verdict
from kulti_ops.runbook.diagnostic import Kind
from kulti_ops.runbook.judge import Answer, judge
from kulti_ops.runbook.library import with_thresholds
from kulti_ops.runbook.probe import Server, probe_unit, read_probe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from kulti_ops.db import Connection
    from kulti_ops.runbook.diagnostic import Diagnostic
    from kulti_ops.runbook.library import Accepted

# Rows beyond --limit that are fetched all the same: accepted findings are told apart among them.
FETCH_ROWS = 200
# A weak role for users' packs, where one is there: they are other people's SQL. The first two pass
# row security; the last reads no table that has it, but is there on every server.
WEAK_ROLES = ("supabase_read_only_user", "service_role", "pg_read_all_data")
_PROBE_TIMEOUT_S = 5.0
_NO_RIGHT = "42501"
_BEFORE = "_before"
# Its diagnostics look at catalogues and counters only.
_LIGHT_GROUP = "database"
# What is left of the deadline at the least: enough to hear that it is over.
_LEAST_TIME_S = 0.05


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How diagnostics are asked.

    `settings` are `kulti_ops.NAME`s and thresholds by name; `warn` and `crit` beat them.
    With `two_samples` a diagnostic of counters (a param `COLUMN_before`) is asked twice, for
    the difference.
    """

    limit: int = 20
    timeout_s: float = 5.0
    deadline_s: float = 30.0
    settings: Mapping[str, str] = field(default_factory=dict)
    warn: float | None = None
    crit: float | None = None
    accepted: tuple[Accepted, ...] = ()
    pack_role: str | None = None
    two_samples: bool = False


# A question, and how it is asked.
_Asked: TypeAlias = "tuple[Diagnostic, RunOptions]"


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """The results in the order asked, and what the server is."""

    results: tuple[CheckResult, ...]
    server: Server


def run_checks(
    connection: Connection, diagnostics: Iterable[Diagnostic], *, options: RunOptions
) -> RunResult:
    """Ask the diagnostics; every one has a result.

    Raises: DatabaseError when the server does not even say what it is.
    """
    chosen = tuple(_configured(d, options) for d in diagnostics)
    ends = time.monotonic() + options.deadline_s
    server = _probe(connection, chosen, options)
    results = _obstacles(server, chosen)
    open_ones = [(d, options) for d in chosen if d.id not in results]
    first, later = _in_rounds(open_ones) if options.two_samples else (open_ones, [])
    results |= _ask(connection, first, server, ends=ends)
    again = [
        (d, replace(options, settings={**options.settings, **before}))
        for d, _ in first
        if options.two_samples and (before := _before(d, results[d.id]))
    ]
    results |= _ask(connection, [*again, *later], server, ends=ends)
    return RunResult(results=tuple(results[d.id] for d in chosen), server=server)


def _in_rounds(asked: list[_Asked]) -> tuple[list[_Asked], list[_Asked]]:
    """Return what is asked between the samples of the counters, the counters first, and the rest.

    Between them nothing of ours reads tables: what we read would be counted too.
    """
    counters = [pair for pair in asked if _before_names(pair[0])]
    light = [p for p in asked if p not in counters and p[0].group == _LIGHT_GROUP]
    return [*counters, *light], [p for p in asked if p not in counters and p not in light]


def _ask(
    connection: Connection, asked: list[_Asked], server: Server, *, ends: float
) -> dict[str, CheckResult]:
    """Ask in one go; `ends` is the deadline."""
    units = [_unit(diagnostic, server, options) for diagnostic, options in asked]
    answers: Iterable[UnitAnswer]
    if not connection.closed:
        left_s = max(_LEAST_TIME_S, ends - time.monotonic())
        answers = run_units(connection, units, deadline_s=left_s)
    else:
        given_up = DatabaseError("not asked: the connection was given up", sqlstate="57014")
        answers = [UnitAnswer(error=given_up)] * len(asked)
    return {
        diagnostic.id: _result(diagnostic, answer, server, options)
        for (diagnostic, options), answer in zip(asked, answers, strict=True)
    }


def _before(diagnostic: Diagnostic, first: CheckResult) -> dict[str, str]:
    row = first.rows[0] if first.rows else {}
    names = [n for n in _before_names(diagnostic) if n.removesuffix(_BEFORE) in row]
    return {name: str(row[name.removesuffix(_BEFORE)]) for name in names}


def _before_names(diagnostic: Diagnostic) -> tuple[str, ...]:
    return tuple(name for name in diagnostic.params if name.endswith(_BEFORE))


def lint_checks(
    connection: Connection, diagnostics: Sequence[Diagnostic], *, options: RunOptions
) -> RunResult:
    """Have the server prepare every diagnostic without running it.

    Raises: DatabaseError when the server does not even say what it is.
    """
    server = _probe(connection, diagnostics, options)
    results = _obstacles(server, diagnostics)
    open_ones = [d for d in diagnostics if d.id not in results]
    units = [replace(_unit(d, server, options), describe_only=True) for d in open_ones]
    answers = run_units(connection, units, deadline_s=options.deadline_s)
    for diagnostic, answer in zip(open_ones, answers, strict=True):
        results[diagnostic.id] = _lint_result(diagnostic, answer, server, options)
    return RunResult(results=tuple(results[d.id] for d in diagnostics), server=server)


def pasteable_sql(diagnostic: Diagnostic) -> str:
    """Return the diagnostic as it can be pasted into psql."""
    return diagnostic.sql.rstrip() + ";\n"


def _configured(diagnostic: Diagnostic, options: RunOptions) -> Diagnostic:
    found = with_thresholds(diagnostic, options.settings)
    if found.rule.kind is Kind.INFO:
        return found
    rule = found.rule
    if options.warn is not None:
        rule = replace(rule, warn=options.warn)
    if options.crit is not None:
        rule = replace(rule, crit=options.crit)
    return replace(found, rule=rule)


def _probe(
    connection: Connection, diagnostics: Sequence[Diagnostic], options: RunOptions
) -> Server:
    unit = probe_unit(diagnostics, roles=(*filter(None, [options.pack_role]), *WEAK_ROLES))
    deadline_s = min(_PROBE_TIMEOUT_S, options.deadline_s)
    (answer,) = run_units(connection, [unit], deadline_s=deadline_s)
    return read_probe(answer, diagnostics)


def _obstacles(server: Server, diagnostics: Iterable[Diagnostic]) -> dict[str, CheckResult]:
    found = {}
    for diagnostic in diagnostics:
        obstacle = server.obstacle(diagnostic)
        if obstacle is not None:
            status, why = obstacle
            found[diagnostic.id] = CheckResult(id=diagnostic.id, status=status, summary=why)
    return found


def _unit(diagnostic: Diagnostic, server: Server, options: RunOptions) -> Unit:
    settings = {"search_path": server.search_path(diagnostic)}
    settings |= {
        f"kulti_ops.{name}": options.settings[name]
        for name in (*diagnostic.params, "now")
        if name in options.settings
    }
    statements = [_counted(diagnostic, max(options.limit, FETCH_ROWS))]
    if diagnostic.evidence_sql:
        statements.append(Statement(text=_marked(diagnostic, diagnostic.evidence_sql)))
    return Unit(
        statements=tuple(statements),
        settings=settings,
        role=_weak_role(server, options) if diagnostic.from_pack else None,
        statement_timeout_s=options.timeout_s,
    )


def _weak_role(server: Server, options: RunOptions) -> str | None:
    if options.pack_role is not None:
        return options.pack_role
    return next((role for role in WEAK_ROLES if role in server.memberships), None)


def _counted(diagnostic: Diagnostic, limit: int) -> Statement:
    """Return the query with the number of its rows, and of those past the thresholds."""
    rule = diagnostic.rule
    counts = ["count(*) OVER ()"]
    params: list[str] = []
    for threshold in (rule.warn, rule.crit) if rule.kind is Kind.COLUMN else (None, None):
        if threshold is None:
            counts.append("0")
            continue
        params.append(repr(threshold))
        operator = "<" if rule.below else ">="
        counts.append(
            f'count(*) FILTER (WHERE v."{rule.measure}" {operator} ${len(params)}::float8) OVER ()'
        )
    # The text is a diagnostic's file; as a subquery it can't be anything but one query.
    text = f"SELECT {', '.join(counts)}, v.* FROM (\n{diagnostic.sql}\n) v LIMIT {limit:d}"  # noqa: S608
    return Statement(text=_marked(diagnostic, text), params=tuple(params))


def _marked(diagnostic: Diagnostic, text: str) -> str:
    """Say on the server who asks; `slow-statements` leaves out what carries the mark."""
    return f"/* kulti-ops {diagnostic.id} */ {text}"


def _result(
    diagnostic: Diagnostic, answer: UnitAnswer, server: Server, options: RunOptions
) -> CheckResult:
    if answer.error is not None:
        return _unanswered(diagnostic, answer.error, server, options, answer.duration_s)
    found = answer.tables[0]
    return judge(
        diagnostic,
        _answer(found, answer.tables[1] if len(answer.tables) > 1 else None),
        accepted=options.accepted,
        limit=options.limit,
        duration_s=answer.duration_s,
    )


def _answer(found: Table, evidence: Table | None) -> Answer:
    first: tuple[Any, ...] = found.rows[0] if found.rows else (0, 0, 0)
    names = found.columns[3:]
    return Answer(
        rows=tuple(dict(zip(names, row[3:], strict=True)) for row in found.rows),
        total=int(first[0]),
        over_warn=int(first[1]),
        over_crit=int(first[2]),
        evidence=evidence.dicts()[0] if evidence is not None and evidence.rows else None,
    )


def _unanswered(
    diagnostic: Diagnostic,
    error: DatabaseError,
    server: Server,
    options: RunOptions,
    duration_s: float,
) -> CheckResult:
    """Return what a failed question means: never ok."""
    next_step = f"kulti-ops runbook explain {diagnostic.id}"
    if error.sqlstate == "55P03":
        why = "another session holds a lock on what it reads"
        next_step = "kulti-ops runbook check blocking"
    elif error.sqlstate == "57014" and "statement timeout" in error.primary:
        why = f"no answer within {options.timeout_s:g} s"
        next_step = f"kulti-ops runbook check {diagnostic.id} --timeout 60"
    elif error.sqlstate == _NO_RIGHT:
        why = _lacking(diagnostic, error, server, options)
    else:
        why = error.message
    return CheckResult(
        id=diagnostic.id,
        status=Verdict.UNKNOWN,
        summary=f"could not look: {why}",
        next=next_step,
        duration_s=duration_s,
    )


def _lacking(
    diagnostic: Diagnostic, error: DatabaseError, server: Server, options: RunOptions
) -> str:
    role = (_weak_role(server, options) if diagnostic.from_pack else None) or server.role
    why = f"role {role} lacks a right: {error.primary}"
    return why + ("; KULTI_OPS_PACK_ROLE can name another" if diagnostic.from_pack else "")


def _lint_result(
    diagnostic: Diagnostic, answer: UnitAnswer, server: Server, options: RunOptions
) -> CheckResult:
    if answer.error is not None and answer.error.sqlstate == _NO_RIGHT:
        return _unanswered(diagnostic, answer.error, server, options, answer.duration_s)
    if answer.error is not None:
        return CheckResult(
            id=diagnostic.id,
            status=Verdict.CRIT,
            summary=f"does not fit this database: {answer.error.message}",
            next=f"kulti-ops runbook sql {diagnostic.id}",
        )
    problems = _template_problems(diagnostic, answer.tables[0].columns[3:])
    if problems:
        return CheckResult(id=diagnostic.id, status=Verdict.CRIT, summary="; ".join(problems))
    return CheckResult(id=diagnostic.id, status=Verdict.OK, summary="fits")


def _template_problems(diagnostic: Diagnostic, columns: tuple[str, ...]) -> list[str]:
    from string import Formatter

    if "violation" in columns:  # rows of several invariants: their columns differ
        return []
    problems = []
    for name in ("finding", "next"):
        for _, column, _, _ in Formatter().parse(getattr(diagnostic, name)):
            if column and column not in columns:
                problems.append(f"{name} names {column}, which is no column of the query")
    if diagnostic.key and diagnostic.key not in columns:
        problems.append(f"key is {diagnostic.key}, which is no column of the query")
    if len(set(columns)) != len(columns):
        problems.append("two columns have the same name")
    return problems
