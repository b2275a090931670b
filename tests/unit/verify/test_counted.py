"""Rows of the archive against the counts at the source."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kulti_ops.backup.manifest import rows_of
from kulti_ops.digest import TableDigest
from kulti_ops.inventory import Inventory
from kulti_ops.platform.tables import CRITICAL_TABLES
from kulti_ops.report import Verdict
from kulti_ops.verify.counted import judge_critical, judge_rows
from tests.unit.backup.test_manifest import make

if TYPE_CHECKING:
    from kulti_ops.report import CheckResult

CRITICAL = tuple(table.identity for table in CRITICAL_TABLES)


def rows(
    counts: dict[str, int | None], found: dict[str, int], *left_out: str, critical: bool = False
) -> CheckResult:
    inventory = Inventory(items=(), row_counts=counts, sequences={}, session={})
    digests = {name: TableDigest(rows=n, sha256="0" * 64) for name, n in found.items()}
    judge = judge_critical if critical else judge_rows
    return judge(make(left_out=left_out), inventory, digests)


def test_rows_equal_to_the_counts_are_ok() -> None:
    result = rows({"public.a": 2, "public.b": 0}, {"public.a": 2, "public.b": 0})
    assert result.status is Verdict.OK
    assert result.summary == "2 rows in 2 tables, each equal to the count at the source"


@pytest.mark.parametrize(
    ("counts", "found", "named"),
    [
        ({"public.a": 2}, {"public.a": 1}, "public.a"),
        ({"public.a": 2}, {}, "public.a"),
        ({"public.a": 0}, {}, "public.a"),
        ({"public.a": None}, {}, "public.a"),
        ({"public.a": 1}, {"public.a": 1, "public.b": 0}, "public.b"),
    ],
)
def test_rows_that_differ_are_a_crit_with_the_tables_name(
    counts: dict[str, int | None], found: dict[str, int], named: str
) -> None:
    result = rows(counts, found)
    assert result.status is Verdict.CRIT
    assert result.summary == f"rows differ from the source in 1 tables: {named}"


def test_rows_not_counted_at_the_source_are_unknown() -> None:
    result = rows({"public.a": None, "public.b": 1}, {"public.a": 7, "public.b": 1})
    assert result.status is Verdict.UNKNOWN
    assert result.evidence["not_counted"] == 1


def test_rows_of_a_source_without_tables_are_unknown() -> None:
    result = rows({}, {})
    assert result.status is Verdict.UNKNOWN
    assert result.summary == "the source has no tables: there is nothing to prove"
    assert result.next == "is postgres the right database? see DATABASE_URL"


def test_rows_that_were_all_left_out_are_unknown() -> None:
    result = rows({"public.a": None, "vault.b": 3}, {}, rows_of("public.a"), "vault.b")
    assert result.status is Verdict.UNKNOWN
    assert result.summary.startswith("the rows of every table were left out")


def test_critical_tables_missing_are_a_crit_unless_left_out_on_request() -> None:
    counts: dict[str, int | None] = dict.fromkeys(CRITICAL, 1)
    found = dict.fromkeys(CRITICAL, 1)
    assert rows(counts, found, critical=True).status is Verdict.OK
    lost, *_ = CRITICAL
    del found[lost]
    crit = rows(counts, found, critical=True)
    assert (crit.status, crit.summary) == (
        Verdict.CRIT,
        f"critical tables are missing: {lost}",
    )
    assert rows(counts, found, rows_of(lost), critical=True).status is Verdict.WARN


def test_critical_tables_of_another_database_are_skipped() -> None:
    assert rows({"public.a": 1}, {"public.a": 1}, critical=True).status is Verdict.SKIPPED
