"""Holding a restored database against the backup: objects, rows, sequences, large objects.

Every check looks for itself; what it could not look at is `unknown`. Differences
are named one by one; only a narrow rule explains one.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from kulti_ops.db import connect, sql, translated
from kulti_ops.inventory import pin_session, read_items
from kulti_ops.report import CheckResult, Verdict
from kulti_ops.verify import large_objects
from kulti_ops.verify.compare import TARGETS_OWN, Difference, compare_items, explain
from kulti_ops.verify.contents import multiset_digests
from kulti_ops.verify.expectations import archived_states
from kulti_ops.verify.live import differing_tables, digest_tables
from kulti_ops.verify.uncompared import NO_ITEM, uncompared

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping

    from kulti_ops.archive import Toc
    from kulti_ops.db import Connection, Target
    from kulti_ops.digest import TableDigest
    from kulti_ops.inventory import Inventory, Item
    from kulti_ops.pgrestore import ArchiveSource
    from kulti_ops.pgtools import Installation

NAMES_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class TableMatch:
    """One table after a restore: its rows in the archive and in the copy, and whether equal."""

    name: str
    rows: int
    restored_rows: int | None
    match: bool
    order_differs: bool = False


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What the restored database is held against."""

    inventory: Inventory
    toc: Toc
    digests: dict[str, TableDigest]
    archive: ArchiveSource
    left_out_tables: frozenset[str] = frozenset()
    not_run: frozenset[int] = frozenset()  # entries left out, each with a reason of its own


def compare_objects(
    target: Target, expected: Expected, rules: Iterable[Callable[[Difference], str]]
) -> tuple[CheckResult, tuple[Difference, ...]]:
    """Compare the inventory of the restored database with the backup's."""
    started = time.monotonic()
    with connect(target, application="compare") as connection, translated("inventory"):
        pin_session(connection, expected.inventory.session)
        items = expected.inventory.known(read_items(connection))
    differences = explain(compare_items(expected.inventory.items, items), rules)
    return judge_objects(expected, differences, started=started), differences


def judge_objects(
    expected: Expected, differences: tuple[Difference, ...], *, started: float
) -> CheckResult:
    """Judge the differences of two inventories; `started` is of the monotonic clock."""
    faults = tuple(d for d in differences if not d.explained)
    explained = len(differences) - len(faults)
    unseen = uncompared(expected.inventory, expected.toc, not_run=expected.not_run)
    evidence = {
        "objects": len(expected.inventory.items),
        "differences": len(faults),
        "explained": explained,
        "not_compared": len(unseen),
    }
    aside = f"; {explained} explained differences" if explained else ""
    aside += f"; {len(unseen)} not compared: {', '.join(unseen[:NAMES_SHOWN])}" if unseen else ""
    good = f"{len(expected.inventory.items)} objects are the same{aside}"
    bad = f"{len(faults)} differences: " + "; ".join(d.label for d in faults[:NAMES_SHOWN])
    return CheckResult(
        id="inventory",
        status=Verdict.CRIT if faults else Verdict.WARN if unseen else Verdict.OK,
        summary=bad if faults else good,
        evidence=evidence,
        rows=(
            *(_difference_row(d) for d in differences if d.explained != TARGETS_OWN),
            *({"entry": label, "not_compared": NO_ITEM} for label in unseen),
        ),
        next="look at what was not compared yourself" if unseen and not faults else None,
        duration_s=time.monotonic() - started,
    )


def compare_rows(
    target: Target, expected: Expected, *, tools: Installation, jobs: int
) -> tuple[CheckResult, tuple[TableMatch, ...]]:
    """Compare every table's rows with the archive's, byte for byte; else as a multiset."""
    started = time.monotonic()
    wanted = {t: d for t, d in expected.digests.items() if t not in expected.left_out_tables}
    different = differing_tables(target, expected.inventory, wanted, tools=tools, jobs=jobs)
    reordered = _reordered(target, expected, different, tools=tools, jobs=jobs)
    matches = tuple(
        TableMatch(
            name=table,
            rows=digest.rows,
            restored_rows=_rows(different.get(table, digest)),
            match=table not in different or table in reordered,
            order_differs=table in reordered,
        )
        for table, digest in sorted(wanted.items())
    )
    return rows_result(matches, time.monotonic() - started), matches


