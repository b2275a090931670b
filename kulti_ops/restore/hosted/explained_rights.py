"""Differences of owners, rights and roles that are not faults after a hosted restore. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kulti_ops.restore.hosted import rules
from kulti_ops.restore.hosted.facts import is_vendor_role
from kulti_ops.restore.hosted.rights import MAINTAIN_SINCE, is_known, parse_rights
from kulti_ops.restore.hosted.role_plan import INEXACT
from kulti_ops.restore.hosted.vendor import is_vendors
from kulti_ops.roles import FLAGS, plain_name
from kulti_ops.verify import compare
from kulti_ops.verify.compare import ABSENT, PRESENT, TARGETS_OWN

if TYPE_CHECKING:
    from collections.abc import Callable

    from kulti_ops.inventory import Item
    from kulti_ops.restore.hosted.restored import Restored
    from kulti_ops.restore.hosted.rights import Right
    from kulti_ops.verify.compare import Difference

    Rule = Callable[[Difference], str]

_MEMBERSHIP_OPTIONS_SINCE = 16
KEPT_OWNER = "nobody could give it to its owner: it belongs to the restoring role"
CREATOR = "who creates a role may administer it, which nobody can take away"
NO_CREATOR = "before PostgreSQL 16 a role's creator is no member of it"
NO_MAINTAIN = "one of the servers does not know the right MAINTAIN"
NO_OPTIONS = "one of the servers does not know the options of memberships"
REFUSED_ROLE = "the target refused it for lack of rights"
ROLE_FLAG = "no role is a superuser in a hosted project"


def explaining_rights(restored: Restored) -> tuple[Rule, ...]:
    """Return the rules about owners, rights and roles."""
    return (
        _vendors_rights(restored),
        _kept_owners(restored),
        _rights_without_roles(restored),
        _roles(restored),
        _existing_roles(restored),
        _memberships(restored),
        _maintain(restored),
    )


def _vendors_rights(restored: Restored) -> Rule:
    """Explain rights on the vendor's objects: those found before, and the customer's on top."""
    facts = restored.facts

    def rule(difference: Difference) -> str:
        before = facts.items.get((difference.kind, difference.identity))
        if before is None or difference.attribute != "acl" or not is_vendors(before, facts):
            return ""
        found = _given(before.attributes.get("acl"))
        ours = {g: r for g, r in _given(difference.source).items() if _is_customers(restored, r)}
        if restored.plan.options.public_only:  # what hangs on the vendor's objects is left out
            ours = {}
        wanted = found | {g: r for g, r in ours.items() if _can_grant(restored, r)}
        return TARGETS_OWN if _given(difference.target) == wanted else ""

    return rule


def _given(text: str | None) -> dict[tuple[str, bool, str, str], Right]:
    """Return rights by what they are; of two that differ by their option there is one."""
    return {r.given: r for r in parse_rights(text)}


def _is_customers(restored: Restored, right: Right) -> bool:
    own = right.grantor == restored.facts.role
    return own or not (right.public or is_vendor_role(right.grantee))


def _can_grant(restored: Restored, right: Right) -> bool:
    names = {right.grantor} | (set() if right.public else {right.grantee})
    known = restored.facts.roles | set(restored.plan.roles.names)
    mine = restored.facts.assignable | set(restored.plan.roles.lent)
    knows = is_known(right, server_major=restored.facts.server_major)
    return knows and names <= known and right.grantor in mine


def _kept_owners(restored: Restored) -> Rule:
    """Explain owners that nobody could give, and rights that differ by the owner's name."""
    kept = {
        key: owner for entry, owner in restored.plan.kept_owners for key in restored.made_by(entry)
    }
    role = restored.facts.role

    def rule(difference: Difference) -> str:
        owner = kept.get((difference.kind, difference.identity))
        if owner is None:
            return ""
        if difference.attribute == "owner":
            same = difference.source == owner and difference.target == role
            return KEPT_OWNER if same else ""
        if difference.attribute != "acl":
            return ""
        was = {_renamed(r, owner, role) for r in _comparable(restored, difference.source)}
        now = {_renamed(r, owner, role) for r in _comparable(restored, difference.target)}
        return KEPT_OWNER if was == now else ""

    return rule


def _renamed(right: Right, old: str, new: str) -> tuple[object, ...]:
    who = tuple(new if name == old else name for name in (right.grantee, right.grantor))
    return (*who, right.public, right.privilege, right.grantable)


