"""The comparison after a hosted restore, inside its transaction, before anything is committed.

Everything is read over the restore's own connection, as the role that restores. Each check
stands between a savepoint and its rollback: it leaves no setting and no object, and one that
fails is `unknown` while the others still run.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from kulti_ops.db import translated
from kulti_ops.inventory import pin_session, read_items
from kulti_ops.report import CheckResult, Verdict
from kulti_ops.restore.comparison import NAMES_SHOWN, checked
from kulti_ops.restore.hosted.explained import explaining
from kulti_ops.restore.hosted.restored import expected_items
from kulti_ops.restore.hosted.roles import lend_roles
from kulti_ops.verify import restored as checks
from kulti_ops.verify.compare import compare_items, explain
from kulti_ops.verify.contents import multiset_digests
from kulti_ops.verify.deparse import is_same_query
from kulti_ops.verify.expectations import table_of_entry
from kulti_ops.verify.live import copy_columns
from kulti_ops.verify.references import count_orphans
from kulti_ops.verify.within import digest_within

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping

    from kulti_ops.db import Connection
    from kulti_ops.digest import TableDigest
    from kulti_ops.inventory import Item, Key
    from kulti_ops.pgtools import Installation
    from kulti_ops.restore.hosted.restored import Restored
    from kulti_ops.verify.references import Reference
    from kulti_ops.verify.restored import Expected, TableMatch

EXTENSIONS_TABLE = "restored, not compared: the table belongs to an extension"
_VIEWS = frozenset({"view", "materialized view"})


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A restore that is to be looked at, over the connection that it was made with.

    `tables` takes how each table matched.
    """

    connection: Connection
    restored: Restored
    expected: Expected
    tools: Installation
    tables: list[TableMatch] = field(default_factory=list)


def compare_hosted(comparison: Comparison) -> tuple[CheckResult, ...]:
    """Hold a hosted project against the backup; ids start with `restored-`."""
    found: tuple[tuple[str, Callable[[Comparison], CheckResult]], ...] = (
        ("inventory", _objects),
        ("rows", _rows),
        ("sequences", _sequences),
        ("foreign-keys", _foreign_keys),
        ("large-objects", _large_objects),
        ("materialized-views", _materialized_views),
    )
    return tuple(checked(f"restored-{name}", _within(comparison, check)) for name, check in found)


def _within(
    comparison: Comparison, check: Callable[[Comparison], CheckResult]
) -> Callable[[], CheckResult]:
    def run() -> CheckResult:
        with _looking(comparison):
            if check is not _objects:
                # what a new role owns may be readable for nobody else; undone like the rest
                lend_roles(comparison.connection, comparison.restored.plan.roles)
            return check(comparison)

    return run


@contextmanager
def _looking(comparison: Comparison) -> Iterator[None]:
    """Pin the session, and leave it as it was."""
    connection = comparison.connection
    with translated("comparing"), connection.transaction(force_rollback=True):
        pin_session(connection, comparison.expected.inventory.session)
        yield


def _objects(comparison: Comparison) -> CheckResult:
    started = time.monotonic()
    with translated("inventory"):
        known = comparison.expected.inventory.known
        items = known(read_items(comparison.connection))
    restored = _with_same_views(comparison, items)
    wanted = known(expected_items(restored))
    differences = explain(compare_items(wanted, items), explaining(restored))
    return checks.judge_objects(comparison.expected, differences, started=started)


def _with_same_views(comparison: Comparison, items: Iterable[Item]) -> Restored:
    """Let the target print both texts of views whose texts differ between versions."""
    restored = comparison.restored
    if restored.source_major == restored.facts.server_major:
        return restored
    same: set[Key] = set()
    for item in items:
        was = restored.source.get(item.key)
        if was is None or item.kind not in _VIEWS:
            continue
        one, other = was.attributes.get("definition"), item.attributes.get("definition")
        if one and other and one != other and is_same_query(comparison.connection, one, other):
            same.add(item.key)
    return replace(restored, same_views=frozenset(same))


def _rows(comparison: Comparison) -> CheckResult:
    """Compare every table whose rows were brought back, in the columns that both sides have."""
    started = time.monotonic()
    expected = comparison.expected
    tables = table_of_entry(expected.inventory, expected.toc)
    left_out = _left_out(comparison, tables)
    wanted = {t: d for t, d in expected.digests.items() if t not in left_out}
    missing = {
        tables[s.entry.dump_id]: frozenset(s.missing)
        for s in comparison.restored.plan.steps
        if s.missing and s.entry.dump_id in tables
    }
    matches = _match_tables(comparison, wanted, missing)
    comparison.tables.extend(matches)
    result = checks.rows_result(matches, time.monotonic() - started)
    lost = tuple(
        {"table": table, "rows": expected.digests[table].rows, "left_out": reason}
        for table, reason in sorted(left_out.items())
        if table in expected.digests and expected.digests[table].rows
    )
    unseen = tuple(
        f"{e.namespace}.{e.tag}"
        for e in expected.toc.of("TABLE DATA")
        if e.dump_id not in tables and e.dump_id not in comparison.restored.not_run
    )
    evidence = {**result.evidence, "left_out": len(lost)}
    return with_unseen(replace(result, evidence=evidence, rows=(*result.rows, *lost)), unseen)


def with_unseen(result: CheckResult, unseen: tuple[str, ...]) -> CheckResult:
    """Return the verdict on rows with the tables named whose rows nobody compared. Pure."""
    evidence = {**result.evidence, "not_compared": len(unseen)}
    if not unseen:
        return replace(result, evidence=evidence)
    rows = tuple({"table": t, "rows": None, "left_out": EXTENSIONS_TABLE} for t in unseen)
    shown = ", ".join(unseen[:NAMES_SHOWN])
    return replace(
        result,
        status=Verdict.WARN if result.status is Verdict.OK else result.status,
        summary=f"{result.summary}; {len(unseen)} tables of extensions not compared: {shown}",
        evidence=evidence,
        rows=(*result.rows, *rows),
    )


