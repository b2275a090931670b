"""Exports: rows of the platform as CSV or JSON lines, for people and other programs.

One snapshot, streamed; files private, published whole, each with its checksum, and apart
from the backups. They hold personal data: each export stands in the audit log before.
"""

from __future__ import annotations

import hashlib
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from kulti_ops.audit import write_audit
from kulti_ops.backup.export_cells import Shape, csv_line
from kulti_ops.backup.preflight import judge_connection
from kulti_ops.clock import compact, iso
from kulti_ops.db import connect, translated
from kulti_ops.errors import NotFoundError, RefusedError, StorageError, UsageError
from kulti_ops.inventory import pin_session
from kulti_ops.platform.exports import QUERIES, USER_EXISTS, ExportKind
from kulti_ops.progress import SILENT, Progress
from kulti_ops.storage.local import LocalStorage
from kulti_ops.storage.local.writer import remove_leftovers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from kulti_ops.db import Connection, Target
    from kulti_ops.storage import ObjectWriter, Storage

BUFFER_BYTES = 256 * 1024
PROGRESS_ROWS = 5000


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """What is wanted; `user` is an id, times in seconds."""

    shape: Shape = Shape.CSV
    since: datetime | None = None
    user: UUID | None = None
    lock_wait_s: float = 30.0
    timeout_s: float = 6 * 3600.0
    connect_timeout_s: int = 10


@dataclass(kw_only=True)
class ExportedFile:
    """One file, and what it holds."""

    kind: ExportKind
    path: Path
    rows: int = 0
    size_bytes: int = 0
    sha256: str = ""


@dataclass(frozen=True, kw_only=True)
class Exported:
    """The files of one export, all from one snapshot."""

    snapshot_at: datetime
    files: tuple[ExportedFile, ...]


def parse_user(text: str) -> UUID:
    """Return a user's id.

    Raises: UsageError when it is none.
    """
    try:
        return UUID(text)
    except ValueError:
        raise UsageError(
            "--user is no id of a user", hint="the uuid of public.profiles.id"
        ) from None


def judge_folder(folder: Path, storage: Storage) -> None:
    """Insist that exports stay apart from backups: whoever may read one need not the other.

    Raises: RefusedError when the folder is the storage or lies below it.
    """
    if isinstance(storage, LocalStorage) and folder.resolve().is_relative_to(
        storage.root.resolve()
    ):
        raise RefusedError(
            f"{folder} lies in the storage of the backups",
            hint="give another folder with --to, or set KULTI_OPS_EXPORT_DIR",
        )


def run_export(
    target: Target,
    kinds: Sequence[ExportKind],
    folder: Path,
    *,
    options: ExportOptions,
    now: datetime,
    state: Path,
    progress: Progress = SILENT,
) -> Exported:
    """Write one file for each kind into the folder; `state` is the audit log's.

    Raises: RefusedError through a transaction pooler, NotFoundError when there is no such
    user, DatabaseError, StorageError; then no file is left.
    """
    judge_connection(target)
    place = LocalStorage(str(folder))
    place.prepare()
    remove_leftovers(place.root)
    names = [f"{kind}-{compact(now)}.{options.shape}" for kind in dict.fromkeys(kinds)]
    files = [
        ExportedFile(kind=kind, path=place.root / name)
        for kind, name in zip(dict.fromkeys(kinds), names, strict=True)
    ]
    details = {
        "files": [str(file.path) for file in files],
        "user": options.user,
        "since": iso(options.since) if options.since else None,
    }
    write_audit(state, action="export begun", target=target.label, details=details)
    with _snapshot(target, options) as connection:
        snapshot_at = _begin(connection, options)
        _write_all(connection, place, files, options, progress)
    rows = {str(file.kind): file.rows for file in files}
    write_audit(
        state,
        action="export ended",
        target=target.label,
        details={**details, "rows": rows},
    )
    return Exported(snapshot_at=snapshot_at, files=tuple(files))


