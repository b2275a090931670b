"""Sealed streams: what was cut or changed never just ends, and nobody waits for the dead."""

from __future__ import annotations

import contextlib
import hashlib
import io
import threading
from typing import BinaryIO

import pyrage
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kulti_ops.errors import DamagedError, StorageError
from kulti_ops.sealing import Identities, LockedError, Sealer, Unsealed, open_sealed, seal

OURS, OTHERS = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
TO = (str(OURS.to_public()),)
KEY = Identities(text=str(OURS))
CHUNK = 65536
TAGGED = CHUNK + 16
DATA = bytes(range(256)) * 800  # four chunks, the last one not full
SEALED = seal(DATA, TO)
HEADER = len(SEALED) - len(DATA) - 4 * 16


class Storage(io.BytesIO):
    """A sink or a source that breaks after some bytes."""

    def __init__(self, data: bytes = b"", *, breaks_after: int) -> None:
        super().__init__(data)
        self._left = breaks_after

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        self._left -= len(data)
        if self._left < 0:
            raise StorageError("the disk is full")
        return super().write(data)

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self._left -= len(data)
        if self._left < 0:
            raise StorageError("the storage went away")
        return data


def unsealed(data: bytes, identities: Identities = KEY) -> bytes:
    with Unsealed(io.BytesIO(data), identities, name="dump.pgc.age") as stream:
        return b"".join(iter(lambda: stream.read(50_000), b""))


def seal_all(sink: io.BytesIO) -> None:
    with Sealer(sink, TO) as sealer:
        for _ in range(20):
            sealer.write(bytes(1_000_000))
        sealer.finish()


def nobody_is_left() -> bool:
    return not any(t.name in {"seal", "unseal"} for t in threading.enumerate())


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3_000_000])
def test_sealed_stream_opens_again_and_is_measured(size: int) -> None:
    data = (b"canary" * (size // 6 + 1))[:size]
    sink = io.BytesIO()
    with Sealer(sink, TO) as sealer:
        for start in range(0, size, 300_000):
            sealer.write(data[start : start + 300_000])
        sealer.finish()
    sealed = sink.getvalue()
    assert sealer.size_bytes == len(sealed)
    assert sealer.sha256 == hashlib.sha256(sealed).hexdigest()
    assert b"canary" not in sealed
    assert unsealed(sealed) == data
    assert open_sealed(sealed, KEY, name="x") == data
    assert nobody_is_left()


def test_sealed_to_several_opens_with_each() -> None:
    sealed = seal(DATA, (*TO, str(OTHERS.to_public())))
    assert unsealed(sealed) == unsealed(sealed, Identities(text=str(OTHERS))) == DATA


@pytest.mark.parametrize(
    ("from_header", "cut"),
    [(-HEADER, 0), (0, -16), (0, 0), (0, 1), (0, TAGGED), (0, 3 * TAGGED), (0, len(DATA) + 63)],
    ids=["nothing", "in header", "header", "nonce", "first chunk", "third chunk", "last byte"],
)
def test_sealed_stream_that_was_cut_is_never_an_end(from_header: int, cut: int) -> None:
    cut += HEADER + from_header
    with pytest.raises(DamagedError, match=r"dump\.pgc\.age is damaged"):
        unsealed(SEALED[:cut])
    with pytest.raises(DamagedError):
        open_sealed(SEALED[:cut], KEY, name="x")


@settings(max_examples=60, deadline=None)
@given(position=st.integers(0, len(SEALED) - 1), bit=st.integers(0, 7))
def test_sealed_stream_with_one_bit_flipped_is_never_an_end(position: int, bit: int) -> None:
    data = bytearray(SEALED)
    data[position] ^= 1 << bit
    with pytest.raises((DamagedError, LockedError)):
        unsealed(bytes(data))


def test_sealed_stream_with_more_behind_it_is_damaged() -> None:
    with pytest.raises(DamagedError):
        unsealed(SEALED + b"\n")


def test_sealed_stream_with_another_identity_says_whose() -> None:
    other = Identities(text=str(OTHERS))
    with pytest.raises(LockedError, match=r"dump\.pgc\.age is not .* KULTI_OPS_IDENTITY"):
        unsealed(SEALED, other)


def test_unsealed_without_identity_closes_what_it_was_given() -> None:
    given_stream = io.BytesIO(SEALED)
    with pytest.raises(LockedError, match="no identity"):
        Unsealed(given_stream, Identities(), name="x")
    assert given_stream.closed


@pytest.mark.parametrize("part", [0.0, 0.5, 0.9999])
def test_unsealed_raises_what_its_source_raises(part: float) -> None:
    source: BinaryIO = Storage(SEALED, breaks_after=int(len(SEALED) * part))
    with (
        Unsealed(source, KEY, name="x") as stream,
        pytest.raises(StorageError, match="went away"),
    ):
        stream.read()
    assert nobody_is_left()


def test_unsealed_left_early_ends_its_thread() -> None:
    source = io.BytesIO(seal(bytes(20_000_000), TO))
    with Unsealed(source, KEY, name="x") as stream:
        assert len(stream.read(10)) == 10
    assert source.closed
    assert nobody_is_left()


@pytest.mark.parametrize("breaks_after", [0, 1_000_000, 19_900_000])
def test_sealer_raises_what_its_sink_raises(breaks_after: int) -> None:
    sink = Storage(breaks_after=breaks_after)
    with pytest.raises(StorageError, match="disk is full"):
        seal_all(sink)
    assert nobody_is_left()


def test_sealer_left_without_finish_ends_its_thread() -> None:
    with contextlib.suppress(StorageError), Sealer(io.BytesIO(), TO) as sealer:
        sealer.write(DATA)
        raise StorageError("given up")
    assert nobody_is_left()
