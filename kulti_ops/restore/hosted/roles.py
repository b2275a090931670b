"""Roles of the customer's around a hosted restore: made, lent, handed back.

A role made by an ordinary role belongs to nobody's rights: its maker may administer it
and no more (PostgreSQL 16 and later). To give it objects and to grant in its name the
restoring role becomes a member for the time of the restore. Everything happens in the
restore's own transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kulti_ops.db import sql
from kulti_ops.restore.roles import apply_settings, create_role, grant_membership
from kulti_ops.roles import OPTIONS_SINCE, plain_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kulti_ops.db import Connection
    from kulti_ops.restore.hosted.role_plan import RolePlan


def create_roles(connection: Connection, plan: RolePlan) -> None:
    """Create the customer's roles, without passwords, and become a member of each."""
    for item in plan.create:
        name = plain_name(item.identity)
        beyond = {f.key for f in plan.flags if f.role == name}
        create_role(connection, item, without=frozenset({"superuser", *beyond}))
    lend_roles(connection, plan)


def lend_roles(connection: Connection, plan: RolePlan) -> None:
    """Become a member of each role that was created."""
    options = sql.SQL(" WITH INHERIT TRUE, SET TRUE" if _has_options(connection) else "")
    for name in plan.lent:
        connection.execute(
            sql.SQL("GRANT {} TO CURRENT_USER{}").format(sql.Identifier(name), options)
        )


def more_of_roles(
    plan: RolePlan, *, database: str
) -> Iterator[tuple[str, Callable[[Connection], None]]]:
    """Yield (label, action) of what may be refused: attributes, memberships, settings."""
    for flag in plan.flags:
        if flag.tried:
            yield flag.label, lambda c, f=flag: c.execute(f.statement.encode())  # type: ignore[misc]
    for item in plan.memberships:
        yield f"MEMBERSHIP {item.identity}", lambda c, i=item: grant_membership(c, i)  # type: ignore[misc]
    for item in plan.settings:
        yield (
            f"SETTING {item.identity}",
            lambda c, i=item: apply_settings(c, i, database=database),  # type: ignore[misc]
        )


def hand_back_roles(connection: Connection, plan: RolePlan) -> None:
    """Be a member of the new roles as at the source, and no more."""
    kept = {item.attributes["role"]: item for item in plan.kept}
    for name in plan.lent:
        if name not in kept:
            connection.execute(sql.SQL("REVOKE {} FROM CURRENT_USER").format(sql.Identifier(name)))
        elif _has_options(connection):
            grant_membership(connection, kept[name], options=("inherit", "set"))


def _has_options(connection: Connection) -> bool:
    return connection.info.server_version >= OPTIONS_SINCE
