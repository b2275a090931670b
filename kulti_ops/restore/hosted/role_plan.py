"""What a hosted restore does about roles: made, lent, and what is beyond reach. Pure.

A role's attributes and memberships are brought back as they were or not at all: where the
target's version could only give more than there was, it gives nothing, and says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kulti_ops.restore.hosted.facts import VENDOR_ROLES, is_vendor_role
from kulti_ops.roles import (
    FLAGS,
    OPTIONS_SINCE,
    parse_array,
    plain_name,
    quote_identifier,
    quote_literal,
    setting_values,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kulti_ops.inventory import Item
    from kulti_ops.restore.hosted.facts import HostedFacts
    from kulti_ops.restore.hosted.view import View

INEXACT = "before PostgreSQL 16 it would give more than it gave: INHERIT and SET are not known"
_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_.]*")
_OPTIONS_MAJOR = OPTIONS_SINCE // 10000
# What who creates a role must have, to give it, from 16 on; before, only a superuser may give
# the last two (PostgreSQL's documentation of CREATE ROLE).
_OWN = ("createdb", "replication", "bypassrls")
_SUPERUSERS = ("replication", "bypassrls")


@dataclass(frozen=True, kw_only=True)
class RoleFlag:
    """An attribute of a new role that it gets only if the project allows it, or never."""

    role: str
    key: str

    @property
    def label(self) -> str:
        """What it is called in a report."""
        return f"ROLE {self.role} {FLAGS[self.key]}"

    @property
    def tried(self) -> bool:
        """Whether the project may allow it: nobody is a superuser there."""
        return self.key != "superuser"

    @property
    def statement(self) -> str:
        """The statement that gives it."""
        return f"ALTER ROLE {quote_identifier(self.role)} {FLAGS[self.key]};"


@dataclass(frozen=True, kw_only=True)
class RolePlan:
    """What is done about roles.

    `flags` are attributes of new roles beyond the restoring role's reach. `lent` are roles
    whose member the restoring role is for the time of the restore; `kept` its memberships in
    them at the source. `inexact` are memberships that the target's version cannot give
    without giving more. `absent` are roles of the vendor's that the target lacks; `differing`
    settings of the vendor's roles.
    """

    create: tuple[Item, ...] = ()
    flags: tuple[RoleFlag, ...] = ()
    lent: tuple[str, ...] = ()
    kept: tuple[Item, ...] = ()
    memberships: tuple[Item, ...] = ()
    inexact: tuple[Item, ...] = ()
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
    me = view.facts.role
    known = view.facts.roles | new.keys()
    wanted = [m for m in view.inventory.of("membership") if _is_wanted(m, new, known, me=me)]
    inexact = [m for m in wanted if not _is_exact(view, m)]
    return RolePlan(
        create=tuple(new.values()),
        flags=tuple(f for item in new.values() for f in _beyond(item, view.facts)),
        lent=tuple(sorted(new.keys() | view.borrowed_roles)),
        kept=tuple(m for m in wanted if m.attributes["member"] == me and m not in inexact),
        memberships=tuple(m for m in wanted if m.attributes["member"] != me and m not in inexact),
        inexact=tuple(inexact),
        settings=tuple(i for i in view.inventory.of("setting") if i.attributes.get("role") in new),
        absent=tuple(sorted(view.absent_roles)),
        differing=tuple(i for i in view.inventory.of("setting") if _differs(i, view.facts)),
    )


def membership_statement(item: Item) -> str:
    """Return what gives a membership, with the options that it had, for a person."""
    had = [o for o in ("admin", "inherit", "set") if item.attributes.get(o)]
    words = ", ".join(
        f"{o.upper()} {'TRUE' if item.attributes[o] == 'yes' else 'FALSE'}" for o in had
    )
    role, member = (quote_identifier(item.attributes.get(k) or "") for k in ("role", "member"))
    return f"GRANT {role} TO {member}{f' WITH {words}' if words else ''};"


def setting_statements(item: Item, *, database: str) -> Iterator[str]:
    """Yield the settings of a role as text for a person."""
    role = item.attributes.get("role")
    here = item.attributes.get("in database") == "yes"
    where = f" IN DATABASE {quote_identifier(database)}" if here else ""
    for setting in parse_array(item.attributes.get("settings") or "{}"):
        name, _, value = setting.partition("=")
        if role is not None:
            values = ", ".join(map(quote_literal, setting_values(name, value)))
            plain = _PLAIN_NAME.fullmatch(name) is not None
            named = name if plain else ".".join(map(quote_identifier, name.split(".")))
            yield f"ALTER ROLE {quote_identifier(role)}{where} SET {named} TO {values};"


def _is_wanted(
    membership: Item, new: Mapping[str, Item], known: frozenset[str] | set[str], *, me: str
) -> bool:
    """Return whether a membership is one in or of a new role; creating one makes the others."""
    ends = {membership.attributes["role"] or "", membership.attributes["member"] or ""}
    if not ends & new.keys() or not ends <= known:
        return False
    idle = all(membership.attributes.get(o) == "no" for o in ("inherit", "set"))
    return membership.attributes["member"] != me or not idle


def _is_exact(view: View, membership: Item) -> bool:
    """Return whether the target's version gives a membership what it had, and no more.

    Before 16 every member may become the role, and inherits if the member says so.
    """
    if view.facts.server_major >= _OPTIONS_MAJOR:
        return True
    member = membership.attributes.get("member") or ""
    key = ("role", member)
    roles = {plain_name(i.identity): i for i in view.inventory.of(key[0])}
    own = roles[member].attributes.get("inherit") if member in roles else None
    inherits = membership.attributes.get("inherit")
    may_become = membership.attributes.get("set") in {None, "yes"}
    return may_become and inherits in {None, own}


def _beyond(item: Item, facts: HostedFacts) -> Iterator[RoleFlag]:
    """Yield the attributes that the restoring role may not give by its version's rules."""
    name = plain_name(item.identity)
    if facts.server_major >= _OPTIONS_MAJOR:
        mine = next(
            (
                i
                for (kind, n), i in facts.items.items()
                if kind == "role" and plain_name(n) == facts.role
            ),
            None,
        )
        reach = {k for k in _OWN if mine is not None and mine.attributes.get(k) == "yes"}
        keys = [k for k in _OWN if k not in reach]
    else:
        keys = list(_SUPERUSERS)
    for key in ("superuser", *keys):
        if item.attributes.get(key) == "yes":
            yield RoleFlag(role=name, key=key)


def _differs(item: Item, facts: HostedFacts) -> bool:
    """Return whether a role that customers tune has other settings at the target."""
    role = item.attributes.get("role")
    if role not in VENDOR_ROLES or not is_vendor_role(role) or role not in facts.roles:
        return False
    present = facts.items.get(item.key)
    return present is None or present.attributes.get("settings") != item.attributes.get("settings")
