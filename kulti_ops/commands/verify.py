"""`verify`: backup, freshness, storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from kulti_ops.commands.shared import BackupArgument, identities_of, installations_of, storage_of
from kulti_ops.edge import Invocation, command, group
from kulti_ops.report import CheckResult, Outcome, Verdict
from kulti_ops.verify import Level, Proof

if TYPE_CHECKING:
    from kulti_ops.backup.catalog import Entry
    from kulti_ops.backup.manifest import Manifest
    from kulti_ops.storage import Storage
    from kulti_ops.verify.freshness import Expectation

app = group("verify", "Prove what a backup holds, and that backups keep coming.")


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


@command(
    app,
    "freshness",
    checks=True,
    examples=(
        "kulti-ops verify freshness --max-age 26h",
        "kulti-ops verify freshness --format nagios",
        "kulti-ops verify freshness --state drilled --max-age 100d",
    ),
    exits="10 the newest proven backup is too old, dated in the future, or there is none; "
    "4 no database is configured and the storage holds several",
)
def freshness(
    run: Invocation,
    max_age: Annotated[
        str | None,
        typer.Option(
            "--max-age",
            help="Age from which it is crit.",
            metavar="26h",
            show_default="KULTI_OPS_MAX_AGE_HOURS",
        ),
    ] = None,
    state: Annotated[
        Proof, typer.Option("--state", help="How far a backup must be proven to count.")
    ] = Proof.VERIFIED,
    source: Annotated[
        str | None,
        typer.Option(
            "--source", help="Whose backups.", metavar="NAME", show_default="the configured one"
        ),
    ] = None,
    server: Annotated[
        str | None,
        typer.Option(
            "--server",
            help="Which server, where one name of this machine leads to several.",
            metavar="ID",
            show_default="the worst of them",
        ),
    ] = None,
) -> Outcome:
    """Check that proven backups keep coming, and in their usual size; asks no database.

    The age is that of the newest proven backup's snapshot, on the database's clock; its
    files must still be there. Names of sources are those that `backup prune` shows. Behind
    a tunnel, servers are told apart by their system identifier.
    """
    from kulti_ops.backup.catalog import list_entries
    from kulti_ops.errors import StorageError
    from kulti_ops.verify.freshness import choose_source, judge_freshness

    expected = _expectation(run, max_age, state)
    storage = storage_of(run)
    try:
        entries = list_entries(storage)
    except StorageError as error:
        unread = CheckResult(
            id="age", status=Verdict.UNKNOWN, summary=error.message, next=error.hint or None
        )
        return Outcome(results=(unread,))
    name = choose_source(entries, source or _configured_source(run))
    found = judge_freshness(entries, source=name, now=run.now, expected=expected, server=server)
    newest = found.newest
    return Outcome(
        results=(*found.results, *([_presence(storage, newest)] if newest else [])),
        data={
            "source": name,
            "server": newest.source.server if newest else server,
            "state": state,
            "backup_id": newest.backup_id if newest else None,
            "snapshot_at": newest.snapshot_at if newest else None,
        },
    )


def _presence(storage: Storage, newest: Manifest) -> CheckResult:
    """Look whether the newest proven backup is still whole; unknown when nobody can tell."""
    from kulti_ops.errors import StorageError
    from kulti_ops.verify.integrity import check_presence

    try:
        return check_presence(newest, storage)
    except StorageError as error:
        return CheckResult(
            id="artifacts", status=Verdict.UNKNOWN, summary=error.message, next=error.hint or None
        )


def _expectation(run: Invocation, max_age: str | None, state: Proof) -> Expectation:
    from kulti_ops.duration import parse_duration
    from kulti_ops.verify.freshness import Expectation

    settings = run.settings
    usual_s = {
        Proof.VERIFIED: settings.max_age_hours * 3600,
        Proof.DRILLED: settings.drill_max_age_days * 86400,
    }
    return Expectation(
        max_age_s=parse_duration(max_age) if max_age else usual_s[state],
        proof=state,
        shrink_percent=settings.size_shrink_percent,
        growth_percent=settings.size_growth_percent,
    )


def _configured_source(run: Invocation) -> str | None:
    """Return the configured database's identity; None without one. Connects to nothing."""
    from kulti_ops.backup.manifest import source_of
    from kulti_ops.db import is_source_named, source_target

    return source_of(source_target(run.settings)) if is_source_named(run.settings) else None


@command(
    app,
    "storage",
    checks=True,
    examples=("kulti-ops verify storage", "kulti-ops verify storage --format json"),
    exits="3 the server does not tell who else gets in; 5 the storage cannot be read",
)
def storage(run: Invocation) -> Outcome:
    """Look at the whole storage: what is missing, what belongs to nobody, who else gets in.

    Reads manifests and listings, no artifact; removes nothing.
    """
    from kulti_ops.verify.storage import verify_storage

    opened = storage_of(run)
    run.progress.step(f"looking at {opened.url}")
    return Outcome(results=verify_storage(opened), data={"storage": opened.url})
