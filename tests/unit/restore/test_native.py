"""What is loaded apart from the rest, and what is loaded once more after a deadlock."""

from __future__ import annotations

from kulti_ops.restore.native import attached_later, lost_to_a_deadlock
from kulti_ops.restore.tool import EntryError
from tests.unit.making import entry

ENTRIES = (
    entry(1, "TABLE DATA", "a"),
    entry(2, "TABLE DATA", "b"),
    entry(3, "FK CONSTRAINT", "c refers_to_a"),
)
DEADLOCK = EntryError(label="TABLE DATA public.a", message="ERROR:  deadlock detected", dump_id=1)
FOLLOWS = EntryError(label="FK CONSTRAINT public.c", message="ERROR:  violates", dump_id=3)


def test_all_that_failed_is_loaded_again_in_the_order_of_the_archive() -> None:
    assert lost_to_a_deadlock(ENTRIES, (FOLLOWS, DEADLOCK)) == (ENTRIES[0], ENTRIES[2])


def test_nothing_is_loaded_again_without_a_deadlock() -> None:
    assert lost_to_a_deadlock(ENTRIES, (FOLLOWS,)) == ()
    assert lost_to_a_deadlock(ENTRIES, ()) == ()


def test_nothing_is_loaded_again_where_it_is_not_certain_what_failed() -> None:
    nameless = EntryError(label="some entry", message="ERROR:  x")
    assert lost_to_a_deadlock(ENTRIES, (DEADLOCK, nameless)) == ()


def test_attachments_of_indexes_and_all_that_needs_them_come_later() -> None:
    entries = (
        entry(1, "INDEX", "part_idx"),
        entry(2, "INDEX ATTACH", "part_idx", dependencies=(1,)),
        entry(4, "FK CONSTRAINT", "refers", dependencies=(2,)),
        entry(3, "COMMENT", "CONSTRAINT refers", dependencies=(4,)),
        entry(5, "FK CONSTRAINT", "other", dependencies=(1,)),
    )
    assert attached_later(entries) == {2, 3, 4}
    assert attached_later(entries[:1]) == frozenset()
