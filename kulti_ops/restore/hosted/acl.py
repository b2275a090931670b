"""Which rights come back: the customer's whole, of the vendor's only what the customer added.

Pure. Rights on the vendor's objects are never replayed: only grants that the customer's
own role made, or that were made to roles of the customer's, are brought back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kulti_ops.restore.hosted import rules
from kulti_ops.restore.hosted.facts import is_vendor_role
from kulti_ops.restore.hosted.rights import (
    Right,
    Subject,
    bring_to,
    grant,
    is_known,
    missing_rights,
    parse_rights,
    subject_of,
)
from kulti_ops.restore.hosted.step import Step
from kulti_ops.roles import plain_name, quote_identifier

if TYPE_CHECKING:
    from kulti_ops.archive import Entry
    from kulti_ops.inventory import Item
    from kulti_ops.restore.hosted.view import View


def decide_rights(view: View, entry: Entry) -> Step:
    """Return the step of an ACL entry."""
    found = view.rights_item(entry)
    subject = subject_of(found[0], table=found[1]) if found is not None else None
    if view.is_vendor(entry):
        if found is None or subject is None or found[0].key not in view.facts.items:
            return Step(entry=entry, rule=rules.VENDOR_RIGHTS)
        return _vendor_rights(view, entry, item=found[0], subject=subject)
    if found is None or subject is None:
        part = view.is_of_extension(entry)
        return Step(entry=entry, rule=rules.EXTENSION_RIGHTS if part else rules.RUN)
    rights = _known_rights(view, found[0])
    wanted = _of_roles_that_are(view, rights)
    present = view.facts.items.get(found[0].key)
    if present is not None:
        there = parse_rights(present.attributes.get("acl"))
        lines = tuple(bring_to(wanted, there, subject, role=view.facts.role))
        return Step(entry=entry, rule=rules.OWN_RIGHTS, text=_joined(lines))
    if len(wanted) < len(rights):
        owner = found[0].attributes.get("owner") or ""
        return _without_gone_roles(view, entry, wanted=wanted, subject=subject, owner=owner)
    return Step(entry=entry, rule=rules.RUN)


def aligned_rights(view: View) -> tuple[tuple[str, str], ...]:
    """Return (object, statements) for rights of the customer's objects without an ACL entry.

    pg_dump writes none for an object whose rights are PostgreSQL's own, like a hardened
    schema public; where the target has the object already it may have given more.
    """
    covered = {
        found[0].key
        for entry in view.toc.of("ACL")
        if (found := view.rights_item(entry)) is not None
    }
    lines = []
    for item in view.inventory.of("schema"):
        present = view.facts.items.get(item.key)
        subject = subject_of(item)
        if item.key in covered or present is None or subject is None:
            continue
        if not view.facts.is_vendor_schema(plain_name(item.identity)):
            wanted = _of_roles_that_are(view, _known_rights(view, item))
            there = parse_rights(present.attributes.get("acl"))
            text = _joined(tuple(bring_to(wanted, there, subject, role=view.facts.role)))
            lines.append((f"ACL SCHEMA {item.identity}", text))
    return tuple((label, text) for label, text in lines if text)


def _vendor_rights(view: View, entry: Entry, *, item: Item, subject: Subject) -> Step:
    there = parse_rights(view.facts.items[item.key].attributes.get("acl"))
    wanted = _of_roles_that_are(view, _known_rights(view, item))
    own = tuple(r for r in missing_rights(wanted, there) if _is_customers(view, r))
    if not own:
        return Step(entry=entry, rule=rules.VENDOR_RIGHTS)
    role = view.facts.role
    possible = [r for r in own if view.can_own(r.grantor)]
    beyond = [r for r in own if r not in possible]
    residual = _joined(tuple(grant(r, subject, role=role) for r in beyond)) if beyond else ""
    named = ", ".join(sorted({r.grantee for r in beyond}))
    if not possible:
        return Step(entry=entry, rule=rules.GRANTS_NO_RIGHT, residual=residual, detail=named)
    text = _joined(tuple(grant(r, subject, role=role) for r in possible))
    detail = f"not to {named}, whose rights the vendor's role gave" if beyond else ""
    return Step(entry=entry, rule=rules.VENDOR_GRANTS, text=text, residual=residual, detail=detail)


def _is_customers(view: View, right: Right) -> bool:
    return right.grantor == view.facts.role or not (right.public or is_vendor_role(right.grantee))


def _known_rights(view: View, item: Item) -> tuple[Right, ...]:
    """Return the rights of an object that the target's version knows."""
    major = view.facts.server_major
    rights = parse_rights(item.attributes.get("acl"))
    return tuple(r for r in rights if is_known(r, server_major=major))


def _of_roles_that_are(view: View, rights: tuple[Right, ...]) -> tuple[Right, ...]:
    """Leave out rights from and to roles that the target lacks and nobody can make."""
    gone = view.absent_roles
    return tuple(r for r in rights if r.grantor not in gone and (r.public or r.grantee not in gone))


def _without_gone_roles(
    view: View, entry: Entry, *, wanted: tuple[Right, ...], subject: Subject, owner: str
) -> Step:
    """Spell the rights of a new object out, as the archive's own text names absent roles."""
    name = f"{subject.kind} {subject.name}"
    lines = []
    if not subject.column:
        lines = [f"REVOKE ALL ON {name} FROM {w};" for w in ("PUBLIC", quote_identifier(owner))]
    lines += [grant(r, subject, role=view.facts.role) for r in missing_rights(wanted, ())]
    detail = ", ".join(sorted(view.absent_roles))
    return Step(entry=entry, rule=rules.GONE_ROLES, text=_joined(tuple(lines)), detail=detail)


def _joined(lines: tuple[str, ...]) -> str:
    return "".join(f"{line}\n" for line in lines)
