"""Retention: what stays and why, by example and by invariant."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kulti_ops.backup.catalog import Entry, State
from kulti_ops.backup.retention import (
    NO_SOURCE,
    PERIODS,
    PROVEN,
    RetentionPlan,
    RetentionPolicy,
    parse_labels,
    plan_retention,
    policy_of,
)
from kulti_ops.config import Settings
from kulti_ops.errors import ConfigError, RefusedError, UsageError
from tests.unit.backup.storing import NOW, SOURCE, entry_at

if TYPE_CHECKING:
    from collections.abc import Iterable

DAILY = RetentionPolicy(daily=3, floor=1)


def at(days: float) -> datetime:
    """Return a time so many days before now."""
    return NOW - timedelta(days=days)


def plan_of(entries: Iterable[Entry], policy: RetentionPolicy = DAILY) -> RetentionPlan:
    (plan,) = plan_retention(entries, policy, now=NOW)
    return plan


def kept(plan: RetentionPlan) -> dict[str, tuple[str, ...]]:
    return {k.entry.backup_id: k.reasons for k in plan.keep}


def removed(plan: RetentionPlan) -> dict[str, str]:
    return {r.entry.backup_id: r.reason for r in plan.remove}


def all_removed(plans: Iterable[RetentionPlan]) -> set[str]:
    return {r.entry.backup_id for plan in plans for r in plan.remove}


def test_classes_keep_the_newest_of_each_period_and_say_so() -> None:
    entries = [entry_at(at(hours / 24), number=hours) for hours in range(0, 24 * 40, 12)]
    policy = RetentionPolicy(last=1, hourly=1, daily=2, weekly=2, monthly=2, yearly=1, floor=1)
    plan = plan_of(entries, policy)
    assert list(kept(plan).values()) == [
        (
            "one of the newest 1 proven",
            "one of the last 1",
            "hourly 2026-11-22 04h",
            "daily 2026-11-22",
            "weekly 2026-W47",
            "monthly 2026-11",
            "yearly 2026",
        ),
        ("daily 2026-11-21",),
        ("weekly 2026-W46",),
        ("monthly 2026-10",),
    ]
    assert set(removed(plan).values()) == {"no class keeps it"}


def test_platforms_default_policy_keeps_days_weeks_and_months() -> None:
    entries = [entry_at(at(day), number=day) for day in range(800)]
    plan = plan_of(entries, policy_of(Settings()))
    reasons = [reason.split()[0] for given in kept(plan).values() for reason in given]
    assert {name: reasons.count(name) for name in ("daily", "weekly", "monthly", "one")} == {
        "daily": 7,
        "weekly": 5,
        "monthly": 12,
        "one": 3,
    }


def test_class_counts_periods_with_backups_so_age_alone_removes_nothing() -> None:
    entries = [entry_at(at(day), number=day) for day in (400, 700, 1000)]
    assert removed(plan_of(entries)) == {}


@pytest.mark.parametrize("state", [State.CREATED, State.FAILED])
def test_unproven_backup_takes_no_proven_ones_place(state: State) -> None:
    proven = [entry_at(at(day), number=day) for day in (3, 4, 5)]
    others = [entry_at(at(day), state, number=10 + day) for day in (0, 1, 2)]
    assert not set(removed(plan_of([*proven, *others]))) & {e.backup_id for e in proven}


def test_unproven_backups_are_kept_by_classes_of_their_own() -> None:
    entries = [entry_at(at(9), number=9)]
    entries += [entry_at(at(day), State.CREATED, number=day) for day in range(5)]
    plan = plan_of(entries)
    assert kept(plan)[entries[1].backup_id] == ("unproven, daily 2026-11-22",)
    assert set(removed(plan).values()) == {"unproven, and no class keeps it"}
    assert len(plan.remove) == 2


def test_nothing_is_removed_while_nothing_is_proven() -> None:
    entries = [entry_at(at(day), State.CREATED, number=day) for day in range(20)]
    plan = plan_of(entries)
    assert removed(plan) == {}
    assert "no backup of this source is proven yet" in kept(plan)[entries[-1].backup_id]


def test_failed_backups_are_counted_apart_and_stay_while_nothing_newer_is_proven() -> None:
    failed = [entry_at(at(d), State.FAILED, number=n) for n, d in enumerate((0, 0.1, 2, 3, 4, 5))]
    plan = plan_of([*failed, entry_at(at(1), number=9)], RetentionPolicy(daily=2, floor=1))
    assert [kept(plan).get(e.backup_id) for e in failed] == [
        ("failed, daily 2026-11-22", "failed, but nothing newer is proven"),
        ("failed, but nothing newer is proven",),
        ("failed, daily 2026-11-20",),
        None,
        None,
        None,
    ]
    assert set(removed(plan).values()) == {"failed, and no class keeps it"}


def test_floor_newest_drilled_and_pins_stay_whatever_the_classes_say() -> None:
    entries = [entry_at(at(day / 24), number=day) for day in range(20)]
    entries[9] = entry_at(at(9 / 24), State.DRILLED, number=9)
    entries[12] = entry_at(at(0.5), number=12, pinned={"reason": "court", "until": None})
    plan = plan_of(entries, RetentionPolicy(last=1, floor=3))
    assert [k.entry for k in plan.keep] == [*entries[:3], entries[9], entries[12]]
    assert kept(plan)[entries[9].backup_id] == ("the newest drilled",)
    assert kept(plan)[entries[12].backup_id] == ("pinned: court",)


@pytest.mark.parametrize(
    ("until", "stays"),
    [
        ("2026-11-22T04:00:00.001Z", True),
        ("2026-11-22T04:00:00.000Z", False),
        ("junk", True),
        (7, True),
    ],
)
def test_pin_holds_until_its_end_and_one_that_cannot_be_read_for_good(
    until: object, *, stays: bool
) -> None:
    pinned = entry_at(at(9), pinned={"reason": "x", "until": until})
    plan = plan_of([entry_at(at(0)), pinned], RetentionPolicy(last=1))
    assert (pinned.backup_id in kept(plan)) is stays


def test_what_cannot_be_judged_stays_and_stands_for_no_other() -> None:
    unread = entry_at(at(0), number=1, unread=2)
    future = entry_at(at(-400), number=2)
    gone = entry_at(at(0.01), number=3)
    good = [entry_at(at(d), number=10 + d) for d in (1, 2)]
    (plan,) = plan_retention(
        [unread, future, gone, *good],
        RetentionPolicy(last=1),
        now=NOW,
        incomplete={gone.backup_id: "dump.pgc is missing"},
    )
    assert kept(plan) == {
        future.backup_id: ("its snapshot lies in the future: a clock is or was wrong",),
        unread.backup_id: ("2 of its records cannot be read: one may be a pin",),
        gone.backup_id: ("not whole any more: dump.pgc is missing",),
        good[0].backup_id: ("one of the newest 1 proven", "one of the last 1"),
    }


def test_damaged_manifest_is_never_removed() -> None:
    damaged = Entry(backup_id="20261122T030000Z-x-0000", manifest=None, problem="damaged")
    plans = plan_retention([damaged, entry_at(at(1))], DAILY, now=NOW)
    assert plans[-1].source == NO_SOURCE
    assert plans[-1].remove == ()
    assert plans[-1].keep[0].reasons == ("cannot be judged: damaged",)


def test_clock_set_back_removes_nothing() -> None:
    entries = [entry_at(at(day), number=day) for day in range(30)]
    assert all_removed(plan_retention(entries, DAILY, now=at(1000))) == set()


def test_clock_set_forward_removes_no_more_than_the_right_one() -> None:
    policy = replace(DAILY, within=parse_labels("pre-*=30d"))
    entries = [entry_at(at(day), number=day, label="pre-change") for day in range(30)]
    far = plan_retention(entries, policy, now=NOW + timedelta(days=4000))
    assert all_removed(far) == all_removed(plan_retention(entries, policy, now=NOW)) == set()


def test_label_keeps_its_backups_for_its_time() -> None:
    policy = replace(DAILY, within=parse_labels("pre-change=30d, hotfix-*=7d"))
    labelled = [
        entry_at(at(day), number=n, label=label)
        for n, (label, day) in enumerate(
            [("pre-change", 29), ("pre-change", 31), ("hotfix-7", 6), ("hotfix-7", 8), ("x", 6)]
        )
    ]
    plan = plan_of([*(entry_at(at(d), number=90 + d) for d in range(3)), *labelled], policy)
    assert [kept(plan).get(e.backup_id) for e in labelled] == [
        ("label pre-change: for 30 d",),
        None,
        ("label hotfix-7: for 7 d",),
        None,
        None,
    ]


def test_label_time_is_counted_from_the_newest_proven_backup() -> None:
    """When backups stop, nothing runs out."""
    policy = replace(DAILY, within=parse_labels("pre-change=30d"))
    entries = [entry_at(at(day), number=day) for day in (100, 101, 102)]
    old = entry_at(at(120), number=1, label="pre-change")
    assert removed(plan_of([*entries, old], policy)) == {}


def test_two_backups_of_one_second_are_two() -> None:
    first, second = (entry_at(at(0), number=n) for n in (1, 2))
    plan = plan_of([first, second], RetentionPolicy(last=1))
    assert list(kept(plan)) == [second.backup_id]
    assert list(removed(plan)) == [first.backup_id]
    assert plan_of([second, first], RetentionPolicy(last=1)) == plan


def test_order_goes_by_the_databases_clock() -> None:
    """The machine's clock, which names backups, was wrong by years when the second was made."""
    older = entry_at(at(1), number=1)
    newer = entry_at(at(0), number=2, begun=at(5000))
    plan = plan_of([older, newer], RetentionPolicy(last=1))
    assert list(kept(plan)) == [newer.backup_id]


