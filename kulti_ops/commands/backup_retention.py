"""`backup prune`: what stays, and what may go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from kulti_ops.commands.shared import ask, source_of, storage_of
from kulti_ops.edge import Invocation  # noqa: TC001 - read at run time
from kulti_ops.report import CheckResult, Outcome, Verdict

if TYPE_CHECKING:
    from datetime import datetime

    from kulti_ops.backup.catalog import Entry
    from kulti_ops.backup.prune import Left, Pruned
    from kulti_ops.backup.retention import RetentionPlan, RetentionPolicy
    from kulti_ops.storage import Storage

EXAMPLES = (
    "kulti-ops backup prune",
    "kulti-ops backup prune --apply",
    "kulti-ops backup prune --keep-daily 14 --keep-label pre-change=60d --format json",
)
EXITS = (
    "5 the storage cannot be read, or something could not be removed; "
    "6 the policy keeps nothing, a lock is held, or the answer was no"
)
KeepLast = Annotated[
    int | None,
    typer.Option(
        "--keep-last", help="How many of the newest.", min=0, show_default="KULTI_OPS_KEEP_LAST"
    ),
]
KeepHourly = Annotated[
    int | None,
    typer.Option(
        "--keep-hourly",
        help="How many hours, the newest of each.",
        min=0,
        show_default="KULTI_OPS_KEEP_HOURLY",
    ),
]
KeepDaily = Annotated[
    int | None,
    typer.Option(
        "--keep-daily",
        help="How many days (UTC), the newest of each.",
        min=0,
        show_default="KULTI_OPS_KEEP_DAILY",
    ),
]
KeepWeekly = Annotated[
    int | None,
    typer.Option(
        "--keep-weekly",
        help="How many ISO weeks, the newest of each.",
        min=0,
        show_default="KULTI_OPS_KEEP_WEEKLY",
    ),
]
KeepMonthly = Annotated[
    int | None,
    typer.Option(
        "--keep-monthly",
        help="How many months, the newest of each.",
        min=0,
        show_default="KULTI_OPS_KEEP_MONTHLY",
    ),
]
KeepYearly = Annotated[
    int | None,
    typer.Option(
        "--keep-yearly",
        help="How many years, the newest of each.",
        min=0,
        show_default="KULTI_OPS_KEEP_YEARLY",
    ),
]


def prune(  # noqa: PLR0913, PLR0917 - one parameter for each option
    run: Invocation,
    apply: Annotated[bool, typer.Option("--apply", help="Remove what the plan says.")] = False,
    keep_last: KeepLast = None,
    keep_hourly: KeepHourly = None,
    keep_daily: KeepDaily = None,
    keep_weekly: KeepWeekly = None,
    keep_monthly: KeepMonthly = None,
    keep_yearly: KeepYearly = None,
    keep_label: Annotated[
        list[str] | None,
        typer.Option(
            "--keep-label",
            help="Keep what bears a label for a time (may be repeated).",
            metavar="LABEL=TIME",
            show_default="KULTI_OPS_KEEP_LABELS",
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--source", help="Only the backups of this source.", metavar="NAME"),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> Outcome:
    """Show which backups stay, with every reason, and which may go; --apply removes those.

    An option replaces its setting, the other classes stay as they are set. Proven backups
    alone count; the newest of them, the newest drilled, pinned ones and whatever cannot be
    judged are never removed. On a terminal --apply asks first.
    """
    from kulti_ops.backup.prune import plan_prune, run_prune
    from kulti_ops.errors import OperationFailedError

    storage = storage_of(run)
    counts = {
        "last": keep_last,
        "hourly": keep_hourly,
        "daily": keep_daily,
        "weekly": keep_weekly,
        "monthly": keep_monthly,
        "yearly": keep_yearly,
    }
    policy = _policy(run, counts, keep_label)
    plans = plan_prune(storage, policy, now=run.now, source=source)
    count = sum(len(plan.remove) for plan in plans)
    if not apply or not count:
        _say(run, _plan_text(plans, count, apply=apply))
    if not apply:
        return Outcome(data=_data(storage, policy, plans, None), table=_table(plans))
    if count and run.interactive and not yes:
        run.say(_names(plans))
        ask(run, f"remove {count} backups from {storage.url}?", yes=False)
    done = run_prune(
        storage,
        plans,
        policy,
        now=run.now,
        state=run.settings.state_path,
        progress=run.progress,
    )
    if count or done.swept:
        _say(run, _done_text(done))
    if done.failed:
        first = done.failed[0]
        raise OperationFailedError(
            f"{len(done.failed)} of {count} backups could not be removed wholly; "
            f"{first.backup_id}: {first.reason}",
            hint=f"{len(done.removed)} were removed; run it again when the cause is mended",
        )
    return Outcome(data=_data(storage, policy, plans, done), table=_table(plans))


def prune_own(run: Invocation, storage: Storage, *, now: datetime) -> CheckResult:
    """Prune the configured database's backups as the settings say; for scheduled runs.

    Raises: RefusedError, StorageError, OperationFailedError as `run_prune` does.
    """
    from kulti_ops.backup.manifest import source_of as identity_of
    from kulti_ops.backup.prune import plan_prune, run_prune
    from kulti_ops.backup.retention import policy_of

    policy = policy_of(run.settings)
    source = identity_of(source_of(run))
    plans = plan_prune(storage, policy, now=now, source=source)
    done = run_prune(
        storage, plans, policy, now=now, state=run.settings.state_path, progress=run.progress
    )
    return CheckResult(
        id="prune",
        status=Verdict.CRIT if done.failed else Verdict.OK,
        summary="; ".join(_done_text(done).splitlines()),
        evidence={"removed": done.removed, "kept": sum(len(plan.keep) for plan in plans)},
        next="kulti-ops backup prune shows the plan" if done.failed else None,
    )


def _policy(
    run: Invocation, counts: dict[str, int | None], labels: list[str] | None
) -> RetentionPolicy:
    from dataclasses import replace

    from kulti_ops.backup.retention import parse_labels, policy_of

    given: dict[str, Any] = {name: n for name, n in counts.items() if n is not None}
    if labels is not None:
        given["within"] = parse_labels(",".join(labels))
    return replace(policy_of(run.settings), **given)


def _say(run: Invocation, text: str) -> None:
    if not run.common.quiet:
        run.say(text)


def _plan_text(plans: tuple[RetentionPlan, ...], count: int, *, apply: bool) -> str:
    from kulti_ops.progress import size

    kept = sum(len(plan.keep) for plan in plans)
    if not count:
        return f"nothing to remove: all {kept} backups stay"
    bytes_ = sum(_size(r.entry) for plan in plans for r in plan.remove)
    more = "" if apply else "; nothing was removed: add --apply"
    return f"{count} backups ({size(bytes_)}) may go, {kept} stay{more}"


def _names(plans: tuple[RetentionPlan, ...]) -> str:
    return "\n".join(
        f"{plan.source}: {r.entry.backup_id}: {r.reason}" for plan in plans for r in plan.remove
    )


def _done_text(done: Pruned) -> str:
    from kulti_ops.progress import size

    lines = [f"removed {len(done.removed)} backups, {size(done.freed_bytes)} freed"]
    if done.keeps_versions and done.removed_bytes:
        lines.append(
            f"the bucket keeps versions: {size(done.removed_bytes)} stay in use until its "
            "lifecycle rule removes them"
        )
    lines += [f"still there: {left.backup_id}: {left.reason}" for left in _left(done)]
    if done.swept:
        lines.append(f"swept what {len(done.swept)} broken runs had left")
    return "\n".join(lines)


def _left(done: Pruned) -> tuple[Left, ...]:
    return (*done.locked, *done.changed, *done.failed)


def _data(
    storage: Storage,
    policy: RetentionPolicy,
    plans: tuple[RetentionPlan, ...],
    done: Pruned | None,
) -> dict[str, Any]:
    from dataclasses import asdict

    data: dict[str, Any] = {
        "storage": storage.url,
        "applied": done is not None,
        "policy": asdict(policy),
        "sources": [
            {
                "source": plan.source,
                "keep": [_shown(k.entry) | {"reasons": k.reasons} for k in plan.keep],
                "remove": [_shown(r.entry) | {"reason": r.reason} for r in plan.remove],
            }
            for plan in plans
        ],
    }
    if done is not None:
        data |= {
            "removed": done.removed,
            "removed_bytes": done.removed_bytes,
            "freed_bytes": done.freed_bytes,
            "keeps_versions": done.keeps_versions,
            "locked": [asdict(left) for left in done.locked],
            "changed": [asdict(left) for left in done.changed],
            "swept": done.swept,
        }
    return data


def _shown(entry: Entry) -> dict[str, Any]:
    return {
        "backup_id": entry.backup_id,
        "snapshot_at": entry.manifest.snapshot_at if entry.manifest else None,
        "state": str(entry.state),
        "size_bytes": _size(entry),
    }


def _size(entry: Entry) -> int:
    return entry.manifest.size_bytes if entry.manifest else 0


def _table(plans: tuple[RetentionPlan, ...]) -> tuple[dict[str, str], ...]:
    from kulti_ops.progress import size

    rows = [
        (plan.source, kept.entry, "keep", "; ".join(kept.reasons))
        for plan in plans
        for kept in plan.keep
    ]
    rows += [(plan.source, r.entry, "remove", r.reason) for plan in plans for r in plan.remove]
    return tuple(
        {
            "source": source,
            "backup": entry.backup_id,
            "state": str(entry.state),
            "size": size(_size(entry)),
            "plan": action,
            "why": why,
        }
        for source, entry, action, why in rows
    )