def compare_sequences(target: Target, expected: Expected) -> CheckResult:
    """Compare sequences' values with those that the archive sets, not with the source's."""
    with connect(target, application="compare") as connection:
        return sequences_on(connection, expected)


def sequences_on(
    connection: Connection, expected: Expected, *, left_out: Container[str] = ()
) -> CheckResult:
    """Compare sequences' values over a connection that is open."""
    started = time.monotonic()
    archived = archived_states(expected.toc)
    items = [
        i
        for i in expected.inventory.of("sequence")
        if archived.get(i.objid) is not None and i.identity not in left_out
    ]
    with translated("sequences"):
        live = _sequence_states(connection, items)
    wrong = [
        f"{i.identity} is {_state(live.get(i.identity))}, was {_state(archived[i.objid])}"
        for i in items
        if live.get(i.identity) != archived[i.objid]
    ]
    return _plain_result(
        "sequences", "sequences", len(items), wrong, duration_s=time.monotonic() - started
    )


def _state(state: tuple[int, bool] | None) -> str:
    """Return a sequence's state as words."""
    if state is None:
        return "missing"
    return str(state[0]) if state[1] else f"{state[0]} (not used yet)"


def compare_large_objects(
    target: Target, expected: Expected, *, tools: Installation
) -> CheckResult:
    """Compare every large object's bytes with the archive's."""
    with connect(target, application="digest") as connection:
        return large_objects_on(connection, expected, tools=tools)


def large_objects_on(
    connection: Connection, expected: Expected, *, tools: Installation
) -> CheckResult:
    """Compare large objects over a connection that is open."""
    started = time.monotonic()
    archived = large_objects.archived_digests(expected.archive, expected.toc, tools=tools)
    live = large_objects.live_digests(connection)
    numbers = sorted(archived.keys() | live.keys())
    wrong = [f"large object {n}" for n in numbers if archived.get(n) != live.get(n)]
    return _plain_result(
        "large-objects", "large objects", len(archived), wrong, time.monotonic() - started
    )


def compare_materialized_views(target: Target, expected: Expected) -> CheckResult:
    """Compare materialized views with their own queries: the source's rows may have been stale."""
    with connect(target, application="compare") as connection:
        pin_session(connection)
        return materialized_views_on(connection, expected)


def materialized_views_on(
    connection: Connection, expected: Expected, *, left_out: Container[str] = ()
) -> CheckResult:
    """Compare materialized views over a connection that is open; its session must be pinned."""
    started = time.monotonic()
    views = [
        i
        for i in expected.inventory.of("materialized view")
        if i.attributes.get("populated") == "true" and i.identity not in left_out
    ]
    found: dict[Freshness, list[str]] = {state: [] for state in Freshness}
    for view in views:
        with translated(f"materialized view {view.identity}"):
            found[_freshness(connection, view)].append(view.identity)
    result = _plain_result(
        "materialized-views",
        "materialized views",
        len(views) - len(found[Freshness.UNTOLD]),
        found[Freshness.STALE],
        time.monotonic() - started,
    )
    return _with_untold(result, found[Freshness.UNTOLD])


class Freshness(Enum):
    """Whether a materialized view holds what its query answers."""

    FRESH = "fresh"
    STALE = "stale"
    UNTOLD = "untold"  # the query answers something else each time


def _with_untold(result: CheckResult, untold: list[str]) -> CheckResult:
    """Warn of views of which only the number of rows could be compared."""
    if not untold:
        return result
    named = ", ".join(untold[:NAMES_SHOWN])
    aside = f"only the number of rows was compared, as the query answers anew each time: {named}"
    said = "" if result.status is Verdict.SKIPPED else f"{result.summary}; "
    return replace(
        result,
        status=Verdict.CRIT if result.status is Verdict.CRIT else Verdict.WARN,
        summary=f"{said}{aside}",
        evidence={**result.evidence, "untold": len(untold)},
    )


