"""The plan of a hosted restore: one rule for every entry of an archive. Pure.

An entry is the vendor's or the customer's by its schema. What cannot come back takes
along what depends on it; what the target has already takes along nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from kulti_ops.restore.hosted import rules
from kulti_ops.restore.hosted.access import Access, access_changes
from kulti_ops.restore.hosted.acl import aligned_rights
from kulti_ops.restore.hosted.decide import ROOTS, decide
from kulti_ops.restore.hosted.role_plan import RolePlan, plan_roles
from kulti_ops.restore.hosted.rules import Fate
from kulti_ops.restore.hosted.step import Step
from kulti_ops.restore.hosted.text import has_owner
from kulti_ops.restore.toc import ACL_ENTRIES, GRANTOR, dependants, with_local_roles
from kulti_ops.roles import plain_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kulti_ops.archive import Entry
    from kulti_ops.restore.hosted.facts import HostedFacts
    from kulti_ops.restore.hosted.rights import DefaultRights
    from kulti_ops.restore.hosted.view import HostedOptions, View


@dataclass(frozen=True, kw_only=True)
class Dangling:
    """A foreign key into rows that are left out, and how many rows point to nothing by it."""

    constraint: str
    table: str
    refers_to: str
    rows: int


@dataclass(frozen=True, kw_only=True)
class HostedPlan:
    """Every entry's step, what is done about roles, and whose default privileges are reset.

    `strangers` are roles in whose name rights would be given, and that nobody can be here.
    `kept_owners` are (entry, owner) whose owner nobody can make them have; `aligned` are
    (object, statements) for rights that the archive has no entry for; `access` is what the
    vendor's objects let through here and did not at the source, which nothing changes.
    """

    steps: tuple[Step, ...]
    roles: RolePlan
    resets: tuple[DefaultRights, ...]
    kept_owners: tuple[tuple[Entry, str], ...]
    facts: HostedFacts
    options: HostedOptions
    dangling: tuple[Dangling, ...] = ()
    strangers: tuple[str, ...] = ()
    aligned: tuple[tuple[str, str], ...] = ()
    access: Access = field(default_factory=Access)

    def of(self, *fates: Fate) -> tuple[Step, ...]:
        """Return the steps of some fates, in the archive's order."""
        return tuple(s for s in self.steps if s.fate in fates)

    @property
    def to_run(self) -> tuple[Step, ...]:
        """What runs, conditionally or not."""
        return self.of(Fate.RUN, Fate.TRY)

    @property
    def not_run(self) -> frozenset[int]:
        """The entries that are left out or cannot come back, by their numbers."""
        return frozenset(s.entry.dump_id for s in self.of(Fate.SKIP, Fate.LOST))


def plan_hosted(view: View) -> HostedPlan:
    """Return what becomes of every entry in a hosted project."""
    facts, options = view.facts, view.options
    steps = {e.dump_id: decide(view, e) for e in view.toc.entries}
    steps |= _closure(view, steps)
    owned = {n: _with_owner(view, s) for n, s in steps.items()}
    return HostedPlan(
        steps=tuple(owned.values()),
        roles=plan_roles(view),
        resets=tuple(d for d in facts.default_rights if d.role in facts.assignable),
        kept_owners=tuple(
            (s.entry, s.entry.owner)
            for s in owned.values()
            if s.fate in {Fate.RUN, Fate.TRY} and _wants_owner(view, s) and not s.owner
        ),
        facts=facts,
        options=options,
        strangers=tuple(sorted({r for s in owned.values() for r in _strangers(view, s)})),
        aligned=aligned_rights(view),
        access=access_changes(view.inventory, facts, source_major=view.source_major),
    )


def _closure(view: View, steps: dict[int, Step]) -> dict[int, Step]:
    """Return the steps that change because they depend on what cannot come back."""
    changed: dict[int, Step] = {}
    for root in steps.values():
        if root.fate is not Fate.LOST or root.entry.desc not in ROOTS:
            continue
        for number in dependants(view.toc, {root.entry.dump_id}):
            step = steps[number]
            if step.fate in {Fate.RUN, Fate.TRY} and number not in changed:
                changed[number] = Step(
                    entry=step.entry, rule=rules.DEPENDS, detail=root.entry.label
                )
    return changed


def _strangers(view: View, step: Step) -> Iterator[str]:
    """Yield the grantors of a step's rights that the restoring role cannot become."""
    if step.fate in {Fate.RUN, Fate.TRY} and step.entry.desc in ACL_ENTRIES:
        names = GRANTOR.findall(with_local_roles(step.text or step.entry.definition))
        yield from (n for n in map(plain_name, names) if not view.can_own(n))


def _wants_owner(view: View, step: Step) -> bool:
    other = has_owner(step.entry) and step.entry.owner != view.facts.role
    return other and step.rule is not rules.PUBLICATION


def _with_owner(view: View, step: Step) -> Step:
    if step.fate not in {Fate.RUN, Fate.TRY} or not _wants_owner(view, step):
        return step
    owner = step.entry.owner
    if not view.can_own(owner):
        return step
    return replace(step, owner=owner, at_home=view.schema_owner(step.entry) == owner)
