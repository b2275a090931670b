"""Differences between two inventories, and the narrow rules that explain some."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kulti_ops.verify import compare
from tests.unit.making import inventory, item

TABLE = item("table", "public.a", owner="postgres", acl="anon=SELECT/postgres")


def labels(*found: compare.Difference) -> list[str]:
    return [d.label for d in found]


def test_equal_inventories_have_no_difference() -> None:
    assert list(compare.compare_items([TABLE], [TABLE])) == []


def test_differences_are_named_both_ways() -> None:
    other = item("table", "public.a", owner="anon", acl="anon=SELECT/postgres")
    new = item("policy", "all on public.a")
    assert labels(*compare.compare_items([TABLE], [other, new])) == [
        "policy all on public.a is new",
        "table public.a: owner is anon, was postgres",
    ]
    assert labels(*compare.compare_items([TABLE, new], [TABLE])) == [
        "policy all on public.a is missing"
    ]


NAMES = st.dictionaries(st.sampled_from("abcd"), st.sampled_from("xyz"), max_size=4)


@given(NAMES, NAMES)
def test_no_changed_property_goes_unnoticed(old: dict[str, str], new: dict[str, str]) -> None:
    found = list(compare.compare_items([item("table", "t", **old)], [item("table", "t", **new)]))
    assert {d.attribute for d in found} == {
        k for k in old.keys() | new.keys() if old.get(k) != new.get(k)
    }


def test_rules_explain_one_property_of_one_kind_only() -> None:
    version = compare.Difference(
        kind="extension", identity="pgcrypto", attribute="version", source="1.3", target="1.4"
    )
    schema = compare.Difference(
        kind="extension", identity="pgcrypto", attribute="schema", source="a", target="public"
    )
    done = compare.explain([version, schema], [compare.extension_version])
    assert [bool(d.explained) for d in done] == [True, False]


def test_other_roles_are_the_targets_own_but_lost_ones_are_not() -> None:
    rule = compare.other_roles(inventory(item("role", "anon")))
    new, lost, table = compare.compare_items(
        [item("role", "anon")], [item("role", "theirs"), item("table", "public.new")]
    )
    explained = {d.identity: d.explained for d in compare.explain([new, lost, table], [rule])}
    assert explained == {"theirs": compare.TARGETS_OWN, "anon": "", "public.new": ""}


def test_left_out_explains_absence_and_nothing_else() -> None:
    rule = compare.left_out([("event trigger", "e")], "needs a superuser")
    (gone,) = compare.compare_items([item("event trigger", "e")], [])
    (changed,) = compare.compare_items(
        [item("event trigger", "e", owner="a")], [item("event trigger", "e", owner="b")]
    )
    assert rule(gone) == "needs a superuser"
    assert rule(changed) == ""


def test_options_of_a_mapping_that_nobody_may_see_are_explained_and_others_are_not() -> None:
    def explained(kind: str, was: str, now: str) -> str:
        old, new = item(kind, "for a on far", options=was), item(kind, "for a on far", options=now)
        (found,) = compare.explain(compare.compare_items([old], [new]), [compare.hidden_options])
        return found.explained

    assert explained("user mapping", "user 1", compare.HIDDEN)
    assert explained("user mapping", compare.HIDDEN, "user 1")
    assert not explained("user mapping", "user 1", "user 2")
    assert not explained("foreign server", "user 1", compare.HIDDEN)
