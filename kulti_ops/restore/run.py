"""Restoring a whole backup into an empty database of one's own.

Verify, look, judge, then act: roles where told to, load, rights, refresh, compare.
A restore with an unexplained error or difference has failed, whatever pg_restore
returned, and says what is missing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kulti_ops.backup.reading import StoredArtifact, judge_identities, stored
from kulti_ops.db import connect, translated
from kulti_ops.progress import SILENT, Progress
from kulti_ops.restore import guards
from kulti_ops.restore.comparison import compare_all, jobs_result, judge_errors
from kulti_ops.restore.native import NativeOutcome, NativeRestore
from kulti_ops.restore.plan import RestorePlan, plan_restore
from kulti_ops.restore.roles import apply_settings, create_role, grant_membership
from kulti_ops.restore.spool import spooled
from kulti_ops.roles import plain_name
from kulti_ops.sealing import NO_IDENTITIES, Identities
from kulti_ops.verify import Level, compare
from kulti_ops.verify.backup import Verification, verify_backup
from kulti_ops.verify.restored import Expected, TableMatch

if TYPE_CHECKING:
    from pathlib import Path

    from kulti_ops.backup.manifest import Manifest
    from kulti_ops.db import Target
    from kulti_ops.inventory import Inventory
    from kulti_ops.pgrestore import ArchiveSource
    from kulti_ops.pgtools import Installation
    from kulti_ops.report import CheckResult
    from kulti_ops.restore.guards import TargetState
    from kulti_ops.storage import Storage


@dataclass(frozen=True, kw_only=True)
class RestoreOptions:
    """What the user asked for; an archive from elsewhere is fetched below `scratch_root`."""

    tools: Installation
    jobs: int = 2
    create_roles: bool = False
    connect_timeout_s: int = 10
    production: frozenset[str] = frozenset()
    confirmed: str | None = None
    source: Target | None = None
    identities: Identities = NO_IDENTITIES
    scratch_root: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A restore that passed every guard and may be carried out."""

    manifest: Manifest
    verification: Verification
    archive: StoredArtifact
    target: Target
    state: TargetState
    plan: RestorePlan
    inventory: Inventory


@dataclass(kw_only=True)
class Restored:
    """What a restore did and what the comparison found."""

    results: list[CheckResult] = field(default_factory=list)
    phases_s: dict[str, float] = field(default_factory=dict)
    tables: tuple[TableMatch, ...] = ()


def prepare_restore(
    manifest: Manifest,
    storage: Storage,
    target: Target,
    *,
    options: RestoreOptions,
    progress: Progress = SILENT,
    empty: bool = True,
) -> Prepared:
    """Look at everything and change nothing.

    Raises: RefusedError from any guard; DatabaseError, StorageError when something
    cannot be looked at; LockedError when it is encrypted and there is no identity.
    """
    guards.judge_connection(target)
    judge_identities(manifest, options.identities)
    state = guards.look_at(target, timeout_s=options.connect_timeout_s)
    if empty:
        guards.judge_source(options.source, target, manifest, timeout_s=options.connect_timeout_s)
    guards.judge_target(target, state, production=options.production, confirmed=options.confirmed)
    if empty:
        guards.judge_empty(target, state)
    verification = verify_backup(
        manifest,
        storage,
        level=Level.CONTENTS,
        installations=(options.tools,),
        identities=options.identities,
        progress=progress,
    )
    toc, inventory = guards.judge_verified(manifest, verification)
    plan = plan_restore(toc, inventory, state.facts)
    guards.judge_plan(plan, manifest, state, create_roles=options.create_roles)
    return Prepared(
        manifest=manifest,
        verification=verification,
        archive=stored(
            manifest, storage, "dump", identities=options.identities, toc=verification.toc
        ),
        target=target,
        state=state,
        plan=plan,
        inventory=inventory,
    )


def run_restore(
    prepared: Prepared, *, options: RestoreOptions, progress: Progress = SILENT
) -> Restored:
    """Carry out a prepared restore and compare what came of it.

    Raises: DatabaseError, ToolFailedError when the restore cannot go on; errors of
    single entries and differences are results.
    """
    done = Restored()
    outcome = NativeOutcome()
    started = time.monotonic()
    if options.create_roles:
        progress.step("creating roles")
        _create_roles(prepared)
    _database_settings(prepared)
    done.phases_s["prepare"] = time.monotonic() - started
    with spooled(
        prepared.archive, folder=options.scratch_root, jobs=options.jobs, progress=progress
    ) as archive:
        NativeRestore(
            archive=archive,
            plan=prepared.plan,
            target=prepared.target,
            tools=options.tools,
            jobs=options.jobs,
            superuser=True,
            progress=progress,
        ).run(outcome)
        done.phases_s |= outcome.phases_s
        done.results.append(judge_errors(outcome.errors, prepared.plan, again=outcome.again))
        done.results += jobs_result(archive, options.jobs)
        _compare(prepared, archive, done, options=options, progress=progress)
    return done


def _compare(
    prepared: Prepared,
    archive: ArchiveSource,
    done: Restored,
    *,
    options: RestoreOptions,
    progress: Progress,
) -> None:
    progress.step("comparing")
    started = time.monotonic()
    verification = prepared.verification
    assert verification.toc is not None  # noqa: S101 - prepared
    expected = Expected(
        inventory=prepared.inventory,
        toc=verification.toc,
        digests=verification.digests,
        archive=archive,
    )
    rules = (
        compare.extension_version,
        compare.hidden_options,
        compare.other_roles(prepared.inventory),
        *(() if options.create_roles else (compare.existing_roles,)),
    )
    results, done.tables = compare_all(
        prepared.target, expected, rules, tools=options.tools, jobs=options.jobs
    )
    done.results += results
    done.phases_s["compare"] = time.monotonic() - started


def _create_roles(prepared: Prepared) -> None:
    """Create the roles that are missing, with their attributes, without passwords."""
    missing = set(prepared.plan.missing_roles)
    with (
        connect(prepared.target, application="restore") as connection,
        translated("roles"),
        connection.transaction(),
    ):
        for item in prepared.inventory.of("role"):
            if plain_name(item.identity) in missing:
                create_role(connection, item)
        for item in prepared.inventory.of("membership"):
            if item.attributes.get("member") in missing:
                grant_membership(connection, item)
        for item in prepared.inventory.of("setting"):
            if item.attributes.get("role") in missing:
                apply_settings(connection, item)


def _database_settings(prepared: Prepared) -> None:
    """Give the target database the settings that the source's had."""
    with connect(prepared.target, application="restore") as connection, translated("settings"):
        for item in prepared.inventory.of("setting"):
            if item.attributes.get("in database") == "yes":
                apply_settings(connection, item, database=prepared.target.database)
