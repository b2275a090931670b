"""What must hold before a backup begins: versions, connection, rights, clock, space.

`survey` asks the database once; the `judge_*` functions are pure and raise
`RefusedError` with every offender's name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kulti_ops.clock import CLOCK_TOLERANCE_S
from kulti_ops.db import TRANSACTION_POOLER_PORT, translated
from kulti_ops.errors import RefusedError
from kulti_ops.progress import size

if TYPE_CHECKING:
    from datetime import datetime

    from kulti_ops.db import Connection, Target

SPACE_FACTOR = 1.2  # of the last backup's size
SPACE_SHARE = 0.25  # of the database's size where there is no earlier backup (measured: 0.2)
NAMES_SHOWN = 10

_SURVEY = """
SELECT current_setting('server_version'), current_setting('server_version_num')::int,
       pg_database_size(current_database()), clock_timestamp(), pg_is_in_recovery(),
       r.rolsuper, r.rolbypassrls,
       current_setting('timezone'), current_setting('bytea_output')
  FROM pg_roles r WHERE r.rolname = current_user
"""

# Relations that pg_dump reads: tables for their rows, sequences for their values. Members of
# extensions come with their extension; partitions are tables of their own.
_UNREADABLE = """
SELECT format('%I.%I', n.nspname, c.relname),
       pg_has_role(c.relowner, 'USAGE') OR pg_has_role(n.nspowner, 'USAGE') OR n.nspname = 'public'
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'S') AND c.relpersistence <> 't'
   AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.classid = 'pg_class'::regclass
                     AND e.objid = c.oid AND e.deptype = 'e')
   AND NOT (has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'))
 ORDER BY 1
"""

_HIDDEN_ROWS = """
SELECT format('%I.%I', n.nspname, c.relname)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND c.relrowsecurity
   AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND (c.relforcerowsecurity OR NOT pg_has_role(c.relowner, 'USAGE'))
 ORDER BY 1
"""

_UNREADABLE_LARGE_OBJECTS = """
SELECT count(*) FROM pg_largeobject_metadata m
 WHERE NOT pg_has_role(m.lomowner, 'USAGE')
   AND NOT EXISTS (SELECT 1 FROM aclexplode(m.lomacl) a WHERE a.privilege_type = 'SELECT'
                     AND (a.grantee = 0 OR pg_has_role(a.grantee, 'USAGE')))
"""


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What the database says about itself and about what this role may read.

    `vendors` are unreadable relations that the platform's vendor owns: they are left
    out by name and reported; `unreadable` are ours, and stop the backup.
    """

    server_version: str
    server_version_num: int
    database_bytes: int
    server_now: datetime
    in_recovery: bool
    sees_all_rows: bool
    session: dict[str, str]
    unreadable: tuple[str, ...]
    vendors: tuple[str, ...]
    hidden_rows: tuple[str, ...]
    unreadable_large_objects: int

    @property
    def server_major(self) -> int:
        """The server's major version."""
        return self.server_version_num // 10000


def survey(connection: Connection) -> Survey:
    """Ask the connected database what a backup must know beforehand.

    Raises: DatabaseError when a question fails.
    """
    with translated("preflight"), connection.cursor() as cursor:
        cursor.execute("SET search_path = ''")
        row = cursor.execute(_SURVEY).fetchone()
        assert row is not None  # noqa: S101 - the current role always exists
        relations = cursor.execute(_UNREADABLE).fetchall()
        hidden = () if row[5] or row[6] else tuple(r[0] for r in cursor.execute(_HIDDEN_ROWS))
        large = 0
        if not row[5]:
            counted = cursor.execute(_UNREADABLE_LARGE_OBJECTS).fetchone()
            large = counted[0] if counted else 0
    return Survey(
        server_version=row[0].split()[0],
        server_version_num=row[1],
        database_bytes=row[2],
        server_now=row[3],
        in_recovery=row[4],
        sees_all_rows=row[5] or row[6],
        session={"timezone": row[7], "bytea_output": row[8]},
        unreadable=tuple(name for name, ours in relations if ours),
        vendors=tuple(name for name, ours in relations if not ours),
        hidden_rows=hidden,
        unreadable_large_objects=large,
    )


def judge_connection(target: Target) -> None:
    """Refuse a connection on which nothing can have one snapshot.

    Raises: RefusedError for Supabase's pooler in transaction mode.
    """
    if target.port == TRANSACTION_POOLER_PORT:
        raise RefusedError(
            f"{target.label}: port {TRANSACTION_POOLER_PORT} is the transaction pooler; "
            "through it there is no consistent snapshot",
            hint="use the direct host, or the session pooler: port 5432, role postgres.<ref>",
        )


def judge_rights(found: Survey, *, large_objects: bool) -> None:
    """Refuse when the dump would lack something that is ours.

    Raises: RefusedError naming what cannot be read and how to mend it.
    """
    if found.unreadable:
        raise RefusedError(
            f"the role may not read {_names(found.unreadable)}",
            hint="GRANT pg_read_all_data TO the role, or back up as the owner",
        )
    if found.hidden_rows:
        raise RefusedError(
            f"row-level security hides rows of {_names(found.hidden_rows)} from the role",
            hint="back up as a role with BYPASSRLS, on Supabase `postgres`",
        )
    if large_objects and found.unreadable_large_objects:
        raise RefusedError(
            f"{found.unreadable_large_objects} large objects of other owners cannot be read",
            hint="back up as their owner, or leave all of them out with --no-large-objects",
        )


def expected_bytes(found: Survey, *, last_size_bytes: int | None) -> int:
    """Return how large the backup will most likely be."""
    if last_size_bytes is not None:
        return int(last_size_bytes * SPACE_FACTOR)
    return int(found.database_bytes * SPACE_SHARE)


def judge_space(*, free_bytes: int | None, expected_bytes: int) -> None:
    """Refuse when the storage will most likely run full.

    Raises: RefusedError with both figures.
    """
    if free_bytes is not None and free_bytes < expected_bytes:
        raise RefusedError(
            f"the storage has {size(free_bytes)} free, "
            f"the backup needs about {size(expected_bytes)}",
            hint="free space there, or choose another storage with KULTI_OPS_STORAGE",
        )


def clock_warning(found: Survey, *, now: datetime) -> str | None:
    """Return a warning when this machine's clock and the database's differ."""
    skew_s = (now - found.server_now).total_seconds()
    if abs(skew_s) <= CLOCK_TOLERANCE_S:
        return None
    return f"this machine's clock is {skew_s:+.0f} s from the database's: check its time service"


def _names(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more
