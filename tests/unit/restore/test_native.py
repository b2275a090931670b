"""What is loaded once more after two jobs of one restore have locked each other."""

from __future__ import annotations

from kulti_ops.restore.native import lost_to_another_job
from kulti_ops.restore.tool import ERRORS_KEPT, EntryError
from tests.unit.making import entry

ENTRIES = (
    entry(1, "TABLE DATA", "a"),
    entry(2, "TABLE DATA", "b"),
    entry(3, "FK CONSTRAINT", "c refers_to_a"),
)
DEADLOCK = EntryError(label="TABLE DATA public.a", message="ERROR:  deadlock detected", dump_id=1)
FOLLOWS = EntryError(label="FK CONSTRAINT public.c", message="ERROR:  violates", dump_id=3)


def test_all_that_failed_is_loaded_again_in_the_order_of_the_archive() -> None:
    assert lost_to_another_job(ENTRIES, (FOLLOWS, DEADLOCK)) == (ENTRIES[0], ENTRIES[2])


def test_nothing_is_loaded_again_where_no_job_locked_another() -> None:
    assert lost_to_another_job(ENTRIES, (FOLLOWS,)) == ()
    assert lost_to_another_job(ENTRIES, ()) == ()


def test_nothing_is_loaded_again_where_not_every_failure_is_known_by_its_entry() -> None:
    nameless = EntryError(label="some entry", message="ERROR:  x")
    assert lost_to_another_job(ENTRIES, (DEADLOCK, nameless)) == ()
    assert lost_to_another_job(ENTRIES, (DEADLOCK,) * ERRORS_KEPT) == ()
