"""Following an archive: every byte counted, hashed and handed on, whole or not."""

from __future__ import annotations

import hashlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kulti_ops.following import Following
from tests.unit.test_archive import Made, archive

WHOLE = archive(Made(1, "TABLE DATA", "t", data=b"x" * 5000), Made(2, "TABLE", "t"))


def follow(data: bytes) -> tuple[Following, bytes]:
    passed: list[bytes] = []
    following = Following(io.BytesIO(data), passed.append)
    following.run()
    return following, b"".join(passed)


@given(cut=st.integers(0, len(WHOLE)), more=st.binary(max_size=3))
def test_following_passes_every_byte_on_and_only_a_whole_archive(cut: int, more: bytes) -> None:
    data = WHOLE[:cut] + more
    following, passed = follow(data)
    assert passed == data
    assert following.size_bytes == len(data)
    assert following.sha256 == hashlib.sha256(data).hexdigest()
    assert bool(following.problem) == (data != WHOLE)
    assert (following.toc is None) == (data != WHOLE)


def test_following_raises_what_the_taker_raises() -> None:
    def refuse(_data: bytes) -> None:
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        Following(io.BytesIO(WHOLE), refuse).run()
