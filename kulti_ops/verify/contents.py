"""One streaming pass over an archive: its bytes, its structure, its rows.

The artifact is read once. On the way it is hashed, followed to its last byte
(`archive.walk`), and handed to pg_restore, whose output is split into the tables'
rows and digested. Memory is bounded by buffers; nothing is written.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from kulti_ops import archive
from kulti_ops.digest import MultisetDigest, OrderedDigest, TableDigest
from kulti_ops.errors import DamagedError, OperationFailedError
from kulti_ops.following import CHUNK_BYTES
from kulti_ops.pgrestore import pg_restore, pg_restore_of
from kulti_ops.sealing import LockedError
from kulti_ops.verify.copydata import CopyDataError, CopyReader
from kulti_ops.verify.expectations import table_of_entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from kulti_ops.archive import Toc
    from kulti_ops.inventory import Inventory
    from kulti_ops.pgrestore import ArchiveSource, Fed
    from kulti_ops.pgtools import Installation
    from kulti_ops.verify.copydata import Sink

TOOL_END_TIMEOUT_S = 60.0


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


def read_toc_of(stream: BinaryIO) -> Toc:
    """Read only the table of contents.

    Raises: OperationFailedError when there is none.
    """
    try:
        return archive.read_toc(stream)
    except archive.ArchiveError as error:
        raise OperationFailedError(f"the archive cannot be read: {error}") from error


def read_contents(
    open_stream: Callable[[], BinaryIO],
    *,
    tools: Installation,
    on_bytes: Callable[[int], None] = lambda _size: None,
) -> ArchiveContents:
    """Read a whole archive and digest every table's rows.

    `open_stream` opens the archive at its start; it is called twice: once for the table
    of contents, which says what to expect, once for the pass.

    Raises: StorageError when the stream fails; what is wrong with the archive, also that
    it cannot be decrypted, is a `problem`, not an exception.
    """
    found = ArchiveContents()
    try:
        with open_stream() as stream:
            found.toc = archive.read_toc(stream)
    except (DamagedError, LockedError) as error:
        found.problem = error.message
        return found
    except archive.ArchiveError as error:
        found.problem = str(error)
        _hash_only(open_stream, found, on_bytes)
        return found
    _pass(open_stream, found.toc, found, tools=tools, on_bytes=on_bytes)
    return found


def multiset_digests(
    source: ArchiveSource,
    toc: Toc,
    inventory: Inventory,
    identities: Iterable[str],
    *,
    tools: Installation,
    kept: Mapping[str, tuple[int, ...]] | None = None,
) -> dict[str, TableDigest]:
    """Return order-independent digests of some tables of an archive, by identity.

    `kept` are the positions of the columns to digest, for tables that are not digested whole.
    Raises: OperationFailedError when the archive cannot be read again.
    """
    names = table_of_entry(inventory, toc)
    wanted = set(identities)
    entries = tuple(e for e in toc.of("TABLE DATA") if names.get(e.dump_id) in wanted)
    some = kept or {}
    digests = [MultisetDigest(kept=some.get(names[e.dump_id])) for e in entries]
    reader = CopyReader([e.copy_statement for e in entries], digests.__getitem__)
    with pg_restore(source, entries, tools=tools) as run:
        for chunk in run.output():
            reader.feed(chunk)
        run.finish()
    return {names[e.dump_id]: d.result() for e, d in zip(entries, digests, strict=True)}


def _pass(
    open_stream: Callable[[], BinaryIO],
    toc: Toc,
    found: ArchiveContents,
    *,
    tools: Installation,
    on_bytes: Callable[[int], None],
) -> None:
    entries = tuple(e for e in toc.entries if e.desc == "TABLE DATA" and e.copy_statement)
    digests: dict[int, OrderedDigest] = {}

    def begin(index: int) -> Sink:
        return digests.setdefault(entries[index].dump_id, OrderedDigest())

    reader = CopyReader([e.copy_statement for e in entries], begin)
    with (
        open_stream() as stream,
        pg_restore_of(stream, entries, tools=tools, on_bytes=on_bytes) as run,
    ):
        problem = _read_rows(run, reader)
        archived = run.feed.archive
    found.size_bytes, found.sha256 = archived.size_bytes, archived.sha256
    found.problem = archived.problem or problem
    found.tables = {dump_id: digest.result() for dump_id, digest in digests.items()}


def _read_rows(run: Fed, reader: CopyReader) -> str:
    """Read everything, to the archive's last byte; return what was wrong with it."""
    problem = ""
    try:
        for chunk in run.output():
            reader.feed(chunk)
        reader.finish()
    except CopyDataError as error:
        problem = str(error)
    try:
        run.feed.finish()
    except DamagedError as error:
        return error.message
    code = run.child.wait(timeout_s=TOOL_END_TIMEOUT_S)
    if code != 0:
        cause = next((line for line in run.child.stderr_tail if "error:" in line), "")
        problem = f"pg_restore cannot read it: {cause.partition('error: ')[2] or code}"
    return problem


def _hash_only(
    open_stream: Callable[[], BinaryIO], found: ArchiveContents, on_bytes: Callable[[int], None]
) -> None:
    """Hash what is no archive: whether it is at least what was stored decides the blame."""
    digest = hashlib.sha256()
    try:
        with open_stream() as stream:
            while chunk := stream.read(CHUNK_BYTES):
                digest.update(chunk)
                found.size_bytes += len(chunk)
                on_bytes(found.size_bytes)
    except DamagedError as error:
        found.problem = error.message
    found.sha256 = digest.hexdigest()
