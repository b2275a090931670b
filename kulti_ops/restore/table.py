"""Bringing one table of a backup beside the live one: what is asked for, and the guards.

Looks at everything and changes nothing; `table_run` carries it out.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kulti_ops.backup.catalog import usable_manifest
from kulti_ops.backup.reading import judge_identities, stored
from kulti_ops.clock import compact
from kulti_ops.digest import TableDigest
from kulti_ops.errors import RefusedError, UsageError
from kulti_ops.inventory import LIMIT_BYTES, from_json
from kulti_ops.progress import SILENT, Progress
from kulti_ops.report import Verdict
from kulti_ops.restore import guards
from kulti_ops.restore.archived_table import ArchivedTable, find_table
from kulti_ops.sealing import NO_IDENTITIES, Identities
from kulti_ops.verify import Level
from kulti_ops.verify.backup import verify_backup
from kulti_ops.verify.contents import read_toc_of

if TYPE_CHECKING:
    from datetime import datetime

    from kulti_ops.archive import Toc
    from kulti_ops.backup.catalog import Entry
    from kulti_ops.backup.manifest import Manifest
    from kulti_ops.db import Target
    from kulti_ops.inventory import Inventory
    from kulti_ops.pgrestore import ArchiveSource
    from kulti_ops.pgtools import Installation
    from kulti_ops.storage import Storage

LONGEST_NAME_BYTES = 63  # NAMEDATALEN - 1


@dataclass(frozen=True, kw_only=True)
class TableOptions:
    """What the user asked for; `timeout_s` bounds every question to the live table."""

    now: datetime
    into_schema: str | None = None
    where: str | None = None
    key: tuple[str, ...] = ()
    limit: int = 20
    timeout_s: float = 600.0
    lock_wait_s: float = 30.0
    connect_timeout_s: int = 10
    production: frozenset[str] = frozenset()
    confirmed: str | None = None
    identities: Identities = NO_IDENTITIES


@dataclass(frozen=True, kw_only=True)
class PreparedTable:
    """A table that passed every guard; `proven` is its digest of an earlier verification."""

    manifest: Manifest
    archive: ArchiveSource
    tools: Installation
    target: Target
    toc: Toc
    inventory: Inventory
    archived: ArchivedTable
    schema: str
    proven: TableDigest | None


def prepare_table(
    entry: Entry,
    storage: Storage,
    target: Target,
    *,
    name: str,
    tools: Installation,
    options: TableOptions,
    progress: Progress = SILENT,
) -> PreparedTable:
    """Look at everything and change nothing.

    Raises: RefusedError from any guard; NotFoundError when the backup has no such
    table; DatabaseError, StorageError when something cannot be looked at.
    """
    manifest = usable_manifest(entry)
    guards.judge_connection(target)
    judge_identities(manifest, options.identities)
    schema = options.into_schema or _schema_name(options.now)
    _judge_names(schema, options.where)
    state = guards.look_at(target, timeout_s=options.connect_timeout_s)
    guards.judge_production(target, production=options.production, confirmed=options.confirmed)
    guards.judge_writable(target, state)
    checked = verify_backup(manifest, storage, level=Level.QUICK, progress=progress)
    if checked.status is not Verdict.OK:
        bad = next(r for r in checked.results if r.status is checked.status)
        raise RefusedError(
            f"{manifest.backup_id} does not pass its verification: {bad.summary}",
            hint="use another backup: kulti-ops backup list",
        )
    archive = stored(manifest, storage, "dump", identities=options.identities)
    with archive.open() as stream:
        toc = read_toc_of(stream)
    listed = stored(manifest, storage, "inventory", identities=options.identities)
    inventory = from_json(listed.read(limit_bytes=LIMIT_BYTES))
    archived = find_table(toc, inventory, name)
    return PreparedTable(
        manifest=manifest,
        archive=replace(archive, toc=toc),
        tools=tools,
        target=target,
        toc=toc,
        inventory=inventory,
        archived=archived,
        schema=schema,
        proven=_recorded_digest(entry, archived.identity),
    )


def _recorded_digest(entry: Entry, identity: str) -> TableDigest | None:
    """Return what the newest verification of the contents recorded for a table."""
    for record in reversed(entry.records):
        found = record.data.get("digests", {}).get(identity) if record.kind == "verify" else None
        if found:
            return TableDigest(rows=int(found[0]), sha256=str(found[1]))
    return None


def _schema_name(now: datetime) -> str:
    return f"restored_{compact(now).lower()}_{secrets.token_hex(2)}"


def _judge_names(schema: str, where: str | None) -> None:
    """Refuse names and conditions that cannot be meant.

    Raises: UsageError.
    """
    if not 0 < len(schema.encode()) <= LONGEST_NAME_BYTES or schema.startswith("pg_"):
        raise UsageError(
            f"--into-schema {schema!r}: 1 to {LONGEST_NAME_BYTES} bytes, not beginning with pg_"
        )
    if where is not None and (";" in where or not where.strip()):
        raise UsageError(
            "--where takes one condition, without a semicolon",
            hint="for example --where \"user_id = '…'\"; write chr(59) for a semicolon in a text",
        )
