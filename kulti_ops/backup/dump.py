"""pg_dump: its arguments, its environment, and what its stderr means.

Pure: builds values and judges lines; `create` runs it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kulti_ops.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_TABLE_STARTS = re.compile(r'dumping contents of table "(?P<name>.*)"$')
_TOOL_LINE = re.compile(r"pg_(?:dump|restore): ")
_TALK = re.compile(r"pg_(?:dump|restore): (?!error:|warning:|detail:|hint:|fatal:)")


def dump_arguments(
    *,
    snapshot: str,
    compression: str,
    lock_wait_s: float,
    left_out: tuple[str, ...] = (),
    without_data: tuple[str, ...] = (),
    large_objects: bool = True,
) -> tuple[str, ...]:
    """Return pg_dump's arguments: one custom archive of the whole database, to stdout.

    `left_out` (relations) and `without_data` (tables) are exact, quoted identities.
    The target and the password are in the environment.
    """
    arguments = [
        "--format=custom",
        f"--compress={compression}",
        f"--snapshot={snapshot}",
        f"--lock-wait-timeout={int(lock_wait_s * 1000)}",
        "--no-password",
        "--verbose",
    ]
    arguments += [f"--exclude-table={identity}" for identity in left_out]
    arguments += [f"--exclude-table-data={identity}" for identity in without_data]
    if not large_objects:
        arguments.append("--no-large-objects")
    return tuple(arguments)


def dump_environment(base: Mapping[str, str], session: Mapping[str, str]) -> dict[str, str]:
    """Return the environment that pins what pg_dump itself leaves to the server's defaults.

    `session` are the values in force for this role and database. What is already
    UTC and hex is left alone: a pooler may refuse start-up options.
    """
    environment = dict(base)
    if session.get("timezone") != "UTC":
        environment["PGTZ"] = "UTC"
    if session.get("bytea_output") != "hex":
        given = environment.get("PGOPTIONS", "")
        environment["PGOPTIONS"] = f"{given} -c bytea_output=hex".strip()
    return environment


def matching_tables(
    patterns: Iterable[str], tables: Iterable[tuple[str, str, str]]
) -> frozenset[str]:
    """Return the identities of the tables that some pattern of pg_dump's form matches.

    `tables` are (schema, name, identity). A pattern is `[schema.]table` with `*` and
    `?`, folded to lower case outside double quotes.

    Raises: UsageError for a pattern that matches nothing: pg_dump would ignore it.
    """
    known = tuple(tables)
    matched: set[str] = set()
    for pattern in patterns:
        schema, name = _pattern(pattern)
        hits = {i for s, t, i in known if schema.fullmatch(s) and name.fullmatch(t)}
        if not hits:
            raise UsageError(f"no table matches {pattern!r}")
        matched |= hits
    return frozenset(matched)


def _pattern(text: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    parts, quoted = [""], False
    for character in text:
        if character == '"':
            quoted = not quoted
        elif quoted:
            parts[-1] += re.escape(character)
        elif character == ".":
            parts.append("")
        else:
            wild = {"*": ".*", "?": "."}
            parts[-1] += wild.get(character, re.escape(character.lower()))
    schema, name = (".*", *parts) if len(parts) == 1 else (parts[0], ".".join(parts[1:]))
    return re.compile(schema, re.DOTALL), re.compile(name, re.DOTALL)


def started_table(line: str) -> str | None:
    """Return the table whose data pg_dump begins to write, by its verbose line."""
    match = _TABLE_STARTS.search(line)
    return match["name"] if match else None


def is_talk(line: str) -> bool:
    """Return whether a line of stderr is not to be kept.

    Progress is none of an error's business, and continuation lines of the server's
    messages (DETAIL, CONTEXT, a row in several lines) carry row data.
    """
    return bool(_TALK.match(line)) or not _TOOL_LINE.match(line)
