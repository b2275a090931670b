"""The comparison that decides whether a hosted restore commits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kulti_ops.restore.hosted import rules
from kulti_ops.restore.hosted.comparison import Comparison, compare_hosted
from kulti_ops.restore.hosted.restored import Restored
from kulti_ops.restore.hosted.rules import Fate
from kulti_ops.verify.restored import Expected

if TYPE_CHECKING:
    from kulti_ops.db import Connection
    from kulti_ops.pgtools import Installation
    from kulti_ops.report import CheckResult
    from kulti_ops.restore.hosted.execute import HostedOutcome
    from kulti_ops.restore.hosted.run import PreparedHosted


def judge_restored(
    connection: Connection,
    prepared: PreparedHosted,
    outcome: HostedOutcome,
    *,
    tools: Installation,
) -> tuple[CheckResult, ...]:
    """Hold what was restored against the backup; tables' matches go to `outcome`."""
    restored = Restored(
        toc=prepared.toc,
        inventory=prepared.inventory,
        plan=prepared.plan,
        refused={
            step.entry.dump_id: step.rule.reason if step.fate is Fate.TRY else rules.DEPENDS.reason
            for step, _ in outcome.refused
        },
        refused_roles=frozenset(outcome.refused_roles),
    )
    comparison = Comparison(
        connection=connection,
        restored=restored,
        expected=Expected(
            inventory=prepared.inventory,
            toc=prepared.toc,
            digests=prepared.verification.digests,
            archive=prepared.archive,
            not_run=frozenset(restored.not_run),
        ),
        tools=tools,
    )
    results = compare_hosted(comparison)
    outcome.tables = tuple(comparison.tables)
    return results
