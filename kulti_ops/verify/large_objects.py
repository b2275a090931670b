"""Large objects: their bytes in an archive and in a live database."""

from __future__ import annotations

import hashlib
import re
import tempfile
from typing import TYPE_CHECKING

from kulti_ops.db import translated
from kulti_ops.process import Child

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from kulti_ops.archive import Toc
    from kulti_ops.db import Connection
    from kulti_ops.pgtools import Installation

CHUNK_BYTES = 1024 * 1024
_OPEN = re.compile(rb"SELECT pg_catalog\.lo_open\('(\d+)', \d+\);")
_WRITE = re.compile(rb"SELECT pg_catalog\.lowrite\(0, '\\x([0-9a-f]*)'\);")


def archived_digests(
    archive: Path, toc: Toc, *, tools: Installation, environment: Mapping[str, str]
) -> dict[int, str]:
    """Return the sha-256 of every large object in an archive file, by its number.

    Raises: ToolFailedError when pg_restore cannot read the archive.
    """
    entries = [e.dump_id for e in toc.of("BLOBS")]
    if not entries:
        return {}
    digests: dict[int, hashlib._Hash] = {}
    with tempfile.NamedTemporaryFile("w", prefix="kulti-ops-", suffix=".list") as wanted:
        wanted.writelines(f"{number};\n" for number in entries)
        wanted.flush()
        argv = [
            str(tools.tool("pg_restore")),
            f"--use-list={wanted.name}",
            "--file=-",
            str(archive),
        ]
        with Child(argv, env=environment) as child:
            for number, piece in pieces(child.stdout):
                digests.setdefault(number, hashlib.sha256()).update(piece)
            child.finish(timeout_s=60)
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
