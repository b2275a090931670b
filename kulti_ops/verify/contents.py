"""One streaming pass over an archive: its bytes, its structure, its rows.

The artifact is read once. On the way it is hashed, followed to its last byte
(`archive.walk`), and handed to pg_restore, whose output is split into the tables'
rows and digested. Memory is bounded by buffers; nothing is written but a list of
entry numbers for pg_restore.
"""

from __future__ import annotations

import hashlib
import tempfile
import threading
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from kulti_ops import archive
from kulti_ops.digest import MultisetDigest, OrderedDigest, TableDigest
from kulti_ops.errors import OperationFailedError
from kulti_ops.process import Child
from kulti_ops.verify.copydata import CopyDataError, CopyReader
from kulti_ops.verify.expectations import table_of_entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from kulti_ops.archive import Entry, Toc
    from kulti_ops.inventory import Inventory
    from kulti_ops.pgtools import Installation
    from kulti_ops.verify.copydata import Sink

CHUNK_BYTES = 1024 * 1024
TIMEOUT_S = 6 * 3600.0


@dataclass(kw_only=True)
class ArchiveContents:
    """What one pass found out.

    `tables` maps the dump id of a TABLE DATA entry to its digest. `problem` is the
    first thing that was wrong with the archive itself, empty when nothing was.
    """

    size_bytes: int = 0
    sha256: str = ""
    toc: Toc | None = None
    tables: dict[int, TableDigest] = field(default_factory=dict)
    problem: str = ""


def read_toc_of(stream: IO[bytes]) -> Toc:
    """Read only the table of contents.

    Raises: OperationFailedError when there is none.
    """
    try:
        return archive.read_toc(stream)
    except archive.ArchiveError as error:
        raise OperationFailedError(f"the archive cannot be read: {error}") from error


def read_contents(
    open_stream: Callable[[], IO[bytes]],
    *,
    tools: Installation,
    environment: Mapping[str, str],
    on_bytes: Callable[[int], None] = lambda _size: None,
) -> ArchiveContents:
    """Read a whole archive and digest every table's rows.

    `open_stream` opens the archive at its start; it is called twice: once for the table
    of contents, which says what to expect, once for the pass.

    Raises: StorageError when the stream fails; what is wrong with the archive is a
    `problem`, not an exception.
    """
    found = ArchiveContents()
    try:
        with open_stream() as stream:
            found.toc = archive.read_toc(stream)
    except archive.ArchiveError as error:
        found.problem = str(error)
        _hash_only(open_stream, found, on_bytes)
        return found
    entries = tuple(e for e in found.toc.entries if e.desc == "TABLE DATA" and e.copy_statement)
    with tempfile.NamedTemporaryFile("w", prefix="kulti-ops-", suffix=".list") as wanted:
        wanted.writelines(f"{entry.dump_id};\n" for entry in entries)
        wanted.flush()
        argv = [str(tools.tool("pg_restore")), f"--use-list={wanted.name}", "--file=-"]
        _pass(open_stream, argv, environment, entries, found, on_bytes)
    return found


def multiset_digests(
    archive_file: Path,
    toc: Toc,
    inventory: Inventory,
    identities: Iterable[str],
    *,
    tools: Installation,
    kept: Mapping[str, tuple[int, ...]] | None = None,
) -> dict[str, TableDigest]:
    """Return order-independent digests of some tables of an archive file, by identity.

    `kept` are the positions of the columns to digest, for tables that are not digested whole.
    Raises: OperationFailedError when the archive cannot be read again.
    """
    names = table_of_entry(inventory, toc)
    wanted = set(identities)
    entries = tuple(e for e in toc.of("TABLE DATA") if names.get(e.dump_id) in wanted)
    some = kept or {}
    digests = [MultisetDigest(kept=some.get(names[e.dump_id])) for e in entries]
    reader = CopyReader([e.copy_statement for e in entries], digests.__getitem__)
    with tempfile.NamedTemporaryFile("w", prefix="kulti-ops-", suffix=".list") as listed:
        listed.writelines(f"{entry.dump_id};\n" for entry in entries)
        listed.flush()
        argv = [str(tools.tool("pg_restore")), f"--use-list={listed.name}", "--file=-"]
        with Child([*argv, str(archive_file)], env={"LC_ALL": "C"}) as child:
            while chunk := child.stdout.read(CHUNK_BYTES):
                reader.feed(chunk)
            child.finish(timeout_s=60)
    return {names[e.dump_id]: d.result() for e, d in zip(entries, digests, strict=True)}


