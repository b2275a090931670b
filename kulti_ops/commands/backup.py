"""`backup`: create, list, show, copy, prune, pin, unpin, export, schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from kulti_ops.commands import backup_copy, backup_export, backup_pin, backup_retention, schedule
from kulti_ops.commands.backup_pin import pin_text
from kulti_ops.commands.shared import (
    BackupArgument,
    create_options,
    installations_of,
    source_of,
    storage_of,
)
from kulti_ops.edge import Invocation, command, group
from kulti_ops.report import Outcome

if TYPE_CHECKING:
    from datetime import datetime

    from kulti_ops.backup.catalog import Entry
    from kulti_ops.backup.create import Created
    from kulti_ops.backup.manifest import Manifest
    from kulti_ops.storage import Storage

app = group("backup", "Create, list, copy, keep and prune backups; by schedule; export data.")
app.add_typer(schedule.app, name="schedule")


@command(
    app,
    "create",
    examples=(
        "kulti-ops backup create",
        "kulti-ops backup create --label before-migration",
        'kulti-ops backup create --exclude-table-data "public.ai_*" --format json',
    ),
    exits="4 no database configured; 5 a stage failed, nothing is left; 6 preflight or lock",
)
def create(
    run: Invocation,
    label: Annotated[
        str | None, typer.Option("--label", help="A name for it; part of the id.", metavar="TEXT")
    ] = None,
    exclude_table_data: Annotated[
        list[str] | None,
        typer.Option(
            "--exclude-table-data",
            help="Leave out the rows of tables that match (may be repeated).",
            metavar="PATTERN",
        ),
    ] = None,
    lock_wait: Annotated[
        str | None,
        typer.Option("--lock-wait", help="How long to wait for a table's lock.", metavar="30s"),
    ] = None,
    yield_after: Annotated[
        str | None,
        typer.Option(
            "--yield-after", help="How long others may wait behind the backup.", metavar="10s"
        ),
    ] = None,
    large_objects: Annotated[
        bool, typer.Option("--large-objects/--no-large-objects", help="Include large objects.")
    ] = True,
    counts: Annotated[
        bool,
        typer.Option("--counts/--no-counts", help="Count rows at the source, to compare later."),
    ] = True,
) -> Outcome:
    """Back up the whole database from one snapshot; published only when complete.

    Off a terminal, stdout is the new backup's id and nothing else.
    """
    from kulti_ops.duration import parse_duration

    storage = storage_of(run)
    created = make_backup(
        run,
        storage,
        label=label,
        exclude_table_data=tuple(exclude_table_data or ()),
        lock_wait_s=parse_duration(lock_wait) if lock_wait else None,
        yield_after_s=parse_duration(yield_after) if yield_after else None,
        large_objects=large_objects,
        count_rows=counts,
    )
    warnings = (*created.warnings, *created.remarks)
    for warning in warnings:
        run.say(f"warning: {warning}")
    manifest = created.manifest
    return Outcome(
        data={
            "backup_id": manifest.backup_id,
            "size_bytes": manifest.size_bytes,
            "path": f"{storage.url}/{manifest.backup_id}",
            "rows": manifest.totals.rows,
            "tables": manifest.totals.tables,
            "left_out": manifest.left_out,
            "encrypted_to": manifest.recipients,
            "warnings": warnings,
            "durations_s": manifest.durations_s,
        },
        human=_created_text(manifest),
        plain=manifest.backup_id,
    )


def make_backup(
    run: Invocation,
    storage: Storage,
    *,
    label: str | None,
    exclude_table_data: tuple[str, ...] = (),
    lock_wait_s: float | None = None,
    yield_after_s: float | None = None,
    large_objects: bool = True,
    count_rows: bool = True,
) -> Created:
    """Make a backup as the settings say, where the options do not say otherwise."""
    from kulti_ops.backup.create import create_backup

    return create_backup(
        source_of(run),
        storage,
        options=create_options(
            run,
            label=label,
            exclude_table_data=exclude_table_data,
            lock_wait_s=lock_wait_s or None,
            yield_after_s=yield_after_s or None,
            large_objects=large_objects,
            count_rows=count_rows,
        ),
        installations=installations_of(run),
        now=run.now,
        progress=run.progress,
    )


@command(
    app,
    "list",
    examples=("kulti-ops backup list", "kulti-ops backup list --format json"),
    exits="5 the storage cannot be read",
)
def list_backups(run: Invocation) -> Outcome:
    """List the backups, the newest first, each with how far it is proven."""
    from kulti_ops.backup.catalog import list_entries
    from kulti_ops.progress import size

    storage = storage_of(run)
    rows = [_row(entry, now=run.now) for entry in reversed(list_entries(storage))]
    shown = tuple(
        {
            "backup": row["backup_id"],
            "snapshot": row["snapshot_at"] or "",
            "size": "" if row["size_bytes"] is None else size(row["size_bytes"]),
            "state": row["state"] + (", pinned" if row["pinned"] else ""),
            "note": row["problem"],
        }
        for row in rows
    )
    return Outcome(
        data={"storage": storage.url, "backups": rows},
        table=shown,
        human=None if rows else f"no backups in {storage.url}; make one: kulti-ops backup create",
    )


@command(
    app,
    "show",
    examples=("kulti-ops backup show", "kulti-ops backup show 20261122T030000Z-postgres-1a2b"),
    exits="5 no such backup, or its manifest is damaged",
)
def show(run: Invocation, backup: BackupArgument = None) -> Outcome:
    """Show one backup: what it covers and what not, and how to restore it without this tool."""
    from kulti_ops.backup.catalog import find, usable_manifest

    storage = storage_of(run)
    entry = find(storage, backup)
    manifest = usable_manifest(entry)
    return Outcome(
        data={
            **_row(entry, now=run.now),
            **_details(manifest),
            "path": f"{storage.url}/{entry.backup_id}",
        },
        human=_shown_text(entry, manifest, f"{storage.url}/{entry.backup_id}", now=run.now),
    )


command(app, "copy", checks=True, examples=backup_copy.EXAMPLES, exits=backup_copy.EXITS)(
    backup_copy.copy
)
command(app, "prune", examples=backup_retention.EXAMPLES, exits=backup_retention.EXITS)(
    backup_retention.prune
)
command(app, "pin", examples=backup_pin.EXAMPLES, exits=backup_pin.EXITS)(backup_pin.pin)
command(
    app,
    "unpin",
    examples=("kulti-ops backup unpin 20261122T030000Z-postgres-1a2b",),
    exits=f"{backup_pin.EXITS}; 6 it is not pinned",
)(backup_pin.unpin)
command(app, "export", examples=backup_export.EXAMPLES, exits=backup_export.EXITS)(
    backup_export.export
)


def _row(entry: Entry, *, now: datetime) -> dict[str, Any]:
    manifest = entry.manifest
    return {
        "backup_id": entry.backup_id,
        "label": manifest.label if manifest else None,
        "created_at": manifest.created_at if manifest else None,
        "snapshot_at": manifest.snapshot_at if manifest else None,
        "size_bytes": manifest.size_bytes if manifest else None,
        "state": str(entry.state),
        "pinned": entry.pinned_at(now),
        "encrypted": bool(manifest and manifest.recipients),
        "problem": entry.problem,
    }


def _details(manifest: Manifest) -> dict[str, Any]:
    from dataclasses import asdict

    from kulti_ops.backup.manifest import restore_commands

    return {
        "source": asdict(manifest.source),
        "tools": manifest.tools,
        "compression": manifest.compression,
        "encrypted_to": manifest.recipients,
        "artifacts": [asdict(a) for a in manifest.artifacts],
        "totals": asdict(manifest.totals),
        "durations_s": manifest.durations_s,
        "left_out": manifest.left_out,
        "not_covered": manifest.not_covered,
        "restore_commands": restore_commands(manifest),
    }


def _created_text(manifest: Manifest) -> str:
    from kulti_ops.progress import size

    totals = manifest.totals
    rows = "rows not counted" if totals.rows is None else f"{totals.rows:,} rows"
    lines = [
        f"created  {manifest.backup_id}",
        (
            f"         {size(manifest.size_bytes)}, {totals.tables} tables, {rows}, "
            f"{manifest.durations_s['total']:.1f} s"
        ),
    ]
    lines += [f"         left out: {name}" for name in manifest.left_out]
    lines += [f"         encrypted to {name}" for name in manifest.recipients]
    return "\n".join([*lines, "next     kulti-ops verify backup"])


def _shown_text(entry: Entry, manifest: Manifest, path: str, *, now: datetime) -> str:
    from kulti_ops.backup.manifest import restore_commands
    from kulti_ops.clock import iso
    from kulti_ops.progress import size

    source, totals = manifest.source, manifest.totals
    rows = "rows not counted" if totals.rows is None else f"{totals.rows:,} rows"
    pin = f", {pin_text(entry.pin)}" if entry.pin is not None and entry.pin.holds_at(now) else ""
    lines = [
        f"{manifest.backup_id}  ({entry.state}{pin})",
        f"  snapshot     {iso(manifest.snapshot_at)}",
        (
            f"  source       {source.user}@{source.host}:{source.port}/{source.database}, "
            f"PostgreSQL {source.server_version}"
        ),
        "  made with    " + ", ".join(f"{k} {v}" for k, v in manifest.tools.items()),
        f"  holds        {totals.tables} tables, {rows}, {totals.large_objects} large objects",
        f"  left out     {', '.join(manifest.left_out) or 'nothing'}",
        *(f"  not covered  {name}" for name in manifest.not_covered),
        f"  encrypted    {'to ' + ', '.join(manifest.recipients) if manifest.recipients else 'no'}",
        f"  in           {path}",
        *(f"    {size(a.size_bytes):>9}  {a.sha256[:16]}…  {a.name}" for a in manifest.artifacts),
        "  records      "
        + (", ".join(f"{r.kind} {r.status or ''} {iso(r.at)}" for r in entry.records) or "none"),
        "  restore it without kulti-ops, in that folder:",
        *(f"    {line}" for line in restore_commands(manifest)),
    ]
    return "\n".join(lines)
