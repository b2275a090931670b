"""Choosing entries of an archive: dependants, and what belongs to the database. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kulti_ops.archive import Entry, Toc

# Entries that only set up the session or describe the database; pg_restore never runs them.
SESSION_ENTRIES = frozenset({"ENCODING", "STDSTRINGS", "SEARCHPATH"})
DATABASE_ENTRIES = frozenset({"DATABASE", "DATABASE PROPERTIES"})
ACL_ENTRIES = frozenset({"ACL", "DEFAULT ACL"})
REFRESH_ENTRY = "MATERIALIZED VIEW DATA"
_SET_AUTHORIZATION = re.compile(r"^SET SESSION AUTHORIZATION (.*);$", re.MULTILINE)
_RESET_AUTHORIZATION = re.compile(r"^RESET SESSION AUTHORIZATION;$", re.MULTILINE)

GRANTOR = re.compile(r'^SET LOCAL ROLE ("(?:[^"]|"")+"|[^";]+);', re.MULTILINE)


def dependants(toc: Toc, roots: Iterable[int]) -> frozenset[int]:
    """Return the dump ids of `roots` and of everything that depends on one, at any distance.

    Comments, rights and row security name their table as a dependency, so they go along.
    """
    needed_by: dict[int, list[int]] = {}
    servers = tuple(toc.of("SERVER"))
    for entry in toc.entries:
        for dependency in (*entry.dependencies, *_mapped_on(entry, servers)):
            needed_by.setdefault(dependency, []).append(entry.dump_id)
    found = set(roots)
    waiting = list(found)
    while waiting:
        for dependant in needed_by.get(waiting.pop(), ()):
            if dependant not in found:
                found.add(dependant)
                waiting.append(dependant)
    return frozenset(found)


def _mapped_on(entry: Entry, servers: Iterable[Entry]) -> tuple[int, ...]:
    """Return the server of a USER MAPPING, which pg_dump names in its tag and nowhere else."""
    if entry.desc != "USER MAPPING":
        return ()
    return tuple(s.dump_id for s in servers if entry.tag.endswith(f" SERVER {s.tag}"))


def is_database_level(entry: Entry) -> bool:
    """Return whether an entry belongs to the database itself, which `--create` would restore."""
    return entry.desc in DATABASE_ENTRIES or (
        entry.desc in {"COMMENT", "SECURITY LABEL", "ACL"} and entry.tag.startswith("DATABASE ")
    )


def with_local_roles(text: str) -> str:
    """Return grants so that each runs as its grantor without a superuser, in a transaction."""
    text = _SET_AUTHORIZATION.sub(r"SET LOCAL ROLE \1;", text)
    return _RESET_AUTHORIZATION.sub("RESET ROLE;", text)
