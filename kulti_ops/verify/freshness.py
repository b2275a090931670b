"""Whether proven backups keep coming, and in the size that they use to have. Pure.

Age is that of the snapshot, on the database's clock. What could not be looked at is
never taken for good: a backup with a record that cannot be read may have failed.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from kulti_ops.backup.catalog import State
from kulti_ops.clock import CLOCK_TOLERANCE_S, iso
from kulti_ops.duration import spoken
from kulti_ops.errors import ConfigError
from kulti_ops.progress import size
from kulti_ops.report import CheckResult, Verdict, worst
from kulti_ops.verify import Proof

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from typing import Any

    from kulti_ops.backup.catalog import Entry
    from kulti_ops.backup.manifest import Manifest, Source

# A week of daily backups: long enough for a median that one odd day does not move, short enough
# to follow a database that grows.
HISTORY = 7
HISTORY_MINIMUM = 3
UNKNOWN_SERVER = "unknown"  # of a role that may not read the system identifier
_CREATE = "kulti-ops backup create"
_LIST = "kulti-ops backup list"
_STATES = {
    Proof.VERIFIED: frozenset({State.VERIFIED, State.DRILLED}),
    Proof.DRILLED: frozenset({State.DRILLED}),
}
_NEXT = {Proof.VERIFIED: "kulti-ops verify backup", Proof.DRILLED: "kulti-ops restore drill"}


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """How old the newest backup with that proof may be, and how its size may change."""

    max_age_s: float
    proof: Proof
    shrink_percent: float
    growth_percent: float


@dataclass(frozen=True, kw_only=True)
class Freshness:
    """The verdicts, and the backup that they are about."""

    results: tuple[CheckResult, ...]
    newest: Manifest | None

    @property
    def status(self) -> Verdict:
        """The worst verdict."""
        return worst(result.status for result in self.results)


def choose_source(entries: Iterable[Entry], configured: str | None) -> str:
    """Return the source to watch: the configured one, else the only one that there is.

    Raises: ConfigError when that cannot be told.
    """
    if configured is not None:
        return configured
    found = sorted({e.manifest.source.identity for e in entries if e.manifest})
    if len(found) == 1:
        return found[0]
    listed = f"it holds backups of {', '.join(found)}" if found else "it holds no backups either"
    raise ConfigError(
        f"no database is configured, and the storage does not tell which one is meant: {listed}",
        hint="set DATABASE_URL (it is not connected to), or give --source",
    )


def judge_freshness(
    entries: Iterable[Entry],
    *,
    source: str,
    now: datetime,
    expected: Expectation,
    server: str | None = None,
) -> Freshness:
    """Judge the age of the newest proven backup of a source, what came after it, and its size.

    A name of this machine may lead to several servers (`Source.server`): each is judged by
    itself, and the worst one is told; `server` names the one that is meant, or UNKNOWN_SERVER.
    """
    seen = tuple(entries)
    servers = {m.server for e in seen if (m := _source(e)) and m.identity == source}
    if server is not None:
        wanted = "" if server == UNKNOWN_SERVER else server
        return _judge(seen, source, wanted, now=now, expected=expected)
    if len(servers) <= 1:
        return _judge(seen, source, None, now=now, expected=expected)
    judged = [_judge(seen, source, name, now=now, expected=expected) for name in sorted(servers)]
    status = worst(found.status for found in judged)
    alike = [found for found in judged if found.status is status]
    return min(alike, key=lambda found: (found.newest is not None, _at(found.newest)))


def _source(entry: Entry) -> Source | None:
    return entry.manifest.source if entry.manifest else None


def _at(newest: Manifest | None) -> float:
    return newest.snapshot_at.timestamp() if newest else 0.0


def _judge(
    entries: tuple[Entry, ...],
    source: str,
    server: str | None,
    *,
    now: datetime,
    expected: Expectation,
) -> Freshness:
    """Judge one server's backups, or all of the source's where no server is named."""
    found = _Found(entries, source, server, _STATES[expected.proof])
    newest = found.proven[-1] if found.proven else None
    return Freshness(
        results=(
            _age(found, newest, now=now, expected=expected),
            _newer(found, newest, expected.proof),
            _size(found.proven, expected),
        ),
        newest=newest,
    )


class _Found:
    """What the storage holds of one source, sorted by what is known about it."""

    def __init__(
        self,
        entries: tuple[Entry, ...],
        source: str,
        server: str | None,
        states: frozenset[State],
    ) -> None:
        self.source = source
        if server is not None:
            self.source += f" (server {server or UNKNOWN_SERVER})"
        mine = [
            (e, e.manifest)
            for e in entries
            if e.manifest
            and e.manifest.source.identity == source
            and server in (None, e.manifest.source.server)
        ]
        mine.sort(key=lambda pair: (pair[1].snapshot_at, pair[0].backup_id))
        self.backups = len(mine)
        self.failed = [m for e, m in mine if e.state is State.FAILED]
        self.doubtful = [m for e, m in mine if e.unread]
        self.proven = [m for e, m in mine if e.state in states and not e.unread]
        self.unproven = [m for e, m in mine if e.state not in {*states, State.FAILED}]
        self.unreachable = [e for e in entries if e.unreachable]
        self.damaged = [e for e in entries if e.manifest is None and not e.unreachable]

    def unseen_since(self, moment: datetime | None) -> int:
        """Return how many backups after a time may be proven without our seeing it."""
        doubtful = [m for m in self.doubtful if moment is None or m.snapshot_at > moment]
        return len(doubtful) + len(self.unreachable)


def _age(
    found: _Found, newest: Manifest | None, *, now: datetime, expected: Expectation
) -> CheckResult:
    proof, allowed_s = expected.proof, expected.max_age_s
    evidence: dict[str, Any] = {"max_age_s": allowed_s, "backups": found.backups}
    unseen = found.unseen_since(newest.snapshot_at if newest else None)
    if newest is None:
        summary = f"no backup of {found.source} was ever {proof}"
        status = Verdict.UNKNOWN if unseen else Verdict.CRIT
        advice = _NEXT[proof] if found.backups else _CREATE
        return _result("age", status, summary + _unseen_text(unseen), evidence, advice)
    age_s = (now - newest.snapshot_at).total_seconds()
    evidence |= {"age_s": round(age_s, 3), "backup_id": newest.backup_id}
    if age_s < -CLOCK_TOLERANCE_S:
        summary = (
            f"the newest {proof} backup of {found.source} is dated in the future: "
            f"{iso(newest.snapshot_at)}"
        )
        advice = "check the clocks of this machine and of the database"
        return _result("age", Verdict.CRIT, summary, evidence, advice)
    summary = (
        f"the newest {proof} backup of {found.source} is {spoken(max(age_s, 0))} old, "
        f"allowed {spoken(allowed_s)}"
    )
    if age_s <= allowed_s:
        return _result("age", Verdict.OK, summary, evidence, None)
    status = Verdict.UNKNOWN if unseen else Verdict.CRIT
    waiting = [m for m in found.unproven if m.snapshot_at > newest.snapshot_at]
    advice = _NEXT[proof] if waiting else _CREATE
    return _result("age", status, summary + _unseen_text(unseen), evidence, advice)


def _unseen_text(count: int) -> str:
    return f"; {count} could not be looked at" if count else ""


def _newer(found: _Found, newest: Manifest | None, proof: Proof) -> CheckResult:
    """Judge what came after the newest proven one: failed runs must not hide behind its age."""
    since = newest.snapshot_at if newest else None
    failed = [m.backup_id for m in found.failed if since is None or m.snapshot_at > since]
    damaged = [e for e in found.damaged if newest is None or e.backup_id > newest.backup_id]
    failed += [entry.backup_id for entry in damaged]
    waiting = [m for m in found.unproven if since is None or m.snapshot_at > since]
    evidence = {"failed": len(failed), "not_proven": len(waiting)}
    if failed:
        summary = f"{len(failed)} newer ones failed or are damaged: {failed[-1]}"
        return _result("newer", Verdict.WARN, summary, evidence, _LIST)
    if newest is None and not waiting:
        return _result("newer", Verdict.SKIPPED, "there is no backup", evidence, None)
    unseen = found.unseen_since(since)
    if unseen:
        summary = f"{unseen} newer ones cannot be judged"
        return _result("newer", Verdict.UNKNOWN, summary, evidence, _LIST)
    text = f"{len(waiting)} newer ones are not {proof} yet" if waiting else "none is newer"
    return _result("newer", Verdict.OK, text, evidence, None)


def _size(proven: list[Manifest], expected: Expectation) -> CheckResult:
    """Compare the newest proven backup with the median of those before it that hold as much."""
    if not proven:
        return _result("size", Verdict.SKIPPED, "no backup is proven", {}, None)
    newest = proven[-1]
    alike = [m.size_bytes for m in proven[:-1] if set(m.left_out) == set(newest.left_out)]
    earlier = alike[-HISTORY:]
    evidence: dict[str, Any] = {"size_bytes": newest.size_bytes, "compared": len(earlier)}
    if len(earlier) < HISTORY_MINIMUM:
        summary = f"{len(earlier)} earlier backups of the same scope are too few to compare with"
        return _result("size", Verdict.SKIPPED, summary, evidence, None)
    usual = median(earlier)
    change = (newest.size_bytes - usual) / usual * 100 if usual else 0.0
    evidence |= {"median_bytes": int(usual), "change_percent": round(change, 1)}
    summary = f"{size(newest.size_bytes)}, {change:+.0f} % from the median of {len(earlier)} before"
    odd = change < -expected.shrink_percent or change > expected.growth_percent
    return _result(
        "size",
        Verdict.WARN if odd else Verdict.OK,
        summary,
        evidence,
        f"kulti-ops backup show {newest.backup_id}" if odd else None,
    )


def _result(
    check_id: str, status: Verdict, summary: str, evidence: Mapping[str, Any], advice: str | None
) -> CheckResult:
    return CheckResult(id=check_id, status=status, summary=summary, evidence=evidence, next=advice)
