"""Errors about what an extension that is missing would have brought."""

from __future__ import annotations

import pytest

from kulti_ops.restore.absent import split_absent
from kulti_ops.restore.plan import RestorePlan, TargetFacts, plan_restore
from kulti_ops.restore.tool import EntryError
from tests.unit.making import entry, inventory, toc

ENTRIES = (
    entry(1, "EXTENSION", "pg_cron", namespace=""),
    entry(2, "TABLE DATA", "job", namespace="cron", dependencies=(900,)),
    entry(3, "ACL", "FUNCTION schedule()", namespace="cron", dependencies=(901,)),
    entry(4, "TABLE", "own"),
    entry(5, "TABLE DATA", "own", dependencies=(4,)),
)


def plan(*, available: bool) -> RestorePlan:
    facts = TargetFacts(
        server_major=17,
        superuser=False,
        roles=frozenset(),
        extensions_available=frozenset({"pg_cron"} if available else ()),
        scratch=True,
    )
    return plan_restore(toc(*ENTRIES), inventory(), facts)


ABSENT = [
    EntryError(label="TABLE DATA cron.job", message='ERROR:  relation "cron.job" does not exist'),
    EntryError(label="ACL cron.FUNCTION schedule()", message="no function", sqlstate="42883"),
]
OTHERS = [
    EntryError(label="TABLE DATA public.own", message='ERROR:  relation "own" does not exist'),
    EntryError(label="TABLE DATA cron.job", message="ERROR:  permission denied for table job"),
    EntryError(label="ACL cron.FUNCTION schedule()", message="no", sqlstate="42501"),
    EntryError(label="some entry", message='ERROR:  relation "cron.job" does not exist'),
]


@pytest.mark.parametrize("error", ABSENT)
def test_error_about_an_object_of_a_missing_extension_is_told_apart(error: EntryError) -> None:
    assert split_absent([error], plan(available=False)) == ((), (error,))


@pytest.mark.parametrize("error", ABSENT)
def test_error_about_an_object_of_an_extension_that_is_there_stays_one(error: EntryError) -> None:
    assert split_absent([error], plan(available=True)) == ((error,), ())


@pytest.mark.parametrize("error", OTHERS)
def test_any_other_error_stays_one(error: EntryError) -> None:
    assert split_absent([error], plan(available=False)) == ((error,), ())