def test_sources_are_planned_each_by_itself() -> None:
    hosts = ("a.kulti.example", "b.kulti.example")
    entries = [entry_at(at(d), number=d, host=host) for d in range(5) for host in hosts]
    plans = plan_retention(entries, RetentionPolicy(last=2), now=NOW)
    assert [plan.source for plan in plans] == [f"{host}:5432/postgres" for host in hosts]
    assert [len(plan.keep) for plan in plans] == [2, 2]
    assert plan_of([entry_at(at(0))]).source == SOURCE


@pytest.mark.parametrize(
    "policy",
    [
        RetentionPolicy(),
        RetentionPolicy(floor=9),
        RetentionPolicy(within=parse_labels("pre-change=30d")),
    ],
)
def test_policy_that_keeps_nothing_is_refused(policy: RetentionPolicy) -> None:
    with pytest.raises(RefusedError, match="keeps nothing"):
        plan_retention([entry_at(at(0))], policy, now=NOW)


@pytest.mark.parametrize("text", ["pre-change", "=30d", "x=soon", "x=0d", "a=1d,b"])
def test_labels_of_another_form_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_labels(text)
    with pytest.raises(ConfigError, match="KULTI_OPS_KEEP_LABELS"):
        policy_of(Settings(KULTI_OPS_KEEP_LABELS=text))  # type: ignore[call-arg]


