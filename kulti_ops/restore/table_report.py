"""What bringing a table beside the live one is reported as. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kulti_ops.report import CheckResult, Verdict

if TYPE_CHECKING:
    from kulti_ops.errors import KultiError
    from kulti_ops.restore.archived_table import ArchivedTable
    from kulti_ops.restore.side import SideTable
    from kulti_ops.restore.table_diff import Example, TableDifference

NAMES_SHOWN = 5


def rows_result(
    archived: ArchivedTable, *, rows: int, proven: bool, duration_s: float
) -> CheckResult:
    """Return the verdict on the rows; it is only asked for when they are the archive's."""
    against = ["the archive's bytes"]
    against += ["the count at the source"] if archived.counted is not None else []
    against += ["the digest of its verification"] if proven else []
    return CheckResult(
        id="rows",
        status=Verdict.OK,
        summary=f"{rows:,} rows of {archived.identity} equal {', '.join(against)}",
        evidence={"rows": rows, "columns": len(archived.columns)},
        duration_s=duration_s,
    )


def exposure_result(side: SideTable) -> CheckResult:
    """Return the verdict on who sees the side table; only asked for when nobody else does."""
    note = ""
    if side.unlogged:
        note = "; unlogged, since a publication takes all tables: a crash empties it"
    return CheckResult(
        id="exposure",
        status=Verdict.OK,
        summary=f"{side.schema}: row security on, no policy, no rights but the owner's, "
        f"in no publication{note}",
        evidence={"unlogged": side.unlogged},
    )


def column_notes(archived: ArchivedTable, side: SideTable) -> tuple[str, ...]:
    """Return what is not as it was in the side table's columns."""
    notes = [f"{c.name} is text: {c.note}" for c in side.columns if c.note]
    notes += [f"{name} is generated and not in a backup" for name in archived.generated]
    return tuple(notes)


def columns_result(notes: tuple[str, ...]) -> CheckResult:
    """Return the verdict on the side table's columns."""
    return CheckResult(
        id="columns",
        status=Verdict.OK,
        summary="; ".join(notes) or "every column is of its own type",
        evidence={"notes": len(notes)},
    )


def difference_result(
    archived: ArchivedTable,
    difference: TableDifference | None,
    *,
    gone: bool,
    problem: KultiError | None,
    duration_s: float,
) -> CheckResult:
    """Return the verdict on the difference with the live table."""
    if difference is None or difference.extra is None:
        return CheckResult(
            id="difference",
            status=Verdict.UNKNOWN,
            summary=problem.message
            if problem
            else f"extra rows could not be told: {difference.extra_problem if difference else ''}",
            evidence=_figures(difference),
            next=(problem.hint if problem else "") or None,
            duration_s=duration_s,
        )
    same = not (difference.missing or difference.changed or difference.extra)
    found = (
        f"{difference.missing:,} missing, {difference.changed:,} changed, "
        f"{difference.extra:,} extra rows in {archived.identity}"
    )
    columns = sorted(difference.changed_columns.items(), key=lambda c: -c[1])
    named = ", ".join(f"{name} ({count:,})" for name, count in columns[:NAMES_SHOWN])
    gone_text = f"{archived.identity} is gone: {difference.missing:,} rows are missing"
    other = f"{found}{f'; changed in {named}' if named else ''}"
    good = f"{archived.identity} has the rows of the backup"
    return CheckResult(
        id="difference",
        status=Verdict.OK if same and not gone else Verdict.WARN,
        summary=gone_text if gone else good if same else other,
        evidence=_figures(difference),
        rows=example_rows(difference),
        next=None if same and not gone else "look at the statements; they were not run",
        duration_s=duration_s,
    )


def example_rows(difference: TableDifference) -> tuple[dict[str, Any], ...]:
    """Return the examples as rows: what is the matter, the key, the columns."""
    kinds = (
        ("missing", difference.missing_examples),
        ("changed", difference.changed_examples),
        ("extra", difference.extra_examples),
    )
    return tuple(_row(kind, example) for kind, examples in kinds for example in examples)


def _row(kind: str, example: Example) -> dict[str, Any]:
    row: dict[str, Any] = {"row": kind, "key": dict(example.key)}
    return {**row, "columns": list(example.columns)} if example.columns else row


def _figures(difference: TableDifference | None) -> dict[str, Any]:
    if difference is None:
        return {}
    return {
        "missing": difference.missing,
        "changed": difference.changed,
        "extra": difference.extra,
        "key": list(difference.key),
        "changed_columns": dict(difference.changed_columns),
    }
