"""Roles around a hosted restore."""

from __future__ import annotations

from typing import Any

import pytest

from kulti_ops.restore.hosted.role_plan import membership_statement, plan_roles, setting_statements
from tests.unit.making import entry, inventory, item
from tests.unit.restore.hosted.making import facts, plan, view


def membership(role: str, member: str, **more: str) -> Any:
    return item("membership", f"{role} to {member}", role=role, member=member, **more)


def test_roles_of_the_customers_are_made_and_lent_and_the_vendors_are_not() -> None:
    source = inventory(
        item("role", "anon"),
        item("role", "supabase_new"),
        item("role", "reader"),
        item("role", "writer"),
        membership("reader", "postgres", inherit="no", set="no"),
        membership("writer", "postgres", set="yes"),
        membership("reader", "writer"),
        membership("supabase_new", "reader"),
        membership("anon", "postgres"),
        item("setting", "of reader", role="reader", settings="{a=b}"),
        item("setting", "of postgres", role="postgres", settings="{a=b}"),
    )
    found = plan_roles(view((), facts(), source=source))
    assert found.names == ("reader", "writer")
    assert found.lent == ("reader", "writer")
    assert found.absent == ("supabase_new",)
    assert [m.identity for m in found.kept] == ["writer to postgres"]
    assert [m.identity for m in found.memberships] == ["reader to writer"]
    assert [s.identity for s in found.settings] == ["of reader"]
    assert [s.identity for s in found.differing] == ["of postgres"]


OLD = 150008
MINE = item("role", "postgres", replication="yes", bypassrls="yes", createdb="no")


@pytest.mark.parametrize(
    ("version_num", "attribute", "beyond"),
    [
        (170006, "bypassrls", []),
        (170006, "createrole", []),
        (170006, "createdb", ["ROLE new CREATEDB"]),
        (170006, "superuser", ["ROLE new SUPERUSER"]),
        (OLD, "bypassrls", ["ROLE new BYPASSRLS"]),
        (OLD, "replication", ["ROLE new REPLICATION"]),
        (OLD, "createdb", []),
    ],
)
def test_attributes_that_the_restoring_role_may_not_give_are_known_before(
    version_num: int, attribute: str, beyond: list[str]
) -> None:
    target = facts(MINE, version_num=version_num)
    source = inventory(item("role", "new", **{attribute: "yes"}))
    found = plan_roles(view((), target, source=source))
    assert [f.label for f in found.flags] == beyond
    assert all(f.tried is (attribute != "superuser") for f in found.flags)


@pytest.mark.parametrize(
    ("options", "exact"),
    [
        ({}, True),
        ({"inherit": "yes", "set": "yes"}, True),
        ({"inherit": "no", "set": "yes"}, False),  # it would inherit
        ({"inherit": "yes", "set": "no"}, False),  # it might become the role
        ({"inherit": "no", "set": "no"}, False),
    ],
)
def test_membership_that_an_older_server_could_only_give_with_more_is_not_given(
    options: dict[str, str], *, exact: bool
) -> None:
    source = inventory(
        item("role", "a"), item("role", "b", inherit="yes"), membership("a", "b", **options)
    )
    old = plan_roles(view((), facts(version_num=OLD), source=source))
    assert (len(old.memberships), len(old.inexact)) == ((1, 0) if exact else (0, 1))
    new = plan_roles(view((), facts(), source=source))
    assert (len(new.memberships), len(new.inexact)) == (1, 0)


def test_membership_is_written_with_its_options() -> None:
    found = membership("a", 'odd"b', admin="no", inherit="yes", set="no")
    assert membership_statement(found) == (
        'GRANT "a" TO "odd""b" WITH ADMIN FALSE, INHERIT TRUE, SET FALSE;'
    )


def test_settings_are_quoted_for_people() -> None:
    text = '{"search_path=\\"a, b\\", it\'s",Odd.name=1}'
    found = item("setting", "x", role='odd"role', settings=text)
    assert list(setting_statements(found, database="d")) == [
        "ALTER ROLE \"odd\"\"role\" SET search_path TO 'a, b', 'it''s';",
        'ALTER ROLE "odd""role" SET "Odd"."name" TO \'1\';',
    ]
    here = item("setting", "x", role="r", settings="{a=b}", in_database="yes")
    assert list(setting_statements(here, database="d")) == [
        'ALTER ROLE "r" IN DATABASE "d" SET a TO \'b\';'
    ]


def test_role_that_is_there_is_borrowed_if_within_reach_and_else_a_stranger() -> None:
    text = 'SET SESSION AUTHORIZATION "odd role";\nGRANT SELECT ON TABLE t TO anon;\n'
    acl = entry(1, "ACL", "TABLE t", definition=text)
    source = inventory(item("role", '"odd role"'))
    here = facts(roles=frozenset({"odd role", "postgres"}))
    assert plan(acl, target=here, source=source).strangers == ("odd role",)
    reach = facts(
        roles=frozenset({"odd role", "postgres"}), lendable=frozenset({"odd role", "supabase_x"})
    )
    made = plan(acl, target=reach, source=source)
    assert (made.strangers, made.roles.lent, made.roles.names) == ((), ("odd role",), ())
