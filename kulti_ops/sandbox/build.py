"""Turns a fresh cluster into a Kulti: roles, vendor schemas, the platform's tables, data.

Owns the order in which the files of `sql/` run and the session they run in; what is created
stands in those files and nowhere else. Starts and stops no server, reads no clock (`now` is
given) and uses nothing random: the same `scale` and `now` give the same rows.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from kulti_ops.errors import DatabaseError, KultiError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from typing import LiteralString

# The field of scales that the generator's numbering allows: beyond the upper end the
# platform's 65,536 invite codes and 13 million room codes would run out.
MIN_SCALE = 0.001
MAX_SCALE = 40.0

# Two connections load and index at once: the sandbox is sized for a two-core machine.
_LANES = 2
_STATEMENT_TIMEOUT_S = 900
_LOCK_TIMEOUT_S = 60
_CONNECT_TIMEOUT_S = 10


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
    Phase(title="roles and extensions", first=0, last=9),
    Phase(title="vendor schemas", first=10, last=19),
    Phase(title="tables", first=20, last=29),
    Phase(title="functions", first=30, last=39),
    Phase(title="facts", first=40, last=42),
    Phase(title="data", first=43, last=49, parallel=True),
    Phase(title="keys and indexes", first=50, last=58, parallel=True),
    Phase(title="foreign keys", first=59, last=59),
    Phase(title="policies", first=60, last=69),
    Phase(title="views and triggers", first=70, last=79),
    Phase(title="edge cases", first=80, last=89),
    Phase(title="finish", first=90, last=99),
)


@dataclass(frozen=True, kw_only=True)
class BuildSummary:
    """What was built: rows per table of `public`, size of the database, seconds per phase."""

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
class _Script:
    name: str
    text: str

    @property
    def number(self) -> int:
        return int(self.name[:2])


def read_scripts() -> tuple[tuple[str, str], ...]:
    """Return every numbered SQL file of the sandbox as (name, text), in the order they run."""
    return tuple((script.name, script.text) for script in _load_scripts())


def build_database(
    admin_dsn: str,
    *,
    postgres_password: str,
    scale: float,
    now: datetime,
    progress: Callable[[str], None] = lambda _message: None,
) -> BuildSummary:
    """Create and fill everything, as the bootstrap superuser in database `postgres`.

    Expects a fresh cluster: roles and schemas must not exist yet. `now` is the instant that
    the data's timestamps are counted from, aware.

    Raises: DatabaseError naming the file that failed; KultiError for a scale or a `now`
    that can't be used.
    """
    _check_arguments(scale, now)
    started = time.monotonic()
    scripts = _load_scripts()
    phases = []
    for phase in PHASES:
        phase_started = time.monotonic()
        chosen = tuple(s for s in scripts if phase.first <= s.number <= phase.last)
        progress(phase.title)
        _run_phase(admin_dsn, chosen, scale=scale, now=now, lanes=_LANES if phase.parallel else 1)
        phases.append((phase.title, time.monotonic() - phase_started))
    with _connect(admin_dsn, scale=scale, now=now) as conn:
        _set_password(conn, "postgres", postgres_password)
    phase_started = time.monotonic()
    progress("statistics")
    _vacuum_all(admin_dsn, scale=scale, now=now)
    phases.append(("statistics", time.monotonic() - phase_started))
    with _connect(admin_dsn, scale=scale, now=now) as conn:
        rows = _count_rows(conn)
        size_bytes = _scalar(conn, "SELECT pg_database_size(current_database())")
    return BuildSummary(
        scale=scale,
        now=now,
        rows=rows,
        size_bytes=size_bytes,
        duration_s=time.monotonic() - started,
        phases=tuple(phases),
    )


def _check_arguments(scale: float, now: datetime) -> None:
    if not MIN_SCALE <= scale <= MAX_SCALE:
        raise KultiError(
            f"the sandbox's scale must be between {MIN_SCALE} and {MAX_SCALE}, not {scale}",
            hint="scale 1 is about 1 GB, 0.01 is ready in seconds",
        )
    if now.tzinfo is None:
        raise KultiError("the sandbox's anchor in time has no time zone", hint="pass an aware now")


def _load_scripts() -> tuple[_Script, ...]:
    folder = files("kulti_ops.sandbox") / "sql"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return tuple(
        _Script(name=name, text=(folder / name).read_text(encoding="utf-8")) for name in names
    )


def _connect(
    admin_dsn: str, *, scale: float, now: datetime
) -> psycopg.Connection[tuple[object, ...]]:
    """Open a session as every script expects it: UTC, no search path, in no hurry to sync."""
    settings = {
        "search_path": "",
        "timezone": "UTC",
        "row_security": "off",
        "client_min_messages": "warning",
        "synchronous_commit": "off",
        "maintenance_work_mem": "192MB",
        "work_mem": "96MB",
        "max_parallel_maintenance_workers": "0",
        "statement_timeout": f"{_STATEMENT_TIMEOUT_S}s",
        "lock_timeout": f"{_LOCK_TIMEOUT_S}s",
        "kulti_ops.scale": repr(scale),
        "kulti_ops.now": now.isoformat(),
    }
    try:
        conn = psycopg.connect(admin_dsn, autocommit=True, connect_timeout=_CONNECT_TIMEOUT_S)
        for name, value in settings.items():
            conn.execute("SELECT set_config(%s, %s, false)", (name, value))
    except psycopg.Error as error:
        raise _translate(error, "cannot prepare a session on the sandbox's server") from error
    return conn


def _run_phase(
    admin_dsn: str, scripts: tuple[_Script, ...], *, scale: float, now: datetime, lanes: int
) -> None:
    """Run the scripts in order on one connection, or dealt out to several."""
    queue = iter(scripts)

    def work() -> None:
        with _connect(admin_dsn, scale=scale, now=now) as conn:
            if lanes > 1:
                conn.execute("SET max_parallel_workers_per_gather = 0")
            # The generator's next() is atomic under the interpreter lock.
            for script in queue:
                _run_script(conn, script)

    if lanes == 1:
        work()
        return
    with ThreadPoolExecutor(max_workers=lanes) as pool:
        for future in [pool.submit(work) for _ in range(lanes)]:
            future.result()


def _run_script(conn: psycopg.Connection[tuple[object, ...]], script: _Script) -> None:
    """Run one file in one implicit transaction."""
    try:
        # The text is a package file of ours, not input: hence no composed statement.
        conn.execute(script.text.encode())
    except psycopg.Error as error:
        raise _translate(error, f"sandbox file {script.name} failed") from error


def _translate(error: psycopg.Error, what: str) -> DatabaseError:
    primary = error.diag.message_primary or str(error).splitlines()[0]
    return DatabaseError(
        f"{what}: {primary}",
        hint="the sandbox needs a fresh PostgreSQL 17 cluster: destroy it and start again",
        sqlstate=error.sqlstate,
    )


def _set_password(conn: psycopg.Connection[tuple[object, ...]], role: str, password: str) -> None:
    """Set a password as its SCRAM verifier: the server never sees, or logs, the clear text."""
    verifier = conn.pgconn.encrypt_password(
        password.encode(), role.encode(), b"scram-sha-256"
    ).decode()
    conn.execute(
        sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(verifier))
    )


def _vacuum_all(admin_dsn: str, *, scale: float, now: datetime) -> None:
    """Vacuum and analyze, largest first: plans and index-only scans are as on a lived-in server."""
    with _connect(admin_dsn, scale=scale, now=now) as conn:
        tables = conn.execute(
            "SELECT c.oid::regclass::text FROM pg_catalog.pg_class c"
            " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relkind IN ('r', 'm') AND n.nspname NOT LIKE 'pg\\_%'"
            " AND n.nspname <> 'information_schema'"
            " ORDER BY pg_catalog.pg_relation_size(c.oid) DESC, c.oid"
        ).fetchall()
    scripts = tuple(
        _Script(name=f"99_{name}", text=f"VACUUM (ANALYZE) {name}") for (name,) in tables
    )
    _run_phase(admin_dsn, scripts, scale=scale, now=now, lanes=_LANES)


def _count_rows(
    conn: psycopg.Connection[tuple[object, ...]],
) -> tuple[tuple[str, int], ...]:
    names = [
        str(name)
        for (name,) in conn.execute(
            "SELECT relname FROM pg_catalog.pg_class"
            " WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY relname"
        )
    ]
    count = sql.SQL("SELECT count(*) FROM {}")
    return tuple(
        (name, _scalar(conn, count.format(sql.Identifier("public", name)))) for name in names
    )


def _scalar(
    conn: psycopg.Connection[tuple[object, ...]], query: LiteralString | sql.Composed
) -> int:
    row = conn.execute(query).fetchone()
    if row is None or not isinstance(row[0], int):
        raise DatabaseError("the sandbox's server gave no number where one was asked for")
    return row[0]
