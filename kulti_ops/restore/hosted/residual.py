"""The SQL that is left for somebody with more rights, and why each part is. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kulti_ops.restore.hosted import rules
from kulti_ops.restore.hosted.roles import setting_statements
from kulti_ops.restore.hosted.rules import Fate
from kulti_ops.restore.hosted.text import definition, owner_statements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kulti_ops.restore.hosted.plan import HostedPlan
    from kulti_ops.restore.hosted.step import Step

_HEAD = (
    "-- What the restoring role cannot do in this project, for somebody with more rights.",
    "-- In this order; each statement stands alone, leave out what you do not want.",
)
_IF_REFUSED = "only if the restore reports that it was refused"
_NOTHING = "-- Nothing is left."


def residual_sql(plan: HostedPlan, *, refused: tuple[Step, ...] | None = None) -> str:
    """Return the statements; `refused` are the conditional ones that did not run, None before."""
    lines = list(_entries(plan, refused))
    lines += _owners(plan)
    lines += _access(plan)
    lines += _roles(plan)
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
    text = "\n".join(
        [definition(step.entry).rstrip(), *owner_statements(step.entry, step.entry.owner)]
    )
    # both or neither: without the owner's rights the trigger would be there, and active
    return f"BEGIN;\n{text}\nCOMMIT;" if step.rule is rules.TRIGGER_STATE else text


def _owners(plan: HostedPlan) -> Iterator[str]:
    for entry, owner in plan.kept_owners:
        yield f"-- {_line(entry.label)}: belonged to {_line(owner)}"
        yield from (*owner_statements(entry, owner), "")


def _access(plan: HostedPlan) -> Iterator[str]:
    for change in plan.access.changes:
        if change.residual:
            yield f"-- {_line(change.label)}: {_line(change.reason)}"
            yield from (change.residual, "")


def _roles(plan: HostedPlan) -> Iterator[str]:
    for item in plan.roles.create:
        if item.attributes.get("login") == "yes":
            yield f"-- role {_line(item.identity)} needs a new password"
    for item in plan.roles.differing:
        yield f"-- settings of {_line(item.attributes.get('role') or '')} at the source"
        yield from setting_statements(item)


def _line(text: str) -> str:
    return text.replace("\r", " ").replace("\n", " ")
