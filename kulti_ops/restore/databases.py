"""Databases as a whole: what one is beside its contents, and making another like it.

Never drops a live one: what is dropped here was created by the same run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kulti_ops.db import sql, translated
from kulti_ops.errors import NotFoundError
from kulti_ops.inventory import Item
from kulti_ops.restore.roles import apply_settings

if TYPE_CHECKING:
    from kulti_ops.db import Connection

_SINCE_LOCALE = 170000  # datlocale was daticulocale before
_SINCE_RULES = 160000

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
