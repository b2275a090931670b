"""Small values for unit tests: entries, inventories, manifests, as few words as possible."""

from __future__ import annotations

from typing import Any

from kulti_ops.archive import Entry, Toc
from kulti_ops.inventory import Inventory, Item


def entry(dump_id: int, desc: str, tag: str = "x", **more: Any) -> Entry:
    """Make one entry of a table of contents."""
    values: dict[str, Any] = {
        "dump_id": dump_id,
        "has_data": desc in {"TABLE DATA", "BLOBS"},
        "classid": 0,
        "oid": 0,
        "tag": tag,
        "desc": desc,
        "section": 2,
        "definition": "",
        "copy_statement": "",
        "namespace": "public",
        "owner": "postgres",
        "dependencies": (),
    }
    return Entry(**{**values, **more})


def toc(*entries: Entry) -> Toc:
    """Make a table of contents."""
    return Toc(
        version=(1, 16),
        database="postgres",
        server_version="17.6",
        dump_version="17.10",
        entries=entries,
    )


def item(
    kind: str, identity: str, objid: int = 0, *, classid: int = 1259, **attributes: str
) -> Item:
    """Make one object; underscores in attribute names stand for blanks."""
    named: dict[str, str | None] = {k.replace("_", " "): v for k, v in attributes.items()}
    return Item(kind=kind, identity=identity, classid=classid, objid=objid, attributes=named)


def inventory(*items: Item, **more: Any) -> Inventory:
    """Make an inventory."""
    values: dict[str, Any] = {"row_counts": {}, "sequences": {}, "session": {}}
    return Inventory(items=items, **{**values, **more})
