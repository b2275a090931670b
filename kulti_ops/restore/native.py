"""Restoring an archive into a PostgreSQL of one's own: load in parallel, then rights.

Three ways in one order: what pg_restore does by itself (load, refresh), what must
run as somebody else (grants of grantors), and, where we are no superuser, room to
give objects to their owners while loading. What jobs may not do side by side is loaded
alone, and so, once more, is the victim of a deadlock. Collects every other error; decides
nothing about them.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kulti_ops.db import connect, sql, translated
from kulti_ops.errors import DatabaseError
from kulti_ops.progress import SILENT, Progress
from kulti_ops.restore.absent import entries_about_absent
from kulti_ops.restore.plan import Action, RestorePlan
from kulti_ops.restore.toc import with_local_roles
from kulti_ops.restore.tool import EntryError, run_entries

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import LiteralString

    from kulti_ops.archive import Entry
    from kulti_ops.db import Connection, Target
    from kulti_ops.pgrestore import ArchiveSource
    from kulti_ops.pgtools import Installation


# In the server's English; where it speaks another language, the error stays one.
_DEADLOCK = "deadlock detected"


@dataclass(kw_only=True)
class NativeOutcome:
    """What a restore did: seconds per phase, every error, how many entries were loaded twice."""

    phases_s: dict[str, float] = field(default_factory=dict)
    errors: list[EntryError] = field(default_factory=list)
    again: int = 0


@dataclass(frozen=True, kw_only=True)
class NativeRestore:
    """One archive, one plan, one target."""

    archive: ArchiveSource
    plan: RestorePlan
    target: Target
    tools: Installation
    jobs: int
    superuser: bool
    progress: Progress = SILENT

    def run(self, outcome: NativeOutcome) -> None:
        """Load, grant, refresh; errors and times go into `outcome`.

        Raises: ToolFailedError, DatabaseError when the restore cannot go on.
        """
        every = self.plan.entries(Action.LOAD)
        # what must fail comes alone, behind the rest: by one job, each error is named for certain
        failing = {entry.dump_id for entry in entries_about_absent(self.plan)}
        apart = attached_later(every) | failing
        load = tuple(entry for entry in every if entry.dump_id not in apart)
        with _timed(outcome, "load"):
            jobs = self.jobs if self.archive.path is not None else 1
            self.progress.step(f"loading {len(load)} entries with {jobs} jobs")
            with self._room_for_owners():
                errors = self._by_tool(load, jobs=self.jobs)
                again = lost_to_a_deadlock(load, errors)
                if again:
                    self.progress.step(f"a deadlock: loading {len(again)} entries again, alone")
                    errors = self._by_tool(again, jobs=1)
                    outcome.again = len(again)
                outcome.errors += errors
                alone = tuple(entry for entry in every if entry.dump_id in apart)
                outcome.errors += self._by_tool(alone, jobs=1)
        with _timed(outcome, "rights"):
            rights = self.plan.entries(Action.RIGHTS)
            self.progress.step(f"granting: {len(rights)} entries")
            outcome.errors += self._rights(rights)
        with _timed(outcome, "refresh"):
            outcome.errors += self._by_tool(self.plan.entries(Action.REFRESH), jobs=1)

    def _by_tool(self, entries: tuple[Entry, ...], *, jobs: int) -> tuple[EntryError, ...]:
        return run_entries(
            self.archive,
            entries,
            target=self.target,
            tools=self.tools,
            jobs=jobs,
            on_progress=self.progress.advance,
        )

    @contextmanager
    def _room_for_owners(self) -> Iterator[None]:
        """Let every role own things in every schema while loading, where we are no superuser.

        `ALTER … OWNER` wants the new owner to have CREATE on the schema; the grants that
        give it come later. Revoking leaves the default rights behind, spelled out.
        """
        if self.superuser:
            yield
            return
        with connect(self.target, application="restore") as connection:
            _on_every_schema(connection, "GRANT CREATE ON SCHEMA {} TO PUBLIC")
            yield
            _on_every_schema(connection, "REVOKE CREATE ON SCHEMA {} FROM PUBLIC")

    def _rights(self, entries: tuple[Entry, ...]) -> Iterator[EntryError]:
        with connect(self.target, application="restore rights") as connection:
            for entry in entries:
                error = _execute(connection, entry)
                if error is not None:
                    yield error


def lost_to_a_deadlock(
    entries: tuple[Entry, ...], errors: tuple[EntryError, ...]
) -> tuple[Entry, ...]:
    """Return what to load once more, alone, where a job was the victim of a deadlock.

    The server undoes what it was at, and what needs that fails after it. So all that failed
    is tried again, in the archive's order. Nothing where it is not certain what that was.
    """
    failed = {error.dump_id for error in errors}
    if None in failed or not any(_DEADLOCK in error.message for error in errors):
        return ()
    return tuple(entry for entry in entries if entry.dump_id in failed)


def attached_later(entries: tuple[Entry, ...]) -> frozenset[int]:
    """Return the dump ids of attachments of indexes, and of all that needs them.

    Sessions that attach the parts of one index at the same time lock each other, or leave the
    index above invalid without an error (seen in 1 of 1000 restores with 4 jobs).
    """
    later = {entry.dump_id for entry in entries if entry.desc == "INDEX ATTACH"}
    known = 0
    while len(later) > known:
        known = len(later)
        later |= {e.dump_id for e in entries if not later.isdisjoint(e.dependencies)}
    return frozenset(later)


def _on_every_schema(connection: Connection, statement: LiteralString) -> None:
    with translated("schemas"):
        rows = connection.execute(
            "SELECT nspname FROM pg_namespace"
            " WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
        ).fetchall()
        for (name,) in rows:
            connection.execute(sql.SQL(statement).format(sql.Identifier(name)))


def _execute(connection: Connection, entry: Entry) -> EntryError | None:
    """Run one entry's grants in a transaction of its own, as their grantor."""
    try:
        with translated(entry.label), connection.transaction():
            connection.execute("SET LOCAL search_path = ''")
            connection.execute(with_local_roles(entry.definition))
    except DatabaseError as error:
        return EntryError(label=entry.label, message=error.primary, sqlstate=error.sqlstate)
    return None


@contextmanager
def _timed(outcome: NativeOutcome, phase: str) -> Iterator[None]:
    """Add the seconds spent inside to a phase."""
    started = time.monotonic()
    try:
        yield
    finally:
        outcome.phases_s[phase] = outcome.phases_s.get(phase, 0.0) + time.monotonic() - started
