"""pg_dump's custom archive: its table of contents, and its data blocks' structure.

Pure parsing of a byte stream, without decompressing anything. Read-only; knows
versions 1.14 to 1.16 (PostgreSQL 12 to 17), laid down in PostgreSQL's source
(pg_backup_archiver.c, pg_backup_custom.c): numbers are a sign byte and four
little-endian bytes, texts a length and bytes, -1 for none.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC = b"PGDMP"
KNOWN_VERSIONS = ((1, 14), (1, 15), (1, 16))
_VERSION_COMPRESSION_BYTE = (1, 15)
_VERSION_RELKIND = (1, 16)
_FORMAT_CUSTOM = 1
_BLOCK_DATA = 1
_BLOCK_LARGE_OBJECTS = 3
_LONGEST_TEXT = 1 << 28
_MOST_ENTRIES = 10_000_000
_SKIP_BYTES = 1 << 20


class ArchiveError(ValueError):
    """The bytes are no archive of a known version, or end too early, or go on too long."""


class Readable(Protocol):
    """A stream to read from."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, none at the end."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry of the table of contents.

    `classid` and `oid` are the object's place in the source's catalogues (0 where it
    has none); `section` is 2 pre-data, 3 data, 4 post-data, 1 none. What has no
    `drop_statement` has no owner of its own.
    """

    dump_id: int
    has_data: bool
    classid: int
    oid: int
    tag: str
    desc: str
    section: int
    definition: str
    copy_statement: str
    namespace: str
    owner: str
    dependencies: tuple[int, ...]
    drop_statement: str = ""
    access_method: str = ""

    @property
    def label(self) -> str:
        """The entry as messages name it."""
        where = f"{self.namespace}." if self.namespace else ""
        return f"{self.desc} {where}{self.tag}"


@dataclass(frozen=True, kw_only=True)
class Toc:
    """The header and every entry, in the order in which they are restored.

    `sha256` is that of their bytes in the archive (hex), empty where nobody read them.
    """

    version: tuple[int, int]
    database: str
    server_version: str
    dump_version: str
    entries: tuple[Entry, ...]
    sha256: str = ""

    def of(self, *descriptions: str) -> Iterator[Entry]:
        """Yield the entries of some kinds."""
        return (e for e in self.entries if e.desc in descriptions)


class _Reader:
    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self.int_size = 4
        self.offset_size = 8
        self.digest: hashlib._Hash | None = hashlib.sha256()

    def exactly(self, count: int) -> bytes:
        data = self._stream.read(count)
        while len(data) < count:
            more = self._stream.read(count - len(data))
            if not more:
                raise ArchiveError("the archive ends too early")
            data += more
        if self.digest is not None:
            self.digest.update(data)
        return data

    def byte(self) -> int:
        return self.exactly(1)[0]

    def number(self) -> int:
        raw = self.exactly(1 + self.int_size)
        value = int.from_bytes(raw[1:], "little")
        return -value if raw[0] else value

    def text(self) -> str | None:
        length = self.number()
        if length < 0:
            return None
        if length > _LONGEST_TEXT:
            raise ArchiveError("a text in the table of contents is impossibly long")
        return self.exactly(length).decode("utf-8", "surrogateescape")

    def skip(self, count: int) -> None:
        while count > 0:
            count -= len(self.exactly(min(count, _SKIP_BYTES)))


def read_toc(stream: Readable) -> Toc:
    """Read header and table of contents from the stream's start.

    Raises: ArchiveError when they are none.
    """
    return _read_toc(_Reader(stream))


def walk(stream: Readable) -> tuple[Toc, frozenset[int]]:
    """Read a whole archive and return its contents and the ids whose data blocks are complete.

    The structure is followed to the last byte: an archive that is cut, or that goes
    on behind its last block, does not pass. Data is neither kept nor decompressed.

    Raises: ArchiveError.
    """
    reader = _Reader(stream)
    toc = _read_toc(reader)
    found: set[int] = set()
    while kind := stream.read(1):
        found.add(_walk_block(reader, kind[0]))
    expected = {e.dump_id for e in toc.entries if e.has_data}
    if missing := expected - found:
        raise ArchiveError(f"the archive lacks the data of {len(missing)} entries")
    if found - expected:
        raise ArchiveError("the archive holds data that its table of contents does not name")
    return toc, frozenset(found)


def _read_toc(reader: _Reader) -> Toc:
    version = _read_version(reader)
    if version >= _VERSION_COMPRESSION_BYTE:
        reader.byte()
    else:
        reader.number()
    for _ in range(7):  # seconds to daylight saving: the time of the dump, by the client's clock
        reader.number()
    database, server, client = (reader.text() or "" for _ in range(3))
    count = reader.number()
    if not 0 <= count <= _MOST_ENTRIES:
        raise ArchiveError("the table of contents has an impossible length")
    entries = tuple(_read_entry(reader, version) for _ in range(count))
    digest, reader.digest = reader.digest, None  # what follows is data
    return Toc(
        version=version,
        database=database,
        server_version=server,
        dump_version=client,
        entries=entries,
        sha256=digest.hexdigest() if digest else "",
    )


def _read_version(reader: _Reader) -> tuple[int, int]:
    if reader.exactly(len(MAGIC)) != MAGIC:
        raise ArchiveError("this is no archive of pg_dump's custom format")
    version = (reader.byte(), reader.byte())
    reader.byte()  # the revision changes nothing
    if version not in KNOWN_VERSIONS:
        raise ArchiveError(f"archive version {version[0]}.{version[1]} is not known")
    reader.int_size, reader.offset_size = reader.byte(), reader.byte()
    if reader.byte() != _FORMAT_CUSTOM or not 1 <= reader.int_size <= 8:  # noqa: PLR2004 - bytes
        raise ArchiveError("this is no archive of pg_dump's custom format")
    return version


def _read_entry(reader: _Reader, version: tuple[int, int]) -> Entry:
    dump_id, has_data = reader.number(), reader.number() != 0
    classid, oid = reader.text(), reader.text()
    tag, desc, section = reader.text(), reader.text(), reader.number()
    definition, drop, copy = reader.text(), reader.text(), reader.text()
    namespace, _tablespace, method = reader.text(), reader.text(), reader.text()
    if version >= _VERSION_RELKIND:
        reader.number()
    owner, _oids = reader.text(), reader.text()
    dependencies = []
    while (dependency := reader.text()) is not None:
        dependencies.append(_integer(dependency))
    reader.exactly(1 + reader.offset_size)  # where the data is; not set when written to a pipe
    return Entry(
        dump_id=dump_id,
        has_data=has_data,
        classid=_integer(classid),
        oid=_integer(oid),
        tag=tag or "",
        desc=desc or "",
        section=section,
        definition=definition or "",
        copy_statement=copy or "",
        namespace=namespace or "",
        owner=owner or "",
        dependencies=tuple(dependencies),
        drop_statement=drop or "",
        access_method=method or "",
    )


def _integer(text: str | None) -> int:
    if not text:
        return 0
    if not text.isascii() or not text.isdigit():
        raise ArchiveError("a number in the table of contents is none")
    return int(text)


def _walk_block(reader: _Reader, kind: int) -> int:
    dump_id = reader.number()
    if kind == _BLOCK_DATA:
        _walk_chunks(reader)
    elif kind == _BLOCK_LARGE_OBJECTS:
        while reader.number():
            _walk_chunks(reader)
    else:
        raise ArchiveError("there is something behind the last data block, or a block is damaged")
    return dump_id


def _walk_chunks(reader: _Reader) -> None:
    while (length := reader.number()) != 0:
        if length < 0:
            raise ArchiveError("a data block has a negative length")
        reader.skip(length)
