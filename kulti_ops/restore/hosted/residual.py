"""The SQL that is left for somebody with more rights, and why each part is. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kulti_ops.restore.hosted import rules
from kulti_ops.restore.hosted.role_plan import INEXACT, membership_statement, setting_statements
from kulti_ops.restore.hosted.rules import Fate
from kulti_ops.restore.hosted.text import definition, owner_statements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kulti_ops.inventory import Item
    from kulti_ops.restore.hosted.plan import HostedPlan
    from kulti_ops.restore.hosted.step import Step

_HEAD = (
    "-- What the restoring role cannot do in this project, for somebody with more rights.",
    "-- In this order; each statement stands alone, leave out what you do not want.",
)
_IF_REFUSED = "only if the restore reports that it was refused"
# Its options are a user and a password: no report holds them.
_MAPPING = "-- (it holds a password: take it from the archive, pg_restore -f - -L)"
_NOTHING = "-- Nothing is left."


def residual_sql(
    plan: HostedPlan,
    *,
    refused: tuple[Step, ...] | None = None,
    refused_roles: frozenset[str] = frozenset(),
) -> str:
    """Return the statements.

    `refused` are the conditional entries that did not run, None before a restore; then
    `refused_roles` are labels of what was refused about roles.
    """
    lines = list(_entries(plan, refused))
    lines += _owners(plan, refused)
    lines += _access(plan)
    lines += _roles(plan, None if refused is None else refused_roles)
    return "\n".join([*_HEAD, "", *(lines or [_NOTHING])]) + "\n"


def _entries(plan: HostedPlan, refused: tuple[Step, ...] | None) -> Iterator[str]:
    tried = set() if refused is None else {s.entry.dump_id for s in refused}
    for step in plan.steps:
        after = step.entry.dump_id in tried
        if step.rule is rules.DANGLING:
            yield from _part(step, step.residual, "once the rows it points to are there")
        elif step.residual and (step.fate is not Fate.TRY or after or refused is None):
            yield from _part(step, step.residual, "")
        elif step.rule.residual and step.fate is Fate.LOST:
            yield from _part(step, _whole(step), "")
        elif after or (refused is None and step.fate is Fate.TRY and step.rule.residual):
            yield from _part(step, _whole(step), "" if after else _IF_REFUSED)


def _part(step: Step, text: str, condition: str) -> Iterator[str]:
    why = f"{step.reason}; {condition}" if condition else step.reason
    yield f"-- {_line(step.entry.label)}: {_line(why)}"
    yield from (text.rstrip(), "")


def _whole(step: Step) -> str:
    """Return an entry's own text; rows are no text and have to be loaded by other means."""
    if step.entry.has_data:
        return "-- (rows: load them from the archive with pg_restore --data-only)"
    if step.entry.desc == "USER MAPPING":
        return _MAPPING
    text = "\n".join(
        [definition(step.entry).rstrip(), *owner_statements(step.entry, step.entry.owner)]
    )
    # both or neither: without the owner's rights the trigger would be there, and active
    return f"BEGIN;\n{text}\nCOMMIT;" if step.rule is rules.TRIGGER_STATE else text


def _owners(plan: HostedPlan, refused: tuple[Step, ...] | None) -> Iterator[str]:
    gone = {s.entry.dump_id for s in refused or ()}  # their own part says whose they were
    for entry, owner in plan.kept_owners:
        if entry.dump_id in gone:
            continue
        yield f"-- {_line(entry.label)}: belonged to {_line(owner)}"
        yield from (*owner_statements(entry, owner), "")


def _access(plan: HostedPlan) -> Iterator[str]:
    for change in plan.access.changes:
        if change.residual:
            yield f"-- {_line(change.label)}: {_line(change.reason)}"
            yield from (change.residual, "")


def _roles(plan: HostedPlan, refused: frozenset[str] | None) -> Iterator[str]:
    roles, database = plan.roles, plan.facts.database
    yield from _beyond_reach(plan, refused)
    for item in roles.memberships:
        if f"MEMBERSHIP {item.identity}" in (refused or ()):
            yield from (f"-- MEMBERSHIP {_line(item.identity)}", membership_statement(item))
    for item in roles.settings:
        if f"SETTING {item.identity}" in (refused or ()):
            yield f"-- SETTING {_line(item.identity)}"
            yield from setting_statements(item, database=database)
    for item in roles.create:
        if item.attributes.get("login") == "yes":
            yield f"-- role {_line(item.identity)} needs a new password"
    for item in roles.differing:
        yield f"-- settings of {_line(item.attributes.get('role') or '')} at the source"
        yield from setting_statements(item, database=database)


def _beyond_reach(plan: HostedPlan, refused: frozenset[str] | None) -> Iterator[str]:
    for flag in plan.roles.flags:
        if not flag.tried or refused is None or flag.label in refused:
            condition = f": {_IF_REFUSED}" if flag.tried and refused is None else ""
            yield from (f"-- {_line(flag.label)}{condition}", flag.statement)
    for item in plan.roles.inexact:
        yield f"-- {_line(f'MEMBERSHIP {item.identity}')}: {INEXACT}"
        yield membership_statement(replace(item, attributes=_ends(item)))


def _ends(membership: Item) -> dict[str, str | None]:
    """Return what is left of a membership without the options that a server does not know."""
    return {k: membership.attributes.get(k) for k in ("role", "member")}


def _line(text: str) -> str:
    return text.replace("\r", " ").replace("\n", " ")