@pytest.mark.parametrize(
    "day", [datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)]
)
def test_days_of_daylight_saving_are_days_like_others(day: datetime) -> None:
    """One an hour, named in the zone whose clock jumps that night: each UTC day has 24."""
    berlin = ZoneInfo("Europe/Berlin")
    hours = [(day + timedelta(hours=h)).astimezone(berlin) for h in range(-24, 48)]
    entries = [entry_at(hour, number=n) for n, hour in enumerate(hours)]
    plan = plan_of(entries, RetentionPolicy(daily=9, floor=1))
    assert [k.reasons[-1] for k in plan.keep] == [
        f"daily {day + timedelta(days=d):%Y-%m-%d}" for d in (1, 0, -1)
    ]
    assert len(plan_of(entries, RetentionPolicy(hourly=99)).keep) == 72


def test_weeks_are_isos_and_hold_across_the_years_end() -> None:
    days = [datetime(2026, 12, 31, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)]
    entries = [entry_at(day, number=n) for n, day in enumerate(days)]
    (plan,) = plan_retention(entries, RetentionPolicy(weekly=9), now=days[1])
    assert [k.reasons[-1] for k in plan.keep] == ["weekly 2026-W53"]


STATES = (State.CREATED, State.VERIFIED, State.DRILLED, State.FAILED)
HOURS = st.integers(min_value=-50, max_value=24 * 900)


@st.composite
def entries_of(draw: st.DrawFn, *, most: int = 40) -> list[Entry]:
    """Draw backups of any state, source, label and time; a few pinned, unread or in the future."""
    drawn = draw(
        st.lists(
            st.tuples(
                HOURS,
                st.sampled_from(STATES),
                st.sampled_from(["a.kulti.example", "b.kulti.example"]),
                st.sampled_from(["postgres", "pre-change"]),
                st.integers(min_value=0, max_value=19),
            ),
            max_size=most,
        )
    )
    return [
        entry_at(
            NOW - timedelta(hours=hours),
            state,
            number,
            host=host,
            label=label,
            pinned={"reason": "x"} if odd == 0 else None,
            unread=int(odd == 1),
        )
        for number, (hours, state, host, label, odd) in enumerate(drawn)
    ]


