"""Digests of live tables through a connection that is open already: in its own transaction.

What has not been committed yet can be read by no other session, so everything goes over the
one connection, table by table, with memory for a few rows. `live` is quicker where it can look
from outside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kulti_ops.db import translated
from kulti_ops.digest import MultisetDigest, OrderedDigest, TableDigest
from kulti_ops.following import CHUNK_BYTES
from kulti_ops.verify.live import copy_statements

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kulti_ops.db import Connection

# A row is a message of its own: a digest takes several at once much more quickly.
ROWS_AT_ONCE = 1000


def digest_within(
    connection: Connection, columns: Mapping[str, tuple[str, ...]], *, ordered: bool = True
) -> dict[str, TableDigest]:
    """Return the digests of tables by identity; one that does not exist is not in the result.

    `columns` are each table's, quoted, in the archive's order. The session must be pinned.
    Raises: DatabaseError when a table cannot be read.
    """
    digests = {}
    for one in copy_statements(connection, columns):
        digest = OrderedDigest() if ordered else MultisetDigest()
        with translated(one.identity):
            for rows in _blocks(connection, one.statement):
                digest.update(rows)
        digests[one.identity] = digest.result()
    return digests


def _blocks(connection: Connection, statement: str) -> Iterator[bytes]:
    rows: list[bytes] = []
    size_bytes = 0
    with connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        for row in copy:
            rows.append(bytes(row))
            size_bytes += len(row)
            if len(rows) >= ROWS_AT_ONCE or size_bytes >= CHUNK_BYTES:
                yield b"".join(rows)
                rows, size_bytes = [], 0
    yield b"".join(rows)
