"""Content digests of tables: from an archive's COPY data and from a live table.

Pure. A digest covers the exact bytes of COPY's text format, row by row, newline
included. Two of them: sha-256 in order (fast, decides when equal), and an
order-independent multiset hash for when a good restore returned rows in another
order: the number of rows and the sum modulo 2^128 of a 128-bit hash per row, so
that a row that is twice there does not cancel out.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

_MODULUS = 1 << 128


@dataclass(frozen=True, kw_only=True)
class TableDigest:
    """The rows of one table: how many, and the sha-256 of their bytes in order (hex)."""

    rows: int
    sha256: str


class OrderedDigest:
    """Takes the bytes of a table's rows, in any pieces."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._rows = 0

    def update(self, data: bytes | memoryview) -> None:
        """Take bytes; COPY's text format has one newline at the end of every row and no other."""
        self._hash.update(data)
        self._rows += bytes(data).count(b"\n")

    def result(self) -> TableDigest:
        """Return the digest of what was taken so far."""
        return TableDigest(rows=self._rows, sha256=self._hash.hexdigest())


class MultisetDigest:
    """Takes whole rows, or bytes in any pieces, and forgets their order.

    `kept` are the positions of the columns that count; None counts all of them.
    """

    def __init__(self, *, kept: tuple[int, ...] | None = None) -> None:
        self._kept = kept
        self._sum = 0
        self._rows = 0
        self._rest = b""

    def update(self, data: bytes | memoryview) -> None:
        """Take bytes; a row may be split over calls."""
        *rows, self._rest = (self._rest + bytes(data)).split(b"\n")
        for row in rows if self._kept is None else map(self._columns, rows):
            hashed = hashlib.blake2b(row, digest_size=16).digest()
            self._sum = (self._sum + int.from_bytes(hashed, "little")) % _MODULUS
        self._rows += len(rows)

    def _columns(self, row: bytes) -> bytes:
        """Return a row with the columns that count: COPY's text has a tab between any two."""
        fields = row.split(b"\t")
        return b"\t".join(fields[position] for position in self._kept or ())

    def result(self) -> TableDigest:
        """Return the digest; its `sha256` field holds the sum, marked as such."""
        return TableDigest(rows=self._rows, sha256=f"multiset:{self._sum:032x}")
