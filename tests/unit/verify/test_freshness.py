"""Freshness: never ok for what is old, missing, in the future, or could not be looked at."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from kulti_ops.backup.catalog import Entry, State
from kulti_ops.backup.manifest import Artifact
from kulti_ops.errors import ConfigError
from kulti_ops.report import Verdict
from kulti_ops.verify import Proof
from kulti_ops.verify.freshness import Expectation, choose_source, judge_freshness
from tests.unit.backup.storing import NOW, SOURCE, entry_at

if TYPE_CHECKING:
    from kulti_ops.report import CheckResult

EXPECTED = Expectation(
    max_age_s=26 * 3600, proof=Proof.VERIFIED, shrink_percent=30, growth_percent=100
)
UNREACHABLE = Entry(
    backup_id="20261122T030000Z-x-0000", manifest=None, problem="no answer", unreachable=True
)
DAMAGED = replace(UNREACHABLE, unreachable=False)


def aged(hours: float, state: State = State.VERIFIED, number: int = 0, **more: Any) -> Entry:
    return entry_at(NOW - timedelta(hours=hours), state, number, **more)


def sized(size_bytes: int) -> tuple[Artifact, ...]:
    return (Artifact(name="dump.pgc", kind="dump", size_bytes=size_bytes, sha256="a" * 64),)


def judged(*entries: Entry, expected: Expectation = EXPECTED) -> dict[str, CheckResult]:
    found = judge_freshness(entries, source=SOURCE, now=NOW, expected=expected)
    return {result.id: result for result in found.results}


def tunnelled(hours: float, identifier: str | None, number: int = 0) -> Entry:
    """A proven backup through a tunnel on this machine."""
    return aged(hours, number=number, host="localhost", system_identifier=identifier)


def judged_tunnel(*entries: Entry, server: str | None = None) -> CheckResult:
    source = "localhost:5432/postgres"
    found = judge_freshness(entries, source=source, now=NOW, expected=EXPECTED, server=server)
    return found.results[0]


def test_freshness_of_one_server_does_not_hide_that_of_another_behind_the_same_tunnel() -> None:
    entries = (tunnelled(3, "71"), tunnelled(40, "72", 1))
    age = judged_tunnel(*entries)
    assert age.status is Verdict.CRIT
    assert "localhost:5432/postgres (server 72) is 40 h" in age.summary
    assert judged_tunnel(*entries, server="71").status is Verdict.OK
    assert judged_tunnel(*entries, server="73").status is Verdict.CRIT
    both = judged_tunnel(tunnelled(3, "71"), tunnelled(4, "72", 1))
    assert both.status is Verdict.OK
    assert "server 72" in both.summary


def test_freshness_of_servers_whose_identifier_is_hidden_is_a_server_of_its_own() -> None:
    entries = (tunnelled(40, None), tunnelled(3, "71", 1))
    assert "(server unknown)" in judged_tunnel(*entries).summary
    assert judged_tunnel(*entries, server="unknown").status is Verdict.CRIT
    assert judged_tunnel(tunnelled(3, None)).status is Verdict.OK


def test_freshness_of_a_name_elsewhere_goes_by_the_name() -> None:
    """A project that was restored into a new server is the same source."""
    older = aged(40, system_identifier="71")
    assert judged(older, aged(3, number=1, system_identifier="72"))["age"].status is Verdict.OK


@pytest.mark.parametrize(
    ("entries", "status"),
    [
        ((aged(3),), Verdict.OK),
        ((aged(26),), Verdict.OK),
        ((aged(26.01),), Verdict.CRIT),
        ((aged(3, State.DRILLED),), Verdict.OK),
        ((aged(40), aged(1, State.CREATED, 1)), Verdict.CRIT),
        ((aged(40), aged(1, State.FAILED, 1)), Verdict.CRIT),
        ((aged(1, State.FAILED),), Verdict.CRIT),
        ((aged(1, State.CREATED),), Verdict.CRIT),
        ((aged(1, host="other.example"),), Verdict.CRIT),
        ((), Verdict.CRIT),
        ((DAMAGED,), Verdict.CRIT),
        ((DAMAGED, aged(40)), Verdict.CRIT),
        ((aged(-0.05),), Verdict.OK),
        ((aged(-1), aged(3, number=1)), Verdict.CRIT),
        ((UNREACHABLE,), Verdict.UNKNOWN),
        ((UNREACHABLE, aged(40)), Verdict.UNKNOWN),
        ((UNREACHABLE, aged(3)), Verdict.OK),
        ((aged(1, unread=1),), Verdict.UNKNOWN),
        ((aged(1, unread=1), aged(40, number=1)), Verdict.UNKNOWN),
        ((aged(50, unread=1), aged(40, number=1)), Verdict.CRIT),
        ((aged(1, unread=1), aged(3, number=1)), Verdict.OK),
    ],
)
def test_freshness_age_is_that_of_the_newest_proven_backup(
    entries: tuple[Entry, ...], status: Verdict
) -> None:
    result = judged(*entries)["age"]
    assert result.status is status
    assert (result.next is None) is (status is Verdict.OK)


def test_freshness_age_goes_by_the_databases_clock() -> None:
    begun = NOW - timedelta(hours=1)
    assert judged(aged(40, begun=begun))["age"].status is Verdict.CRIT


def test_freshness_of_drills_asks_for_drilled_ones() -> None:
    expected = replace(EXPECTED, proof=Proof.DRILLED, max_age_s=100 * 86400)
    entries = (aged(3), aged(24 * 90, State.DRILLED, 1))
    found = judged(*entries, expected=expected)
    assert (found["age"].status, found["newer"].status) == (Verdict.OK, Verdict.OK)
    assert "90 d old, allowed 100 d" in found["age"].summary
    assert found["newer"].summary == "1 newer ones are not drilled yet"
    assert judged(aged(3), expected=expected)["age"].next == "kulti-ops restore drill"


@pytest.mark.parametrize(
    ("entries", "status"),
    [
        ((aged(3),), Verdict.OK),
        ((aged(3), aged(1, State.CREATED, 1)), Verdict.OK),
        ((aged(3), aged(1, State.FAILED, 1)), Verdict.WARN),
        ((aged(3), aged(5, State.FAILED, 1)), Verdict.OK),
        ((aged(3), DAMAGED), Verdict.WARN),
        ((aged(3), replace(DAMAGED, backup_id="20200101T000000Z-x-0000")), Verdict.OK),
        ((aged(3), UNREACHABLE), Verdict.UNKNOWN),
        ((aged(3), aged(1, unread=1)), Verdict.UNKNOWN),
        ((), Verdict.SKIPPED),
    ],
)
def test_freshness_says_what_came_after_the_proven_one(
    entries: tuple[Entry, ...], status: Verdict
) -> None:
    assert judged(*entries)["newer"].status is status


@pytest.mark.parametrize(
    ("sizes", "status"),
    [
        ((100, 101, 99, 100), Verdict.OK),
        ((100, 101, 99, 70), Verdict.OK),
        ((100, 101, 99, 69), Verdict.WARN),
        ((100, 101, 99, 200), Verdict.OK),
        ((100, 101, 99, 201), Verdict.WARN),
        ((9000, *([100] * 7), 100), Verdict.OK),
        ((0, 0, 0, 0), Verdict.OK),
        ((100, 100, 10), Verdict.SKIPPED),
        ((), Verdict.SKIPPED),
    ],
)
def test_freshness_size_is_held_against_its_history(
    sizes: tuple[int, ...], status: Verdict
) -> None:
    entries = [
        aged(20 * (len(sizes) - n), number=n, artifacts=sized(size)) for n, size in enumerate(sizes)
    ]
    assert judged(*entries)["size"].status is status


def test_freshness_size_compares_backups_of_one_scope_only() -> None:
    whole = [aged(20 * n, number=n, artifacts=sized(1000)) for n in range(2, 7)]
    partial = aged(1, artifacts=sized(10), left_out=("rows of public.messages",))
    assert judged(*whole, partial)["size"].status is Verdict.SKIPPED


def test_freshness_source_is_the_configured_or_the_only_one() -> None:
    mine, other = aged(1), aged(1, number=1, host="other.example")
    assert choose_source((mine, other), "x") == "x"
    assert choose_source((mine, DAMAGED), None) == SOURCE
    for entries in ((mine, other), ()):
        with pytest.raises(ConfigError, match="no database is configured"):
            choose_source(entries, None)
