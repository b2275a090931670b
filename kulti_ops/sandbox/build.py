"""Turns a fresh cluster into a Kulti: roles, vendor schemas, the platform's tables, data.

Owns the order in which the files of `sql/` and of the platform run and the session they run in;
what is created stands in those files and nowhere else. Starts and stops no server, reads no
calendar (`now` is given) and uses nothing random: the same `scale` and `now` give the same rows.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from kulti_ops.db import connect, own_target, translated
from kulti_ops.errors import ConfigError, OperationFailedError
from kulti_ops.platform.shape import Script, read_scripts, vendor_scripts
from kulti_ops.progress import SILENT
from kulti_ops.project import set_password

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from kulti_ops.db import Connection
    from kulti_ops.progress import Progress

# The generator's numbering holds up to the upper one: above, the platform's 65,536 invite codes
# would run out. Below 0.01 nothing gets smaller: 200 users, 500 sessions are the least.
MIN_SCALE = 0.001
MAX_SCALE = 20.0

# Two connections load and index at once: the sandbox is sized for a two-core machine.
_LANES = 2
_STATEMENT_TIMEOUT = "15min"
_LOCK_TIMEOUT = "60s"


@dataclass(frozen=True, kw_only=True)
class Phase:
    """The files whose two-digit number lies in [first, last]; side by side if `parallel`."""

    title: str
    first: int
    last: int
    parallel: bool = False


# Data before keys: an index built over rows that are there is cheaper than one kept up to
# date, and triggers made after the load count nothing twice.
PHASES = (
    Phase(title="creating roles and extensions", first=0, last=9),
    Phase(title="creating the vendor's schemas", first=10, last=19),
    Phase(title="creating tables", first=20, last=29),
    Phase(title="creating functions", first=30, last=39),
    Phase(title="inventing users, sessions and a ledger", first=40, last=42),
    Phase(title="loading rows", first=43, last=49, parallel=True),
    Phase(title="building keys and indexes", first=50, last=58, parallel=True),
    Phase(title="checking foreign keys", first=59, last=59),
    Phase(title="creating policies", first=60, last=69),
    Phase(title="creating views and triggers", first=70, last=79),
    Phase(title="adding edge cases", first=80, last=89),
    Phase(title="finishing", first=90, last=99),
)


@dataclass(frozen=True, kw_only=True)
class BuildSummary:
    """What was built: rows per table of `public`, the database's size, seconds per phase."""

    scale: float
    now: datetime
    rows: tuple[tuple[str, int], ...]
    size_bytes: int
    duration_s: float
    phases: tuple[tuple[str, float], ...]

    @property
    def total_rows(self) -> int:
        """Rows of all tables of `public` together."""
        return sum(count for _, count in self.rows)


@dataclass(frozen=True, kw_only=True)
class _Site:
    """Where to build, and with what."""

    admin_dsn: str
    scale: float
    now: datetime

    def open(self) -> Connection:
        """Open a session as every script expects it: UTC, no search path, in no hurry to sync."""
        target = own_target(self.admin_dsn, "the sandbox")
        connection = connect(target, application="sandbox")
        settings = {
            "search_path": "",
            "timezone": "UTC",
            "row_security": "off",
            "client_min_messages": "warning",
            "synchronous_commit": "off",
            "maintenance_work_mem": "192MB",
            "work_mem": "96MB",
            "max_parallel_maintenance_workers": "0",
            "statement_timeout": _STATEMENT_TIMEOUT,
            "lock_timeout": _LOCK_TIMEOUT,
            "kulti_ops.scale": repr(self.scale),
            "kulti_ops.now": self.now.isoformat(),
        }
        with translated("cannot prepare a session on the sandbox's server"):
            for name, value in settings.items():
                connection.execute("SELECT set_config(%s, %s, false)", (name, value))
        return connection


