"""Retention: which backups stay, each with every reason, and which may go. Pure.

Classes count proven backups only; unproven and failed ones are counted apart, so they
displace none. What cannot be judged is kept. The calendar is UTC's: its days have 24 hours on
every day of the year, and a plan is the same on every machine. Touches no storage and
reads no clock.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from kulti_ops.backup.catalog import Entry, State, collecting_later
from kulti_ops.clock import CLOCK_TOLERANCE_S, iso
from kulti_ops.duration import parse_duration
from kulti_ops.errors import ConfigError, RefusedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from kulti_ops.backup.manifest import Manifest
    from kulti_ops.config import Settings

NO_SOURCE = "unknown source"
EVERY_LABEL = "*"
PROVEN = frozenset({State.VERIFIED, State.DRILLED})
_TOLERANCE = timedelta(seconds=CLOCK_TOLERANCE_S)

# class -> the name of the period that a time (UTC) falls into
PERIODS: Mapping[str, Callable[[datetime], str]] = {
    "hourly": lambda at: f"{at:%Y-%m-%d %H}h",
    "daily": lambda at: f"{at:%Y-%m-%d}",
    "weekly": lambda at: "{0.year}-W{0.week:02}".format(at.isocalendar()),
    "monthly": lambda at: f"{at:%Y-%m}",
    "yearly": lambda at: f"{at:%Y}",
}


@dataclass(frozen=True, kw_only=True)
class RetentionPolicy:
    """How many backups each class keeps; `within` keeps all whose label fits for a time.

    `floor` is no class but a guard: so many of the newest proven ones always stay.
    """

    last: int = 0
    hourly: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    yearly: int = 0
    within: Mapping[str, timedelta] = field(default_factory=dict)
    floor: int = 1

    def count(self, period: str) -> int:
        """Return how many a class of `PERIODS` keeps."""
        found: int = getattr(self, period)
        return found

    @property
    def keeps_nothing(self) -> bool:
        """Whether no class keeps an ordinary backup: the floor is not meant to be the policy."""
        classes = self.last or any(self.count(period) for period in PERIODS)
        return not classes and EVERY_LABEL not in self.within


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A backup that stays, with every reason."""

    entry: Entry
    reasons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Removable:
    """A backup that may go, and why nothing keeps it."""

    entry: Entry
    reason: str


@dataclass(frozen=True, kw_only=True)
class RetentionPlan:
    """What happens to the backups of one source, the newest first."""

    source: str
    keep: tuple[Kept, ...]
    remove: tuple[Removable, ...]


def policy_of(settings: Settings) -> RetentionPolicy:
    """Return the policy that the settings name.

    Raises: ConfigError when the labels cannot be read.
    """
    try:
        within = parse_labels(settings.keep_labels)
    except UsageError as error:
        raise ConfigError(f"KULTI_OPS_KEEP_LABELS: {error.message}", hint=error.hint) from None
    return RetentionPolicy(
        last=settings.keep_last,
        hourly=settings.keep_hourly,
        daily=settings.keep_daily,
        weekly=settings.keep_weekly,
        monthly=settings.keep_monthly,
        yearly=settings.keep_yearly,
        within=within,
        floor=settings.keep_floor,
    )


def parse_labels(text: str) -> Mapping[str, timedelta]:
    """Return the labels and times of `pre-change=30d, hotfix-*=7d`; `*` is every label.

    Raises: UsageError when it is of another form.
    """
    found = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        label, is_pair, time = (p.strip() for p in part.partition("="))
        if not is_pair or not label:
            raise UsageError(f"no label and time: {part!r}", hint="write pre-change=30d")
        found[label] = timedelta(seconds=parse_duration(time))
    return found


def plan_retention(
    entries: Iterable[Entry],
    policy: RetentionPolicy,
    *,
    now: datetime,
    incomplete: Mapping[str, str] | None = None,
) -> tuple[RetentionPlan, ...]:
    """Plan every source by itself; what has no readable manifest stays, as a source of its own.

    A name of this machine may lead to several servers: each has a plan, under the same name.

    `incomplete` names backups whose artifacts are not all there, and what is missing: they
    stay and count for nothing.

    Raises: RefusedError when the policy keeps nothing.
    """
    if policy.keeps_nothing:
        raise RefusedError(
            "the retention policy keeps nothing: nothing is planned",
            hint="give at least one class, for example KULTI_OPS_KEEP_DAILY=7 or --keep-daily 7",
        )
    with collecting_later():
        return tuple(_plans(entries, policy, now=now, incomplete=incomplete or {}))


def _plans(
    entries: Iterable[Entry],
    policy: RetentionPolicy,
    *,
    now: datetime,
    incomplete: Mapping[str, str],
) -> Iterator[RetentionPlan]:
    sources: dict[tuple[str, str], list[tuple[Entry, Manifest]]] = defaultdict(list)
    unknown = []
    for entry in entries:
        if entry.manifest is None:
            unknown.append(Kept(entry=entry, reasons=(f"cannot be judged: {entry.problem}",)))
        else:
            source = entry.manifest.source
            sources[source.identity, source.server].append((entry, entry.manifest))
    for (name, _), found in sorted(sources.items()):
        yield _Source(found, policy, now=now, incomplete=incomplete).plan(name)
    if unknown:
        unknown.sort(key=lambda kept: kept.entry.backup_id, reverse=True)
        yield RetentionPlan(source=NO_SOURCE, keep=tuple(unknown), remove=())


