"""Rights as the inventory writes them, and the statements that bring one state to another.

Pure. A right is `grantee=PRIVILEGE[*]/grantor`; an inventory spells out what a missing
list of rights stands for, so two states can be compared right by right.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kulti_ops.roles import plain_name, quote_identifier

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kulti_ops.inventory import Item

PUBLIC = "PUBLIC"
_NAME = r'(?:"(?:[^"]|"")+"|[^",=/]+)'
_RIGHT = re.compile(rf"({_NAME})=([A-Z ]+)(\*?)/({_NAME})")
_KINDS = {
    "table": "TABLE",
    "view": "TABLE",
    "materialized view": "TABLE",
    "foreign table": "TABLE",
    "sequence": "SEQUENCE",
    "function": "ROUTINE",
    "schema": "SCHEMA",
    "type": "TYPE",
    "large object": "LARGE OBJECT",
}
_DEFAULT_KINDS = {
    "r": "TABLES",
    "S": "SEQUENCES",
    "f": "FUNCTIONS",
    "T": "TYPES",
    "n": "SCHEMAS",
    "L": "LARGE OBJECTS",
}
MAINTAIN_SINCE = 17  # the major that brought the right
_FOR_ALL = {"f": "EXECUTE", "T": "USAGE"}  # what PostgreSQL grants to PUBLIC by itself


@dataclass(frozen=True, kw_only=True)
class Right:
    """One right; names are plain, PUBLIC is the word itself in capitals, unquoted."""

    grantee: str
    privilege: str
    grantable: bool
    grantor: str
    public: bool = False

    @property
    def given(self) -> tuple[str, bool, str, str]:
        """What it is without the option to grant it on."""
        return (self.grantee, self.public, self.privilege, self.grantor)


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What rights are about, as SQL: `TABLE auth.users`, and a column of it."""

    kind: str
    name: str
    column: str = ""


@dataclass(frozen=True, kw_only=True)
class DefaultRights:
    """Default privileges of one role for one kind of object; `grantees` without the owner."""

    role: str
    schema: str | None
    kind: str
    grantees: tuple[str | None, ...]


def parse_rights(text: str | None) -> tuple[Right, ...]:
    """Return the rights of an inventory's `acl`."""
    return tuple(
        Right(
            grantee=plain_name(grantee.strip()),
            public=grantee.strip() == PUBLIC,
            privilege=privilege.strip(),
            grantable=bool(star),
            grantor=plain_name(grantor.strip()),
        )
        for grantee, privilege, star, grantor in _RIGHT.findall(text or "")
    )


def is_known(right: Right, *, server_major: int) -> bool:
    """Return whether a server knows a right at all."""
    return right.privilege != "MAINTAIN" or server_major >= MAINTAIN_SINCE


def subject_of(item: Item, *, table: str = "") -> Subject | None:
    """Return what to name in GRANT; `table` is a column's table. None for what has no rights."""
    if item.kind == "column":
        return Subject(kind="TABLE", name=table, column=item.identity.removeprefix(f"{table}."))
    kind = _KINDS.get(item.kind)
    return Subject(kind=kind, name=item.identity) if kind else None


def missing_rights(wanted: Iterable[Right], present: Iterable[Right]) -> tuple[Right, ...]:
    """Return what has to be granted, whoever grants on after the one it was granted by."""
    there = set(present)
    lacking = [r for r in wanted if r not in there and _weaker(r) not in there]
    ordered: list[Right] = []
    while lacking:
        waiting = {(r.grantee, r.privilege) for r in lacking}
        ready = [r for r in lacking if (r.grantor, r.privilege) not in waiting] or lacking
        ordered += ready
        lacking = [r for r in lacking if r not in ready]
    return tuple(ordered)


def grant(right: Right, subject: Subject, *, role: str) -> str:
    """Return the statement that grants a right, as its grantor where that is not `role`."""
    option = " WITH GRANT OPTION" if right.grantable else ""
    return _as_grantor(right, f"GRANT {_what(right, subject)} TO {_who(right)}{option};", role)


def revoke(right: Right, subject: Subject, *, role: str, option_only: bool = False) -> str:
    """Return the statement that revokes a right, as its grantor where that is not `role`."""
    option = "GRANT OPTION FOR " if option_only else ""
    text = f"REVOKE {option}{_what(right, subject)} FROM {_who(right)} CASCADE;"
    return _as_grantor(right, text, role)


def bring_to(
    wanted: tuple[Right, ...], present: tuple[Right, ...], subject: Subject, *, role: str
) -> Iterator[str]:
    """Yield the statements that make an object's rights those that are wanted."""
    kept = {r.given: r for r in wanted}
    remaining = []
    for right in present:
        target = kept.get(right.given)
        if target is None:
            yield revoke(right, subject, role=role)
        elif right.grantable and not target.grantable:
            yield revoke(right, subject, role=role, option_only=True)
            remaining.append(target)
        else:
            remaining.append(right)
    for right in missing_rights(wanted, remaining):
        yield grant(right, subject, role=role)


def reset_defaults(rights: DefaultRights) -> Iterator[str]:
    """Yield the statements after which a role's default privileges are PostgreSQL's own."""
    where = f" IN SCHEMA {quote_identifier(rights.schema)}" if rights.schema is not None else ""
    head = f"ALTER DEFAULT PRIVILEGES FOR ROLE {quote_identifier(rights.role)}{where}"
    kind = _DEFAULT_KINDS.get(rights.kind)
    if kind is None:
        return
    for grantee in rights.grantees:
        who = PUBLIC if grantee is None else quote_identifier(grantee)
        yield f"{head} REVOKE ALL ON {kind} FROM {who};"
    if rights.schema is None:
        yield f"{head} GRANT ALL ON {kind} TO {quote_identifier(rights.role)};"
        if rights.kind in _FOR_ALL:
            yield f"{head} GRANT {_FOR_ALL[rights.kind]} ON {kind} TO {PUBLIC};"


def _weaker(right: Right) -> Right | None:
    """Return the same right with the option, which includes it."""
    if right.grantable:
        return None
    return Right(
        grantee=right.grantee,
        public=right.public,
        privilege=right.privilege,
        grantable=True,
        grantor=right.grantor,
    )


def _what(right: Right, subject: Subject) -> str:
    column = f" ({subject.column})" if subject.column else ""
    return f"{right.privilege}{column} ON {subject.kind} {subject.name}"


def _who(right: Right) -> str:
    return PUBLIC if right.public else quote_identifier(right.grantee)


def _as_grantor(right: Right, statement: str, role: str) -> str:
    if right.grantor == role:
        return statement
    return f"SET LOCAL ROLE {quote_identifier(right.grantor)}; {statement} RESET ROLE;"
