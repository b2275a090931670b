from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from kulti_ops.errors import ConfigError, UsageError
from kulti_ops.runbook.diagnostic import GROUPS, Diagnostic, Kind
from kulti_ops.runbook.library import (
    choose,
    load_accepted,
    load_library,
    load_pack,
    parse_thresholds,
    with_thresholds,
)
from kulti_ops.runbook.triage import triage_set

if TYPE_CHECKING:
    from pathlib import Path

# The ids are part of the contract: scripts and dashboards name them.
IDS = {
    "database": """connections long-queries long-transactions blocking idle-in-transaction
        xmin-horizon prepared-transactions cache-hit slow-statements temp-files rollbacks sizes
        bloat unused-indexes duplicate-indexes invalid-indexes missing-fk-indexes seq-scans vacuum
        wraparound replication-slots sequences settings database-size""",
    "access": """rls-disabled rls-no-policy anon-writable anon-readable owner-rights-views
        definer-functions search-path-functions self-updatable-columns unexpected-roles
        extensions-in-public disabled-triggers""",
    "platform": """recordings-stuck recordings-ended-session recordings-no-url recordings-failed
        recordings-duplicates recordings-success-rate sessions-zombie sessions-impossible-times
        sessions-unpaid sessions-overdue presence-stale invites-space invites-count-mismatch
        referral-mismatch auth-failures auth-profiles-mismatch orphan-rows realtime-publication
        migrations matchmaking-backlog""",
    "business": """credits-balance-mismatch credits-chain-broken credits-totals-mismatch
        credits-negative credits-implausible credits-duplicates credits-unmatched-tips
        credits-milestones credits-session-mismatch credits-referrals credits-recent stats-users
        stats-sessions stats-credits stats-recordings""",
}
PACK = """\
-- title: our own
-- group: ours
-- when: Always.
-- verdict: count
-- warn: 1
-- finding: {n} of it
-- explanation: Because.
-- next: kulti-ops runbook list
SELECT 1 AS n
"""


def one(name: str) -> Diagnostic:
    return choose(load_library(), names=(name,))[0]


@pytest.mark.parametrize("group", GROUPS)
def test_library_has_the_ids_of_the_contract(group: str) -> None:
    assert {d.id for d in load_library() if d.group == group} == set(IDS[group].split())


@pytest.mark.parametrize("diagnostic", load_library(), ids=lambda d: d.id)
def test_library_next_commands_name_diagnostics_that_exist(diagnostic: Diagnostic) -> None:
    words = re.match(r"kulti-ops runbook (?:check|explain) ((?:[a-z][a-z-]* ?)+)", diagnostic.next)
    named = words[1].split() if words else []
    assert set(named) <= {d.id for d in load_library()}
    assert diagnostic.next.startswith(("kulti-ops runbook ", 'psql "$DATABASE_URL" -c '))


@pytest.mark.parametrize("diagnostic", load_library(), ids=lambda d: d.id)
def test_library_settings_read_by_a_query_are_declared(diagnostic: Diagnostic) -> None:
    text = f"{diagnostic.sql} {diagnostic.evidence_sql}"
    read = set(re.findall(r"current_setting\('kulti_ops\.(\w+)'", text)) - {"now"}
    assert read == set(diagnostic.params)


def test_library_triage_places_are_distinct_and_blocking_comes_first() -> None:
    chosen = triage_set(load_library())
    assert chosen[0].id == "blocking"
    assert len({d.triage for d in chosen}) == len(chosen)


def test_choose_of_a_misspelt_name_says_what_is_near() -> None:
    with pytest.raises(UsageError) as caught:
        choose(load_library(), names=("bloking",))
    assert "blocking" in caught.value.hint


def test_choose_of_an_unknown_group_lists_them() -> None:
    with pytest.raises(UsageError) as caught:
        choose(load_library(), groups=("weather",))
    assert "business" in caught.value.hint


def test_choose_names_each_diagnostic_once() -> None:
    chosen = choose(load_library(), names=("settings",), groups=("database",))
    assert [d.id for d in chosen].count("settings") == 1


def test_thresholds_of_the_settings_replace_those_of_the_file() -> None:
    found = parse_thresholds("connections.warn = 70, processing_max_hours=2", load_library())
    assert found == {"connections.warn": "70", "processing_max_hours": "2"}
    rule = with_thresholds(one("connections"), found).rule
    assert (rule.warn, rule.crit) == (70, 90)


@pytest.mark.parametrize("text", ["conections.warn=70", "connections.warn", "blocking.crit=soon"])
def test_thresholds_that_mean_nothing_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="KULTI_OPS_THRESHOLDS"):
        parse_thresholds(text, load_library())


def test_accepted_findings_have_reason_date_and_a_diagnostic_with_that_key() -> None:
    for entry in load_accepted():
        assert entry.reason
        assert one(entry.diagnostic).key == entry.key
        assert entry.values


def test_accepted_file_of_the_user_counts_too(tmp_path: Path) -> None:
    file = tmp_path / "ours.toml"
    file.write_text(
        '[[accepted]]\ndiagnostic = "settings"\nkey = "name"\nvalues = ["fsync"]\n'
        'reason = "a test server"\ndate = 2026-11-22\n'
    )
    assert load_accepted(file)[-1].values == {"fsync"}


def test_accepted_without_a_reason_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "ours.toml"
    file.write_text('[[accepted]]\ndiagnostic = "settings"\nkey = "name"\nvalues = ["fsync"]\n')
    with pytest.raises(ConfigError, match="reason"):
        load_accepted(file)


def test_pack_is_read_and_marked(tmp_path: Path) -> None:
    (tmp_path / "our-own.sql").write_text(PACK)
    (found,) = load_pack(tmp_path)
    assert (found.id, found.group, found.from_pack) == ("our-own", "ours", True)
    assert found.rule.kind is Kind.COUNT


@pytest.mark.parametrize(
    ("name", "text"),
    [("blocking.sql", PACK), ("broken.sql", "SELECT 1"), ("note.txt", "no sql here")],
)
def test_pack_that_cannot_be_used_is_a_configuration_error(
    tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError):
        load_pack(tmp_path)
