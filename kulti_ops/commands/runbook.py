"""`runbook`: triage, check, list, explain, sql, lint."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kulti_ops.commands.shared import source_of
from kulti_ops.edge import Invocation, command, group
from kulti_ops.report import CheckResult, Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kulti_ops.db import Connection, Target
    from kulti_ops.runbook.diagnostic import Diagnostic
    from kulti_ops.runbook.run import RunOptions

app = group("runbook", "Diagnostics that always answer in time: what is wrong, worst first.")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="A diagnostic's name.")]
PackOption = Annotated[
    Path | None,
    typer.Option("--pack", help="Folder with diagnostics of your own.", file_okay=False),
]
LimitOption = Annotated[
    int, typer.Option("--limit", help="Rows to show per diagnostic.", min=0, max=10_000)
]


@command(
    app,
    "triage",
    checks=True,
    examples=("kulti-ops runbook triage", "kulti-ops runbook triage --format json"),
    exits="10 also when the database can't be reached: that is the finding",
)
def triage(run: Invocation, limit: LimitOption = 10) -> Outcome:
    """Ask everything that matters in an incident; worst first, with what to type next.

    Read-only, over one connection, done within seconds also when tables are locked. A
    connection that fails is diagnosed: DNS, IPv6, TCP, TLS, password, slots, pooler.
    """
    from kulti_ops.runbook.library import load_library
    from kulti_ops.runbook.triage import run_triage

    settings = run.settings
    target = source_of(run)
    options = _options(run, load_library(), limit=limit)
    results = run_triage(
        target,
        load_library(),
        options=_bounded(options, settings.triage_deadline_s),
        connect_timeout_s=min(settings.connect_timeout_s, max(2, int(settings.triage_deadline_s))),
    )
    findings = sum(r.status in (Verdict.CRIT, Verdict.WARN) for r in results)
    return Outcome(results=results, data={"target": target.label, "findings": findings})


@command(
    app,
    "check",
    checks=True,
    examples=(
        "kulti-ops runbook check blocking",
        "kulti-ops runbook check connections --warn 60 --crit 80",
        "kulti-ops runbook check --group business --limit 100 --format json",
        "kulti-ops runbook check --all --fail-on warn",
    ),
    exits="2 no such diagnostic or group; 3 also when the database can't be reached",
)
def check(  # noqa: PLR0913, PLR0917 - the parser passes them by name
    run: Invocation,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Diagnostics to ask.")
    ] = None,
    group: Annotated[
        list[str] | None, typer.Option("--group", help="database, access, platform or business.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Ask all of them.")] = False,
    warn: Annotated[float | None, typer.Option("--warn", help="Threshold for warn.")] = None,
    crit: Annotated[float | None, typer.Option("--crit", help="Threshold for crit.")] = None,
    limit: LimitOption = 20,
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout", help="Seconds for each.", min=0.1, max=3600, show_default="a setting"
        ),
    ] = None,
    pack: PackOption = None,
) -> Outcome:
    """Ask diagnostics of the configured database; each has a verdict and its evidence.

    Read-only and bounded in time. What could not be looked at is unknown or skipped, with
    the name of what is missing.
    """
    from kulti_ops.runbook.run import run_checks

    library = _library(pack)
    chosen = _chosen(library, tuple(names or ()), tuple(group or ()), everything=everything)
    _check_thresholds(chosen, warn, crit)
    options = _options(run, library, limit=limit, timeout_s=timeout, warn=warn, crit=crit)
    target = source_of(run)
    connection = _connect(run, target)
    try:
        results = run_checks(connection, chosen, options=options).results
    finally:
        connection.close()
    return Outcome(results=results, data={"target": target.label}, human=_rows_text(results))


@command(
    app,
    "list",
    examples=("kulti-ops runbook list", "kulti-ops runbook list --group access --format json"),
    exits="2 no such group; 4 the pack can't be read",
)
def list_(
    run: Invocation,  # noqa: ARG001 - the interface
    group: Annotated[list[str] | None, typer.Option("--group", help="Only this group.")] = None,
    pack: PackOption = None,
) -> Outcome:
    """List the diagnostics: name, group, what is good, whether triage asks it."""
    from kulti_ops.runbook.library import choose

    library = _library(pack)
    chosen = choose(library, groups=tuple(group)) if group else library
    rows = tuple(
        {"name": d.id, "group": d.group, "title": d.title, "triage": d.triage is not None}
        for d in chosen
    )
    return Outcome(data={"diagnostics": rows}, table=rows, human=_list_text(chosen))


@command(
    app,
    "explain",
    examples=("kulti-ops runbook explain blocking",),
    exits="2 no such diagnostic",
)
def explain(
    run: Invocation,  # noqa: ARG001 - the interface
    name: NameArgument,
    pack: PackOption = None,
) -> Outcome:
    """Say when to use a diagnostic, how to read it, and what to do next."""
    from kulti_ops.runbook.explain import facts_of, text_of

    diagnostic = _one(name, pack)
    return Outcome(data=facts_of(diagnostic), human=text_of(diagnostic))


@command(
    app,
    "sql",
    examples=(
        "kulti-ops runbook sql blocking",
        'kulti-ops runbook sql blocking | psql "$DATABASE_URL"',
    ),
    exits="2 no such diagnostic",
)
def sql(
    run: Invocation,  # noqa: ARG001 - the interface
    name: NameArgument,
    pack: PackOption = None,
) -> Outcome:
    """Print a diagnostic's query as it can be pasted into psql."""
    from kulti_ops.runbook.run import pasteable_sql

    text = pasteable_sql(_one(name, pack)).rstrip()
    return Outcome(data={"name": name, "sql": text}, human=text, plain=text)