def build_database(
    admin_dsn: str,
    *,
    postgres_password: str,
    scale: float,
    now: datetime,
    progress: Progress = SILENT,
) -> BuildSummary:
    """Create and fill everything, as the bootstrap superuser in database `postgres`.

    Expects a fresh cluster: roles and schemas must not exist yet. `now` is the aware instant
    that the data's timestamps are counted from.

    Raises: DatabaseError naming the file that failed; ConfigError for a scale or a `now`
    that can't be used.
    """
    _check_arguments(scale, now)
    site = _Site(admin_dsn=admin_dsn, scale=scale, now=now)
    started = time.monotonic()
    scripts = load_scripts()
    phases = []
    for phase in PHASES:
        progress.step(phase.title)
        phase_started = time.monotonic()
        chosen = tuple(s for s in scripts if phase.first <= s.number <= phase.last)
        _run_scripts(site, chosen, lanes=_LANES if phase.parallel else 1)
        phases.append((phase.title, time.monotonic() - phase_started))
    with closing(site.open()) as connection:
        set_password(connection, "postgres", postgres_password)
        tables = _tables_by_size(connection)
    progress.step("gathering statistics")
    phase_started = time.monotonic()
    # Plans and index-only scans are then as on a server that has been lived in.
    vacuums = tuple(Script(name=f"99 {t}", text=f"VACUUM (ANALYZE) {t}") for t in tables)
    _run_scripts(site, vacuums, lanes=_LANES)
    phases.append(("gathering statistics", time.monotonic() - phase_started))
    with closing(site.open()) as connection:
        return BuildSummary(
            scale=scale,
            now=now,
            rows=_count_rows(connection),
            size_bytes=_database_size_bytes(connection),
            duration_s=time.monotonic() - started,
            phases=tuple(phases),
        )


def load_scripts() -> tuple[Script, ...]:
    """Return every file, the platform's and those of `sql/`, in the order they run."""
    own = read_scripts(files("kulti_ops.sandbox") / "sql")
    return tuple(sorted((*vendor_scripts(), *own), key=lambda script: script.name))


def _check_arguments(scale: float, now: datetime) -> None:
    if not MIN_SCALE <= scale <= MAX_SCALE:
        raise ConfigError(
            f"the sandbox's scale must be between {MIN_SCALE:g} and {MAX_SCALE:g}, not {scale:g}",
            hint="scale 1 is about 1 GB, 0.01 is ready in seconds",
        )
    if now.tzinfo is None:
        raise ConfigError("the sandbox's anchor in time has no time zone", hint="pass an aware now")


def _run_scripts(site: _Site, scripts: tuple[Script, ...], *, lanes: int) -> None:
    """Run the scripts in order on one connection, or dealt out to several."""
    queue = iter(scripts)
    if lanes == 1:
        _drain(site, queue)
        return
    with ThreadPoolExecutor(max_workers=lanes) as pool:
        for future in [pool.submit(_drain, site, queue, lone=False) for _ in range(lanes)]:
            future.result()


def _drain(site: _Site, queue: Iterator[Script], *, lone: bool = True) -> None:
    """Run what the queue still holds; a tuple's iterator may be shared by threads."""
    with closing(site.open()) as connection:
        if not lone:
            connection.execute("SET max_parallel_workers_per_gather = 0")
        for script in queue:
            with translated(f"sandbox file {script.name} failed"):
                # Bytes without parameters: one implicit transaction per file.
                connection.execute(script.text.encode())


def _tables_by_size(connection: Connection) -> tuple[str, ...]:
    with translated("cannot list the sandbox's tables"):
        rows = connection.execute(
            "SELECT c.oid::regclass::text FROM pg_catalog.pg_class c"
            " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relkind IN ('r', 'm') AND n.nspname NOT LIKE 'pg\\_%'"
            " AND n.nspname <> 'information_schema'"
            " ORDER BY pg_catalog.pg_relation_size(c.oid) DESC, c.oid"
        ).fetchall()
    return tuple(str(name) for (name,) in rows)


def _count_rows(connection: Connection) -> tuple[tuple[str, int], ...]:
    with translated("cannot count the sandbox's rows"):
        query = _single(
            connection.execute(
                "SELECT string_agg(format('SELECT %L AS name, count(*) AS rows FROM public.%I',"
                " relname, relname), ' UNION ALL ') || ' ORDER BY name'"
                " FROM pg_catalog.pg_class"
                " WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
            )
        )
        rows = connection.execute(str(query).encode()).fetchall()
    return tuple((str(name), int(count)) for name, count in rows)


def _database_size_bytes(connection: Connection) -> int:
    with translated("cannot measure the sandbox's database"):
        return int(_single(connection.execute("SELECT pg_database_size(current_database())")))


def _single(rows: Iterable[tuple[object, ...]]) -> str:
    """Return the one value of a one-row answer, as text."""
    for row in rows:
        return str(row[0])
    raise OperationFailedError("the sandbox's server gave no answer where one was asked for")
