"""What a hosted restore planned, what became of it, and what the target must hold now. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from kulti_ops.restore.hosted.rules import Fate
from kulti_ops.restore.hosted.vendor import is_vendors
from kulti_ops.restore.lost import lost_items

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kulti_ops.archive import Entry, Toc
    from kulti_ops.inventory import Inventory, Item, Key
    from kulti_ops.restore.hosted.facts import HostedFacts
    from kulti_ops.restore.hosted.plan import HostedPlan
    from kulti_ops.restore.hosted.step import Step


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What was planned and what became of it; `refused` are entries that the target refused.

    `same_views` are views whose text differs and whose query does not, as the target tells.
    """

    toc: Toc
    inventory: Inventory
    plan: HostedPlan
    refused: Mapping[int, str] = field(default_factory=dict)
    refused_roles: frozenset[str] = frozenset()
    same_views: frozenset[Key] = frozenset()

    @property
    def facts(self) -> HostedFacts:
        """The target as it was before."""
        return self.plan.facts

    @property
    def source_major(self) -> int:
        """The major version of the server that the backup is of."""
        return int(self.toc.server_version.partition(".")[0])

    @cached_property
    def lost(self) -> Mapping[Key, str]:
        """Objects that the restore did not make, with the reason."""
        not_run = ((step.entry, reason) for step, reason in self.not_run.values())
        return lost_items(self.inventory, not_run, toc=self.toc, present=self.facts.items)

    @cached_property
    def not_run(self) -> Mapping[int, tuple[Step, str]]:
        """Steps that did not run, by entry, with the reason."""
        found = {
            s.entry.dump_id: (s, s.reason)
            for s in self.plan.steps
            if s.fate in (Fate.SKIP, Fate.LOST)
        }
        by_id = {s.entry.dump_id: s for s in self.plan.steps}
        return found | {n: (by_id[n], reason) for n, reason in self.refused.items()}

    @cached_property
    def source(self) -> Mapping[Key, Item]:
        """The backup's objects."""
        return self.inventory.by_key()

    def of(self, entry: Entry) -> Item | None:
        """Return the backup's object that an entry makes."""
        return self._by_place.get((entry.classid, entry.oid))

    def made_by(self, entry: Entry) -> tuple[Key, ...]:
        """Return the objects that an entry makes: large objects come in groups."""
        if entry.desc == "BLOB METADATA":
            return tuple(("large object", n) for n in entry.definition.split() if n.isdigit())
        item = self.of(entry)
        return () if item is None else (item.key,)

    def subject(self, entry: Entry) -> Item | None:
        """Return the backup's object that a comment or rights are about."""
        by_id = {e.dump_id: e for e in self.toc.entries}
        about = next((by_id[d] for d in entry.dependencies if d in by_id), None)
        return self.of(about) if about is not None else None

    @cached_property
    def _by_place(self) -> Mapping[tuple[int, int], Item]:
        return {(i.classid, i.objid): i for i in self.inventory.items if i.kind != "column"}


def expected_items(restored: Restored) -> tuple[Item, ...]:
    """Return what the target must hold: the backup's objects, and its own as it was found.

    Its own default privileges are no part of that: a restore takes them away.
    """
    own = (
        item
        for key, item in restored.facts.items.items()
        if key not in restored.source
        and (item.kind != "default privileges" or is_vendors(item, restored.facts))
    )
    return (*restored.inventory.items, *own)
