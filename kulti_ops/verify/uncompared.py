"""Entries of an archive that no comparison of objects looks at, by name. Pure.

An inventory has an item for every object that it can compare. An entry that makes
something else, because the backup's inventory is older or pg_dump newer than the list of
kinds, comes back unseen: that is said, and never called the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container

    from kulti_ops.archive import Entry, Toc
    from kulti_ops.inventory import Inventory

NO_ITEM = "restored or not, nobody compared it: the backup's inventory has no such object"
# What belongs to the session or to the database, and what other checks look at.
_ELSEWHERE = frozenset(
    {
        "BLOB",
        "BLOB METADATA",
        "BLOBS",
        "DATABASE",
        "DATABASE PROPERTIES",
        "ENCODING",
        "MATERIALIZED VIEW DATA",
        "SEARCHPATH",
        "SEQUENCE SET",
        "STDSTRINGS",
        "TABLE DATA",
    }
)
# Properties of objects that have an item: rights, comments, parts of a table, members.
_PROPERTIES = frozenset(
    {
        "ACL",
        "COMMENT",
        "DEFAULT",
        "INDEX ATTACH",
        "PUBLICATION TABLE",
        "PUBLICATION TABLES IN SCHEMA",
        "ROW SECURITY",
        "SEQUENCE OWNED BY",
        "SHELL TYPE",
        "TABLE ATTACH",
    }
)
# Entries without a place in the catalogues, and the kind of item that they make.
_WITHOUT_PLACE = {"SECURITY LABEL": "security label", "USER MAPPING": "user mapping"}


_VIEWS_OWN = " _RETURN"  # the rule that makes a relation a view; the view has its text


def uncompared(inventory: Inventory, toc: Toc, *, not_run: Container[int] = ()) -> tuple[str, ...]:
    """Return the labels of entries whose object the inventory does not have.

    Entries that did not run are named elsewhere.
    """
    places = {(i.classid, i.objid) for i in inventory.items}
    kinds = {i.kind for i in inventory.items}
    ran = (e for e in toc.entries if e.dump_id not in not_run)
    return tuple(e.label for e in ran if _is_unseen(e, places, kinds))


def _is_unseen(entry: Entry, places: set[tuple[int, int]], kinds: set[str]) -> bool:
    if entry.desc in _ELSEWHERE or entry.desc in _PROPERTIES:
        return False
    if entry.desc == "RULE" and entry.tag.endswith(_VIEWS_OWN):
        return False
    if entry.desc in _WITHOUT_PLACE:
        return _WITHOUT_PLACE[entry.desc] not in kinds
    return (entry.classid, entry.oid) not in places
