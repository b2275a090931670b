"""`verify`: backup."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from kulti_ops.commands.shared import BackupArgument, identities_of, installations_of, storage_of
from kulti_ops.edge import Invocation, command, group
from kulti_ops.report import CheckResult, Outcome, Verdict
from kulti_ops.verify import Level

if TYPE_CHECKING:
    from kulti_ops.backup.catalog import Entry
    from kulti_ops.storage import Storage

app = group("verify", "Prove what a backup holds.")


@command(
    app,
    "backup",
    checks=True,
    examples=(
        "kulti-ops verify backup",
        "kulti-ops verify backup latest --level quick",
        "kulti-ops verify backup 20261122T030000Z-postgres-1a2b --format json",
    ),
    exits="5 no such backup, or the storage cannot be read",
)
def backup(
    run: Invocation,
    backup: BackupArgument = None,
    level: Annotated[
        Level,
        typer.Option("--level", help="quick: bytes and manifest; contents: also what is in it."),
    ] = Level.CONTENTS,
) -> Outcome:
    """Verify a backup; the outcome is recorded beside it.

    Contents reads the archive once to its very end, counts and digests every table's
    rows, and holds them and every object against what was counted at the source. An
    encrypted backup needs an identity for that; without one the answer is unknown.
    """
    from kulti_ops.backup.catalog import find

    storage = storage_of(run)
    entry = find(storage, backup)
    results = verify_and_record(run, storage, entry, level=level)
    data = {"backup_id": entry.backup_id}
    return Outcome(results=results, data=data | ({"level": level} if entry.manifest else {}))


def verify_and_record(
    run: Invocation, storage: Storage, entry: Entry, *, level: Level
) -> tuple[CheckResult, ...]:
    """Verify a backup and write the outcome beside it.

    Raises: StorageError when the storage does not answer; a damaged manifest is a result.
    """
    from kulti_ops.backup.catalog import Record, add_record, usable_manifest
    from kulti_ops.verify.backup import verify_backup
    from kulti_ops.verify.recall import proof_of

    if entry.unreachable:
        usable_manifest(entry)
    if entry.manifest is None:
        damaged = CheckResult(
            id="manifest",
            status=Verdict.CRIT,
            summary=entry.problem,
            next="use another backup: kulti-ops backup list",
        )
        return (damaged,)
    done = verify_backup(
        entry.manifest,
        storage,
        level=level,
        installations=installations_of(run) if level is Level.CONTENTS else (),
        identities=identities_of(run),
        progress=run.progress,
    )
    add_record(
        storage,
        entry,
        Record(
            kind="verify",
            at=run.now,
            status=done.status,
            level=level,
            data=proof_of(done, entry.manifest),
        ),
    )
    return done.results
