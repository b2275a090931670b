"""Making roles, memberships and settings from an inventory, by quoted parts only.

No text of a backup becomes SQL here: a backup may come from a hostile storage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kulti_ops.db import sql
from kulti_ops.roles import FLAGS, OPTIONS_SINCE, parse_array, plain_name, setting_values

if TYPE_CHECKING:
    from kulti_ops.db import Connection
    from kulti_ops.inventory import Item


def create_role(
    connection: Connection, item: Item, *, without: frozenset[str] = frozenset()
) -> None:
    """Create a role with its attributes, without a password.

    Attributes in `without` are not mentioned: who may not give one may not deny it either.
    """
    words = [
        word if item.attributes.get(key) == "yes" else f"NO{word}"
        for key, word in FLAGS.items()
        if key not in without
    ]
    limit = int(item.attributes.get("connection limit") or -1)
    name = sql.Identifier(plain_name(item.identity))
    statement = sql.SQL("CREATE ROLE {} WITH {} CONNECTION LIMIT {}").format(
        name, sql.SQL(" ".join(words)), sql.Literal(limit)
    )
    until = item.attributes.get("valid until")
    if until:
        statement += sql.SQL(" VALID UNTIL {}").format(sql.Literal(until))
    connection.execute(statement)
    comment = item.attributes.get("comment")
    if comment:
        connection.execute(sql.SQL("COMMENT ON ROLE {} IS {}").format(name, sql.Literal(comment)))


def grant_membership(
    connection: Connection,
    item: Item,
    *,
    options: tuple[str, ...] = ("admin", "inherit", "set"),
) -> None:
    """Make one role a member of another, with those `options` that it had.

    A server before 16 knows only ADMIN; whoever calls judges what the others become there.
    """
    had = {o: item.attributes[o] == "yes" for o in options if item.attributes.get(o)}
    if connection.info.server_version >= OPTIONS_SINCE:
        words = ", ".join(f"{o.upper()} {'TRUE' if on else 'FALSE'}" for o, on in had.items())
    else:
        words = "ADMIN OPTION" if had.get("admin") else ""
    statement = sql.SQL("GRANT {} TO {}").format(
        sql.Identifier(item.attributes.get("role") or ""),
        sql.Identifier(item.attributes.get("member") or ""),
    )
    connection.execute(statement + sql.SQL(f" WITH {words}" if words else ""))


def apply_settings(
    connection: Connection,
    item: Item,
    *,
    database: str | None = None,
    left_out: frozenset[str] = frozenset(),
) -> None:
    """Give a role, a database, or a role in a database the settings of an item.

    `database` is the name of the database here; None leaves out what belongs to one.
    """
    role = item.attributes.get("role")
    in_database = item.attributes.get("in database") == "yes"
    if in_database and database is None:
        return
    for setting in parse_array(item.attributes.get("settings") or "{}"):
        name, _, value = setting.partition("=")
        if name not in left_out:
            connection.execute(
                sql.SQL("ALTER {} SET {} TO {}").format(
                    _whose(role, database if in_database else None),
                    sql.SQL(".").join(map(sql.Identifier, name.split("."))),
                    sql.SQL(", ").join(map(sql.Literal, setting_values(name, value))),
                )
            )


def _whose(role: str | None, database: str | None) -> sql.Composable:
    if role is None:
        return sql.SQL("DATABASE {}").format(sql.Identifier(database or ""))
    owner = sql.SQL("ROLE {}").format(sql.Identifier(role))
    if database is None:
        return owner
    return owner + sql.SQL(" IN DATABASE {}").format(sql.Identifier(database))
