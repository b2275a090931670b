"""Carrying out the plan of a hosted restore: one transaction, a savepoint for every entry.

Nothing is committed that was not judged: an error that no rule explains, or a
comparison that is not good, undoes everything. A client that dies leaves nothing, as
its transaction dies with it. Entries travel in batches, since a project may be far
away; a batch that fails is undone and halved until the entry that failed stands alone.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kulti_ops.db import connect, translated
from kulti_ops.errors import DatabaseError
from kulti_ops.progress import SILENT, Progress, size
from kulti_ops.report import CheckResult, Verdict
from kulti_ops.restore.hosted.load import ColumnLoss, Loader, load_large_objects, load_rows
from kulti_ops.restore.hosted.rights import reset_defaults
from kulti_ops.restore.hosted.roles import create_roles, hand_back_roles, more_of_roles
from kulti_ops.restore.hosted.rules import NO_RIGHT, Fate
from kulti_ops.restore.hosted.text import statements
from kulti_ops.restore.hosted.transaction import begin, cancelled_when_interrupted, insist
from kulti_ops.restore.toc import ACL_ENTRIES, REFRESH_ENTRY, dependants
from kulti_ops.restore.tool import ERRORS_KEPT, EntryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from kulti_ops.archive import Toc
    from kulti_ops.db import Connection, Target
    from kulti_ops.pgrestore import ArchiveSource
    from kulti_ops.pgtools import Installation
    from kulti_ops.restore.hosted.plan import HostedPlan
    from kulti_ops.restore.hosted.step import Step
    from kulti_ops.verify.restored import TableMatch

BATCH_ENTRIES = 64
BATCH_BYTES = 256 * 1024
DATA = frozenset({"TABLE DATA", "BLOBS"})
_POST_DATA = 4
_LAST = frozenset({"EVENT TRIGGER", REFRESH_ENTRY})
_MARK = b"SAVEPOINT kulti_ops_entry;"
_KEEP = b"RELEASE SAVEPOINT kulti_ops_entry;"
_UNDO = b"ROLLBACK TO SAVEPOINT kulti_ops_entry; RELEASE SAVEPOINT kulti_ops_entry;"


@dataclass(kw_only=True)
class HostedOutcome:
    """What a restore did: seconds per phase, errors, and what turned out to be refused.

    `refused` are steps of the plan that the target did not allow, with the SQLSTATE.
    """

    phases_s: dict[str, float] = field(default_factory=dict)
    errors: list[EntryError] = field(default_factory=list)
    refused: list[tuple[Step, str]] = field(default_factory=list)
    refused_roles: list[str] = field(default_factory=list)
    losses: list[ColumnLoss] = field(default_factory=list)
    results: tuple[CheckResult, ...] = ()
    tables: tuple[TableMatch, ...] = ()
    entries: int = 0
    committed: bool = False


@dataclass(frozen=True, kw_only=True)
class HostedRestore:
    """One archive, one plan, one target; `judge` looks before the transaction commits."""

    archive: ArchiveSource
    toc: Toc
    plan: HostedPlan
    target: Target
    tools: Installation
    judge: Callable[[Connection, HostedOutcome], Sequence[CheckResult]]
    progress: Progress = SILENT

    def run(self, outcome: HostedOutcome) -> None:
        """Restore, judge, and commit or undo.

        Raises: RefusedError when the target cannot be restored into this way;
        DatabaseError, ToolFailedError when the restore could not go on. Then nothing is left.
        """
        with connect(self.target, application="restore") as connection:
            number = begin(connection)
            with cancelled_when_interrupted(connection):
                _Run(self, connection, outcome, number).everything()
                if not outcome.errors:
                    self._judge(connection, outcome)
            if outcome.errors or _is_bad(outcome.results):
                with translated("undoing the restore"):
                    connection.execute("ROLLBACK")
                return
            insist(connection, number)
            _commit(connection)
            outcome.committed = True

    def _judge(self, connection: Connection, outcome: HostedOutcome) -> None:
        self.progress.step("comparing before anything is committed")
        with _timed(outcome, "compare"):
            outcome.results = tuple(self.judge(connection, outcome))


@dataclass
class _Run:
    """The restore under way: entries in the order of the archive, in phases."""

    restore: HostedRestore
    connection: Connection
    outcome: HostedOutcome
    number: int
    dead: set[int] = field(default_factory=set)

    def everything(self) -> None:
        """Run every phase; one that ends with errors is the last."""
        main = [s for s in self.restore.plan.to_run if not _is_late(s) and s.entry.desc not in DATA]
        post = next(
            (i for i, s in enumerate(main) if s.entry.section == _POST_DATA),
            len(main),
        )
        late = [s for s in self.restore.plan.to_run if _is_late(s)]
        phases: tuple[tuple[str, str, Callable[[], None]], ...] = (
            ("prepare", "creating roles", self._prepare),
            ("schema", "creating objects", lambda: self.entries(main[:post])),
            ("data", "loading rows", self._load),
            ("constraints", "building indexes and constraints", lambda: self.entries(main[post:])),
            ("rights", "granting", lambda: self.entries([s for s in late if _is_right(s)])),
            ("last", "refreshing", lambda: self.entries([s for s in late if not _is_right(s)])),
            ("hand back", "leaving roles", self._hand_back),
        )
        for name, title, action in phases:
            self.restore.progress.step(title)
            with _timed(self.outcome, name):
                action()
            insist(self.connection, self.number)
            if self.outcome.errors:
                return

    def entries(self, steps: Sequence[Step]) -> None:
        """Run entries in batches; one that may be refused stands alone."""
        batch: list[tuple[Step, bytes]] = []
        size_bytes = 0
        for step in steps:
            text = statements(step, self.restore.plan.facts)
            unit = (step, text.encode("utf-8", "surrogateescape"))
            if step.fate is Fate.TRY:
                self._batch(batch)
                self._batch([unit])
                batch, size_bytes = [], 0
                continue
            batch.append(unit)
            size_bytes += len(unit[1])
            if len(batch) >= BATCH_ENTRIES or size_bytes >= BATCH_BYTES:
                self._batch(batch)
                batch, size_bytes = [], 0
        self._batch(batch)

    def _batch(self, units: Sequence[tuple[Step, bytes]]) -> None:
        alive = [u for u in units if u[0].entry.dump_id not in self.dead]
        if not alive:
            return
        self.restore.progress.advance(alive[0][0].entry.label)
        try:
            self._send(b"\n".join(text for _, text in alive), alive[0][0].entry.label)
            self.outcome.entries += len(alive)
        except DatabaseError as error:
            if self.connection.closed:
                raise
            if len(alive) == 1:
                self._failed(alive[0][0], error)
                return
            half = len(alive) // 2
            self._batch(alive[:half])
            self._batch(alive[half:])

    def _send(self, text: bytes, label: str) -> None:
        """Run statements between a savepoint and its release, in one round trip."""
        try:
            with translated(label):
                self.connection.execute(b"%b\n%b\n%b" % (_MARK, text, _KEEP))
        except DatabaseError:
            if not self.connection.closed:
                # without the release a later rollback would end at this savepoint
                with translated(label):
                    self.connection.execute(_UNDO)
            raise

    def _failed(self, step: Step, error: DatabaseError) -> None:
        """Note a failure; what depends on the entry is not tried."""
        code = error.sqlstate or ""
        if step.fate is Fate.TRY and code in step.rule.excused:
            self.outcome.refused.append((step, code))
            lost = dependants(self.restore.toc, {step.entry.dump_id}) - {step.entry.dump_id}
            self.outcome.refused += [
                (s, code) for s in self.restore.plan.to_run if s.entry.dump_id in lost - self.dead
            ]
        elif len(self.outcome.errors) < ERRORS_KEPT:
            found = EntryError(label=step.entry.label, message=error.primary, sqlstate=code or None)
            self.outcome.errors.append(found)
        self.dead |= dependants(self.restore.toc, {step.entry.dump_id})

    def _prepare(self) -> None:
        plan = self.restore.plan
        with translated("roles"):
            create_roles(self.connection, plan.roles)
        for label, action in more_of_roles(plan.roles, database=plan.facts.database):
            self._attempt(label, action)
        resets = "\n".join(line for d in plan.resets for line in reset_defaults(d))
        if resets:
            self._send(resets.encode(), "default privileges")
        for label, text in plan.aligned:
            self._send(text.encode(), label)

    def _attempt(self, label: str, action: Callable[[Connection], None]) -> None:
        """Do something about a role; a refusal for lack of rights is noted."""
        try:
            with translated(label), self.connection.transaction():
                action(self.connection)
        except DatabaseError as error:
            if error.sqlstate != NO_RIGHT:
                raise
            self.outcome.refused_roles.append(label)

    def _load(self) -> None:
        steps = [s for s in self.restore.plan.to_run if s.entry.dump_id not in self.dead]
        tables = tuple(s for s in steps if s.entry.desc == "TABLE DATA")
        relations = self.restore.plan.facts.relations
        loader = Loader(
            connection=self.connection,
            steps=tables,
            relations={
                s.entry.dump_id: relations[s.entry.namespace, s.entry.tag]
                for s in tables
                if s.missing
            },
            on_bytes=lambda count: self.restore.progress.advance(size(count)),
        )
        objects = [s.entry for s in steps if s.entry.desc == "BLOBS"]
        try:
            if tables:
                load_rows(loader, archive=self.restore.archive, tools=self.restore.tools)
            load_large_objects(
                self.connection, objects, archive=self.restore.archive, tools=self.restore.tools
            )
        except DatabaseError as error:
            label = loader.current.entry.label if loader.current is not None else "BLOBS"
            found = EntryError(label=label, message=error.primary, sqlstate=error.sqlstate)
            self.outcome.errors.append(found)
        self.outcome.entries += len(tables) + len(objects)
        self.outcome.losses += loader.losses

    def _hand_back(self) -> None:
        with translated("roles"):
            hand_back_roles(self.connection, self.restore.plan.roles)


def _commit(connection: Connection) -> None:
    """Commit; a connection that is lost meanwhile leaves open whether it happened."""
    with translated("committing the restore"):
        connection.execute("SELECT pg_notify('pgrst', 'reload schema')")
    try:
        with translated("committing the restore"):
            connection.execute("COMMIT")
    except DatabaseError as error:
        if not connection.closed:
            raise
        raise DatabaseError(
            f"{error.message}: it is not known whether the restore was committed",
            hint="look at the project: it holds everything or nothing; restore again refuses it "
            "as in use when it holds everything",
            sqlstate=error.sqlstate,
        ) from None


def _is_right(step: Step) -> bool:
    return step.entry.desc in ACL_ENTRIES


def _is_late(step: Step) -> bool:
    entry = step.entry
    about_last = entry.desc == "COMMENT" and entry.tag.startswith("EVENT TRIGGER ")
    return entry.desc in ACL_ENTRIES | _LAST or about_last


def _is_bad(results: Sequence[CheckResult]) -> bool:
    return any(r.status in {Verdict.CRIT, Verdict.UNKNOWN} for r in results)


@contextmanager
def _timed(outcome: HostedOutcome, phase: str) -> Iterator[None]:
    """Add the seconds spent inside to a phase."""
    started = time.monotonic()
    try:
        yield
    finally:
        outcome.phases_s[phase] = outcome.phases_s.get(phase, 0.0) + time.monotonic() - started