@contextmanager
def _snapshot(target: Target, options: ExportOptions) -> Iterator[Connection]:
    """Hold one read-only snapshot; rows that policies would hide are an error, not left out."""
    session = {
        "timezone": "UTC",
        "bytea_output": "hex",
        "lock_timeout": f"{options.lock_wait_s * 1000:.0f}",
        "statement_timeout": f"{options.timeout_s * 1000:.0f}",
        "idle_in_transaction_session_timeout": f"{options.timeout_s * 1000:.0f}",
    }
    with connect(target, application="export", timeout_s=options.connect_timeout_s) as connection:
        with translated("session"):
            pin_session(connection, session)
        with translated("export"), connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield connection


def _begin(connection: Connection, options: ExportOptions) -> datetime:
    """Take the snapshot and make sure that the user exists in it; return its time."""
    with translated("export"):
        row = connection.execute("SELECT statement_timestamp()").fetchone()
        assert row is not None  # noqa: S101 - a SELECT without FROM has one row
        if options.user is not None:
            found = connection.execute(USER_EXISTS, {"user": options.user}).fetchone()
            if not found or not found[0]:
                raise NotFoundError(
                    f"no user {options.user}", hint="nothing was written; the id is profiles.id"
                )
    at: datetime = row[0]
    return at


def _write_all(
    connection: Connection,
    place: LocalStorage,
    files: list[ExportedFile],
    options: ExportOptions,
    progress: Progress,
) -> None:
    """Write every file, then publish them; a failure takes back what was published."""
    published: list[str] = []
    try:
        with ExitStack() as writers:
            begun = [(file, writers.enter_context(place.writer(file.path.name))) for file in files]
            for file, writer in begun:
                progress.step(f"exporting {file.kind}")
                with translated(f"export of {file.kind}"):
                    _Sink(file, writer, progress).take(_lines(connection, file.kind, options))
            for file, writer in begun:
                _publish(file.path.name, writer, published)
        for file in files:
            name = f"{file.path.name}.sha256"
            with place.writer(name) as writer:
                writer.write(f"{file.sha256}  {file.path.name}\n".encode())
                _publish(name, writer, published)
    except BaseException:
        for name in published:
            place.delete(name)
        raise


def _publish(name: str, writer: ObjectWriter, published: list[str]) -> None:
    """Publish a file and note it for being taken back, unless the name is another export's."""
    published.append(name)
    try:
        writer.commit()
    except StorageError as error:
        if isinstance(error.__cause__, FileExistsError):
            published.remove(name)
        raise


@dataclass(kw_only=False)
class _Sink:
    """Gathers lines into larger writes, counting and hashing them."""

    file: ExportedFile
    writer: ObjectWriter
    progress: Progress
    buffer: bytearray = field(default_factory=bytearray)

    def take(self, lines: Iterator[tuple[str, bool]]) -> None:
        """Write all lines; each says whether it is a row."""
        digest = hashlib.sha256()
        for line, is_row in lines:
            self.buffer += line.encode()
            self.file.rows += is_row
            if len(self.buffer) >= BUFFER_BYTES:
                self._flush(digest)
            if self.file.rows % PROGRESS_ROWS == 0:
                self.progress.advance(f"{self.file.rows:,} rows")
        self._flush(digest)
        self.file.sha256 = digest.hexdigest()

    def _flush(self, digest: hashlib._Hash) -> None:
        data = bytes(self.buffer)
        self.buffer.clear()
        digest.update(data)
        self.file.size_bytes += len(data)
        self.writer.write(data)


def _lines(
    connection: Connection, kind: ExportKind, options: ExportOptions
) -> Iterator[tuple[str, bool]]:
    """Yield the lines of a file as they come from the server; in CSV the header first."""
    parameters = {"since": options.since, "user": options.user}
    query = QUERIES[kind]
    if options.shape is Shape.JSONL:
        query = f"SELECT row_to_json(exported)::text FROM ({query}) AS exported"  # noqa: S608
    else:
        yield csv_line(_columns(connection, query, parameters)), False
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY ({query}) TO STDOUT", parameters) as copy,
    ):
        for row in copy.rows():
            yield (csv_line(row) if options.shape is Shape.CSV else f"{row[0]}\n"), True


def _columns(
    connection: Connection, query: str, parameters: dict[str, datetime | UUID | None]
) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM ({query}) AS exported LIMIT 0", parameters)  # noqa: S608
        return [column.name for column in cursor.description or ()]
