"""`backup copy`: a second place for a backup, read back there."""

from __future__ import annotations

from typing import Annotated

import typer

from kulti_ops.commands.shared import BackupArgument, storage_of
from kulti_ops.edge import Invocation  # noqa: TC001 - its module is loaded anyway
from kulti_ops.report import Outcome

EXAMPLES = (
    "kulti-ops backup copy latest-verified --to s3://kulti-backups-2/production",
    "kulti-ops backup copy --to /mnt/usb/kulti",
    "kulti-ops backup copy --to 's3://bucket?endpoint=https://s3.example&profile=offsite'",
)
EXITS = (
    "5 it is damaged here, or could not be stored there; nothing is published then; "
    "6 another backup has its id there; 10 it is there already, and damaged"
)


def copy(
    run: Invocation,
    to: Annotated[str, typer.Option("--to", help="Where to: a folder or s3://bucket/prefix.")],
    backup: BackupArgument = None,
) -> Outcome:
    """Copy a backup with its records to another storage, and read every byte back there.

    The same backup may be there already: then it is read back, and new records are added.
    """
    from kulti_ops.flows.copy import copy_backup
    from kulti_ops.storage import open_storage

    storage = storage_of(run)
    target = open_storage(to, settings=run.settings)
    done = copy_backup(storage, backup, to=target, now=run.now, progress=run.progress)
    manifest = done.manifest
    return Outcome(
        results=done.verification.results,
        data={
            "backup_id": manifest.backup_id,
            "from": storage.url,
            "to": target.url,
            "size_bytes": manifest.size_bytes,
            "already_there": done.already_there,
            "records": done.records,
        },
    )
