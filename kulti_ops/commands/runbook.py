"""`runbook`: triage, check, list, explain, sql, lint, baseline."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kulti_ops.commands.runbook_watch import WatchOption, asked_again, check_watchable, watch
from kulti_ops.commands.shared import source_of
from kulti_ops.edge import Invocation, command, group
from kulti_ops.errors import DatabaseError, UndeterminedError
from kulti_ops.report import CheckResult, Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kulti_ops.db import Connection, Target
    from kulti_ops.runbook.diagnostic import Diagnostic
    from kulti_ops.runbook.run import RunOptions

app = group("runbook", "Diagnostics that always answer in time: what is wrong, worst first.")

baseline_app = group("baseline", "The schema as it was saved, and what has changed since.")
app.add_typer(baseline_app)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="A diagnostic's name.")]
PackOption = Annotated[
    Path | None,
    typer.Option("--pack", help="Folder with diagnostics of your own.", file_okay=False),
]
_BASELINE_TIMEOUT_S = 30.0
LimitOption = Annotated[
    int, typer.Option("--limit", help="Rows to show per diagnostic.", min=0, max=10_000)
]


@command(
    app,
    "triage",
    checks=True,
    examples=(
        "kulti-ops runbook triage",
        "kulti-ops runbook triage --format json",
        "kulti-ops runbook triage --watch 5",
    ),
    exits="10 also when the database can't be reached: that is the finding; 130 the end of --watch",
)
def triage(
    run: Invocation,
    limit: LimitOption = 10,
    watch_s: WatchOption = None,
) -> Outcome:
    """Ask everything that matters in an incident; worst first, with what to type next.

    Read-only, over one connection, done within seconds also when tables are locked. A
    connection that fails is diagnosed: DNS, IPv6, TCP, TLS, password, slots, pooler.
    """
    from kulti_ops.runbook.library import load_library
    from kulti_ops.runbook.triage import run_triage

    check_watchable(run, watch_s)
    settings = run.settings
    target = source_of(run)
    ask = partial(
        run_triage,
        target,
        load_library(),
        options=_bounded(_options(run, load_library(), limit=limit), settings.triage_deadline_s),
        connect_timeout_s=min(settings.connect_timeout_s, max(2, int(settings.triage_deadline_s))),
    )
    if watch_s is not None:
        return watch(run, ask, every_s=watch_s)
    results = ask()
    findings = sum(r.status in (Verdict.CRIT, Verdict.WARN) for r in results)
    return Outcome(
        results=results,
        data={"target": target.label, "findings": findings},
        findings_first=True,
    )


@command(
    app,
    "check",
    checks=True,
    examples=(
        "kulti-ops runbook check blocking",
        "kulti-ops runbook check connections --warn 60 --crit 80",
        "kulti-ops runbook check --group business --limit 100 --format json",
        "kulti-ops runbook check --all --fail-on warn",
        "kulti-ops runbook check blocking long-queries --watch 5",
    ),
    exits="2 no such diagnostic or group; 3 also when the database can't be reached; "
    "130 the end of --watch",
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
    watch_s: WatchOption = None,
) -> Outcome:
    """Ask diagnostics of the configured database; each has a verdict and its evidence.

    Read-only and bounded in time. What could not be looked at is unknown or skipped, with
    the name of what is missing.
    """
    check_watchable(run, watch_s)
    library = _library(pack)
    chosen = _chosen(library, tuple(names or ()), tuple(group or ()), everything=everything)
    _check_thresholds(chosen, warn, crit)
    options = _options(run, library, limit=limit, timeout_s=timeout, warn=warn, crit=crit)
    target = source_of(run)
    ask = partial(_ask, run, target, chosen, _with_baseline(run, target, options))
    if watch_s is not None:
        return watch(run, asked_again(target, ask), every_s=watch_s, rows_text=_rows_text)
    try:
        results = ask()
    except DatabaseError as error:
        raise _undetermined(error) from error
    return Outcome(
        results=results,
        data={"target": target.label},
        human=_rows_text(results),
        findings_first=True,
    )


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


@command(
    baseline_app,
    "save",
    examples=("kulti-ops runbook baseline save",),
    exits="3 the schema can't be looked at in full",
)
def save(run: Invocation) -> Outcome:
    """Remember the schema as it is: tables, rights, policies, functions, and so on.

    One file per database in the state folder; a second save replaces it.
    """
    from kulti_ops.runbook.baseline import baseline_path, take_baseline, to_text
    from kulti_ops.runbook.library import load_library

    target = source_of(run)
    options = _options(run, load_library(), timeout_s=_BASELINE_TIMEOUT_S)
    connection = _connect(run, target)
    try:
        taken = take_baseline(connection, target, options=options, now=run.now)
    finally:
        connection.close()
    path = baseline_path(run.settings.state_path, target)
    # names of objects and fingerprints: a mask would only break them
    run.write_file(_in_private_folder(path), to_text(taken), masked=False)
    return Outcome(
        data={"target": target.label, "objects": len(taken.objects), "path": str(path)},
        human=f"saved    {len(taken.objects)} objects of {target.label}\n"
        f"in       {path}\nnext     kulti-ops runbook baseline diff",
    )


@command(
    baseline_app,
    "diff",
    checks=True,
    examples=("kulti-ops runbook baseline diff", "kulti-ops runbook baseline diff --fail-on warn"),
    exits="3 also when no baseline was saved, or the database can't be reached",
)
def diff(run: Invocation, limit: LimitOption = 50) -> Outcome:
    """Say which objects are new, gone or changed since the baseline was saved."""
    from kulti_ops.runbook.baseline import DIAGNOSTIC
    from kulti_ops.runbook.library import choose, load_library
    from kulti_ops.runbook.run import run_checks

    target = source_of(run)
    options = _options(run, load_library(), limit=limit, timeout_s=_BASELINE_TIMEOUT_S)
    options = _with_baseline(run, target, options)
    connection = _connect(run, target)
    try:
        chosen = choose(load_library(), names=(DIAGNOSTIC,))
        results = run_checks(connection, chosen, options=options).results
    finally:
        connection.close()
    return Outcome(results=results, data={"target": target.label}, human=_rows_text(results))


def _with_baseline(run: Invocation, target: Target, options: RunOptions) -> RunOptions:
    from dataclasses import replace

    from kulti_ops.runbook.baseline import as_setting, baseline_path, read_baseline

    found = read_baseline(baseline_path(run.settings.state_path, target))
    return replace(options, settings={**options.settings, **as_setting(found)})


def _in_private_folder(path: Path) -> Path:
    from kulti_ops.errors import OperationFailedError

    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise OperationFailedError(f"cannot make {path.parent}: {error.strerror}") from error
    return path


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


def _ask(
    run: Invocation, target: Target, chosen: tuple[Diagnostic, ...], options: RunOptions
) -> tuple[CheckResult, ...]:
    """Ask over a connection of its own.

    Raises: DatabaseError.
    """
    from kulti_ops.db import connect
    from kulti_ops.runbook.run import run_checks

    timeout_s = run.settings.connect_timeout_s
    with closing(connect(target, application="runbook", timeout_s=timeout_s)) as connection:
        return run_checks(connection, chosen, options=options).results


def _connect(run: Invocation, target: Target) -> Connection:
    """Open the one connection; without it nothing can be said.

    Raises: UndeterminedError.
    """
    from kulti_ops.db import connect

    try:
        return connect(target, application="runbook", timeout_s=run.settings.connect_timeout_s)
    except DatabaseError as error:
        raise _undetermined(error) from error


def _undetermined(error: DatabaseError) -> UndeterminedError:
    return UndeterminedError(error.message, hint=f"{error.hint}; kulti-ops runbook triage says why")


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
