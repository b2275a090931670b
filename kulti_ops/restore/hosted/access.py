"""What the vendor's tables let through in a project and did not at the source. Pure.

A restore leaves the vendor's objects as they are. Where they differ in what they let
through, that is a gain or a loss of rights, and nobody should have to find it by himself.
Rights are looked at for the roles that everybody can be; the vendor's own may vary.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kulti_ops.restore.hosted.facts import is_vendor_role
from kulti_ops.restore.hosted.rights import MAINTAIN_SINCE, parse_rights, revoke, subject_of
from kulti_ops.restore.hosted.vendor import is_vendors
from kulti_ops.roles import FLAGS, plain_name, quote_identifier

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kulti_ops.inventory import Inventory, Item, Key
    from kulti_ops.restore.hosted.facts import HostedFacts
    from kulti_ops.restore.hosted.rights import Right

# What a policy or a trigger does; its comment is no part of that.
POLICY_TEXT = ("command", "permissive", "roles", "using", "with check")
TRIGGER_TEXT = ("definition", "enabled")
# Whom anybody can be who reaches the project's API.
EVERYBODY = frozenset({"anon", "authenticated"})
ROW_SECURITY = "row security"
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
_WITH_RIGHTS = frozenset(
    {"column", "foreign table", "function", "materialized view", "schema", "sequence", "table"}
    | {"type", "view"}
)


@dataclass(frozen=True, kw_only=True)
class AccessChange:
    """One difference in what is let through; `residual` is SQL that takes it back, if any."""

    label: str
    reason: str
    follows: str
    residual: str = ""


@dataclass(frozen=True, kw_only=True)
class Access:
    """The differences, and how many of the vendor's objects were held against the source's."""

    changes: tuple[AccessChange, ...] = ()
    examined: int = 0


def access_changes(source: Inventory, facts: HostedFacts, *, source_major: int) -> Access:
    """Compare what the vendor's objects let through; the restore changes none of it."""
    before = source.by_key()
    pairs = [
        (was, now)
        for key, now in facts.items.items()
        if (was := before.get(key)) is not None and is_vendors(now, facts)
    ]
    known = frozenset(i.identity for i in source.of("table"))
    changes = [c for was, now in pairs if (c := _row_security(was, now)) is not None]
    changes += _new_policies(source, facts, known)
    ignored = frozenset({"MAINTAIN"}) if source_major < MAINTAIN_SINCE else frozenset()
    for was, now in pairs:
        changes += _rights(source, was, now, ignored=ignored, role=facts.role)
    changes += _roles(before, facts)
    changes += _memberships(before, facts)
    tables = sum(now.kind == "table" for _, now in pairs)
    return Access(changes=tuple(changes), examined=tables)


def _row_security(was: Item, now: Item) -> AccessChange | None:
    before, here = was.attributes.get(ROW_SECURITY), now.attributes.get(ROW_SECURITY)
    if now.kind != "table" or before == here:
        return None
    open_here = (before or "").startswith("true") and not (here or "").startswith("true")
    follows = "its policies do not hold: who has rights on it sees every row"
    return AccessChange(
        label=f"ROW SECURITY of {now.identity}",
        reason=f"it is {here} in the project and was {before}",
        follows=follows if open_here else "who sees which rows is not what it was",
        residual=f"ALTER TABLE {now.identity} ENABLE ROW LEVEL SECURITY;" if open_here else "",
    )


def _new_policies(
    source: Inventory, facts: HostedFacts, known: frozenset[str]
) -> Iterator[AccessChange]:
    """Yield policies that only the project has, on tables that the source has too."""
    had = {item.key for item in source.of("policy")}
    for key, item in facts.items.items():
        if item.kind != "policy" or key in had or not is_vendors(item, facts):
            continue
        on = max((t for t in known if item.identity.endswith(f" on {t}")), key=len, default="")
        if on:
            name = item.identity.removesuffix(f" on {on}")
            yield AccessChange(
                label=f"POLICY {item.identity}",
                reason="only the project has it",
                follows="it may let through, or refuse, what was not before",
                residual=f"DROP POLICY {name} ON {on};",
            )


def _rights(
    source: Inventory, was: Item, now: Item, *, ignored: frozenset[str], role: str
) -> Iterator[AccessChange]:
    """Yield what everybody may here and might not at the source, whoever granted it."""
    if now.kind not in _WITH_RIGHTS:
        return
    had = {_what(r) for r in parse_rights(was.attributes.get("acl"))}
    gained = [
        r
        for r in parse_rights(now.attributes.get("acl"))
        if (r.public or r.grantee in EVERYBODY)
        and r.privilege not in ignored
        and _what(r) not in had
        and not (r.grantee in EVERYBODY and ("PUBLIC", True, r.privilege) in had)
    ]
    if not gained:
        return
    subject = subject_of(now, table=_table_of(source, now))
    named = ", ".join(f"{r.privilege} to {r.grantee}" for r in gained)
    yield AccessChange(
        label=f"RIGHTS on {now.kind} {now.identity}",
        reason=f"in the project they have {named} beyond the source's",
        follows="everybody may do here what they might not before",
        residual="\n".join(revoke(r, subject, role=role) for r in gained) if subject else "",
    )


def _roles(before: Mapping[Key, Item], facts: HostedFacts) -> Iterator[AccessChange]:
    """Yield attributes that a role has here and had not: of everybody's, and the customer's."""
    for key, now in facts.items.items():
        was = before.get(key)
        name = plain_name(now.identity)
        if now.kind != "role" or was is None or not _is_watched(name):
            continue
        for flag, word in FLAGS.items():
            if flag != "inherit" and (was.attributes.get(flag), now.attributes.get(flag)) == (
                "no",
                "yes",
            ):
                yield AccessChange(
                    label=f"ROLE {now.identity}",
                    reason=f"in the project it has {word}, and had not at the source",
                    follows="whoever is this role may do more than before",
                    residual=f"ALTER ROLE {quote_identifier(name)} NO{word};",
                )


def _memberships(before: Mapping[Key, Item], facts: HostedFacts) -> Iterator[AccessChange]:
    """Yield roles that everybody, or a role of the customer's, is here and was not."""
    for key, now in facts.items.items():
        role, member = (now.attributes.get(k) or "" for k in ("role", "member"))
        known = ("role", _identity(member)) in before
        if now.kind == "membership" and key not in before and known and _is_watched(member):
            yield AccessChange(
                label=f"MEMBERSHIP {now.identity}",
                reason="only the project has it",
                follows=f"{member} has the rights of {role}, which it had not",
                residual=f"REVOKE {quote_identifier(role)} FROM {quote_identifier(member)};",
            )


def _is_watched(role: str) -> bool:
    return role in EVERYBODY or not is_vendor_role(role)


def _identity(name: str) -> str:
    """Return a role as the inventory identifies it: quoted only where it must be."""
    return name if _PLAIN.fullmatch(name) else quote_identifier(name)


def _what(right: Right) -> tuple[str, bool, str]:
    return (right.grantee, right.public, right.privilege)


def _table_of(source: Inventory, column: Item) -> str:
    """Return the table of a column; its identity is the table's, a dot, and its name."""
    tables = (i.identity for i in source.of("table", "view", "materialized view", "foreign table"))
    return max((t for t in tables if column.identity.startswith(f"{t}.")), key=len, default="")
