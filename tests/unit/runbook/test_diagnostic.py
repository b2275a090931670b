from __future__ import annotations

import re

import pytest

from kulti_ops.runbook.diagnostic import Diagnostic, DiagnosticError, Kind, parse_diagnostic
from kulti_ops.runbook.library import _find_invariant

GOOD = """\
-- title: nothing is wrong
-- group: database
-- when: Something
--   is wrong.
-- requires: public.recordings, extension pg_stat_statements, role pg_read_all_stats
-- param: grace_minutes = 5
-- verdict: wait_s >=
-- warn: 5
-- crit: 30.5
-- triage: 10
-- key: pid
-- noun: sessions
-- evidence: SELECT count(*) AS examined
--   FROM pg_stat_activity
-- finding: pid {pid} waits
-- explanation: Because.
-- next: kulti-ops runbook list
SELECT 1 AS pid, 2 AS wait_s
"""


def parse(text: str, name: str = "some-name", *, from_pack: bool = False) -> Diagnostic:
    return parse_diagnostic(name, text, invariant=_find_invariant, from_pack=from_pack)


def test_diagnostic_with_every_key_is_read() -> None:
    found = parse(GOOD)
    assert found.when == "Something is wrong."
    assert [str(r) for r in found.requires] == [
        "public.recordings",
        "extension pg_stat_statements",
        "role pg_read_all_stats",
    ]
    assert dict(found.params) == {"grace_minutes": "5"}
    assert (found.rule.kind, found.rule.measure, found.rule.below) == (Kind.COLUMN, "wait_s", False)
    assert (found.rule.warn, found.rule.crit, found.triage) == (5, 30.5, 10)
    assert found.evidence_sql == "SELECT count(*) AS examined FROM pg_stat_activity"
    assert found.sql == GOOD


def test_diagnostic_of_one_invariant_has_its_query_and_what_it_needs() -> None:
    head = GOOD.rpartition("SELECT 1")[0].replace("wait_s >=", "count")
    found = parse(head + "-- invariant: recordings_stuck_processing\n")
    assert "status = 'processing'" in found.sql
    assert "processing_max_hours" in found.params
    assert [str(r) for r in found.requires].count("public.recordings") == 1


def test_diagnostic_of_several_invariants_is_one_query() -> None:
    head = GOOD.rpartition("SELECT 1")[0].replace("wait_s >=", "count")
    found = parse(head + "-- invariant: sessions_end_missing, sessions_end_before_start\n")
    assert found.sql.count("UNION ALL") == 1
    assert "'no session ended before it started' AS must_hold" in found.sql


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("-- title: nothing is wrong\n", "", "lacks title"),
        ("-- group: database", "-- group: weather", "groups are"),
        ("-- warn: 5\n-- crit: 30.5\n", "", "lacks warn or crit"),
        ("-- warn: 5", "-- warn: soon", "warn is no number"),
        ("-- verdict: wait_s >=", "-- verdict: wait_s > 5", "a verdict is"),
        ("-- verdict: wait_s >=", "-- verdict: info", "info has no thresholds"),
        ("-- noun: sessions", "-- nouns: sessions", "nobody knows the key 'nouns'"),
        ("-- noun: sessions", "-- noun: a\n-- noun: b", "noun stands twice"),
        ("-- finding: pid {pid} waits\n", "", "lacks finding"),
        ("requires: public.recordings", "requires: recordings", "schema.name"),
        ("extension pg_stat", "planet pg_stat", "nobody understands"),
        ("grace_minutes = 5", "grace_minutes: 5", "a param is written"),
        ("-- triage: 10", "-- triage: ten", "triage is no number"),
        ("-- key: pid", "-- invariant: nothing", "no invariant nothing"),
        ("-- key: pid", "-- invariant: sessions_overdue", "either a query or an invariant"),
        ("SELECT 1 AS pid, 2 AS wait_s", "", "either a query or an invariant"),
        ("2 AS wait_s", "2 AS wait_s;", "semicolon"),
    ],
)
def test_diagnostic_with_a_fault_is_refused_by_name(old: str, new: str, says: str) -> None:
    assert old in GOOD
    with pytest.raises(DiagnosticError, match=re.escape(says)):
        parse(GOOD.replace(old, new))


def test_diagnostic_name_with_capitals_is_refused() -> None:
    with pytest.raises(DiagnosticError, match="lower-case"):
        parse(GOOD, "Some_Name")


def test_diagnostic_of_a_pack_may_have_a_group_of_its_own() -> None:
    text = GOOD.replace("group: database", "group: billing")
    assert parse(text, from_pack=True).group == "billing"
