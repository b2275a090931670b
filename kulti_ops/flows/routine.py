"""The steps of a scheduled run: create, verify, drill, prune.

Each step's failure is a result, and what rests on it is skipped with the reason. Nothing is
pruned unless the new backup was made and passed every step before.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from kulti_ops.clock import iso
from kulti_ops.errors import KultiError
from kulti_ops.progress import size
from kulti_ops.report import CheckResult, Verdict, worst

if TYPE_CHECKING:
    from collections.abc import Callable

    from kulti_ops.backup.create import Created

Checks = tuple[CheckResult, ...]
_HELD = frozenset({Verdict.OK, Verdict.WARN})


@dataclass(frozen=True, kw_only=True)
class Steps:
    """What a run does; `drill` and `prune` are None where they are not to be done.

    `verify` and `drill` get the backup's id. `proves` says that `verify` reads contents.
    """

    create: Callable[[], Created]
    verify: Callable[[str], Checks]
    drill: Callable[[str], Checks] | None = None
    prune: Callable[[], Checks] | None = None
    proves: bool = True


@dataclass(kw_only=True)
class Routine:
    """What was done so far: a result per step, and what each step found in detail."""

    results: list[CheckResult] = field(default_factory=list)
    details: dict[str, Checks] = field(default_factory=dict)
    created: Created | None = None
    proven: bool = False

    def attempt(self, step: str, action: Callable[[], Checks], *, blocked: str = "") -> bool:
        """Take a step unless it is blocked; return whether it held."""
        if blocked:
            skipped = CheckResult(id=step, status=Verdict.SKIPPED, summary=f"not done: {blocked}")
            self.results.append(skipped)
            return False
        started = time.monotonic()
        try:
            found = action()
        except KultiError as error:
            result = _failed(step, error)
        else:
            self.details[step] = found
            result = _summed_up(step, found)
        self.results.append(replace(result, duration_s=time.monotonic() - started))
        return result.status in _HELD

    @property
    def status(self) -> Verdict:
        """The worst of what was done."""
        return worst(result.status for result in self.results)

    def as_data(self) -> dict[str, Any]:
        """Return what a document says beside the results."""
        manifest = self.created.manifest if self.created else None
        return {
            "backup_id": manifest.backup_id if manifest else None,
            "size_bytes": manifest.size_bytes if manifest else None,
            "snapshot_at": iso(manifest.snapshot_at) if manifest else None,
            "steps": [
                {
                    "step": result.id,
                    "status": result.status,
                    "duration_s": round(result.duration_s, 3),
                    "results": [
                        {"id": r.id, "status": r.status, "summary": r.summary}
                        for r in self.details.get(result.id, ())
                    ],
                }
                for result in self.results
            ],
        }


def run_steps(routine: Routine, steps: Steps) -> None:
    """Take the steps in order, each only when those before it held."""

    def create() -> Checks:
        routine.created = steps.create()
        return (_created_result(routine.created),)

    made = routine.attempt("create", create)
    blocked = "" if made else "no backup was made"
    backup_id = routine.created.manifest.backup_id if routine.created else ""
    if not routine.attempt("verify", lambda: steps.verify(backup_id), blocked=blocked):
        blocked = blocked or "the new backup did not pass its verification"
    routine.proven = not blocked and steps.proves
    drill, prune = steps.drill, steps.prune
    if drill is None:
        routine.attempt("drill", tuple, blocked=blocked or "only the schedule drill does that")
    elif routine.attempt("drill", lambda: drill(backup_id), blocked=blocked):
        routine.proven = True
    else:
        blocked = blocked or "the new backup did not pass its drill"
        routine.proven = False
    here = "" if prune else "this machine does not prune (KULTI_OPS_SCHEDULE_PRUNE)"
    routine.attempt("prune", prune or tuple, blocked=here or blocked)


def _created_result(created: Created) -> CheckResult:
    manifest = created.manifest
    return CheckResult(
        id="create",
        status=Verdict.WARN if created.warnings else Verdict.OK,
        summary="; ".join(
            (f"{manifest.backup_id}, {size(manifest.size_bytes)}", *created.warnings)
        ),
        evidence={"backup_id": manifest.backup_id, "size_bytes": manifest.size_bytes},
    )


def _summed_up(step: str, found: Checks) -> CheckResult:
    """Return a step's results as one; a step that found nothing to look at is unknown."""
    if step == "create":
        return found[0]  # it is the step's own
    status = worst(result.status for result in found)
    bad = [r for r in found if r.status not in {Verdict.OK, Verdict.SKIPPED}]
    first = next((r for r in bad if r.status is status), None)
    return CheckResult(
        id=step,
        status=status,
        summary=first.summary if first else _good_news(found),
        evidence={"checks": len(found), "ok": sum(r.status is Verdict.OK for r in found)},
        rows=tuple({"id": r.id, "status": r.status, "summary": r.summary} for r in bad),
        next=first.next if first else None,
    )


def _good_news(found: Checks) -> str:
    if len(found) == 1:
        return found[0].summary
    skipped = sum(r.status is Verdict.SKIPPED for r in found)
    return f"{len(found) - skipped} checks hold" + (f", {skipped} skipped" if skipped else "")


def _failed(step: str, error: KultiError) -> CheckResult:
    return CheckResult(
        id=step,
        status=Verdict.CRIT,
        summary=error.message,
        evidence={"error": error.kind},
        next=error.hint or None,
    )