def _left_out(comparison: Comparison, tables: Mapping[int, str]) -> dict[str, str]:
    """Return the tables whose rows were not brought back, with the reason."""
    return {
        tables[number]: reason
        for number, (step, reason) in comparison.restored.not_run.items()
        if step.entry.desc == "TABLE DATA" and number in tables
    }


def _match_tables(
    comparison: Comparison,
    wanted: Mapping[str, TableDigest],
    missing: Mapping[str, frozenset[str]],
) -> tuple[TableMatch, ...]:
    columns = copy_columns(comparison.expected.inventory, wanted)
    common = {t: tuple(c for c in columns[t] if c not in missing.get(t, ())) for t in wanted}
    whole = {t: c for t, c in common.items() if t not in missing}
    live = digest_within(comparison.connection, whole)
    # Rows that came by way of a temporary table, or in another order: regardless of order.
    again = [
        t
        for t, digest in wanted.items()
        if t in missing or (t in live and live[t] != digest and live[t].rows == digest.rows)
    ]
    unordered = digest_within(comparison.connection, {t: common[t] for t in again}, ordered=False)
    archived = _archived(comparison, again, columns=columns, missing=missing)
    return tuple(
        checks.TableMatch(
            name=table,
            rows=digest.rows,
            restored_rows=_rows_of(table, live, unordered),
            match=live.get(table) == digest
            or (table in archived and archived[table] == unordered.get(table)),
            order_differs=table in again and table not in missing,
        )
        for table, digest in sorted(wanted.items())
    )


def _rows_of(table: str, *digests: Mapping[str, TableDigest]) -> int | None:
    return next((found[table].rows for found in digests if table in found), None)


def _archived(
    comparison: Comparison,
    tables: list[str],
    *,
    columns: Mapping[str, tuple[str, ...]],
    missing: Mapping[str, frozenset[str]],
) -> dict[str, TableDigest]:
    """Read some tables of the archive again, without the columns that the target lacks."""
    if not tables:
        return {}
    kept = {
        t: tuple(i for i, name in enumerate(columns[t]) if name not in missing[t])
        for t in tables
        if t in missing
    }
    expected = comparison.expected
    return multiset_digests(
        expected.archive,
        expected.toc,
        expected.inventory,
        tables,
        tools=comparison.tools,
        kept=kept,
    )


def _sequences(comparison: Comparison) -> CheckResult:
    steps = comparison.restored.not_run.values()
    left_out = {
        item.identity
        for step, _ in steps
        if step.entry.desc == "SEQUENCE SET"
        and (item := comparison.restored.subject(step.entry)) is not None
    } | _lost(comparison, "sequence")
    return checks.sequences_on(comparison.connection, comparison.expected, left_out=left_out)


def _materialized_views(comparison: Comparison) -> CheckResult:
    steps = comparison.restored.not_run.values()
    left_out = {
        item.identity
        for step, _ in steps
        if step.entry.desc == "MATERIALIZED VIEW DATA"
        and (item := comparison.restored.subject(step.entry)) is not None
    } | _lost(comparison, "materialized view")
    return checks.materialized_views_on(
        comparison.connection, comparison.expected, left_out=left_out
    )


def _lost(comparison: Comparison, kind: str) -> set[str]:
    return {key[1] for key in comparison.restored.lost if key[0] == kind}


def _large_objects(comparison: Comparison) -> CheckResult:
    return checks.large_objects_on(
        comparison.connection, comparison.expected, tools=comparison.tools
    )


def _foreign_keys(comparison: Comparison) -> CheckResult:
    """Look for rows that refer to nothing: no reference is checked in replica mode."""
    started = time.monotonic()
    tables = table_of_entry(comparison.expected.inventory, comparison.expected.toc)
    loaded = frozenset(tables.values()) - _left_out(comparison, tables).keys()
    result = judge_references(count_orphans(comparison.connection), loaded)
    return replace(result, duration_s=time.monotonic() - started)


def judge_references(references: Iterable[Reference], loaded: Container[str]) -> CheckResult:
    """Judge the foreign keys. Pure.

    One that cannot be read is no fault only where no rows were `loaded` into its table.
    """
    asked = tuple(references)
    broken = [f"{r.name} of {r.table}: {r.orphans} rows lead nowhere" for r in asked if r.orphans]
    unread = [r for r in asked if r.orphans is None]
    ours = [f"{r.name} of {r.table}" for r in unread if r.table in loaded]
    examined = len(asked) - len(unread)
    aside = f"; {len(unread)} are not readable, and nothing was loaded there" if unread else ""
    status = Verdict.OK if examined else Verdict.SKIPPED
    summary = f"every row leads somewhere in {examined} foreign keys{aside}"
    if broken:
        shown = "; ".join(broken[:NAMES_SHOWN])
        status, summary = Verdict.CRIT, f"{len(broken)} foreign keys are broken: {shown}"
    elif ours:
        shown = "; ".join(ours[:NAMES_SHOWN])
        status, summary = Verdict.UNKNOWN, f"{len(ours)} foreign keys cannot be read: {shown}"
    return CheckResult(
        id="foreign-keys",
        status=status,
        summary=summary,
        evidence={"examined": examined, "different": len(broken), "not_readable": len(unread)},
        rows=tuple({"name": name} for name in broken or ours),
    )