def _pass(
    open_stream: Callable[[], IO[bytes]],
    argv: list[str],
    environment: Mapping[str, str],
    entries: tuple[Entry, ...],
    found: ArchiveContents,
    on_bytes: Callable[[int], None],
) -> None:
    digests: dict[int, OrderedDigest] = {}

    def begin(index: int) -> Sink:
        return digests.setdefault(entries[index].dump_id, OrderedDigest())

    reader = CopyReader([e.copy_statement for e in entries], begin)
    with open_stream() as stream, Child(argv, env=environment, stdin=-1) as child:
        feeder = _Feeder(stream, child, on_bytes)
        problem = ""
        try:
            while chunk := child.stdout.read(CHUNK_BYTES):
                reader.feed(chunk)
            feeder.join()
            code = child.wait(timeout_s=60)
            reader.finish()
        except CopyDataError as error:
            problem = str(error)
            code = 0
        if feeder.failure is not None:
            raise feeder.failure
        if code != 0:
            cause = next((line for line in child.stderr_tail if "error:" in line), "")
            problem = f"pg_restore cannot read it: {cause.partition('error: ')[2] or code}"
    found.size_bytes, found.sha256 = feeder.size_bytes, feeder.sha256
    found.problem = feeder.problem or problem
    found.tables = {dump_id: digest.result() for dump_id, digest in digests.items()}


def _hash_only(
    open_stream: Callable[[], IO[bytes]], found: ArchiveContents, on_bytes: Callable[[int], None]
) -> None:
    """Hash what is no archive: whether it is at least what was stored decides the blame."""
    digest = hashlib.sha256()
    with open_stream() as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
            found.size_bytes += len(chunk)
            on_bytes(found.size_bytes)
    found.sha256 = digest.hexdigest()


class _Tee:
    """Reads a stream ahead in large pieces, hashing and forwarding every byte once."""

    def __init__(self, stream: IO[bytes], forward: Callable[[bytes], None]) -> None:
        self._stream = stream
        self._forward = forward
        self._digest = hashlib.sha256()
        self._buffer = b""
        self._at = 0
        self.size_bytes = 0

    def read(self, size: int, /) -> bytes:
        if self._at >= len(self._buffer):
            self._refill()
        data = self._buffer[self._at : self._at + size]
        self._at += len(data)
        return data

    def drain(self) -> None:
        """Take what the parser did not want, so that the digest covers all bytes."""
        while self._buffer:
            self._refill()

    def _refill(self) -> None:
        self._buffer, self._at = self._stream.read(CHUNK_BYTES), 0
        self._digest.update(self._buffer)
        self.size_bytes += len(self._buffer)
        if self._buffer:
            self._forward(self._buffer)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


class _Feeder:
    """Feeds pg_restore from the storage in a thread, following the archive's structure."""

    def __init__(self, stream: IO[bytes], child: Child, on_bytes: Callable[[int], None]) -> None:
        self._child = child
        self._on_bytes = on_bytes
        self._tee = _Tee(stream, self._forward)
        self._refused = False
        self.problem = ""
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="feeder", daemon=True)
        self._thread.start()

    @property
    def size_bytes(self) -> int:
        return self._tee.size_bytes

    @property
    def sha256(self) -> str:
        return self._tee.sha256

    def join(self) -> None:
        self._thread.join()

    def _run(self) -> None:
        try:
            try:
                archive.walk(self._tee)
            except archive.ArchiveError as error:
                self.problem = str(error)
            self._tee.drain()
        except BaseException as error:  # noqa: BLE001 - handed to the waiting thread
            self.failure = error
            self._child.end()
        finally:
            self._close()

    def _forward(self, data: bytes) -> None:
        self._on_bytes(self.size_bytes)
        if not self._refused:
            try:
                self._child.stdin.write(data)
            except BrokenPipeError:
                self._refused = True  # pg_restore has what it wants, or has failed: its exit tells

    def _close(self) -> None:
        try:
            self._child.stdin.close()
        except OSError:
            self._refused = True
