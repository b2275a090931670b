"""Objects that a restore did not make, from the entries that it did not run. Pure.

Parts without an entry of their own go with their table: columns, a table's own checks, the
index of a key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping

    from kulti_ops.archive import Entry, Toc
    from kulti_ops.inventory import Inventory, Item, Key

# Kinds whose identity is `NAME on TABLE`.
ON_TABLE = frozenset({"constraint", "foreign key", "policy", "rule", "trigger"})
_RELATIONS = frozenset({"table", "view", "materialized view", "foreign table"})


def lost_items(
    inventory: Inventory,
    not_run: Iterable[tuple[Entry, str]],
    *,
    toc: Toc,
    present: Container[Key] = (),
) -> dict[Key, str]:
    """Return the objects of entries that did not run and of their parts, with the reason.

    What was `present` in the target before is not lost, and neither is a part of it.
    """
    entries = tuple(not_run)
    places = {(e.classid, e.oid): reason for e, reason in entries if e.classid}
    mappings = {e.tag: reason for e, reason in entries if e.desc == "USER MAPPING"}
    labels = dict(_labels(entries, toc))
    found = {
        item.key: reason
        for item in inventory.items
        if item.key not in present
        and (
            reason := places.get((item.classid, item.objid))
            or mappings.get(_mapping_tag(item))
            or labels.get(_labelled(item))
        )
    }
    return dict(_parts(inventory, found)) | found


def _mapping_tag(item: Item) -> str:
    """Return the tag of a user mapping's entry, which has no place in the catalogues."""
    if item.kind != "user mapping":
        return ""
    return f"USER MAPPING {item.attributes.get('user')} SERVER {item.attributes.get('server')}"


def _labels(
    entries: Iterable[tuple[Entry, str]], toc: Toc
) -> Iterator[tuple[tuple[str, int] | None, str]]:
    """Yield the objects whose labels did not come: one entry holds all labels of an object."""
    by_id = {e.dump_id: e for e in toc.entries}
    for entry, reason in entries:
        for number in entry.dependencies if entry.desc == "SECURITY LABEL" else ():
            if number in by_id:
                yield (str(by_id[number].classid), by_id[number].oid), reason


def _labelled(item: Item) -> tuple[str, int] | None:
    return (
        (item.attributes.get("class") or "", item.objid) if item.kind == "security label" else None
    )


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
