"""Which objects of an inventory are the vendor's. Pure.

By schema, by role, by owner: what the vendor makes and keeps for itself is the target's own,
and a restore leaves it as it found it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kulti_ops.restore.hosted.facts import is_vendor_role, qualifier_of
from kulti_ops.restore.lost import ON_TABLE
from kulti_ops.roles import plain_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from kulti_ops.inventory import Item
    from kulti_ops.restore.hosted.facts import HostedFacts

# Parts of a table that nobody but its owner makes.
OWNERS_PARTS = frozenset({"column", "constraint", "foreign key", "index", "rule"})


def is_vendors(item: Item, facts: HostedFacts) -> bool:
    """Return whether an item of the target is the vendor's, and its state the target's own."""
    decide = _BY_KIND.get(item.kind, _by_schema)
    return decide(item, facts)


def _by_schema(item: Item, facts: HostedFacts) -> bool:
    on_table = item.kind in ON_TABLE
    schema = qualifier_of(item.identity.rpartition(" on ")[2] if on_table else item.identity)
    return bool(schema) and facts.is_vendor_schema(schema)


def _by_owner(item: Item, facts: HostedFacts) -> bool:
    return item.attributes.get("owner") not in facts.usable


def _by_role(item: Item, _facts: HostedFacts) -> bool:
    """Return whether every role that a membership or setting names is the vendor's."""
    named = (item.attributes.get(end) for end in ("role", "member"))
    return all(is_vendor_role(name) for name in named if name is not None)


def _defaults_role(item: Item) -> str:
    """Return whose default privileges they are: `for ROLE in …`."""
    text = item.identity.removeprefix("for ")
    if text.startswith('"'):
        return plain_name(text[: text.find('" in ') + 1])
    return text.partition(" in ")[0]


_BY_KIND: dict[str, Callable[[Item, HostedFacts], bool]] = {
    "default privileges": lambda item, facts: _defaults_role(item) not in facts.assignable,
    "event trigger": _by_owner,
    "extension": lambda _item, _facts: True,
    "foreign server": _by_owner,
    "large object": lambda _item, _facts: False,
    "membership": _by_role,
    "publication": _by_owner,
    "role": lambda item, _facts: is_vendor_role(plain_name(item.identity)),
    "schema": lambda item, facts: facts.is_vendor_schema(plain_name(item.identity)),
    "setting": _by_role,
}
