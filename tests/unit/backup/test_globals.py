"""globals.sql and the way PostgreSQL writes roles, arrays and settings."""

from __future__ import annotations

import pytest

from kulti_ops import roles
from kulti_ops.backup.globals import render_globals
from tests.unit.making import inventory, item


def test_globals_make_roles_without_passwords_and_quote_everything() -> None:
    held = inventory(
        item("role", '"Odd ""one"""', login="yes", bypassrls="no", comment="it's \\ odd"),
        item(
            "membership",
            "a to b",
            role="a",
            member='b"; DROP',
            admin="no",
            inherit="yes",
            set="yes",
        ),
        item("setting", "of a", role="a", settings='{"search_path=\\"$user\\", public",x.y=it\'s}'),
        item("setting", "in this database", in_database="yes", settings="{a=b}"),
    )
    text = render_globals(held)
    assert "PASSWORD" not in text
    assert 'CREATE ROLE "Odd ""one""" WITH' in text
    assert 'TO "b""; DROP" WITH ADMIN FALSE, INHERIT TRUE, SET TRUE;' in text
    assert 'ALTER ROLE "a" SET search_path TO "$user", public;' in text
    assert "SET x.y TO 'it''s';" in text
    assert "a=b" not in text


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("{}", ()),
        ("{a=1,b=2}", ("a=1", "b=2")),
        ('{"a=x,y","b=\\"q\\\\"}', ("a=x,y", 'b="q\\')),
        ('{"a="}', ("a=",)),
    ],
)
def test_arrays_are_read_as_postgresql_prints_them(text: str, parts: tuple[str, ...]) -> None:
    assert roles.parse_array(text) == parts


@pytest.mark.parametrize(
    ("name", "value", "parts"),
    [
        ("search_path", '"$user", public, "odd ""x"""', ("$user", "public", 'odd "x"')),
        ("search_path", '""', ("",)),
        ("statement_timeout", "3s", ("3s",)),
        ("log_statement", "a, b", ("a, b",)),
    ],
)
def test_settings_are_split_only_where_they_are_lists(
    name: str, value: str, parts: tuple[str, ...]
) -> None:
    assert roles.setting_values(name, value) == parts


def test_literals_survive_quotes_and_backslashes() -> None:
    assert roles.quote_literal("it's") == "'it''s'"
    assert roles.quote_literal("a\\'b") == "E'a\\\\''b'"
    assert roles.plain_name('"a""b"') == 'a"b'
    assert roles.plain_name("plain") == "plain"
