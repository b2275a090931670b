"""Objects that a restore did not make, with their parts."""

from __future__ import annotations

from kulti_ops.restore.lost import lost_items
from kulti_ops.restore.toc import dependants
from tests.unit.making import entry, inventory, item, toc

TABLE = item("table", 'public."odd on x"', 10)
SOURCE = inventory(
    TABLE,
    item("column", 'public."odd on x".id', 10, classid=1249),
    item("constraint", 'fine on public."odd on x"', 11, classid=2606),
    item("policy", 'own rows on public."odd on x"', 12, classid=3256),
    item(
        "index",
        "public.odd_pkey",
        13,
        definition='CREATE UNIQUE INDEX odd_pkey ON public."odd on x" USING btree (id)',
    ),
    item("table", "public.other", 20),
    item("column", "public.other.id", 20, classid=1249),
    item(
        "index",
        "public.other_pkey",
        21,
        definition='CREATE INDEX other_pkey ON public.other USING btree ("odd on x")',
    ),
)


def test_lost_table_takes_its_parts_along_and_nothing_else() -> None:
    left_out = entry(1, "TABLE", "odd on x", classid=1259, oid=10)
    found = lost_items(SOURCE, [(left_out, "because")], toc=toc())
    assert set(found.values()) == {"because"}
    assert {key[0] for key in found} == {"table", "column", "index", "constraint", "policy"}
    assert not any("other" in key[1] for key in found)


def test_lost_entry_without_a_place_in_the_catalogue_means_no_object() -> None:
    rows = entry(2, "TABLE DATA", "odd on x", oid=10)
    assert lost_items(SOURCE, [(rows, "because")], toc=toc()) == {}


def test_lost_table_that_was_there_before_is_neither_lost_nor_are_its_parts() -> None:
    left_out = entry(1, "TABLE", "odd on x", classid=1259, oid=10)
    assert lost_items(SOURCE, [(left_out, "there already")], toc=toc(), present={TABLE.key}) == {}


def test_lost_label_and_mapping_have_no_place_and_are_found_by_what_they_are_about() -> None:
    table = entry(1, "TABLE", "t", classid=1259, oid=10)
    label = entry(2, "SECURITY LABEL", "TABLE t", dependencies=(1,))
    mapping = entry(3, "USER MAPPING", "USER MAPPING a SERVER far")
    mine = item("security label", "p on table public.t", 10, classid=3596, **{"class": "1259"})
    other = item("security label", "p on type public.t", 10, classid=3596, **{"class": "1247"})
    mapped = item("user mapping", "for a on far", 7, user="a", server="far")
    elsewhere = item("user mapping", "for a on near", 8, user="a", server="near")
    found = lost_items(
        inventory(mine, other, mapped, elsewhere),
        [(label, "no provider"), (mapping, "no server")],
        toc=toc(table, label, mapping),
    )
    assert found == {mine.key: "no provider", mapped.key: "no server"}


def test_mapping_depends_on_its_server_though_no_dependency_says_so() -> None:
    made = toc(
        entry(1, "SERVER", "far"),
        entry(2, "SERVER", "so far"),
        entry(3, "USER MAPPING", "USER MAPPING a SERVER far"),
        entry(4, "USER MAPPING", "USER MAPPING a SERVER so far"),
    )
    assert dependants(made, {1}) == {1, 3}
    assert dependants(made, {2}) == {2, 4}
