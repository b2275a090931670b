"""The plan of a hosted restore as a person reads it, and as data. Prints nothing itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kulti_ops.restore.hosted.plan import HostedPlan
    from kulti_ops.restore.hosted.run import PreparedHosted


def plan_text(prepared: PreparedHosted) -> str:
    """Return the plan as a person reads it: how much runs, and everything that does not."""
    return "\n".join(_plan_lines(prepared))


def _plan_lines(prepared: PreparedHosted) -> Iterator[str]:
    from kulti_ops.clock import iso
    from kulti_ops.restore.hosted.rules import Fate

    plan, manifest = prepared.plan, prepared.manifest
    yield f"restore  {manifest.backup_id} ({iso(manifest.snapshot_at)})"
    yield f"into     {prepared.target.label}, a new project, PostgreSQL {plan.facts.server_major}"
    yield "entries  " + ", ".join(f"{len(plan.of(fate))} {fate}" for fate in Fate)
    yield from role_lines(plan)
    yield from _other_than_before(prepared)
    yield from _seen_and_let_through(prepared)
    yield from _skipped(prepared)


def _other_than_before(prepared: PreparedHosted) -> Iterator[str]:
    """Yield what is lost, tried, or comes back in another form."""
    from kulti_ops.restore.hosted import rules
    from kulti_ops.restore.hosted.rules import Fate

    plan = prepared.plan
    for key in plan.dangling:
        to = f"{key.rows or 'no'} rows would point to nothing in {key.refers_to}"
        yield f"dangling {key.constraint} on {key.table}: {to}"
    for step in plan.of(Fate.LOST):
        yield f"lost     {step.entry.label}: {step.reason}; {step.rule.follows}"
    for step in plan.of(Fate.TRY):
        yield f"try      {step.entry.label}: {step.reason}"
    for step in plan.steps:
        if step.rule in rules.NOTEWORTHY:
            yield f"look     {step.entry.label}: {step.reason}; {step.rule.follows}"
    for entry, owner in plan.kept_owners:
        yield f"owner    {entry.label}: {owner} cannot own it here"


def _seen_and_let_through(prepared: PreparedHosted) -> Iterator[str]:
    """Yield what nothing will compare, and what the project lets through beyond the source."""
    from kulti_ops.verify.uncompared import uncompared

    plan = prepared.plan
    for label, _text in plan.aligned:
        yield f"rights   {label}: brought to the backup's state"
    for label in uncompared(prepared.inventory, prepared.toc, not_run=plan.not_run):
        yield f"unseen   {label}: comes back, but nothing compares it afterwards"
    for change in plan.access.changes:
        yield f"access   {change.label}: {change.reason}; {change.follows}"


def role_lines(plan: HostedPlan) -> Iterator[str]:
    """Yield which roles are made, and what of them comes back only perhaps, or never."""
    from kulti_ops.restore.hosted.role_plan import INEXACT

    if plan.roles.names:
        yield f"roles    to be created: {', '.join(plan.roles.names)}"
    for flag in plan.roles.flags:
        if flag.tried:
            yield f"try      {flag.label}: needs a role that has it, or the project's leave"
        else:
            yield f"lost     {flag.label}: no role is a superuser in a hosted project"
    for item in plan.roles.inexact:
        yield f"lost     MEMBERSHIP {item.identity}: {INEXACT}"


def _skipped(prepared: PreparedHosted) -> Iterator[str]:
    """Yield what is skipped, summed up by rule: the vendor's own parts are many."""
    from kulti_ops.restore.hosted.rules import Fate

    by_rule: dict[str, list[str]] = {}
    for step in prepared.plan.of(Fate.SKIP):
        by_rule.setdefault(step.rule.reason, []).append(step.entry.label)
    for reason, labels in by_rule.items():
        named = f": {', '.join(labels)}" if reason in _named_reasons() else ""
        yield f"skip     {len(labels)} entries: {reason}{named}"


def _named_reasons() -> frozenset[str]:
    """Return the reasons whose entries a person wants to see by name: rows that are left out."""
    from kulti_ops.restore.hosted import rules

    return frozenset({rules.SESSIONS.reason})


def plan_steps(prepared: PreparedHosted) -> list[dict[str, Any]]:
    """Return every entry with what becomes of it."""
    return [
        {
            "entry": s.entry.label,
            "action": str(s.fate),
            "rule": s.rule.name,
            "reason": s.reason,
            "follows": s.rule.follows,
        }
        for s in prepared.plan.steps
    ]
