"""Roles around a hosted restore."""

from __future__ import annotations

from typing import Any

from kulti_ops.restore.hosted.roles import plan_roles, setting_statements
from tests.unit.making import inventory, item
from tests.unit.restore.hosted.making import facts, view


def membership(role: str, member: str, **more: str) -> Any:
    return item("membership", f"{role} to {member}", role=role, member=member, **more)


def test_roles_of_the_customers_are_made_and_lent_and_the_vendors_are_not() -> None:
    source = inventory(
        item("role", "anon"),
        item("role", "supabase_new"),
        item("role", "reader"),
        item("role", "writer"),
        membership("reader", "postgres", set="no"),
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
    assert "writer" in found.kept
    assert "reader" not in found.kept
    assert [m.identity for m in found.memberships] == ["reader to writer"]
    assert [s.identity for s in found.settings] == ["of reader"]
    assert [s.identity for s in found.differing] == ["of postgres"]


def test_settings_are_quoted_for_people() -> None:
    found = item("setting", "x", role='odd"role', settings='{"search_path=it\'s"}')
    assert list(setting_statements(found)) == [
        "ALTER ROLE \"odd\"\"role\" SET search_path TO 'it''s';"
    ]
