"""Roles of the customer's around a hosted restore: made, lent, handed back.

A role made by an ordinary role belongs to nobody's rights: its maker may administer it
and no more (PostgreSQL 16 and later). To give it objects and to grant in its name the
restoring role becomes a member for the time of the restore. Everything happens in the
restore's own transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kulti_ops.db import sql
from kulti_ops.restore.hosted.facts import VENDOR_ROLES, is_vendor_role
from kulti_ops.restore.roles import apply_settings, create_role, grant_membership
from kulti_ops.roles import parse_array, plain_name, quote_identifier, quote_literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kulti_ops.db import Connection
    from kulti_ops.inventory import Item
    from kulti_ops.restore.hosted.facts import HostedFacts
    from kulti_ops.restore.hosted.view import View

_OPTIONS_SINCE = 160000  # GRANT … WITH INHERIT, SET


@dataclass(frozen=True, kw_only=True)
class RolePlan:
    """What is done about roles.

    `lent` are roles whose member the restoring role is for the time of the restore;
    `kept` those of them that it was a member of at the source. `absent` are roles of the
    vendor's that the target lacks; `differing` settings of the vendor's roles.
    """

    create: tuple[Item, ...] = ()
    lent: tuple[str, ...] = ()
    kept: frozenset[str] = frozenset()
    memberships: tuple[Item, ...] = ()
    settings: tuple[Item, ...] = ()
    absent: tuple[str, ...] = ()
    differing: tuple[Item, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The roles to be created."""
        return tuple(plain_name(item.identity) for item in self.create)


def plan_roles(view: View) -> RolePlan:
    """Return what to do about the roles of an inventory."""
    new = view.new_roles
    memberships = tuple(view.inventory.of("membership"))
    me = view.facts.role
    known = view.facts.roles | new.keys()
    return RolePlan(
        create=tuple(new.values()),
        lent=tuple(sorted(new)),
        kept=frozenset(
            m.attributes["role"] or ""
            for m in memberships
            if m.attributes["member"] == me and m.attributes.get("set", "yes") == "yes"
        ),
        memberships=tuple(
            m
            for m in memberships
            if {m.attributes["role"], m.attributes["member"]} & new.keys()
            and m.attributes["member"] != me
            and {m.attributes["role"], m.attributes["member"]} <= known
        ),
        settings=tuple(i for i in view.inventory.of("setting") if i.attributes.get("role") in new),
        absent=tuple(sorted(view.absent_roles)),
        differing=tuple(i for i in view.inventory.of("setting") if _differs(i, view.facts)),
    )


def create_roles(connection: Connection, plan: RolePlan) -> None:
    """Create the customer's roles, without passwords, and become a member of each."""
    for item in plan.create:
        create_role(connection, item, superuser=False)
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
    """Yield (label, action) of memberships and settings, each of which may be refused."""
    for item in plan.memberships:
        yield f"MEMBERSHIP {item.identity}", lambda c, i=item: grant_membership(c, i)  # type: ignore[misc]
    for item in plan.settings:
        yield (
            f"SETTING {item.identity}",
            lambda c, i=item: apply_settings(c, i, database=database),  # type: ignore[misc]
        )


def hand_back_roles(connection: Connection, plan: RolePlan) -> None:
    """Leave the roles whose member the restoring role was not at the source."""
    for name in plan.lent:
        if name not in plan.kept:
            connection.execute(sql.SQL("REVOKE {} FROM CURRENT_USER").format(sql.Identifier(name)))


def setting_statements(item: Item) -> Iterator[str]:
    """Yield the settings of a role as text for a person."""
    role = item.attributes.get("role")
    for setting in parse_array(item.attributes.get("settings") or "{}"):
        name, _, value = setting.partition("=")
        if role is not None:
            yield f"ALTER ROLE {quote_identifier(role)} SET {name} TO {quote_literal(value)};"


def _differs(item: Item, facts: HostedFacts) -> bool:
    """Return whether a role that customers tune has other settings at the target."""
    role = item.attributes.get("role")
    if role not in VENDOR_ROLES or not is_vendor_role(role) or role not in facts.roles:
        return False
    present = facts.items.get(item.key)
    return present is None or present.attributes.get("settings") != item.attributes.get("settings")


def _has_options(connection: Connection) -> bool:
    return connection.info.server_version >= _OPTIONS_SINCE
