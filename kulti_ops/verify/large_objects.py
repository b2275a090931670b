"""Large objects: their bytes in an archive and in a live database."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from kulti_ops.db import connect, translated
from kulti_ops.pgrestore import pg_restore

if TYPE_CHECKING:
    from kulti_ops.archive import Toc
    from kulti_ops.db import Target
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
    current = hashlib.sha256()
    with pg_restore(archive, entries, tools=tools) as run:
        for line in run.child.stdout:
            if match := _OPEN.match(line):
                current = digests.setdefault(int(match[1]), hashlib.sha256())
            elif match := _WRITE.match(line):
                current.update(bytes.fromhex(match[1].decode()))
        run.finish()
    return {number: digest.hexdigest() for number, digest in digests.items()}


def live_digests(target: Target) -> dict[int, str]:
    """Return the sha-256 of every large object of a database, by its number.

    Raises: DatabaseError, also when one may not be read.
    """
    digests = {}
    with connect(target, application="digest") as connection, translated("large objects"):
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