COUNT = st.integers(min_value=0, max_value=4)
POLICIES = st.builds(
    RetentionPolicy,
    last=COUNT,
    hourly=COUNT,
    daily=COUNT,
    weekly=COUNT,
    monthly=COUNT,
    yearly=COUNT,
    within=st.sampled_from([{}, parse_labels("pre-change=30d")]),
    floor=st.integers(min_value=1, max_value=4),
).filter(lambda policy: not policy.keeps_nothing)
many = settings(max_examples=80, deadline=None)


@given(entries_of(), POLICIES)
@many
def test_keep_and_remove_together_are_all(entries: list[Entry], policy: RetentionPolicy) -> None:
    plans = plan_retention(entries, policy, now=NOW)
    ids = [k.entry.backup_id for p in plans for k in p.keep]
    ids += [r.entry.backup_id for p in plans for r in p.remove]
    assert sorted(ids) == sorted(e.backup_id for e in entries)
    assert all(k.reasons for p in plans for k in p.keep)
    assert plan_retention(entries[::-1], policy, now=NOW) == plans


@given(entries_of(), POLICIES)
@many
def test_floor_holds_and_the_protected_stay(entries: list[Entry], policy: RetentionPolicy) -> None:
    gone = all_removed(plan_retention(entries, policy, now=NOW))
    for host in ("a.kulti.example", "b.kulti.example"):
        mine = [e for e in entries if e.manifest and e.manifest.source.host == host]
        good = sorted(
            (e for e in mine if e.state in PROVEN and not e.unread and _at(e) <= NOW),
            key=lambda e: (_at(e), e.backup_id),
            reverse=True,
        )
        drilled = [e for e in good if e.state is State.DRILLED]
        protected = [*good[: policy.floor], *drilled[:1]]
        protected += [e for e in mine if e.pinned_at(NOW) or e.unread]
        assert not gone & {e.backup_id for e in protected}
        if not good:
            assert not gone & {e.backup_id for e in mine}


@given(entries_of(), POLICIES, HOURS, st.sampled_from([State.CREATED, State.FAILED]))
@many
def test_unproven_backup_never_displaces_a_proven_one(
    entries: list[Entry], policy: RetentionPolicy, hours: int, state: State
) -> None:
    added = entry_at(NOW - timedelta(hours=hours), state, 9999, host="a.kulti.example")
    proven = {e.backup_id for e in entries if e.state in PROVEN}
    before = all_removed(plan_retention(entries, policy, now=NOW))
    after = all_removed(plan_retention([*entries, added], policy, now=NOW))
    assert before & proven == after & proven


@given(entries_of(), POLICIES, HOURS, st.sampled_from(STATES))
@many
def test_added_backup_removes_at_most_one_for_each_class(
    entries: list[Entry], policy: RetentionPolicy, hours: int, state: State
) -> None:
    """Once something is proven, and labels' times apart: these run with the newest backup."""
    policy = replace(policy, within={})
    assume(not policy.keeps_nothing)
    added = entry_at(NOW - timedelta(hours=hours), state, 9999, host="a.kulti.example")
    entries.append(entry_at(at(1000), number=9998, host="a.kulti.example"))
    failed = {e.backup_id for e in entries if e.state is State.FAILED}
    before = all_removed(plan_retention(entries, policy, now=NOW))
    after = all_removed(plan_retention([*entries, added], policy, now=NOW))
    classes = sum(policy.count(name) > 0 for name in PERIODS) + (policy.last > 0)
    guards = 2  # the floor's last one and the drilled one before
    assert len(after - before - failed - {added.backup_id}) <= classes + guards
    assert before <= after


@given(entries_of(), POLICIES)
@many
def test_plan_carried_out_leaves_nothing_to_remove(
    entries: list[Entry], policy: RetentionPolicy
) -> None:
    gone = all_removed(plan_retention(entries, policy, now=NOW))
    left = [e for e in entries if e.backup_id not in gone]
    assert all_removed(plan_retention(left, policy, now=NOW)) == set()


def _at(entry: Entry) -> datetime:
    assert entry.manifest is not None
    return entry.manifest.snapshot_at
