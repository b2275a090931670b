"""The verdicts of a hosted restore: its errors, and what did not come back. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kulti_ops.report import CheckResult, Verdict
from kulti_ops.restore.hosted import rules
from kulti_ops.restore.hosted.role_plan import INEXACT
from kulti_ops.restore.hosted.rules import Fate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kulti_ops.restore.hosted.access import Access
    from kulti_ops.restore.hosted.execute import HostedOutcome
    from kulti_ops.restore.hosted.plan import HostedPlan

NAMES_SHOWN = 5


def judge_run(outcome: HostedOutcome) -> CheckResult:
    """Judge the run itself: committed with zero unexplained errors, or undone."""
    errors = outcome.errors
    rows = tuple({"entry": e.label, "message": e.message, "sqlstate": e.sqlstate} for e in errors)
    evidence = {
        "entries": outcome.entries,
        "errors": len(errors),
        "refused": len(outcome.refused) + len(outcome.refused_roles),
        "committed": outcome.committed,
    }
    if outcome.committed:
        summary = f"{outcome.entries} entries restored without an unexplained error, and committed"
        return CheckResult(id="restore", status=Verdict.OK, summary=summary, evidence=evidence)
    if errors:
        named = (f"{e.label}: {e.message} ({e.sqlstate or 'no SQLSTATE'})" for e in errors)
        shown = "; ".join(list(named)[:NAMES_SHOWN])
        summary = f"undone, nothing is changed: {len(errors)} unexplained errors: {shown}"
    else:
        summary = "undone, nothing is changed: the comparison before the commit is not good"
    return CheckResult(
        id="restore",
        status=Verdict.CRIT,
        summary=summary,
        evidence=evidence,
        rows=rows,
        next="the target is as it was; see the rows of the results that are not ok",
    )


def judge_losses(plan: HostedPlan, outcome: HostedOutcome) -> CheckResult:
    """Judge what did not come back: nothing of it is silent, and all of it is a warning."""
    rows = tuple(_lost(plan, outcome))
    shown = "; ".join(str(r["entry"]) for r in rows[:NAMES_SHOWN])
    more = f" and {len(rows) - NAMES_SHOWN} more" if len(rows) > NAMES_SHOWN else ""
    return CheckResult(
        id="not-restored",
        status=Verdict.WARN if rows else Verdict.OK,
        summary=f"{len(rows)} things did not come back as they were: {shown}{more}"
        if rows
        else "everything that a project can take came back",
        evidence={"lost": len(rows)},
        rows=rows,
        next="run the residual SQL with more rights, and see what follows from the rest"
        if rows
        else None,
    )


def judge_access(access: Access) -> CheckResult:
    """Judge what the vendor's objects let through here and did not at the source."""
    rows = tuple(
        {"object": c.label, "reason": c.reason, "follows": c.follows} for c in access.changes
    )
    shown = "; ".join(f"{c.label}: {c.reason}" for c in access.changes[:NAMES_SHOWN])
    more = f" and {len(rows) - NAMES_SHOWN} more" if len(rows) > NAMES_SHOWN else ""
    status = Verdict.OK if access.examined else Verdict.SKIPPED
    summary = f"{access.examined} of the vendor's tables let through no more than at the source"
    if not access.examined:
        summary = "the backup and the project have no table of the vendor's in common"
    if rows:
        status = Verdict.WARN
        summary = f"the vendor's objects let through something else than before: {shown}{more}"
    return CheckResult(
        id="vendor-access",
        status=status,
        summary=summary,
        evidence={"examined": access.examined, "different": len(rows)},
        rows=rows,
        next="run the residual SQL with more rights, or accept each of them" if rows else None,
    )


def _lost(plan: HostedPlan, outcome: HostedOutcome) -> Iterator[dict[str, Any]]:
    refused = {s.entry.dump_id: code for s, code in outcome.refused}
    for step in plan.steps:
        code = refused.get(step.entry.dump_id)
        if (
            step.fate is Fate.LOST
            or code is not None
            or (step.rule in rules.NOTEWORTHY and step.rule is not rules.ROWS_STAGED)
        ):
            yield {
                "entry": step.entry.label,
                "rule": step.rule.name,
                "reason": step.reason,
                "follows": step.rule.follows,
                "sqlstate": code,
            }
    for loss in outcome.losses:
        if loss.values:
            yield {
                "entry": f"COLUMN {loss.table}.{loss.column}",
                "rule": rules.ROWS_STAGED.name,
                "reason": f"the target lacks the column: {loss.values} values are lost",
                "follows": rules.ROWS_STAGED.follows,
                "sqlstate": None,
            }
    for label in outcome.refused_roles:
        yield {
            "entry": label,
            "rule": "roles",
            "reason": "the project does not allow it",
            "follows": "the role has fewer rights than before",
            "sqlstate": rules.NO_RIGHT,
        }
    yield from _lost_of_roles(plan)
    for entry, owner in plan.kept_owners:
        if entry.dump_id not in refused:
            yield {
                "entry": entry.label,
                "rule": "owner",
                "reason": f"cannot be given to {owner}; it belongs to {plan.facts.role}",
                "follows": "functions that run as their owner run with other rights",
                "sqlstate": None,
            }


def _lost_of_roles(plan: HostedPlan) -> Iterator[dict[str, Any]]:
    """Yield what is missing in roles although nothing about them was refused."""
    for flag in plan.roles.flags:
        if not flag.tried:
            yield {
                "entry": flag.label,
                "rule": "role-attributes",
                "reason": "no role is a superuser in a hosted project",
                "follows": "the role may do less than before",
                "sqlstate": None,
            }
    for item in plan.roles.inexact:
        yield {
            "entry": f"MEMBERSHIP {item.identity}",
            "rule": "membership-options",
            "reason": INEXACT,
            "follows": "the member has fewer rights than before",
            "sqlstate": None,
        }
    for item in plan.roles.create:
        if item.attributes.get("login") == "yes":
            yield {
                "entry": f"PASSWORD {item.identity}",
                "rule": "password",
                "reason": "no dump holds passwords",
                "follows": "nobody can log in with the role until it has a new one",
                "sqlstate": None,
            }
    for item in plan.roles.differing:
        yield {
            "entry": f"SETTING {item.identity}",
            "rule": "role-settings",
            "reason": "settings of a role of the vendor's are the target's own",
            "follows": "the role runs with the target's settings",
            "sqlstate": None,
        }
