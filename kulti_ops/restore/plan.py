"""The restore plan: what happens to each entry of an archive, and why. Pure.

Two kinds of target: a server on which we are a superuser, and a scratch server on
which nobody whose code runs is one: there, extensions and roles are prepared
beforehand, and what only a superuser can create is left out, explained and counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from kulti_ops.restore.toc import (
    ACL_ENTRIES,
    REFRESH_ENTRY,
    SESSION_ENTRIES,
    dependants,
    is_database_level,
)
from kulti_ops.roles import plain_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kulti_ops.archive import Entry, Toc
    from kulti_ops.inventory import Inventory


class Action(StrEnum):
    """What is done with an entry, in the order of the steps."""

    PREPARE = "prepare"  # before everything else: schemas, extensions
    LOAD = "load"  # by pg_restore, in parallel
    RIGHTS = "rights"  # after the load: grants, default privileges
    REFRESH = "refresh"  # last: contents of materialized views
    SKIP = "skip"  # never, with the reason


@dataclass(frozen=True, kw_only=True)
class Step:
    """One entry and what is done with it; `reason` says why it is skipped."""

    entry: Entry
    action: Action
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class TargetFacts:
    """What a plan must know about the target."""

    server_major: int
    superuser: bool
    roles: frozenset[str]
    extensions_available: frozenset[str]
    scratch: bool = False


@dataclass(frozen=True, kw_only=True)
class RestorePlan:
    """Every entry's step; and what the target lacks."""

    steps: tuple[Step, ...]
    missing_roles: tuple[str, ...]
    missing_extensions: tuple[str, ...]

    def entries(self, action: Action) -> tuple[Entry, ...]:
        """Return the entries of one action, in the archive's order."""
        return tuple(s.entry for s in self.steps if s.action is action)

    @property
    def explained(self) -> tuple[Step, ...]:
        """What is left out on purpose, other than what concerns the session or the database."""
        return tuple(s for s in self.steps if s.action is Action.SKIP and s.reason)


NEEDS_SUPERUSER = "only a superuser can create it, and in a scratch server nobody is one"
NO_EXTENSION = "the scratch server has no extension {name}"
DEPENDS = "depends on what is left out"
PREPARED = "extensions are prepared, not restored"

# Kinds whose creation PostgreSQL reserves to superusers (CREATE … in its reference manual).
SUPERUSER_KINDS = frozenset(
    {
        "ACCESS METHOD",
        "EVENT TRIGGER",
        "FOREIGN DATA WRAPPER",
        "OPERATOR CLASS",
        "OPERATOR FAMILY",
        "PROCEDURAL LANGUAGE",
        "SECURITY LABEL",
        "SUBSCRIPTION",
        "TEXT SEARCH PARSER",
        "TEXT SEARCH TEMPLATE",
        "TRANSFORM",
    }
)

# Extensions of the hosted platform that an embedded server does not have: their absence from
# a scratch server is explained, anything else that is missing there is an error.
EXPLAINED_EXTENSIONS = frozenset(
    {
        "http",
        "hypopg",
        "index_advisor",
        "pg_cron",
        "pg_graphql",
        "pg_jsonschema",
        "pg_net",
        "pg_partman",
        "pg_repack",
        "pgaudit",
        "pgjwt",
        "pgmq",
        "pgroonga",
        "pgsodium",
        "pgtap",
        "plpgsql_check",
        "postgis",
        "rum",
        "supabase_vault",
        "timescaledb",
        "uuid-ossp",
        "vector",
        "wrappers",
    }
)


def plan_restore(toc: Toc, inventory: Inventory, facts: TargetFacts) -> RestorePlan:
    """Return what to do with every entry of an archive on a target."""
    extensions = {e.tag for e in toc.of("EXTENSION")}
    missing = tuple(sorted(extensions - facts.extensions_available))
    skipped = dict(_superuser_only(toc)) if facts.scratch else {}
    if facts.scratch:
        skipped |= dict(_absent_extensions(toc, missing))
    skipped = {**dict.fromkeys(dependants(toc, skipped), DEPENDS), **skipped}
    steps = tuple(_step(entry, skipped, scratch=facts.scratch) for entry in toc.entries)
    unexplained = tuple(n for n in missing if not (facts.scratch and n in EXPLAINED_EXTENSIONS))
    return RestorePlan(
        steps=steps,
        missing_roles=tuple(sorted(_roles_needed(inventory) - facts.roles)),
        missing_extensions=unexplained,
    )


def _step(entry: Entry, skipped: dict[int, str], *, scratch: bool) -> Step:
    if entry.desc in SESSION_ENTRIES or is_database_level(entry):
        return Step(entry=entry, action=Action.SKIP)
    if entry.dump_id in skipped:
        return Step(entry=entry, action=Action.SKIP, reason=skipped[entry.dump_id])
    if scratch and _on_extension(entry):
        return Step(entry=entry, action=Action.SKIP, reason=PREPARED)
    return Step(entry=entry, action=_action(entry, scratch=scratch))


def _action(entry: Entry, *, scratch: bool) -> Action:
    if scratch and entry.desc in {"SCHEMA", "EXTENSION"}:
        return Action.PREPARE
    if entry.desc in ACL_ENTRIES:
        return Action.RIGHTS
    return Action.REFRESH if entry.desc == REFRESH_ENTRY else Action.LOAD


def _on_extension(entry: Entry) -> bool:
    return entry.desc == "COMMENT" and entry.tag.startswith("EXTENSION ")


def _superuser_only(toc: Toc) -> Iterator[tuple[int, str]]:
    for entry in toc.entries:
        everything = entry.desc == "PUBLICATION" and "FOR ALL TABLES" in entry.definition
        by_schema = entry.desc == "PUBLICATION TABLES IN SCHEMA"
        if entry.desc in SUPERUSER_KINDS or everything or by_schema:
            yield entry.dump_id, NEEDS_SUPERUSER


def _absent_extensions(toc: Toc, missing: Iterable[str]) -> Iterator[tuple[int, str]]:
    absent = set(missing)
    for entry in toc.of("EXTENSION"):
        if entry.tag in absent:
            yield entry.dump_id, NO_EXTENSION.format(name=entry.tag)


def _roles_needed(inventory: Inventory) -> set[str]:
    return {plain_name(item.identity) for item in inventory.of("role")}
