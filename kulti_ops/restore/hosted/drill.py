"""The hosted drill: a backup into a scratch server that is shaped like a new project.

The same executor, as the same weak role, with the same comparison as a real restore; only
the project is ours and goes away afterwards.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from kulti_ops import project
from kulti_ops.backup.reading import stored
from kulti_ops.db import connect, own_target
from kulti_ops.pgserver import ScratchOptions
from kulti_ops.platform import shape
from kulti_ops.restore.comparison import checked
from kulti_ops.restore.drill import SETTINGS, Drill, DrillOptions, Way, phase
from kulti_ops.restore.hosted import rules
from kulti_ops.restore.hosted.facts import look_at_project
from kulti_ops.restore.hosted.rules import Fate
from kulti_ops.restore.hosted.run import HostedRestored, PreparedHosted, make_plan, run_hosted
from kulti_ops.restore.hosted.view import HostedOptions, View
from kulti_ops.restore.invariants import hold_invariants
from kulti_ops.restore.run import RestoreOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from kulti_ops.backup.manifest import Manifest
    from kulti_ops.pgserver import PgServer
    from kulti_ops.progress import Progress
    from kulti_ops.restore.hosted.plan import HostedPlan
    from kulti_ops.storage import Storage
    from kulti_ops.verify.backup import Verification

# Skipped without anybody missing it: not worth a line of evidence.
_PLAIN = (rules.SESSION, rules.DATABASE, rules.EXISTS, rules.NO_ROWS)


def project_server(_options: DrillOptions) -> ScratchOptions:
    """Return what the server of a scratch project is like."""
    return ScratchOptions(superuser=shape.ADMIN_ROLE, network=False, settings=SETTINGS)


def restore_into_project(
    manifest: Manifest,
    storage: Storage,
    verified: Verification,
    drill: Drill,
    *,
    arrived: Callable[[], PgServer],
    options: DrillOptions,
    progress: Progress,
) -> None:
    """Make a new project in a scratch server, restore into it, compare; results go to `drill`.

    Raises: ConfigError, OperationFailedError when it cannot be carried out.
    """
    progress.step("starting a scratch server shaped like a new project")
    with phase(drill, "prepare"):
        prepared = _prepare(arrived(), manifest, storage, verified, options=options)
    done = run_hosted(prepared, options=RestoreOptions(tools=options.tools), progress=progress)
    drill.phases_s |= {k: v for k, v in done.outcome.phases_s.items() if k != "prepare"}
    drill.phases_s["prepare"] += done.outcome.phases_s.get("prepare", 0.0)
    drill.results += done.results
    drill.tables = done.outcome.tables
    drill.explained = _explained(prepared.plan, done)
    if done.outcome.committed:
        progress.step("holding invariants")
        drill.results.append(
            checked(
                "invariants",
                lambda: hold_invariants(
                    prepared.target, at=manifest.snapshot_at, jobs=options.jobs
                ),
            )
        )


HOSTED = Way(server=project_server, restore=restore_into_project)


def _prepare(
    server: PgServer,
    manifest: Manifest,
    storage: Storage,
    verified: Verification,
    *,
    options: DrillOptions,
) -> PreparedHosted:
    password = secrets.token_urlsafe(24)
    project.create_project(
        own_target(server.dsn(), "the scratch project"), postgres_password=password
    )
    url = server.dsn(user=shape.OWNER_ROLE, password=password)
    target = own_target(url, "the scratch project")
    assert verified.toc is not None  # noqa: S101 - verified contents have one
    assert verified.inventory is not None  # noqa: S101 - likewise
    archive = stored(manifest, storage, "dump", identities=options.identities, toc=verified.toc)
    with connect(target, application="restore preflight") as connection:
        facts = look_at_project(connection)
        view = View(verified.toc, verified.inventory, facts, HostedOptions(create_roles=True))
        plan = make_plan(connection, view, archive=archive, tools=options.tools)
    return PreparedHosted(
        manifest=manifest,
        verification=verified,
        toc=verified.toc,
        inventory=verified.inventory,
        archive=archive,
        target=target,
        plan=plan,
    )


def _explained(plan: HostedPlan, done: HostedRestored) -> tuple[tuple[str, str], ...]:
    """Return what did not come back, and why."""
    refused = {step.entry.dump_id for step, _code in done.outcome.refused}
    return tuple(
        (s.entry.label, s.reason)
        for s in plan.steps
        if s.entry.dump_id in refused or (s.fate in {Fate.SKIP, Fate.LOST} and s.rule not in _PLAIN)
    )
