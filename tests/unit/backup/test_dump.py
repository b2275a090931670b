"""pg_dump's arguments and the meaning of its stderr."""

from __future__ import annotations

import pytest

from kulti_ops.backup import dump
from kulti_ops.errors import UsageError

TABLES = (
    ("public", "messages", "public.messages"),
    ("public", "room_messages", "public.room_messages"),
    ("auth", "users", "auth.users"),
    ("edge", 'Odd "x"', 'edge."Odd ""x"""'),
)


def test_arguments_hold_no_secret_and_no_filter() -> None:
    arguments = dump.dump_arguments(snapshot="1-2-3", compression="zstd:3", lock_wait_s=2.5)
    assert "--lock-wait-timeout=2500" in arguments
    assert not any(a.startswith(("--schema", "--no-owner", "--no-acl")) for a in arguments)
    assert "--enable-row-security" not in arguments


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("messages", {"public.messages"}),
        ("*messages", {"public.messages", "public.room_messages"}),
        ("public.*", {"public.messages", "public.room_messages"}),
        ("PUBLIC.Messages", {"public.messages"}),
        ('edge."Odd ""x"""', set()),
        ('edge."Odd*', set()),
        ("auth.?sers", {"auth.users"}),
        ("*.users", {"auth.users"}),
    ],
)
def test_patterns_match_as_pg_dump_matches(pattern: str, expected: set[str]) -> None:
    if not expected:
        with pytest.raises(UsageError, match="no table matches"):
            dump.matching_tables([pattern], TABLES)
    else:
        assert dump.matching_tables([pattern], TABLES) == expected


def test_environment_pins_only_what_the_server_has_otherwise() -> None:
    plain = dump.dump_environment({"A": "b"}, {"timezone": "UTC", "bytea_output": "hex"})
    assert plain == {"A": "b"}
    odd = dump.dump_environment({}, {"timezone": "Europe/Berlin", "bytea_output": "escape"})
    assert odd == {"PGTZ": "UTC", "PGOPTIONS": "-c bytea_output=hex"}


@pytest.mark.parametrize(
    ("line", "talk"),
    [
        ('pg_dump: dumping contents of table "public.x"', True),
        ("pg_dump: error: query failed: ERROR:  permission denied for table x", False),
        ("pg_dump: detail: Query was: LOCK TABLE x", False),
        ("DETAIL:  Key (email)=(someone@kulti.example) already exists.", True),
        ('CONTEXT:  COPY profiles, line 1: "secret"', True),
        ("a row's second line", True),
    ],
)
def test_stderr_keeps_errors_and_never_rows(line: str, talk: bool) -> None:  # noqa: FBT001
    assert dump.is_talk(line) is talk


def test_started_table_is_read_from_the_verbose_line() -> None:
    assert dump.started_table('pg_dump: dumping contents of table "public.x"') == "public.x"
    assert dump.started_table("pg_dump: reading schemas") is None