def _freshness(connection: Connection, view: Item) -> Freshness:
    """Compare a view's rows with those of its query, as text and regardless of order."""
    row = connection.execute(
        "SELECT format('%%I.%%I', n.nspname, c.relname), pg_get_viewdef(c.oid)"
        " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.oid = to_regclass(%s)",
        (view.identity,),
    ).fetchone()
    if row is None:
        return Freshness.STALE
    name, query = row
    hashes = "SELECT count(*), sum(hashtextextended(t::text, 0)::numeric) FROM"
    stored = connection.execute(sql.SQL(f"{hashes} {name} AS t")).fetchone()
    question = sql.SQL(f"{hashes} ({query.rstrip(';')}) AS t")
    asked = connection.execute(question).fetchone()
    if stored == asked:
        return Freshness.FRESH
    again = connection.execute(question).fetchone()
    counts = {r[0] for r in (stored, asked, again) if r is not None}
    return Freshness.UNTOLD if asked != again and len(counts) == 1 else Freshness.STALE


def _reordered(
    target: Target,
    expected: Expected,
    different: Mapping[str, TableDigest | None],
    *,
    tools: Installation,
    jobs: int,
) -> frozenset[str]:
    """Return those tables that hold the same rows in another order."""
    candidates = [t for t, d in different.items() if _rows(d) == expected.digests[t].rows]
    if not candidates:
        return frozenset()
    archived = multiset_digests(
        expected.archive, expected.toc, expected.inventory, candidates, tools=tools
    )
    live = digest_tables(
        target, expected.inventory, candidates, tools=tools, jobs=jobs, ordered=False
    )
    return frozenset(t for t in candidates if archived.get(t) == live.get(t))


def _rows(digest: TableDigest | None) -> int | None:
    return None if digest is None else digest.rows


def _sequence_states(connection: Connection, items: list[Item]) -> dict[str, tuple[int, bool]]:
    rows = connection.execute(
        "SELECT w.name, n.nspname, c.relname"
        " FROM unnest(%s::text[]) AS w (name) JOIN pg_class c ON c.oid = to_regclass(w.name)"
        " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'S'",
        ([i.identity for i in items],),
    ).fetchall()
    if not rows:
        return {}
    query = sql.SQL(" UNION ALL ").join(
        sql.SQL("SELECT {}, last_value, is_called FROM {}").format(
            sql.Literal(identity), sql.Identifier(schema, name)
        )
        for identity, schema, name in rows
    )
    return {row[0]: (row[1], row[2]) for row in connection.execute(query).fetchall()}


def rows_result(matches: tuple[TableMatch, ...], duration_s: float) -> CheckResult:
    """Judge what became of every table's rows."""
    wrong = [m for m in matches if not m.match]
    total = sum(m.rows for m in matches)
    reordered = sum(m.order_differs for m in matches)
    note = f" ({reordered} in another order)" if reordered else ""
    names = ", ".join(f"{m.name} ({m.restored_rows} of {m.rows} rows)" for m in wrong[:NAMES_SHOWN])
    if not matches:
        return CheckResult(
            id="rows", status=Verdict.UNKNOWN, summary="there was no table to compare"
        )
    return CheckResult(
        id="rows",
        status=Verdict.CRIT if wrong else Verdict.OK,
        summary=f"{len(wrong)} tables differ from the archive: {names}"
        if wrong
        else f"{total:,} rows in {len(matches)} tables equal the archive's bytes{note}",
        evidence={"tables": len(matches), "different": len(wrong), "rows": total},
        rows=tuple({"table": m.name, "rows": m.rows, "restored": m.restored_rows} for m in wrong),
        duration_s=duration_s,
    )


def _plain_result(
    check_id: str, noun: str, examined: int, wrong: list[str], duration_s: float = 0.0
) -> CheckResult:
    if not examined and not wrong:
        return CheckResult(id=check_id, status=Verdict.SKIPPED, summary=f"the backup has no {noun}")
    return CheckResult(
        id=check_id,
        status=Verdict.CRIT if wrong else Verdict.OK,
        summary=f"{len(wrong)} {noun} differ: {'; '.join(wrong[:NAMES_SHOWN])}"
        if wrong
        else f"{examined} {noun} are the same",
        evidence={"examined": examined, "different": len(wrong)},
        rows=tuple({"name": name} for name in wrong),
        duration_s=duration_s,
    )


def _difference_row(difference: Difference) -> dict[str, str | None]:
    return {
        "kind": difference.kind,
        "identity": difference.identity,
        "attribute": difference.attribute,
        "source": difference.source,
        "target": difference.target,
        "explained": difference.explained,
    }