class _Source:
    """The backups of one source, being judged."""

    def __init__(
        self,
        found: list[tuple[Entry, Manifest]],
        policy: RetentionPolicy,
        *,
        now: datetime,
        incomplete: Mapping[str, str],
    ) -> None:
        found.sort(key=lambda pair: (pair[1].snapshot_at, pair[0].backup_id), reverse=True)
        self.at = {entry.backup_id: manifest.snapshot_at for entry, manifest in found}
        self.labels = {entry.backup_id: manifest.label for entry, manifest in found}
        self.entries = [entry for entry, _ in found]
        self.policy = policy
        self.now = now
        self.states = {entry.backup_id: entry.state for entry in self.entries}
        self.reasons: dict[str, list[str]] = {entry.backup_id: [] for entry in self.entries}
        counted = []
        for entry in self.entries:
            pin = entry.pin
            if pin is not None and pin.holds_at(now):
                until = f" until {iso(pin.until)}" if pin.until else ""
                self._keep(entry, f"pinned{until}: {pin.reason}")
            doubts = tuple(_doubts(entry, self.at[entry.backup_id], now, incomplete))
            self._keep(entry, *doubts)
            if not doubts:  # what is in doubt cannot stand for others
                counted.append(entry)
        self.proven = [e for e in counted if self.states[e.backup_id] in PROVEN]
        self.unproven = [e for e in counted if self.states[e.backup_id] is State.CREATED]
        self.failed = [e for e in counted if self.states[e.backup_id] is State.FAILED]

    def plan(self, source: str) -> RetentionPlan:
        """Return what stays and what may go."""
        for entry in self.proven[: self.policy.floor]:
            self._keep(entry, f"one of the newest {self.policy.floor} proven")
        drilled = (e for e in self.proven if self.states[e.backup_id] is State.DRILLED)
        for entry in list(drilled)[:1]:
            self._keep(entry, "the newest drilled")
        self._classes(self.proven, "")
        self._classes(self.unproven, "unproven, ")
        self._classes(self.failed, "failed, ")
        self._labels()
        self._without_proof()
        return RetentionPlan(
            source=source,
            keep=tuple(
                Kept(entry=e, reasons=tuple(self.reasons[e.backup_id]))
                for e in self.entries
                if self.reasons[e.backup_id]
            ),
            remove=tuple(
                Removable(entry=e, reason=self._why_not(e))
                for e in self.entries
                if not self.reasons[e.backup_id]
            ),
        )

    def _keep(self, entry: Entry, *reasons: str) -> None:
        self.reasons[entry.backup_id] += reasons

    def _classes(self, entries: list[Entry], prefix: str) -> None:
        """Let each class keep the newest backup of each of its newest periods."""
        for entry in entries[: self.policy.last]:
            self._keep(entry, f"{prefix}one of the last {self.policy.last}")
        for name, period_of in PERIODS.items():
            periods: set[str] = set()
            for entry in entries:
                if len(periods) >= self.policy.count(name):
                    break
                period = period_of(self.at[entry.backup_id].astimezone(UTC))
                if period not in periods:
                    periods.add(period)
                    self._keep(entry, f"{prefix}{name} {period}")

    def _labels(self) -> None:
        """Keep what bears a label long enough: counted back from the newest proven backup.

        Not from now: when backups stop, nothing runs out.
        """
        newest = max((self.at[e.backup_id] for e in self.proven), default=self.now)
        until = min(self.now, newest)
        for entry in (*self.proven, *self.unproven):
            label = self.labels[entry.backup_id]
            for pattern, time in self.policy.within.items():
                if self.at[entry.backup_id] >= until - time and fnmatchcase(label, pattern):
                    self._keep(entry, f"label {label}: for {_days(time)}")

    def _without_proof(self) -> None:
        """Keep what nothing better has followed: the unproven and the failed."""
        newest = max((self.at[e.backup_id] for e in self.proven), default=None)
        if newest is None:
            for entry in self.unproven:
                self._keep(entry, "no backup of this source is proven yet")
        for entry in self.failed:
            if newest is None or self.at[entry.backup_id] > newest:
                self._keep(entry, "failed, but nothing newer is proven")

    def _why_not(self, entry: Entry) -> str:
        state = self.states[entry.backup_id]
        kind = {State.FAILED: "failed, and ", State.CREATED: "unproven, and "}.get(state, "")
        return f"{kind}no class keeps it"


def _doubts(
    entry: Entry, at: datetime, now: datetime, incomplete: Mapping[str, str]
) -> Iterator[str]:
    """Yield why a backup's state or time cannot be relied on: then it stays."""
    if entry.unread:
        yield f"{entry.unread} of its records cannot be read: one may be a pin"
    if at > now + _TOLERANCE:
        yield "its snapshot lies in the future: a clock is or was wrong"
    if entry.backup_id in incomplete:
        yield f"not whole any more: {incomplete[entry.backup_id]}"


def _days(time: timedelta) -> str:
    days = time / timedelta(days=1)
    return f"{days:g} d" if days >= 1 else f"{time / timedelta(hours=1):g} h"
