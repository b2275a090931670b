"""Digests of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from kulti_ops.digest import MultisetDigest, OrderedDigest

if TYPE_CHECKING:
    import random

ROWS = st.lists(st.binary(max_size=20).map(lambda b: b.replace(b"\n", b" ") + b"\n"), max_size=30)


def feed(digest: OrderedDigest | MultisetDigest, data: bytes, cuts: list[int]) -> tuple[int, str]:
    at = 0
    for cut in sorted(c % (len(data) + 1) for c in cuts):
        digest.update(data[at:cut])
        at = cut
    digest.update(data[at:])
    result = digest.result()
    return result.rows, result.sha256


@given(ROWS, st.lists(st.integers(0, 1000), max_size=5))
def test_digests_do_not_depend_on_how_the_bytes_come(rows: list[bytes], cuts: list[int]) -> None:
    data = b"".join(rows)
    for kind in (OrderedDigest, MultisetDigest):
        assert feed(kind(), data, cuts) == feed(kind(), data, [])
        assert feed(kind(), data, cuts)[0] == len(rows)


@given(ROWS, st.randoms())
def test_multiset_digest_forgets_the_order_only(rows: list[bytes], dice: random.Random) -> None:
    shuffled = list(rows)
    dice.shuffle(shuffled)
    same = feed(MultisetDigest(), b"".join(shuffled), [])
    assert same == feed(MultisetDigest(), b"".join(rows), [])


@given(ROWS, ROWS)
def test_multiset_digest_tells_different_rows_apart(one: list[bytes], other: list[bytes]) -> None:
    equal = sorted(one) == sorted(other)
    digests = (
        feed(MultisetDigest(), b"".join(one), []),
        feed(MultisetDigest(), b"".join(other), []),
    )
    assert (digests[0] == digests[1]) is equal


def test_multiset_digest_of_a_row_twice_does_not_cancel_out() -> None:
    assert feed(MultisetDigest(), b"a\na\n", []) != feed(MultisetDigest(), b"", [])


def test_multiset_digest_of_some_columns_sees_those_only() -> None:
    def digest(*rows: bytes) -> tuple[int, str]:
        return feed(MultisetDigest(kept=(0, 2)), b"".join(rows), [3])

    whole = feed(MultisetDigest(), b"a\tc\nd\tf\n", [])
    assert digest(b"d\te\tf\n", b"a\tb\tc\n") == whole
    assert digest(b"d\tx\tf\n", b"a\t\\N\tc\n") == whole
    assert digest(b"d\te\tx\n", b"a\tb\tc\n") != whole
