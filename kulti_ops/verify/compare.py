"""Comparing two inventories: every difference by object and property. Pure.

A difference is a fault unless a narrow rule explains it; a rule names kind and
property, never a whole table. Sequence values, rows and foreign keys have checks of
their own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from kulti_ops.inventory import Inventory, Item

ABSENT = "(absent)"
PRESENT = "(present)"
HIDDEN = "hidden"  # as the inventory writes a user mapping's options
TARGETS_OWN = "the target's own"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One property of one object that is not the same; `explained` is the rule's reason."""

    kind: str
    identity: str
    attribute: str
    source: str | None
    target: str | None
    explained: str = ""

    @property
    def label(self) -> str:
        """The difference as a line: `table public.x: owner is a, was b`."""
        if self.attribute == "":
            lost = self.target == ABSENT
            return f"{self.kind} {self.identity} is {'missing' if lost else 'new'}"
        return f"{self.kind} {self.identity}: {self.attribute} is {self.target}, was {self.source}"


def compare_items(
    source: Iterable[Item], target: Iterable[Item], *, ignored_kinds: frozenset[str] = frozenset()
) -> Iterator[Difference]:
    """Yield every difference between two lists of objects, both ways."""
    before = {i.key: i for i in source if i.kind not in ignored_kinds}
    after = {i.key: i for i in target if i.kind not in ignored_kinds}
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if old is None or new is None:
            yield Difference(
                kind=key[0],
                identity=key[1],
                attribute="",
                source=ABSENT if old is None else PRESENT,
                target=ABSENT if new is None else PRESENT,
            )
            continue
        for name in sorted(old.attributes.keys() | new.attributes.keys()):
            was, now = old.attributes.get(name), new.attributes.get(name)
            if was != now:
                yield Difference(
                    kind=key[0], identity=key[1], attribute=name, source=was, target=now
                )


def explain(
    differences: Iterable[Difference], rules: Iterable[Callable[[Difference], str]]
) -> tuple[Difference, ...]:
    """Return the differences, each with the reason of the first rule that explains it."""
    given = tuple(rules)
    return tuple(
        replace(d, explained=next((r for rule in given if (r := rule(d))), "")) for d in differences
    )


def extension_version(difference: Difference) -> str:
    """Explain another version of an extension: that is the server's, not the backup's."""
    same = difference.kind == "extension" and difference.attribute == "version"
    return "the target's server brings another version of the extension" if same else ""


def hidden_options(difference: Difference) -> str:
    """Explain options of a user mapping that one of the two roles may not see."""
    options = (difference.kind, difference.attribute) == ("user mapping", "options")
    hidden = HIDDEN in {difference.source, difference.target}
    return (
        "not compared: only the mapped role may see a mapping's options"
        if options and hidden
        else ""
    )


def scratch_superuser(difference: Difference) -> str:
    """Explain the missing superuser flag: in a scratch server nobody of the dump has it."""
    same = difference.kind == "role" and difference.attribute == "superuser"
    return "no role of a dump is a superuser in a scratch server" if same else ""


def dangerous_memberships(difference: Difference) -> str:
    """Explain memberships that a scratch server never gives: they lead out of the database."""
    names = ("pg_execute_server_program", "pg_read_server_files", "pg_write_server_files")
    led_out = difference.kind == "membership" and difference.identity.startswith(names)
    gone = difference.attribute == "" and difference.target == ABSENT
    return "never given in a scratch server" if led_out and gone else ""


def database_settings(difference: Difference) -> str:
    """Explain settings of the source's database: they go with the database, not its contents."""
    gone = difference.attribute == "" and difference.target == ABSENT
    its_own = difference.kind == "setting" and difference.identity.endswith("in this database")
    return "belongs to the database, which a drill names otherwise" if its_own and gone else ""


def existing_roles(difference: Difference) -> str:
    """Explain roles' own properties where the target's roles were taken as they are."""
    kinds = {"role", "membership", "setting"}
    return "the target's roles were taken as they are" if difference.kind in kinds else ""


def other_roles(source: Inventory) -> Callable[[Difference], str]:
    """Return the rule for roles, memberships and settings that the target has for itself."""
    kinds = frozenset({"role", "membership", "setting"})
    known = {item.key for item in source.items}

    def rule(difference: Difference) -> str:
        new = (difference.kind, difference.identity) not in known
        return TARGETS_OWN if new and difference.kind in kinds else ""

    return rule


def left_out(identities: Iterable[tuple[str, str]], reason: str) -> Callable[[Difference], str]:
    """Return the rule for objects that a plan left out, by kind and identity."""
    known = frozenset(identities)

    def rule(difference: Difference) -> str:
        missing = difference.attribute == "" and difference.target == ABSENT
        return reason if missing and (difference.kind, difference.identity) in known else ""

    return rule
