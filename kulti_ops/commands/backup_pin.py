"""`backup pin` and `backup unpin`: what stays whatever the retention policy says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from kulti_ops.commands.shared import moment_of, storage_of
from kulti_ops.edge import Invocation  # noqa: TC001 - typer reads the annotations
from kulti_ops.report import Outcome

if TYPE_CHECKING:
    from kulti_ops.backup.catalog import Pin, Record

EXAMPLES = (
    'kulti-ops backup pin 20261122T030000Z-postgres-1a2b --reason "before the merger"',
    'kulti-ops backup pin latest-verified --reason "audit of 2026" --until 2027-03-31',
)
EXITS = "5 no such backup, or its manifest is damaged"

BackupName = Annotated[
    str,
    typer.Argument(
        metavar="ID", help="Which backup: an id, a unique prefix, latest or latest-verified."
    ),
]


def pin(
    run: Invocation,
    backup: BackupName,
    reason: Annotated[str, typer.Option("--reason", help="Why it has to stay.", metavar="TEXT")],
    until: Annotated[
        str | None,
        typer.Option(
            "--until",
            help="The last day (UTC) or the time up to which it stays.",
            metavar="DATE",
            show_default="for good",
        ),
    ] = None,
) -> Outcome:
    """Keep a backup whatever the retention policy says: for a legal hold, without --until.

    A new pin takes the place of an older one.
    """
    from kulti_ops.backup.catalog import PIN, Record
    from kulti_ops.clock import iso
    from kulti_ops.errors import UsageError

    if not reason.strip():
        raise UsageError("--reason is empty", hint="say why it has to stay, and who decided so")
    end = moment_of("--until", until, end_of_day=True) if until else None
    if end is not None and end <= run.now:
        raise UsageError(f"--until {until} is over already")
    data = {"reason": reason.strip(), "until": iso(end) if end else None}
    return _record(run, backup, Record(kind=PIN, at=run.now, data=data))


def unpin(run: Invocation, backup: BackupName) -> Outcome:
    """Take a pin back: from now on the retention policy decides again."""
    from kulti_ops.backup.catalog import UNPIN, Record

    return _record(run, backup, Record(kind=UNPIN, at=run.now))


def pin_text(pin: Pin) -> str:
    """Return a pin as people read it."""
    from kulti_ops.clock import iso

    return f"pinned{f' until {iso(pin.until)}' if pin.until else ''}: {pin.reason}"


def _record(run: Invocation, name: str, record: Record) -> Outcome:
    """Write a pin or its end beside a backup, and make sure that it is there."""
    from kulti_ops.audit import write_audit
    from kulti_ops.backup.catalog import PIN, add_record, find, read_entry, usable_manifest
    from kulti_ops.errors import NotFoundError, RefusedError

    storage = storage_of(run)
    entry = find(storage, name)
    usable_manifest(entry)
    if record.kind != PIN and entry.pin is None:
        raise RefusedError(
            f"{entry.backup_id} is not pinned", hint="`kulti-ops backup list` shows what is"
        )
    write_audit(
        run.settings.state_path,
        action=record.kind,
        target=f"{storage.url}/{entry.backup_id}",
        details=record.data,
    )
    add_record(storage, entry, record)
    written = read_entry(storage, entry.backup_id)
    if written is None:
        raise NotFoundError(f"{entry.backup_id} was removed meanwhile", hint="pin another one")
    pin = written.pin
    text = "not pinned" if pin is None else pin_text(pin)
    return Outcome(
        data={
            "backup_id": entry.backup_id,
            "pinned": written.pinned_at(run.now),
            "reason": pin.reason if pin else None,
            "until": pin.until if pin else None,
        },
        human=f"{entry.backup_id}  {text}",
    )
