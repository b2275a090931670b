"""Rows out of a script, with rows and names that try to look like SQL."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kulti_ops.verify.copydata import CopyDataError, CopyReader

FIRST = "COPY public.a (x, y) FROM stdin;\n"
SECOND = 'COPY public."odd\nname" (x) FROM stdin;\n'
NASTY = (
    b"COPY public.a (x, y) FROM stdin;\n"
    b"\\\\.\n"
    b"CREATE TABLE gone (a int);\n"
    b"-- TOC entry 1\n"
    b"\\N\t\\\\.\n"
    b" \\.\n"
)


class Sink:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.taken = b""

    def update(self, data: bytes | memoryview) -> None:
        self.taken += bytes(data)


def script(first: bytes, second: bytes) -> bytes:
    return (
        b"SET search_path = '';\n\n--\n-- Data for a; COPY public.a (x, y) FROM stdin;\n--\n\n"
        + FIRST.encode()
        + first
        + b"\\.\n\n\n-- next\n\n"
        + SECOND.encode()
        + second
        + b"\\.\n\n"
    )


def read(data: bytes, pieces: int) -> tuple[bytes, ...]:
    sinks = [Sink(), Sink()]
    reader = CopyReader([FIRST, SECOND], sinks.__getitem__)
    for at in range(0, len(data), pieces):
        reader.feed(data[at : at + pieces])
    reader.finish()
    return tuple(s.taken for s in sinks)


@pytest.mark.parametrize("pieces", [1, 2, 3, 7, 64, 100_000])
def test_reader_takes_nasty_rows_for_rows(pieces: int) -> None:
    assert read(script(NASTY, b""), pieces) == (NASTY, b"")
    assert read(script(b"", NASTY), pieces) == (b"", NASTY)


LINE = st.binary(max_size=12).map(lambda b: b.replace(b"\n", b"").replace(b"\\", b"\\\\") + b"\n")


@given(st.lists(LINE, max_size=8), st.lists(LINE, max_size=8), st.integers(1, 50))
def test_reader_returns_what_was_written(
    first: list[bytes], second: list[bytes], pieces: int
) -> None:
    one, two = b"".join(first), b"".join(second)
    assert read(script(one, two), pieces) == (one, two)


def test_reader_of_a_script_without_the_second_table_is_an_error() -> None:
    with pytest.raises(CopyDataError, match="did not come out"):
        read(FIRST.encode() + b"1\t2\n\\.\n", 10)


def test_reader_of_rows_without_end_is_an_error() -> None:
    with pytest.raises(CopyDataError, match="no end"):
        read(script(b"1\n", b"2\n").rpartition(b"\\.")[0], 10)
