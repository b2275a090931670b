"""The archive parser, on archives built here byte by byte."""

from __future__ import annotations

import io
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kulti_ops.archive import ArchiveError, read_toc, walk


def number(value: int) -> bytes:
    return bytes([value < 0]) + abs(value).to_bytes(4, "little")


def text(value: str | None) -> bytes:
    if value is None:
        return number(-1)
    raw = value.encode("utf-8", "surrogateescape")
    return number(len(raw)) + raw


@dataclass(frozen=True)
class Made:
    """An entry to be written."""

    dump_id: int
    desc: str
    tag: str
    data: bytes | None = None
    dependencies: tuple[int, ...] = ()


def archive(*entries: Made, version: tuple[int, int] = (1, 16)) -> bytes:
    head = b"PGDMP" + bytes([*version, 0, 4, 8, 1])
    head += bytes([0]) if version >= (1, 15) else number(0)
    head += b"".join(number(0) for _ in range(7)) + text("db") + text("17.6") + text("17.10")
    body = number(len(entries))
    for e in entries:
        body += number(e.dump_id) + number(e.data is not None) + text("1259") + text("4711")
        body += text(e.tag) + text(e.desc) + number(3) + text("") + text(None)
        body += text(f"COPY {e.tag} FROM stdin;\n") + text("public") + text(None) + text("heap")
        body += number(0) if version >= (1, 16) else b""
        body += text("owner") + text("false")
        body += b"".join(text(str(d)) for d in e.dependencies) + text(None) + bytes(9)
    blocks = b""
    for e in entries:
        if e.data is not None and e.desc == "BLOBS":
            blocks += b"\x03" + number(e.dump_id) + number(16400)
            blocks += number(len(e.data)) + e.data + number(0) + number(0)
        elif e.data is not None:
            blocks += b"\x01" + number(e.dump_id) + number(len(e.data)) + e.data + number(0)
    return head + body + blocks


GOOD = archive(
    Made(1, "TABLE", 'strange "name"\n;'),
    Made(2, "TABLE DATA", "a", b"1\t2\n" * 50, (1,)),
    Made(3, "BLOBS", "BLOBS", b"\x00\xff" * 10),
    Made(4, "TABLE DATA", "b", b"x", (1, 2)),
)


@pytest.mark.parametrize("version", [(1, 14), (1, 15), (1, 16)])
def test_read_toc_of_every_known_version_returns_the_entries(version: tuple[int, int]) -> None:
    toc = read_toc(io.BytesIO(archive(Made(7, "TABLE", "t", None, (3, 4)), version=version)))
    (entry,) = toc.entries
    assert (entry.dump_id, entry.desc, entry.tag, entry.namespace) == (7, "TABLE", "t", "public")
    assert (entry.classid, entry.oid, entry.dependencies) == (1259, 4711, (3, 4))
    assert (toc.database, toc.server_version, toc.dump_version) == ("db", "17.6", "17.10")


def test_walk_of_a_whole_archive_finds_every_block() -> None:
    toc, found = walk(io.BytesIO(GOOD))
    assert found == {2, 3, 4}
    assert toc.entries[0].tag == 'strange "name"\n;'


@pytest.mark.parametrize("cut", range(1, len(GOOD)))
def test_walk_of_an_archive_cut_anywhere_is_an_error(cut: int) -> None:
    with pytest.raises(ArchiveError):
        walk(io.BytesIO(GOOD[:cut]))


def test_walk_of_an_archive_with_one_byte_more_is_an_error() -> None:
    for extra in (b"\x00", b"\x01", b"\x07"):
        with pytest.raises(ArchiveError):
            walk(io.BytesIO(GOOD + extra))


def test_walk_of_data_that_no_entry_names_is_an_error() -> None:
    with pytest.raises(ArchiveError, match="does not name"):
        walk(io.BytesIO(GOOD + b"\x01" + number(99) + number(0)))


def test_read_toc_of_a_newer_version_names_it() -> None:
    with pytest.raises(ArchiveError, match=r"1\.17"):
        read_toc(io.BytesIO(archive(version=(1, 17))))


@settings(max_examples=300, deadline=None)
@given(at=st.integers(0, len(GOOD) - 1), bit=st.integers(0, 7))
def test_walk_of_a_flipped_bit_never_fails_otherwise(at: int, bit: int) -> None:
    damaged = bytearray(GOOD)
    damaged[at] ^= 1 << bit
    try:
        walk(io.BytesIO(bytes(damaged)))
    except ArchiveError:
        return


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_walk_of_rubbish_is_an_error(rubbish: bytes) -> None:
    with pytest.raises(ArchiveError):
        walk(io.BytesIO(b"PGDMP" + rubbish))
