"""The comparison inside the restore's transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kulti_ops.db import Connection
    from kulti_ops.pgtools import Installation
    from kulti_ops.report import CheckResult
    from kulti_ops.restore.hosted.execute import HostedOutcome
    from kulti_ops.restore.hosted.run import PreparedHosted


def judge_restored(
    _connection: Connection,
    _prepared: PreparedHosted,
    _outcome: HostedOutcome,
    *,
    tools: Installation,  # noqa: ARG001 - the place for the comparison
) -> tuple[CheckResult, ...]:
    """Hold what was restored against the backup before it is committed."""
    return ()
