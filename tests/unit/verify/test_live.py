"""Telling where one table's rows end in what psql prints."""

from __future__ import annotations

import hashlib
import os
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from hypothesis import given
from hypothesis import strategies as st

from kulti_ops.digest import OrderedDigest
from kulti_ops.verify.live import _read_table

if TYPE_CHECKING:
    from kulti_ops.process import Child

MARK = b"--0123\n"
ROWS = st.lists(st.sampled_from([b"\n", b"--\n", b"--0123 \n", b"x--0123\n", b"a\tb\n", b"y" * 40]))
PIECES = st.lists(st.integers(min_value=1, max_value=9), min_size=1)


def read(printed: bytes, sizes: list[int]) -> tuple[bool, OrderedDigest]:
    """Read what comes through a pipe in pieces of these sizes, over and over."""
    readable, writable = os.pipe()
    sink = OrderedDigest()

    def write() -> None:
        at = 0
        while at < len(printed):
            for size in sizes:
                os.write(writable, printed[at : at + size])
                at += size
        os.close(writable)

    writer = threading.Thread(target=write)
    writer.start()
    with os.fdopen(readable, "rb") as stdout:
        ended = _read_table(cast("Child", SimpleNamespace(stdout=stdout)), sink, MARK)
        stdout.read()
    writer.join()
    return ended, sink


@given(rows=ROWS, sizes=PIECES)
def test_read_table_takes_exactly_the_rows_before_the_mark(
    rows: list[bytes], sizes: list[int]
) -> None:
    text = b"".join(row if row.endswith(b"\n") else row + b"\n" for row in rows)
    ended, sink = read(text + MARK, sizes)
    assert ended
    assert sink.result().sha256 == hashlib.sha256(text).hexdigest()
    assert sink.result().rows == text.count(b"\n")


@given(rows=ROWS, sizes=PIECES)
def test_read_table_without_a_mark_has_not_read_the_table(
    rows: list[bytes], sizes: list[int]
) -> None:
    ended, _sink = read(b"".join(rows), sizes)
    assert not ended
