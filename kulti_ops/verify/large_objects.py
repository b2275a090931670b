"""Large objects: their bytes in an archive and in a live database."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from kulti_ops.db import translated
from kulti_ops.pgrestore import pg_restore

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kulti_ops.archive import Toc
    from kulti_ops.db import Connection
    from kulti_ops.pgrestore import ArchiveSource
    from kulti_ops.pgtools import Installation

CHUNK_BYTES = 1024 * 1024
_OPEN = re.compile(rb"SELECT pg_catalog\.lo_open\('(\d+)', \d+\);")
_WRITE = re.compile(rb"SELECT pg_catalog\.lowrite\(0, '\\x([0-9a-f]*)'\);")


def archived_digests(archive: ArchiveSource, toc: Toc, *, tools: Installation) -> dict[int, str]:
    """Return the sha-256 of every large object in an archive, by its number.

    Raises: ToolFailedError when pg_restore cannot read the archive; StorageError.
    """
    entries = tuple(toc.of("BLOBS"))
    if not entries:
        return {}
    digests: dict[int, hashlib._Hash] = {}
    with pg_restore(archive, entries, tools=tools) as run:
        for number, piece in pieces(run.child.stdout):
            digests.setdefault(number, hashlib.sha256()).update(piece)
        run.finish()
    return {number: digest.hexdigest() for number, digest in digests.items()}


def pieces(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield (number, bytes) from pg_restore's script of large objects, in the order written.

    An empty large object yields one empty piece.
    """
    number = 0
    for line in lines:
        if match := _OPEN.match(line):
            number = int(match[1])
            yield number, b""
        elif match := _WRITE.match(line):
            yield number, bytes.fromhex(match[1].decode())


def live_digests(connection: Connection) -> dict[int, str]:
    """Return the sha-256 of every large object of a database, by its number.

    Raises: DatabaseError, also when one may not be read.
    """
    digests = {}
    with translated("large objects"):
        numbers = connection.execute("SELECT oid::int8 FROM pg_largeobject_metadata").fetchall()
        for (number,) in numbers:
            digest = hashlib.sha256()
            offset = 0
            while True:
                row = connection.execute(
                    "SELECT lo_get(%s::oid, %s, %s)", (number, offset, CHUNK_BYTES)
                ).fetchone()
                chunk = bytes(row[0]) if row else b""
                digest.update(chunk)
                offset += len(chunk)
                if len(chunk) < CHUNK_BYTES:
                    break
            digests[number] = digest.hexdigest()
    return digests