@command(
    app,
    "lint",
    checks=True,
    examples=("kulti-ops runbook lint", "kulti-ops runbook lint --pack ./our-diagnostics"),
    exits="3 also when the database can't be reached; 4 the pack can't be read",
)
def lint(run: Invocation, pack: PackOption = None) -> Outcome:
    """Have the database prepare every diagnostic, running none: which don't fit its schema.

    With --pack those of the folder, which have to pass the same gate.
    """
    from kulti_ops.runbook.library import load_library, load_pack
    from kulti_ops.runbook.run import lint_checks

    diagnostics = load_pack(pack) if pack is not None else load_library()
    target = source_of(run)
    connection = _connect(run, target)
    try:
        results = lint_checks(connection, diagnostics, options=_options(run, diagnostics)).results
    finally:
        connection.close()
    return Outcome(results=results, data={"target": target.label})


def _library(pack: Path | None) -> tuple[Diagnostic, ...]:
    from kulti_ops.runbook.library import load_library, load_pack

    return load_library() + (load_pack(pack) if pack is not None else ())


def _one(name: str, pack: Path | None) -> Diagnostic:
    from kulti_ops.runbook.library import choose

    return choose(_library(pack), names=(name,))[0]


def _chosen(
    library: tuple[Diagnostic, ...],
    names: tuple[str, ...],
    groups: tuple[str, ...],
    *,
    everything: bool,
) -> tuple[Diagnostic, ...]:
    from kulti_ops.errors import UsageError
    from kulti_ops.runbook.library import choose

    if everything:
        if names or groups:
            raise UsageError("--all takes no names and no --group")
        return library
    if not names and not groups:
        raise UsageError(
            "nothing to check: give names, --group or --all", hint="kulti-ops runbook list"
        )
    return choose(library, names=names, groups=groups)


def _check_thresholds(
    chosen: tuple[Diagnostic, ...], warn: float | None, crit: float | None
) -> None:
    from kulti_ops.errors import UsageError
    from kulti_ops.runbook.diagnostic import Kind

    if warn is None and crit is None:
        return
    if len(chosen) != 1:
        raise UsageError("--warn and --crit are for one diagnostic at a time")
    if chosen[0].rule.kind is Kind.INFO:
        raise UsageError(f"{chosen[0].id} only measures: it has no thresholds")


def _options(
    run: Invocation,
    library: Iterable[Diagnostic],
    *,
    limit: int = 20,
    timeout_s: float | None = None,
    warn: float | None = None,
    crit: float | None = None,
) -> RunOptions:
    from kulti_ops.runbook.library import load_accepted, parse_thresholds
    from kulti_ops.runbook.run import RunOptions

    settings = run.settings
    return RunOptions(
        limit=limit,
        timeout_s=timeout_s or settings.check_timeout_s,
        deadline_s=max(settings.check_deadline_s, timeout_s or 0),
        settings=parse_thresholds(settings.thresholds, library),
        warn=warn,
        crit=crit,
        accepted=load_accepted(settings.accepted_file),
        pack_role=settings.pack_role,
    )


def _bounded(options: RunOptions, deadline_s: float) -> RunOptions:
    from dataclasses import replace

    timeout_s = min(options.timeout_s, deadline_s / 2)
    return replace(options, deadline_s=deadline_s, timeout_s=timeout_s)


def _connect(run: Invocation, target: Target) -> Connection:
    """Open the one connection; without it nothing can be said.

    Raises: UndeterminedError.
    """
    from kulti_ops.db import connect
    from kulti_ops.errors import DatabaseError, UndeterminedError

    try:
        return connect(target, application="runbook", timeout_s=run.settings.connect_timeout_s)
    except DatabaseError as error:
        raise UndeterminedError(
            error.message, hint=f"{error.hint}; kulti-ops runbook triage says why"
        ) from error


def _list_text(diagnostics: Iterable[Diagnostic]) -> str:
    lines: list[str] = []
    group = ""
    for diagnostic in diagnostics:
        if diagnostic.group != group:
            group = diagnostic.group
            lines += ["", group]
        lines.append(f"  {diagnostic.id:<26} {diagnostic.title}")
    lines += ["", "next     kulti-ops runbook explain NAME"]
    return "\n".join(lines[1:])


def _rows_text(results: tuple[CheckResult, ...]) -> str:
    """Return the rows of what was found; of everything when little was asked."""
    few = len(results) <= 3  # noqa: PLR2004 - as much as a screen takes
    shown = [r for r in results if r.rows and (few or r.status in (Verdict.CRIT, Verdict.WARN))]
    return "\n\n".join(f"{r.id}\n{_aligned(r.rows)}" for r in shown)


def _aligned(rows: Iterable[Any]) -> str:
    from kulti_ops.runbook.judge import cell

    listed = list(rows)
    names = list(dict.fromkeys(key for row in listed for key in row))
    table = [
        names,
        *(
            [cell(row.get(n))[:60] if row.get(n) is not None else "" for n in names]
            for row in listed
        ),
    ]
    widths = [max(len(line[i]) for line in table) for i in range(len(names))]
    return "\n".join(
        "  " + "  ".join(text.ljust(w) for text, w in zip(line, widths, strict=True)).rstrip()
        for line in table
    )
