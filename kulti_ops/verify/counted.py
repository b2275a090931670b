"""The archive's rows held against what was counted at the source, table by table. Pure.

A table that was not counted is `unknown`, and so is a source without a table to compare:
nothing that was not looked at counts as equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kulti_ops.backup.manifest import rows_of
from kulti_ops.platform.tables import CRITICAL_TABLES
from kulti_ops.report import CheckResult, Verdict
from kulti_ops.verify.result import NAMES_SHOWN, all_or_crit

if TYPE_CHECKING:
    from kulti_ops.backup.manifest import Manifest
    from kulti_ops.digest import TableDigest
    from kulti_ops.inventory import Inventory


@dataclass(frozen=True, kw_only=True)
class _Counted:
    """How many tables are equal; the others by identity, with both counts where they differ."""

    equal: int
    different: tuple[tuple[str, int | None, int | None], ...]
    not_counted: tuple[str, ...]
    unexpected: tuple[str, ...]

    @property
    def evidence(self) -> dict[str, int]:
        return {
            "tables_equal": self.equal,
            "tables_different": len(self.different),
            "not_counted": len(self.not_counted),
        }


def judge_rows(
    manifest: Manifest, inventory: Inventory, digests: dict[str, TableDigest]
) -> CheckResult:
    """Hold the rows found in the archive against the counts; tables left out do not count."""
    counted = _compare(frozenset(manifest.left_out), inventory, digests)
    if counted.different or counted.unexpected:
        return _different(counted)
    if counted.not_counted:
        return CheckResult(
            id="rows",
            status=Verdict.UNKNOWN,
            summary=f"{len(counted.not_counted)} tables were not counted at the source",
            evidence=counted.evidence,
            next="create backups without --no-counts to have them compared",
        )
    if not counted.equal:
        all_left_out = "the rows of every table were left out"
        why = all_left_out if inventory.row_counts else "the source has no tables"
        return CheckResult(
            id="rows",
            status=Verdict.UNKNOWN,
            summary=f"{why}: there is nothing to prove",
            evidence=counted.evidence,
            next=f"is {manifest.source.database} the right database? see DATABASE_URL",
        )
    total = sum(d.rows for d in digests.values())
    return CheckResult(
        id="rows",
        status=Verdict.OK,
        summary=f"{total:,} rows in {counted.equal} tables, each equal to the count at the source",
        evidence={**counted.evidence, "rows": total},
    )


def judge_critical(
    manifest: Manifest, inventory: Inventory, digests: dict[str, TableDigest]
) -> CheckResult:
    """Insist on the platform's critical tables, where the source is the platform's database."""
    names = [table.identity for table in CRITICAL_TABLES]
    if not any(name in inventory.row_counts for name in names):
        return CheckResult(
            id="critical-tables",
            status=Verdict.SKIPPED,
            summary="the source has none of the platform's tables: not a Kulti database",
        )
    missing = tuple(name for name in names if name not in digests)
    if missing and all(rows_of(name) in manifest.left_out for name in missing):
        return CheckResult(
            id="critical-tables",
            status=Verdict.WARN,
            summary=f"left out on request: rows of {', '.join(missing)}",
            next="restore these tables from another backup",
        )
    return all_or_crit(
        "critical-tables",
        missing=missing,
        good=f"all {len(names)} critical tables are in the archive with their rows",
        bad="critical tables are missing",
        evidence={"expected": len(names)},
    )


def _compare(
    left_out: frozenset[str], inventory: Inventory, digests: dict[str, TableDigest]
) -> _Counted:
    different, not_counted, equal = [], [], 0
    for identity, counted in inventory.row_counts.items():
        if identity in left_out or rows_of(identity) in left_out:
            continue
        found = digests.get(identity)
        if found is not None and counted is None:
            not_counted.append(identity)
        elif found is None or found.rows != counted:
            different.append((identity, counted, None if found is None else found.rows))
        else:
            equal += 1
    return _Counted(
        equal=equal,
        different=tuple(different),
        not_counted=tuple(not_counted),
        unexpected=tuple(sorted(set(digests) - set(inventory.row_counts))),
    )


def _different(counted: _Counted) -> CheckResult:
    named = [table for table, _, _ in counted.different][:NAMES_SHOWN]
    names = ", ".join([*named, *counted.unexpected[:NAMES_SHOWN]])
    tables = len(counted.different) + len(counted.unexpected)
    return CheckResult(
        id="rows",
        status=Verdict.CRIT,
        summary=f"rows differ from the source in {tables} tables: {names}",
        evidence=counted.evidence,
        rows=tuple({"table": t, "source": s, "archive": a} for t, s, a in counted.different),
        next="make a new backup: kulti-ops backup create",
    )
