"""Putting a restored database in the place of a live one: beside it first, then two renames.

Owns what is asked of and done to databases as a whole: their properties, sessions,
names. Works from another database of the same server, since a database that somebody
is connected to cannot be renamed. Never drops the live one: it is kept under another
name. Makes no backups and restores nothing itself (`flows.replace` strings it together).
"""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from kulti_ops.clock import compact
from kulti_ops.db import connect, sql, translated
from kulti_ops.errors import DatabaseError, NotFoundError, OperationFailedError, RefusedError
from kulti_ops.inventory import Item
from kulti_ops.restore.roles import apply_settings
from kulti_ops.roles import quote_identifier

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from kulti_ops.db import Connection, Target
    from kulti_ops.restore.guards import TargetState

MAINTENANCE = ("postgres", "template1")
TEMPLATES = frozenset({"template0", "template1"})
LONGEST_NAME_BYTES = 63  # NAMEDATALEN - 1
RESTORED, BEFORE = "restored", "before"
SWAP_TRIES = 3  # the server itself waits 5 s for sessions to end, each time
END_EVERY_S = 0.05
APPLICATIONS_SHOWN = 8
_SESSION = MappingProxyType(
    {
        "search_path": "",
        "lock_timeout": "30s",
        "statement_timeout": "15min",  # creating a database copies files; nothing else is long
        "idle_session_timeout": "0",  # it waits while the backup is restored
    }
)
_IN_USE = "55006"
_SINCE_LOCALE = 170000  # datlocale was daticulocale before
_SINCE_RULES = 160000
_STAMP = r"\d{8}T\d{6}Z"

_DATABASE = """
SELECT d.oid::int8, pg_get_userbyid(d.datdba), pg_encoding_to_char(d.encoding),
       d.datcollate, d.datctype, d.datlocprovider::text, {locale}, {rules}, t.spcname,
       d.datconnlimit, shobj_description(d.oid, 'pg_database'), d.datacl IS NULL
  FROM pg_database d JOIN pg_tablespace t ON t.oid = d.dattablespace WHERE d.datname = %s
"""

_GRANTS = """
SELECT pg_get_userbyid(a.grantor), CASE a.grantee WHEN 0 THEN NULL
       ELSE pg_get_userbyid(a.grantee) END, a.privilege_type, a.is_grantable
  FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
 WHERE d.oid = %s ORDER BY a.grantor <> d.datdba, 1, 2 NULLS FIRST, 3
"""

_SETTINGS = """
SELECT CASE WHEN s.setrole <> 0 THEN pg_get_userbyid(s.setrole) END, s.setconfig::text
  FROM pg_db_role_setting s WHERE s.setdatabase = %s ORDER BY 1 NULLS FIRST
"""

_SESSIONS = """
SELECT coalesce(nullif(application_name, ''), backend_type, 'unknown'),
       coalesce(usename::text, '-'), count(*)::int
  FROM pg_stat_activity
 WHERE datid = %s AND pid <> pg_backend_pid() AND backend_type <> 'autovacuum worker'
 GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2
"""

_END = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
 WHERE datid = %s AND pid <> pg_backend_pid() AND backend_type <> 'autovacuum worker'
