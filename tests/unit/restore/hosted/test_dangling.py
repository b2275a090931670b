"""Foreign keys into rows that are left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kulti_ops.restore.hosted.dangling import (
    _Counter,
    _Rows,
    keys_left_alone,
    with_dangling,
)
from kulti_ops.restore.hosted.plan import plan_hosted
from kulti_ops.restore.hosted.residual import residual_sql
from tests.unit.making import entry, inventory, item
from tests.unit.restore.hosted.making import facts, fates, relation, step, view

if TYPE_CHECKING:
    from kulti_ops.restore.hosted.view import View

DEFINITION = "FOREIGN KEY (b, a) REFERENCES auth.s(x, y)"
KEY = f"ALTER TABLE ONLY public.t\n    ADD CONSTRAINT t_fkey {DEFINITION};\n"


def columns(*names: str) -> list[Any]:
    return [
        item("column", f"public.t.{n}", 2, classid=1249, position=str(i), generated="")
        for i, n in enumerate(names, 1)
    ]


def side_by_side(*more: Any, partitioned: bool = False, **target: Any) -> View:
    """Put a table with a key into a vendor's table beside a project."""
    rows = 3 if partitioned else 2
    source = inventory(
        item("table", "auth.s", 1),
        item("table", "public.t", 2),
        item("table", "public.part", 3, partition_bound="DEFAULT", parents="public.t"),
        item("foreign key", "t_fkey on public.t", 9, classid=2606, definition=DEFINITION),
        *columns("a", "n", "b"),
        *(
            item("column", f"public.part.{n}", 3, classid=1249, position=str(i), generated="")
            for i, n in enumerate(("a", "n", "b"), 1)
        ),
    )
    entries = (
        entry(1, "TABLE", "s", namespace="auth", classid=1259, oid=1),
        entry(2, "TABLE", "t", classid=1259, oid=2),
        entry(3, "TABLE", "part", classid=1259, oid=3),
        entry(4, "TABLE DATA", "s", namespace="auth", oid=1),
        entry(5, "TABLE DATA", "part" if partitioned else "t", oid=rows),
        entry(
            6,
            "FK CONSTRAINT",
            "t t_fkey",
            classid=2606,
            oid=9,
            dependencies=(1, 2),
            definition=KEY,
        ),
        *more,
    )
    return view(
        entries, facts(item("table", "auth.s", 1), **target), source=source, public_only=True
    )


def test_key_into_rows_that_are_left_out_is_found_with_its_columns() -> None:
    both = side_by_side(relations=(relation("auth", "s"),))
    (key,) = keys_left_alone(both, plan_hosted(both))
    assert key.positions == (2, 0)
    assert key.columns == ("x", "y")
    assert (key.parent_label, key.partitioned) == ("auth.s", False)


def test_key_into_rows_that_come_back_is_none_of_them() -> None:
    both = side_by_side(relations=(relation("auth", "s"),))
    whole = view(both.toc.entries, both.facts, source=both.inventory)
    assert keys_left_alone(whole, plan_hosted(whole)) == ()


def test_rows_are_counted_that_point_to_nothing_and_nulls_are_not() -> None:
    both = side_by_side(relations=(relation("auth", "s"),))
    (key,) = keys_left_alone(both, plan_hosted(both))
    counter = _Counter(key, frozenset({b"2\t1"}))
    sink = _Rows([counter])
    for piece in (b"1\tx\t2\n1\tx\t", b"3\n\\N\tx\t3\n1", b"\tx\t\\N\n"):
        sink.update(piece)
    assert counter.rows == 1


def test_dangling_key_is_made_not_valid_and_validated_by_the_residual_sql() -> None:
    both = side_by_side(relations=(relation("auth", "s"),))
    plan = plan_hosted(both)
    keys = keys_left_alone(both, plan)
    changed = with_dangling(plan, keys, {6: 4})
    assert (step(changed, 6).text or "").endswith("REFERENCES auth.s(x, y) NOT VALID;\n")
    assert step(changed, 6).detail == "4 rows point to rows of auth.s that are left out"
    assert 'ALTER TABLE public.t VALIDATE CONSTRAINT "t_fkey";' in residual_sql(changed)
    (told,) = changed.dangling
    assert (told.constraint, told.table, told.refers_to, told.rows) == (
        "t_fkey",
        "public.t",
        "auth.s",
        4,
    )


def test_key_without_dangling_rows_stays_as_it_is_and_is_told_all_the_same() -> None:
    both = side_by_side(relations=(relation("auth", "s"),))
    plan = plan_hosted(both)
    changed = with_dangling(plan, keys_left_alone(both, plan), {6: 0})
    assert fates(changed)[6] == ("run", "run")
    assert changed.dangling[0].rows == 0


def test_dangling_key_of_a_partitioned_table_is_lost() -> None:
    both = side_by_side(relations=(relation("auth", "s"),), partitioned=True)
    plan = plan_hosted(both)
    (key,) = keys_left_alone(both, plan)
    assert [e.dump_id for e in key.rows] == [5]
    changed = with_dangling(plan, (key,), {6: 1})
    assert fates(changed)[6] == ("lost", "dangling-key-of-partitions")
