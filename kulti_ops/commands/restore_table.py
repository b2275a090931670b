"""`restore table`: one table of a backup beside the live one."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kulti_ops.commands.shared import (
    TargetOption,
    identities_of,
    installations_of,
    storage_of,
    target_of,
)
from kulti_ops.edge import Invocation  # noqa: TC001 - typer reads the annotations
from kulti_ops.report import Outcome

if TYPE_CHECKING:
    from kulti_ops.backup.manifest import Manifest
    from kulti_ops.restore.table import PreparedTable, TableOptions
    from kulti_ops.restore.table_run import BroughtBack

TABLE_EXAMPLES = (
    "kulti-ops restore table public.credit_transactions --target env:DATABASE_URL",
    "kulti-ops restore table public.messages --backup latest-verified --target env:DATABASE_URL \\",
    "    --where \"created_at > '2026-11-21'\" --statements bring-back.sql",
)
TABLE_EXITS = (
    "2 --where cannot be used; 5 the table could not be brought back, nothing is left; "
    "6 a guard refuses it"
)


def table(  # noqa: PLR0913, PLR0917 - one parameter for each option
    run: Invocation,
    table: Annotated[str, typer.Argument(metavar="TABLE", help="Which table: schema.table.")],
    target: TargetOption,
    backup: Annotated[
        str | None,
        typer.Option("--backup", help="Which backup.", metavar="ID", show_default="latest"),
    ] = None,
    where: Annotated[
        str | None, typer.Option("--where", help="Only rows that meet this.", metavar="SQL")
    ] = None,
    into_schema: Annotated[
        str | None,
        typer.Option(
            "--into-schema",
            help="The side schema; must not exist.",
            metavar="NAME",
            show_default="restored_<time>_<random>",
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            "--key",
            help="The columns that tell rows apart.",
            metavar="COLUMN,COLUMN",
            show_default="the live table's key",
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", help="Examples shown.", min=0, max=1000)] = 20,
    statements: Annotated[
        Path | None,
        typer.Option("--statements", help="Write the statements to this file.", dir_okay=False),
    ] = None,
    timeout: Annotated[
        str, typer.Option("--timeout", help="Longest question to the live table.", metavar="10m")
    ] = "10m",
    confirm: Annotated[
        str | None,
        typer.Option("--confirm", help="Say the database's name: it is production."),
    ] = None,
) -> Outcome:
    """Bring one table of a backup beside the live one, and compare the two by key.

    Nothing live is changed: the INSERT and UPDATE that would bring the rows back are
    printed, never run. The side table has row security on and is granted to nobody. A
    hosted project will do. In --where, names other than columns need their schema.
    """
    from kulti_ops.audit import write_audit
    from kulti_ops.duration import parse_duration
    from kulti_ops.restore.table import TableOptions
    from kulti_ops.restore.table_run import bring_table

    settings = run.settings
    options = TableOptions(
        now=run.now,
        into_schema=into_schema,
        where=where,
        key=tuple(k.strip() for k in key.split(",")) if key else (),
        limit=limit,
        timeout_s=parse_duration(timeout),
        lock_wait_s=settings.lock_wait_s,
        connect_timeout_s=settings.connect_timeout_s,
        production=settings.production_names,
        confirmed=confirm,
        identities=identities_of(run),
    )
    prepared = _prepare(run, table, target, backup=backup, options=options)

    def audit(action: str, **more: Any) -> None:  # noqa: ANN401 - small facts
        write_audit(
            run.settings.state_path,
            action=action,
            target=prepared.target.label,
            details={
                "backup_id": prepared.manifest.backup_id,
                "table": prepared.archived.identity,
                "side_schema": prepared.schema,
                **more,
            },
        )

    audit("restore table begun")
    done = bring_table(prepared, options=options, progress=run.progress)
    audit("restore table ended", rows=done.rows)
    file = statements if done.statements else None
    if file is not None:
        run.write_file(file, done.statements, masked=False)
    return Outcome(
        results=tuple(done.results),
        data=_data(prepared, done, file),
        human=_text(prepared, done, file),
        reveals_secrets=True,  # names of columns look like secrets; SQL must stay as it is
    )


def _prepare(
    run: Invocation, table: str, target: str, *, backup: str | None, options: TableOptions
) -> PreparedTable:
    from kulti_ops.backup.catalog import find, usable_manifest
    from kulti_ops.pgtools import choose
    from kulti_ops.restore.table import prepare_table

    storage = storage_of(run)
    entry = find(storage, backup)
    return prepare_table(
        entry,
        storage,
        target_of(run, target),
        name=table,
        tools=choose(installations_of(run), server_major=_dump_major(usable_manifest(entry))),
        options=options,
        progress=run.progress,
    )


def _dump_major(manifest: Manifest) -> int:
    return int(manifest.tools.get("pg_dump", "0").split(".")[0])


def _data(prepared: PreparedTable, done: BroughtBack, file: Path | None) -> dict[str, Any]:
    from kulti_ops.restore.table_report import example_rows

    difference = done.difference
    return {
        "backup_id": prepared.manifest.backup_id,
        "snapshot_at": prepared.manifest.snapshot_at,
        "target": prepared.target.label,
        "table": prepared.archived.identity,
        "side_table": f"{prepared.schema}.{prepared.archived.name}",
        "rows": done.rows,
        "rows_matched": done.rows if done.matched is None else done.matched,
        "gone": done.gone,
        "key": difference.key if difference else None,
        "missing": difference.missing if difference else None,
        "changed": difference.changed if difference else None,
        "extra": difference.extra if difference else None,
        "changed_columns": difference.changed_columns if difference else {},
        "examples": example_rows(difference) if difference else (),
        "notes": done.notes,
        "statements": done.statements,
        "statements_file": None if file is None else str(file.absolute()),
    }


def _text(prepared: PreparedTable, done: BroughtBack, file: Path | None) -> str:
    from kulti_ops.clock import iso
    from kulti_ops.roles import quote_identifier

    manifest = prepared.manifest
    side = ".".join(map(quote_identifier, (prepared.schema, prepared.archived.name)))
    lines = [
        f"backup   {manifest.backup_id} ({iso(manifest.snapshot_at)})",
        f"beside   {side} on {prepared.target.label}",
    ]
    if done.matched is not None:
        lines.append(f"rows     {done.matched:,} of {done.rows:,} meet --where")
    lines += _example_lines(done)
    if file is not None:
        lines.append(f"written  {file}: run it, look; then COMMIT for ROLLBACK at its end")
    if file is None and done.statements:
        return "\n".join([*lines, "", done.statements.rstrip()])
    remove = f"DROP SCHEMA {quote_identifier(prepared.schema)} CASCADE;"
    return "\n".join([*lines, f"remove   {remove}"])


def _example_lines(done: BroughtBack) -> list[str]:
    from kulti_ops.restore.table_report import example_rows

    if done.difference is None:
        return []
    return [
        f"{row['row']:<8} "
        + ", ".join(f"{name} = {value}" for name, value in row["key"].items())
        + (f": {', '.join(row['columns'])}" if "columns" in row else "")
        for row in example_rows(done.difference)
    ]