"""


@dataclass(frozen=True, kw_only=True)
class Grant:
    """One right on a database; `grantee` is None for everybody."""

    grantor: str
    grantee: str | None
    privilege: str
    grantable: bool


@dataclass(frozen=True, kw_only=True)
class DatabaseState:
    """What a database is beside its contents; `settings` are (role or None, array as text)."""

    name: str
    oid: int
    owner: str
    encoding: str
    collate: str
    ctype: str
    provider: str
    locale: str | None
    rules: str | None
    tablespace: str
    connection_limit: int
    comment: str | None
    default_rights: bool
    grants: tuple[Grant, ...]
    settings: tuple[tuple[str | None, str], ...]

    @property
    def carried(self) -> tuple[object, ...]:
        """What must be the same in the database that takes its place."""
        fixed = (self.owner, self.encoding, self.collate, self.ctype, self.provider, self.locale)
        return (*fixed, self.connection_limit, self.comment, self.grants, self.settings)


@dataclass(frozen=True, kw_only=True)
class Sessions:
    """Sessions of one application and role."""

    application: str
    role: str
    count: int

    @property
    def label(self) -> str:
        """As messages name them."""
        return f"{self.count} of {self.application} as {self.role}"


def judge_replace(target: Target, state: TargetState | None, *, confirmed: str | None) -> None:
    """Refuse what may not or cannot be replaced; without a state, by the names alone.

    Raises: RefusedError.
    """
    if confirmed != target.database:
        raise RefusedError(
            f"replacing {target.label} wants its name said",
            hint=f"if you are certain: --replace --confirm {target.database}",
        )
    if target.database in TEMPLATES:
        raise RefusedError(f"{target.database} is a template of the server: nothing to replace")
    if state is not None and state.hosted:
        raise RefusedError(
            f"{target.label} is a hosted project: its services are wired to this very database, "
            "so none can take its place",
            hint="restore into a new project, or bring tables beside the live ones: "
            "kulti-ops restore table",
        )


def maintenance_of(target: Target, *, timeout_s: int) -> Target:
    """Return another database of the same server to work from.

    Raises: RefusedError when there is none that can be connected to.
    """
    reason = ""
    for name in MAINTENANCE:
        if name == target.database:
            continue
        candidate = target.with_database(name)
        try:
            with connect(candidate, application="replace", timeout_s=timeout_s):
                return candidate
        except DatabaseError as error:
            reason = error.message
    raise RefusedError(
        f"a database can only be renamed from another one of its server: {reason}",
        hint=f"let {target.user} connect to the database postgres or template1",
    )


@contextmanager
def replacing(maintenance: Target, name: str) -> Iterator[Connection]:
    """Hold the right to replace a database, and the connection to do it by.

    Raises: RefusedError when another run holds it.
    """
    with connect(maintenance, application="replace") as connection:
        with translated("replace"):
            for name_of, value in _SESSION.items():
                connection.execute("SELECT set_config(%s, %s, false)", (name_of, value))
            key = f"kulti-ops replace {name}"
            row = connection.execute(
                "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (key,)
            ).fetchone()
        if row is None or not row[0]:
            raise RefusedError(f"{name} is being replaced by another run")
        yield connection


def read_database(connection: Connection, name: str) -> DatabaseState:
    """Return a database's properties.

    Raises: NotFoundError when there is none of that name.
    """
    version = connection.info.server_version
    query = _DATABASE.format(
        locale="d.datlocale" if version >= _SINCE_LOCALE else "d.daticulocale",
        rules="d.daticurules" if version >= _SINCE_RULES else "NULL",
    )
    with translated(f"database {name}"):
        row = connection.execute(sql.SQL(query), (name,)).fetchone()
        if row is None:
            raise NotFoundError(f"there is no database {name}")
        grants = connection.execute(_GRANTS, (row[0],)).fetchall()
        settings = connection.execute(_SETTINGS, (row[0],)).fetchall()
    return DatabaseState(
        name=name,
        oid=row[0],
        owner=row[1],
        encoding=row[2],
        collate=row[3],
        ctype=row[4],
        provider=row[5],
        locale=row[6],
        rules=row[7],
        tablespace=row[8],
        connection_limit=row[9],
        comment=row[10],
        default_rights=row[11],
        grants=tuple(
            Grant(grantor=g[0], grantee=g[1], privilege=g[2], grantable=g[3]) for g in grants
        ),
        settings=tuple((s[0], s[1]) for s in settings),
    )


def sessions_of(connection: Connection, live: DatabaseState) -> tuple[Sessions, ...]:
    """Return who is connected to a database, by application and role."""
    with translated("sessions"):
        rows = connection.execute(_SESSIONS, (live.oid,)).fetchall()
    return tuple(Sessions(application=r[0], role=r[1], count=r[2]) for r in rows)


def judge_sessions(live: DatabaseState, sessions: tuple[Sessions, ...], *, end: bool) -> None:
    """Refuse while somebody is connected, unless they are to be ended.

    Raises: RefusedError naming them by application.
    """
    if sessions and not end:
        shown = ", ".join(s.label for s in sessions[:APPLICATIONS_SHOWN])
        more = " and more" if len(sessions) > APPLICATIONS_SHOWN else ""
        raise RefusedError(
            f"{sum(s.count for s in sessions)} sessions are connected to {live.name}: "
            f"{shown}{more}",
            hint="stop the application, or add --terminate-connections: they are ended at the swap",
        )


def sibling_name(name: str, word: str, now: datetime) -> str:
    """Return `<name>_<word>_<stamp>`, the name cut to what PostgreSQL allows."""
    suffix = f"_{word}_{compact(now)}"
    room = LONGEST_NAME_BYTES - len(suffix)
    return name.encode()[:room].decode("utf-8", "ignore") + suffix


def leftovers_of(connection: Connection, name: str) -> tuple[str, ...]:
    """Return databases that earlier runs for this name restored and never put in place."""
    with translated("leftovers"):
        rows = connection.execute("SELECT datname::text FROM pg_database ORDER BY 1").fetchall()
    room = LONGEST_NAME_BYTES - len(f"_{RESTORED}_20260101T000000Z")
    head = name.encode()[:room].decode("utf-8", "ignore")
    pattern = re.compile(re.escape(f"{head}_{RESTORED}_") + _STAMP)
    return tuple(r[0] for r in rows if pattern.fullmatch(r[0]))


def create_beside(connection: Connection, live: DatabaseState, name: str) -> None:
    """Create an empty database with the live one's owner, encoding and locale.

    Raises: DatabaseError.
    """
    words = [
        sql.SQL("OWNER {}").format(sql.Identifier(live.owner)),
        sql.SQL("TEMPLATE template0"),
        sql.SQL("ENCODING {}").format(sql.Literal(live.encoding)),
        sql.SQL("LC_COLLATE {}").format(sql.Literal(live.collate)),
        sql.SQL("LC_CTYPE {}").format(sql.Literal(live.ctype)),
        sql.SQL("TABLESPACE {}").format(sql.Identifier(live.tablespace)),
    ]
    provider = {"i": ("icu", "ICU_LOCALE"), "b": ("builtin", "BUILTIN_LOCALE")}.get(live.provider)
    if provider is not None:
        words.append(
            sql.SQL(f"LOCALE_PROVIDER {provider[0]} {provider[1]} {{}}").format(live.locale)
        )
    if live.rules is not None:
        words.append(sql.SQL("ICU_RULES {}").format(sql.Literal(live.rules)))
    with translated(f"creating {name}"):
        connection.execute(
            sql.SQL("CREATE DATABASE {} {}").format(sql.Identifier(name), sql.SQL(" ").join(words))
        )


def drop_beside(connection: Connection, name: str) -> None:
    """Drop a database that this run created and that never took a place."""
    with translated(f"dropping {name}"):
        connection.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )


def carry_over(connection: Connection, live: DatabaseState, name: str) -> None:
    """Give a database the live one's rights, settings, comment and connection limit.

    Raises: DatabaseError.
    """
    database = sql.Identifier(name)
    fresh = read_database(connection, name)
    with translated(f"properties of {name}"), connection.transaction():
        for role, _settings in fresh.settings:
            connection.execute(_reset(role, database))
        for role, settings in live.settings:
            apply_settings(connection, _setting(role, settings), database=name)
        connection.execute(
            sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}").format(
                database, sql.Literal(live.connection_limit)
            )
        )
        if live.comment is not None:
            connection.execute(
                sql.SQL("COMMENT ON DATABASE {} IS {}").format(database, sql.Literal(live.comment))
            )
        if not live.default_rights:
            _grant_all(connection, live, database)


def swap(
    connection: Connection,
    maintenance: Target,
    live: DatabaseState,
    *,
    beside: str,
    kept: str,
    end_sessions: bool,
) -> None:
    """Rename the live database away and the restored one into its place, or neither.

    The first rename locks the database: whoever connects now waits until the end, and
    then gets the restored one. So nobody has to be kept out by a setting that a crash
    would leave behind. Sessions that exist are ended only when told so.

    Raises: DatabaseError, RefusedError; then both databases have the names they had.
    """
    for attempt in range(1, SWAP_TRIES + 1):
        judge_sessions(live, sessions_of(connection, live), end=end_sessions)
        try:
            with _ending(maintenance, live, active=end_sessions):
                _rename_both(connection, live, beside=beside, kept=kept)
        except DatabaseError as error:
            if error.sqlstate != _IN_USE or not end_sessions or attempt == SWAP_TRIES:
                raise
        else:
            return


def judge_swapped(
    connection: Connection, live: DatabaseState, *, restored_oid: int, kept: str
) -> None:
    """Insist that the names stand for what they should, with the rights they had.

    Raises: OperationFailedError naming what is not as it was.
    """
    now, before = read_database(connection, live.name), read_database(connection, kept)
    if (now.oid, before.oid) != (restored_oid, live.oid):
        raise OperationFailedError(f"{live.name} is not the database that was restored")
    if now.carried != live.carried:
        raise OperationFailedError(
            f"{live.name} was replaced, but its rights or settings are not those it had",
            hint=f"compare with {kept}: \\l+ and \\drds in psql",
        )


def way_back(live: str, kept: str) -> str:
    """Return the statements that put the old database back."""
    aside = quote_identifier(sibling_aside(live))
    name, old = quote_identifier(live), quote_identifier(kept)
    return f"ALTER DATABASE {name} RENAME TO {aside}; ALTER DATABASE {old} RENAME TO {name};"


def way_on(live: str, *, beside: str, kept: str) -> str:
    """Return the statements that finish a swap by hand."""
    name = quote_identifier(live)
    return (
        f"ALTER DATABASE {name} RENAME TO {quote_identifier(kept)}; "
        f"ALTER DATABASE {quote_identifier(beside)} RENAME TO {name};"
    )


def drop_statement(name: str) -> str:
    """Return the statement that drops a database, as text for a person."""
    return f"DROP DATABASE {quote_identifier(name)};"


def sibling_aside(name: str) -> str:
    """Return a name for a restored database that is put aside again."""
    return name.encode()[: LONGEST_NAME_BYTES - len("_aside")].decode("utf-8", "ignore") + "_aside"


def _rename_both(connection: Connection, live: DatabaseState, *, beside: str, kept: str) -> None:
    rename = "ALTER DATABASE {} RENAME TO {}"
    names = ((live.name, kept), (beside, live.name))
    with translated(f"putting {beside} in the place of {live.name}"), connection.transaction():
        for old, new in names:
            connection.execute(sql.SQL(rename).format(sql.Identifier(old), sql.Identifier(new)))


@contextmanager
def _ending(maintenance: Target, live: DatabaseState, *, active: bool) -> Iterator[None]:
    """End the live database's sessions again and again while the context lasts."""
    if not active:
        yield
        return
    with connect(maintenance, application="replace, ending sessions") as connection:
        done = threading.Event()

        def work() -> None:
            try:
                with translated("ending sessions"):
                    while not done.wait(END_EVERY_S):
                        connection.execute(_END, (live.oid,))
            except DatabaseError:
                return  # then the rename says that sessions are left

        with translated("ending sessions"):
            connection.execute("SET statement_timeout = '5s'")
            connection.execute(_END, (live.oid,))
        thread = threading.Thread(target=work, name="ending sessions", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def _grant_all(connection: Connection, live: DatabaseState, database: sql.Identifier) -> None:
    """Grant what the live database grants, each as its grantor, the owner's first."""
    for everybody in (sql.SQL("PUBLIC"), sql.Identifier(live.owner)):
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM {}").format(database, everybody))
    for grant in live.grants:
        grantee = sql.SQL("PUBLIC") if grant.grantee is None else sql.Identifier(grant.grantee)
        option = sql.SQL(" WITH GRANT OPTION" if grant.grantable else "")
        connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(grant.grantor)))
        connection.execute(
            sql.SQL("GRANT {} ON DATABASE {} TO {}{}").format(
                sql.SQL(grant.privilege), database, grantee, option
            )
        )
    connection.execute("RESET ROLE")


def _setting(role: str | None, settings: str) -> Item:
    attributes = {"role": role, "in database": "yes", "settings": settings}
    return Item(kind="setting", identity="", classid=0, objid=0, attributes=attributes)


def _reset(role: str | None, database: sql.Identifier) -> sql.Composed:
    if role is None:
        return sql.SQL("ALTER DATABASE {} RESET ALL").format(database)
    return sql.SQL("ALTER ROLE {} IN DATABASE {} RESET ALL").format(sql.Identifier(role), database)
