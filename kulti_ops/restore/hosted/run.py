"""Restoring a whole backup into a new, empty project: look at everything, then act.

The guards of every restore hold here too; beyond them, the target must be a project
that holds nothing of the customer's. What cannot come back is a result of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kulti_ops.backup.reading import judge_identities, stored
from kulti_ops.db import connect
from kulti_ops.errors import RefusedError
from kulti_ops.progress import SILENT, Progress
from kulti_ops.restore import guards
from kulti_ops.restore.hosted.able import judge_able
from kulti_ops.restore.hosted.compare import judge_restored
from kulti_ops.restore.hosted.dangling import count_dangling, keys_left_alone, with_dangling
from kulti_ops.restore.hosted.execute import HostedOutcome, HostedRestore
from kulti_ops.restore.hosted.facts import HostedFacts, contents_of, look_at_project
from kulti_ops.restore.hosted.plan import HostedPlan, plan_hosted
from kulti_ops.restore.hosted.residual import residual_sql
from kulti_ops.restore.hosted.results import judge_access, judge_losses, judge_run
from kulti_ops.restore.hosted.view import HostedOptions, View
from kulti_ops.verify import Level
from kulti_ops.verify.backup import Verification, verify_backup

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kulti_ops.archive import Toc
    from kulti_ops.backup.manifest import Manifest
    from kulti_ops.db import Connection, Target
    from kulti_ops.inventory import Inventory
    from kulti_ops.pgrestore import ArchiveSource
    from kulti_ops.pgtools import Installation
    from kulti_ops.report import CheckResult
    from kulti_ops.restore.run import RestoreOptions
    from kulti_ops.storage import Storage

NAMES_SHOWN = 8


@dataclass(frozen=True, kw_only=True)
class PreparedHosted:
    """A restore into a project that passed every guard and may be carried out."""

    manifest: Manifest
    verification: Verification
    toc: Toc
    inventory: Inventory
    archive: ArchiveSource
    target: Target
    plan: HostedPlan


@dataclass(kw_only=True)
class HostedRestored:
    """What a hosted restore did and what the comparison found; `residual` is SQL for others."""

    results: list[CheckResult] = field(default_factory=list)
    outcome: HostedOutcome = field(default_factory=HostedOutcome)
    residual: str = ""


def is_hosted(target: Target, *, timeout_s: int) -> bool:
    """Return whether the target is a hosted project: vendor-owned schemas, no superuser.

    Raises: RefusedError for a pooler in transaction mode; DatabaseError.
    """
    guards.judge_connection(target)
    return guards.look_at(target, timeout_s=timeout_s).hosted


def prepare_hosted(
    manifest: Manifest,
    storage: Storage,
    target: Target,
    *,
    options: RestoreOptions,
    hosted: HostedOptions,
    progress: Progress = SILENT,
) -> PreparedHosted:
    """Look at everything and change nothing.

    Raises: RefusedError from any guard; DatabaseError, StorageError when something
    cannot be looked at.
    """
    timeout_s = options.connect_timeout_s
    guards.judge_connection(target)
    judge_identities(manifest, options.identities)
    state = guards.look_at(target, timeout_s=timeout_s)
    guards.judge_source(options.source, target, manifest, timeout_s=timeout_s)
    guards.judge_production(target, production=options.production, confirmed=options.confirmed)
    guards.judge_writable(target, state)
    with connect(target, application="restore preflight", timeout_s=timeout_s) as connection:
        judge_able(connection, new_roles=False)
        facts = look_at_project(connection)
        judge_new(target, facts, public_only=hosted.public_only)
        verification = verify_backup(
            manifest,
            storage,
            level=Level.CONTENTS,
            installations=(options.tools,),
            identities=options.identities,
            progress=progress,
        )
        toc, inventory = guards.judge_verified(manifest, verification)
        archive = stored(manifest, storage, "dump", identities=options.identities, toc=toc)
        view = View(toc, inventory, facts, hosted)
        plan = make_plan(connection, view, archive=archive, tools=options.tools)
        judge_roles(plan, create_roles=options.create_roles)
        judge_able(connection, new_roles=bool(plan.roles.names))
    return PreparedHosted(
        manifest=manifest,
        verification=verification,
        toc=toc,
        inventory=inventory,
        archive=archive,
        target=target,
        plan=plan,
    )


def make_plan(
    connection: Connection, view: View, *, archive: ArchiveSource, tools: Installation
) -> HostedPlan:
    """Return the plan, with the foreign keys counted that would point to nothing.

    Raises: DatabaseError, ToolFailedError when they cannot be counted.
    """
    plan = plan_hosted(view)
    keys = keys_left_alone(view, plan)
    counts = count_dangling(connection, keys, toc=view.toc, archive=archive, tools=tools)
    return with_dangling(plan, keys, counts)


def run_hosted(
    prepared: PreparedHosted, *, options: RestoreOptions, progress: Progress = SILENT
) -> HostedRestored:
    """Carry out a prepared restore; it is committed only when nothing is wrong with it.

    Raises: RefusedError, DatabaseError, ToolFailedError when the restore cannot go on;
    errors of single entries and differences are results. Either way nothing is left then.
    """

    def judge(connection: Connection, outcome: HostedOutcome) -> Sequence[CheckResult]:
        return judge_restored(connection, prepared, outcome, tools=options.tools)

    done = HostedRestored()
    HostedRestore(
        archive=prepared.archive,
        toc=prepared.toc,
        plan=prepared.plan,
        target=prepared.target,
        tools=options.tools,
        judge=judge,
        progress=progress,
    ).run(done.outcome)
    done.results.append(judge_run(done.outcome))
    done.results += done.outcome.results
    if done.outcome.committed:
        done.results.append(judge_losses(prepared.plan, done.outcome))
        done.results.append(judge_access(prepared.plan.access))
    refused = tuple(step for step, _code in done.outcome.refused)
    done.residual = residual_sql(
        prepared.plan, refused=refused, refused_roles=frozenset(done.outcome.refused_roles)
    )
    return done


def judge_new(target: Target, facts: HostedFacts, *, public_only: bool) -> None:
    """Refuse a project that holds something of a customer's.

    Raises: RefusedError naming what is there.
    """
    found = contents_of(facts, vendor_rows=not public_only)
    if found:
        shown = ", ".join(found[:NAMES_SHOWN])
        more = f" and {len(found) - NAMES_SHOWN} more" if len(found) > NAMES_SHOWN else ""
        raise RefusedError(
            f"{target.label} is a project in use: {shown}{more}",
            hint="create a new project and restore into that one",
        )


def judge_roles(plan: HostedPlan, *, create_roles: bool) -> None:
    """Refuse when roles are missing that nobody said to create, or are out of reach.

    Raises: RefusedError naming them.
    """
    if plan.strangers:
        raise RefusedError(
            f"the backup has rights given by {', '.join(plan.strangers)}, and {plan.facts.role} "
            "cannot act as that role here",
            hint=f"drop the role in the new project, or grant it to {plan.facts.role}",
        )
    if plan.roles.names and not create_roles:
        raise RefusedError(
            f"the target lacks the roles {', '.join(plan.roles.names)}",
            hint="add --create-roles to have them made, without passwords",
        )