def _rights_without_roles(restored: Restored) -> Rule:
    """Explain rights from and to roles that the target lacks, and nothing but those."""
    gone = frozenset(restored.plan.roles.absent)

    def rule(difference: Difference) -> str:
        if difference.attribute != "acl" or not gone:
            return ""
        was, now = (_comparable(restored, t) for t in (difference.source, difference.target))
        named = {r for r in was if r.grantor in gone or (not r.public and r.grantee in gone)}
        return rules.GONE_ROLES.reason if named and was - named == now else ""

    return rule


def _roles(restored: Restored) -> Rule:
    """Explain what a restoring role without a superuser's rights cannot give to a new role."""
    created = frozenset(restored.plan.roles.names)
    inexact = {f"MEMBERSHIP {item.identity}" for item in restored.plan.roles.inexact}

    def rule(difference: Difference) -> str:
        label = f"{difference.kind.upper()} {difference.identity}"
        if difference.kind in {"membership", "setting"} and label in restored.refused_roles:
            return REFUSED_ROLE
        if label in inexact:
            return INEXACT if (difference.attribute, difference.target) == ("", ABSENT) else ""
        change = (difference.source, difference.target)
        flag = f"{label} {FLAGS.get(difference.attribute, '')}"
        if flag in restored.refused_roles:
            return REFUSED_ROLE if change == ("yes", "no") else ""
        lowered = (difference.kind, difference.attribute, difference.source)
        mine = plain_name(difference.identity) in created
        return ROLE_FLAG if mine and lowered == ("role", "superuser", "yes") else ""

    return rule


def _existing_roles(restored: Restored) -> Rule:
    """Explain what was so before: roles that the target has are taken as they are."""
    created = frozenset(restored.plan.roles.names)
    before = restored.facts.items

    def rule(difference: Difference) -> str:
        key = (difference.kind, difference.identity)
        if key not in restored.source or _roles_named(restored.source[key]) & created:
            return ""
        present = before.get(key)
        if difference.attribute == "":
            same = difference.target == ABSENT and present is None
        else:
            value = present.attributes.get(difference.attribute) if present is not None else None
            same = present is not None and value == difference.target
        if same and key[0] == "setting" and not _roles_named(restored.source[key]):
            return rules.DATABASE_SETTING.reason
        return compare.existing_roles(difference) if same else ""

    return rule


def _roles_named(item: Item) -> frozenset[str]:
    """Return the roles that a role, membership or setting is about; none for a database's."""
    if item.kind == "role":
        return frozenset({plain_name(item.identity)})
    ends = (item.attributes.get(end) for end in ("role", "member"))
    return frozenset(name for name in ends if name is not None)


def _memberships(restored: Restored) -> Rule:
    """Explain memberships of the restoring role in new roles, which versions treat differently."""
    facts = restored.facts
    old = min(restored.source_major, facts.server_major) < _MEMBERSHIP_OPTIONS_SINCE

    def rule(difference: Difference) -> str:
        if difference.kind != "membership":
            return ""
        if difference.attribute in {"inherit", "set"}:
            unknown = None in {difference.source, difference.target}
            return NO_OPTIONS if old and unknown else ""
        role, _, member = difference.identity.partition(" to ")
        mine = plain_name(member) == facts.role and plain_name(role) in restored.plan.roles.names
        return _of_creator(restored, difference) if mine else ""

    return rule


def _of_creator(restored: Restored, difference: Difference) -> str:
    """Explain what a role's creator is in it from PostgreSQL 16 on, and was not before."""
    change = (difference.attribute, difference.source, difference.target)
    if restored.facts.server_major >= _MEMBERSHIP_OPTIONS_SINCE:
        return CREATOR if change in {("admin", "no", "yes"), ("", ABSENT, PRESENT)} else ""
    if change != ("", PRESENT, ABSENT):
        return ""
    was = restored.source[difference.kind, difference.identity].attributes
    return NO_CREATOR if was.get("inherit") != "yes" and was.get("set") != "yes" else ""


def _maintain(restored: Restored) -> Rule:
    """Explain the right MAINTAIN, which came with PostgreSQL 17."""

    def rule(difference: Difference) -> str:
        if difference.attribute != "acl" or not _one_lacks_maintain(restored):
            return ""
        was, now = (_comparable(restored, t) for t in (difference.source, difference.target))
        return NO_MAINTAIN if was == now else ""

    return rule


def _comparable(restored: Restored, text: str | None) -> frozenset[Right]:
    """Return rights without those that one of the servers does not know."""
    unknown = {"MAINTAIN"} if _one_lacks_maintain(restored) else set()
    return frozenset(r for r in parse_rights(text) if r.privilege not in unknown)


def _one_lacks_maintain(restored: Restored) -> bool:
    majors = (restored.source_major, restored.facts.server_major)
    return len({major >= MAINTAIN_SINCE for major in majors}) > 1
