"""`backup export`: rows as CSV or JSON lines."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kulti_ops.backup.export_cells import Shape
from kulti_ops.commands.shared import moment_of, source_of, storage_of
from kulti_ops.edge import Invocation  # noqa: TC001 - typer reads the annotations
from kulti_ops.platform.exports import ExportKind  # noqa: TC001
from kulti_ops.report import Outcome

if TYPE_CHECKING:
    from kulti_ops.backup.export import Exported

EXAMPLES = (
    "kulti-ops backup export users --as csv",
    "kulti-ops backup export credits --since 2026-11-01 --to /srv/exports",
    "kulti-ops backup export users credits sessions recordings --as jsonl --user ID",
)
EXITS = (
    "4 no database configured; 5 no such user, or it failed and no file is left; "
    "6 the folder lies in the storage"
)


def export(
    run: Invocation,
    kinds: Annotated[list[ExportKind], typer.Argument(help="What to export.", metavar="KIND...")],
    shape: Annotated[Shape, typer.Option("--as", help="How rows are written.")] = Shape.CSV,
    since: Annotated[
        str | None,
        typer.Option("--since", help="Only what was created from then on (UTC).", metavar="DATE"),
    ] = None,
    user: Annotated[
        str | None, typer.Option("--user", help="Only what belongs to this user.", metavar="ID")
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            help="Folder for the files.",
            file_okay=False,
            show_default="KULTI_OPS_EXPORT_DIR",
        ),
    ] = None,
) -> Outcome:
    """Export users, credits, sessions or recordings, all from one snapshot.

    Private files with a checksum beside each; they hold personal data, and each export is
    written to the audit log. Off a terminal, stdout is the files' paths and nothing else.
    """
    from kulti_ops.backup.export import ExportOptions, judge_folder, parse_user, run_export

    settings = run.settings
    folder = (to or settings.export_path).expanduser().absolute()
    judge_folder(folder, storage_of(run))
    done = run_export(
        source_of(run),
        kinds,
        folder,
        options=ExportOptions(
            shape=shape,
            since=moment_of("--since", since) if since else None,
            user=parse_user(user) if user else None,
            lock_wait_s=settings.lock_wait_s,
            timeout_s=settings.backup_timeout_s,
            connect_timeout_s=settings.connect_timeout_s,
        ),
        now=run.now,
        state=settings.state_path,
        progress=run.progress,
    )
    if folder.stat().st_mode & 0o077:
        run.say(f"warning: others can look into {folder}; the files in it are private")
    for file in done.files:
        if not file.rows:
            run.say(f"warning: no {file.kind} were found: {file.path} holds no row")
    return Outcome(
        data=_data(done), table=_table(done), plain="\n".join(str(f.path) for f in done.files)
    )


def _data(done: Exported) -> dict[str, Any]:
    return {
        "snapshot_at": done.snapshot_at,
        "files": [
            {
                "kind": file.kind,
                "path": str(file.path),
                "rows": file.rows,
                "size_bytes": file.size_bytes,
                "sha256": file.sha256,
            }
            for file in done.files
        ],
    }


def _table(done: Exported) -> tuple[dict[str, Any], ...]:
    from kulti_ops.progress import size

    return tuple(
        {"export": file.kind, "rows": file.rows, "size": size(file.size_bytes), "file": file.path}
        for file in done.files
    )
