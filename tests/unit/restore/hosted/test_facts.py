"""What a look at a project means: the vendor's, the customer's, empty or not."""

from __future__ import annotations

import pytest

from kulti_ops.restore.hosted.facts import contents_of, is_vendor_role, schema_of
from tests.unit.making import item
from tests.unit.restore.hosted.making import facts, relation


@pytest.mark.parametrize(
    ("identity", "schema"),
    [
        ("public.t", "public"),
        ('public."a.b"', "public"),
        ('"a ""b"".c".t', 'a "b".c'),
        ("pg_type_without_schema", ""),
        ("edge_cases.f(integer, text)", "edge_cases"),
    ],
)
def test_schema_of_an_identity_whatever_its_quotes(identity: str, schema: str) -> None:
    assert schema_of(item("table", identity)) == schema


@pytest.mark.parametrize(
    ("name", "vendors"),
    [("postgres", True), ("supabase_etl_admin", True), ("pg_monitor", True), ("kulti", False)],
)
def test_vendors_roles_are_known_by_name(name: str, *, vendors: bool) -> None:
    assert is_vendor_role(name) is vendors


def test_schema_is_the_vendors_by_name_or_by_an_owner_out_of_reach() -> None:
    found = facts(schemas=("custom_of_vendor",))
    assert found.is_vendor_schema("storage")
    assert found.is_vendor_schema("custom_of_vendor")
    assert not found.is_vendor_schema("public")
    assert not found.is_vendor_schema("mine")


def test_contents_are_the_customers_objects_and_the_rows_of_a_project_in_use() -> None:
    found = facts(
        item("function", "public.f()"),
        item("function", "public.of_an_event_trigger()"),
        item("table", "public.t"),
        item("table", "auth.users"),
        item("large object", "4711"),
        item("policy", "p on auth.users"),
        relations=(relation("auth", "users", empty=False), relation("auth", "identities")),
        trigger_functions=frozenset({"public.of_an_event_trigger()"}),
    )
    assert contents_of(found) == (
        "table public.t",
        "function public.f()",
        "large object 4711",
        "rows in auth.users",
    )
    assert contents_of(found, vendor_rows=False)[-1] == "large object 4711"


def test_rows_that_nobody_could_look_for_are_no_sign_of_emptiness() -> None:
    unknown = facts(relations=(relation("auth", "users", empty=None),))
    assert contents_of(unknown) == ("perhaps rows, which are not readable, in auth.users",)


@pytest.mark.parametrize(("empty", "count"), [(True, 0), (False, 1)])
def test_empty_table_of_the_migration_tool_is_no_contents(count: int, *, empty: bool) -> None:
    found = facts(
        item("table", "supabase_migrations.schema_migrations"),
        relations=(relation("supabase_migrations", "schema_migrations", empty=empty),),
    )
    assert len(contents_of(found)) == count
