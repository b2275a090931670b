"""Checks the platform's invariants on a database: adapter over an open connection.

Owns how an invariant's query is run: read-only, bounded in time and rows, alone in its own
(sub)transaction. What must hold stands in `kulti_ops.platform.invariants`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from kulti_ops.db import translated
from kulti_ops.errors import DatabaseError
from kulti_ops.platform.invariants import Invariant, load_invariants
from kulti_ops.report import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kulti_ops.db import Connection

STATEMENT_TIMEOUT_S = 120.0
ROW_LIMIT = 20


@dataclass(frozen=True, kw_only=True)
class InvariantResult:
    """What a check found.

    ok: no violation; crit: `violations` of them, the first in `rows`; skipped: a relation
    that it reads is not there; unknown: the query failed. `reason` explains the last two.
    """

    invariant: Invariant
    status: Verdict
    violations: int = 0
    rows: tuple[Mapping[str, Any], ...] = ()
    reason: str = ""
    duration_s: float = 0.0


def check_invariants(
    connection: Connection,
    invariants: Iterable[Invariant] | None = None,
    *,
    row_limit: int = ROW_LIMIT,
    timeout_s: float = STATEMENT_TIMEOUT_S,
) -> tuple[InvariantResult, ...]:
    """Check all invariants, or those given, one after the other.

    Works inside a transaction and outside. The role must see all rows (BYPASSRLS or owner):
    `row_security` is off, so a check that would see only some of them fails as unknown.
    """
    chosen = load_invariants() if invariants is None else tuple(invariants)
    return tuple(
        _check(connection, invariant, row_limit=row_limit, timeout_s=timeout_s)
        for invariant in chosen
    )


def _check(
    connection: Connection, invariant: Invariant, *, row_limit: int, timeout_s: float
) -> InvariantResult:
    started = time.monotonic()
    try:
        with translated(f"invariant {invariant.id}"), connection.transaction(force_rollback=True):
            _guard(connection, timeout_s)
            missing = _missing(connection, invariant)
            if missing:
                return InvariantResult(
                    invariant=invariant,
                    status=Verdict.SKIPPED,
                    reason=f"not in this database: {', '.join(missing)}",
                    duration_s=time.monotonic() - started,
                )
            total, rows = _violations(connection, invariant, row_limit)
    except DatabaseError as error:
        return InvariantResult(
            invariant=invariant,
            status=Verdict.UNKNOWN,
            reason=error.message,
            duration_s=time.monotonic() - started,
        )
    return InvariantResult(
        invariant=invariant,
        status=Verdict.CRIT if total else Verdict.OK,
        violations=total,
        rows=rows,
        duration_s=time.monotonic() - started,
    )


def _guard(connection: Connection, timeout_s: float) -> None:
    """Bind the (sub)transaction: reads only, in time, of all rows; its rollback undoes this."""
    for name, value in (
        ("transaction_read_only", "on"),
        ("statement_timeout", f"{timeout_s * 1000:.0f}ms"),
        ("row_security", "off"),
    ):
        connection.execute("SELECT set_config(%s, %s, true)", (name, value))


def _missing(connection: Connection, invariant: Invariant) -> tuple[str, ...]:
    rows = connection.execute(
        "SELECT name FROM unnest(%s::text[]) AS name WHERE to_regclass(name) IS NULL",
        (list(invariant.requires),),
    ).fetchall()
    return tuple(str(name) for (name,) in rows)


def _violations(
    connection: Connection, invariant: Invariant, row_limit: int
) -> tuple[int, tuple[Mapping[str, Any], ...]]:
    """Return how many violations there are, and the first of them."""
    # The text is a file of this package; as a subquery it can't be several statements.
    query = f"SELECT count(*) OVER (), v.* FROM (\n{invariant.sql}\n) v LIMIT {row_limit:d}"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(query.encode())
        names = [column.name for column in cursor.description or ()][1:]
        found = cursor.fetchall()
    rows = tuple(MappingProxyType(dict(zip(names, row[1:], strict=True))) for row in found)
    return (int(found[0][0]) if found else 0), rows
