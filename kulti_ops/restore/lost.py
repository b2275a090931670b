"""Objects that a restore did not make, from the entries that it did not run. Pure.

Parts without an entry of their own go with their table: columns, a table's own checks, the
index of a key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping

    from kulti_ops.archive import Entry
    from kulti_ops.inventory import Inventory, Item, Key

# Kinds whose identity is `NAME on TABLE`.
ON_TABLE = frozenset({"constraint", "foreign key", "policy", "rule", "trigger"})
_RELATIONS = frozenset({"table", "view", "materialized view", "foreign table"})


def lost_items(
    inventory: Inventory, not_run: Iterable[tuple[Entry, str]], *, present: Container[Key] = ()
) -> dict[Key, str]:
    """Return the objects of entries that did not run and of their parts, with the reason.

    What was `present` in the target before is not lost, and neither is a part of it.
    """
    places = {(e.classid, e.oid): reason for e, reason in not_run if e.classid}
    found = {
        item.key: places[item.classid, item.objid]
        for item in inventory.items
        if (item.classid, item.objid) in places and item.key not in present
    }
    return dict(_parts(inventory, found)) | found


def _parts(inventory: Inventory, found: Mapping[Key, str]) -> Iterator[tuple[Key, str]]:
    tables = {key[1]: reason for key, reason in found.items() if key[0] in _RELATIONS}
    relations = {i.objid: i.identity for i in inventory.items if i.kind in _RELATIONS}
    for item in inventory.items:
        if item.kind == "column":
            owner = relations.get(item.objid, "")
        else:
            owner = _hangs_on(item, tables) or _indexed(item, tables)
        if owner in tables:
            yield item.key, tables[owner]


def _hangs_on(item: Item, tables: Mapping[str, str]) -> str:
    """Return which of some tables an item hangs on; a name may hold ` on ` itself."""
    if item.kind not in ON_TABLE:
        return ""
    return next((table for table in tables if item.identity.endswith(f" on {table}")), "")


def _indexed(item: Item, tables: Mapping[str, str]) -> str:
    """Return which of some tables an index is on: its definition names the table behind ON."""
    if item.kind != "index":
        return ""
    behind = (item.attributes.get("definition") or "").partition(" ON ")[2].removeprefix("ONLY ")
    return next((table for table in tables if behind.startswith(f"{table} USING ")), "")
