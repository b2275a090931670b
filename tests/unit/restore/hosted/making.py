"""A small archive and a small hosted project, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kulti_ops.restore.hosted.facts import HostedFacts, Relation, Schema
from kulti_ops.restore.hosted.plan import HostedPlan, plan_hosted
from kulti_ops.restore.hosted.view import HostedOptions, View
from tests.unit.making import inventory, toc

if TYPE_CHECKING:
    from kulti_ops.archive import Entry
    from kulti_ops.inventory import Inventory, Item
    from kulti_ops.restore.hosted.step import Step

USABLE = frozenset({"postgres", "anon", "authenticated", "pg_database_owner"})
OTHERS = frozenset({"supabase_admin", "supabase_auth_admin", "supabase_storage_admin"})


def relation(schema: str, name: str, **more: Any) -> Relation:
    """Make a table of the target that may be read and written, and is empty."""
    values: dict[str, Any] = {
        "identity": f"{schema}.{name}",
        "schema": schema,
        "name": name,
        "kind": "r",
        "insert": True,
        "trigger": True,
        "empty": True,
    }
    return Relation(**{**values, **more})


def facts(
    *items: Item,
    relations: tuple[Relation, ...] = (),
    schemas: tuple[str, ...] = (),
    creators: frozenset[str] = frozenset(),
    **more: Any,
) -> HostedFacts:
    """Make what a look at a project tells; schemas other than public are the vendor's.

    `creators` are roles that may create in these.
    """
    values: dict[str, Any] = {
        "role": "postgres",
        "database": "postgres",
        "version_num": 170006,
        "roles": USABLE | OTHERS,
        "usable": USABLE,
        "assignable": USABLE,
        "extensions_available": frozenset({"pgcrypto"}),
        "trigger_functions": frozenset(),
    }
    return HostedFacts(
        **{**values, **more},
        schemas={
            "public": Schema(usable=True, creators=frozenset({"postgres"})),
            **{s: Schema(usable=False, creators=creators) for s in ("auth", *schemas)},
        },
        relations={(r.schema, r.name): r for r in relations},
        items={i.key: i for i in items},
    )


def view(
    entries: tuple[Entry, ...],
    target: HostedFacts,
    *,
    source: Inventory | None = None,
    **options: bool,
) -> View:
    """Put an archive and a target side by side."""
    return View(toc(*entries), source or inventory(), target, HostedOptions(**options))


def plan(
    *entries: Entry, target: HostedFacts, source: Inventory | None = None, **options: bool
) -> HostedPlan:
    """Plan a restore of some entries."""
    return plan_hosted(view(entries, target, source=source, **options))


def fates(made: HostedPlan) -> dict[int, tuple[str, str]]:
    """Return each entry's fate and rule."""
    return {s.entry.dump_id: (str(s.fate), s.rule.name) for s in made.steps}


def step(made: HostedPlan, dump_id: int) -> Step:
    """Return one entry's step."""
    return next(s for s in made.steps if s.entry.dump_id == dump_id)
