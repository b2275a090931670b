"""Loading rows and large objects: straight from pg_restore into COPY, in bounded memory.

A table that lacks columns of the backup is loaded by way of a temporary table with the
target's own types, and the values that find no place are counted. Everything runs in
the caller's transaction; the first error ends it.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from kulti_ops.db import translated
from kulti_ops.errors import OperationFailedError
from kulti_ops.pgrestore import pg_restore
from kulti_ops.restore.side import loading
from kulti_ops.verify.copydata import CopyDataError, CopyReader
from kulti_ops.verify.large_objects import pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from kulti_ops.archive import Entry
    from kulti_ops.db import Connection
    from kulti_ops.pgrestore import ArchiveSource
    from kulti_ops.pgtools import Installation
    from kulti_ops.restore.hosted.facts import Relation
    from kulti_ops.restore.hosted.step import Step

CHUNK_BYTES = 1024 * 1024
STAGE = "pg_temp.kulti_ops_stage"


@dataclass(frozen=True, kw_only=True)
class ColumnLoss:
    """A column of the backup that the target lacks, and how many values are lost."""

    table: str
    column: str
    values: int


@dataclass(kw_only=True)
class Loader:
    """Takes the rows of one table after the other and copies them into the target."""

    connection: Connection
    steps: tuple[Step, ...]
    relations: dict[int, Relation]
    on_bytes: Callable[[int], None]
    losses: list[ColumnLoss] = field(default_factory=list)
    current: Step | None = None  # whose rows are loaded now; after an error, whose were
    _copy: ExitStack = field(default_factory=ExitStack)
    _staged: bool = False
    _total_bytes: int = 0

    def begin(self, index: int) -> _Rows:
        """Begin the rows of a step, and end those of the one before."""
        self.end()
        self.current = self.steps[index]
        return _Rows(self, self.current)

    def end(self) -> None:
        """End the rows of the current table.

        Raises: DatabaseError.
        """
        step = self.current
        if step is None:
            return
        with loading(step.entry.label):
            self._copy.pop_all().close()
            if self._staged:
                self._unstage(step)
        self.current = None

    def open(self, step: Step) -> Callable[[bytes], None]:
        """Begin to copy; return what takes the bytes."""
        statement = step.entry.copy_statement
        if step.missing:
            statement = self._stage(step)
        cursor = self._copy.enter_context(self.connection.cursor())
        copy = self._copy.enter_context(cursor.copy(_encoded(statement)))
        return copy.write

    def count(self, size_bytes: int) -> None:
        """Count bytes for the progress."""
        self._total_bytes += size_bytes
        self.on_bytes(self._total_bytes)

    def _stage(self, step: Step) -> str:
        types = self.relations[step.entry.dump_id].columns
        columns = ", ".join(f"{c} {types.get(c, 'text')}" for c in step.columns)
        self.connection.execute(_encoded(f"CREATE TEMPORARY TABLE {_name(STAGE)} ({columns})"))
        self._staged = True
        return f"COPY {STAGE} ({', '.join(step.columns)}) FROM STDIN"

    def _unstage(self, step: Step) -> None:
        table = self.relations[step.entry.dump_id].identity
        common = ", ".join(c for c in step.columns if c not in step.missing)
        self.connection.execute(
            _encoded(
                f"INSERT INTO {table} ({common}) OVERRIDING SYSTEM VALUE"  # noqa: S608 - quoted
                f" SELECT {common} FROM {STAGE}"
            )
        )
        counts = ", ".join(f"count({c})" for c in step.missing)
        query = f"SELECT {counts} FROM {STAGE}"  # noqa: S608 - quoted names of columns
        row = self.connection.execute(_encoded(query)).fetchone()
        for column, values in zip(step.missing, row or (), strict=True):
            self.losses.append(ColumnLoss(table=table, column=column, values=values))
        self.connection.execute(_encoded(f"DROP TABLE {STAGE}"))
        self._staged = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End a copy that an error cut off, so that the server drops it."""
        self._copy.__exit__(kind, error, trace)


class _Rows:
    """One table's rows; COPY begins with the first of them."""

    def __init__(self, loader: Loader, step: Step) -> None:
        self._loader = loader
        self._step = step
        self._write: Callable[[bytes], None] | None = None

    def update(self, data: bytes | memoryview) -> None:
        if not data:
            return
        with loading(self._step.entry.label):
            if self._write is None:
                self._write = self._loader.open(self._step)
            self._write(bytes(data))
        self._loader.count(len(data))


def load_rows(loader: Loader, *, archive: ArchiveSource, tools: Installation) -> None:
    """Load the rows of the loader's steps in the archive's order.

    Raises: DatabaseError for the first row that the target does not take;
    OperationFailedError, ToolFailedError when the archive cannot be read.
    """
    reader = CopyReader([s.entry.copy_statement for s in loader.steps], loader.begin)
    try:
        with loader:
            with pg_restore(archive, (s.entry for s in loader.steps), tools=tools) as run:
                for chunk in run.output():
                    reader.feed(chunk)
                run.finish()
            reader.finish()
            loader.end()
    except CopyDataError as error:
        raise OperationFailedError(f"the archive's rows: {error}") from error


def load_large_objects(
    connection: Connection, entries: Iterable[Entry], *, archive: ArchiveSource, tools: Installation
) -> None:
    """Fill the large objects of some BLOBS entries; they must exist.

    Raises: DatabaseError, ToolFailedError.
    """
    wanted = tuple(entries)
    if not wanted:
        return
    with translated("large objects"), pg_restore(archive, wanted, tools=tools) as run:
        number, offset, waiting = 0, 0, b""
        for found, piece in pieces(run.child.stdout):
            if found != number or len(waiting) >= CHUNK_BYTES:
                _put(connection, number, offset, waiting)
                offset = offset + len(waiting) if found == number else 0
                number, waiting = found, b""
            waiting += piece
        run.finish()
        _put(connection, number, offset, waiting)
        run.finish()


def _put(connection: Connection, number: int, offset: int, data: bytes) -> None:
    if data:
        connection.execute("SELECT lo_put(%s::oid, %s, %s)", (number, offset, data))


def _name(qualified: str) -> str:
    return qualified.rpartition(".")[2]


def _encoded(statement: str) -> bytes:
    """Return a statement as psycopg takes text that it must not look into."""
    return statement.encode("utf-8", "surrogateescape")
