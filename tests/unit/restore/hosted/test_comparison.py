"""What the comparison after a hosted restore says of foreign keys."""

from __future__ import annotations

import pytest

from kulti_ops.report import CheckResult, Verdict
from kulti_ops.restore.hosted.comparison import judge_references, with_unseen
from kulti_ops.verify.references import Reference

LOADED = Reference(table="auth.users", name="key", orphans=None)
UNTOUCHED = Reference(table="vault.secrets", name="key", orphans=None)
GOOD = Reference(table="public.t", name="good", orphans=0)
BROKEN = Reference(table="public.t", name="bad", orphans=2)


@pytest.mark.parametrize(
    ("references", "status", "says"),
    [
        ((), Verdict.SKIPPED, "in 0 foreign keys"),
        ((GOOD,), Verdict.OK, "every row leads somewhere in 1 foreign keys"),
        ((GOOD, UNTOUCHED), Verdict.OK, "1 are not readable, and nothing was loaded there"),
        ((UNTOUCHED,), Verdict.SKIPPED, "in 0 foreign keys"),
        ((GOOD, LOADED), Verdict.UNKNOWN, "cannot be read: key of auth.users"),
        ((BROKEN, LOADED), Verdict.CRIT, "are broken: bad of public.t: 2 rows lead nowhere"),
    ],
)
def test_foreign_keys_that_cannot_be_read_are_no_fault_only_where_nothing_was_loaded(
    references: tuple[Reference, ...], status: Verdict, says: str
) -> None:
    found = judge_references(references, {"auth.users", "public.t"})
    assert (found.status, says in found.summary) == (status, True), found.summary


@pytest.mark.parametrize("status", [Verdict.OK, Verdict.CRIT, Verdict.UNKNOWN])
def test_rows_of_extensions_tables_that_nobody_compared_are_no_ok(status: Verdict) -> None:
    result = CheckResult(id="rows", status=status, summary="equal")
    assert with_unseen(result, ()).status is status
    found = with_unseen(result, ("public.spatial_ref_sys",))
    assert found.status is (Verdict.WARN if status is Verdict.OK else status)
    assert "1 tables of extensions not compared: public.spatial_ref_sys" in found.summary
    assert found.evidence["not_compared"] == 1
