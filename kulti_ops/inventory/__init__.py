"""The inventory: everything a database consists of, as text that can be compared.

Adapter over PostgreSQL's catalogues. One query per file in `catalog/`; adding a
kind of object is adding a file. Identities are schema-qualified and quoted, which
needs a session with an empty search path (`SESSION`). The same queries run at
the source under the backup's snapshot and on a restored copy.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from kulti_ops.errors import StorageError
from kulti_ops.inventory.versions import SCHEMA_VERSION, known_attributes, knows_kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from kulti_ops.db import Connection

LIMIT_BYTES = 512 * 1024 * 1024  # of the file; about 200 bytes a property

# Whatever influences how the catalogue functions and COPY write values.
SESSION = MappingProxyType(
    {
        "search_path": "",
        "datestyle": "ISO, MDY",
        "intervalstyle": "postgres",
        "extra_float_digits": "3",
        "xmloption": "content",
        "quote_all_identifiers": "off",
        "synchronize_seqscans": "off",
        "row_security": "off",
    }
)
GLOBAL_KINDS = frozenset({"role", "membership", "setting"})

Key = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Item:
    """One object: kind, identity, its place in the catalogues, and its properties as text."""

    kind: str
    identity: str
    classid: int
    objid: int
    attributes: Mapping[str, str | None]

    @property
    def key(self) -> Key:
        """What makes it the same object in two databases."""
        return (self.kind, self.identity)


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """The state of a database at one snapshot.

    `row_counts` maps a table's identity to its rows (None: not counted);
    `sequences` maps an identity to (last value, is called, owning column's maximum).
    `session` are the settings that pg_dump's session had: a digest replays them.
    `schema_version` says what an inventory of its time knew.
    """

    items: tuple[Item, ...]
    row_counts: Mapping[str, int | None]
    sequences: Mapping[str, tuple[int, bool, int | None]]
    session: Mapping[str, str]
    schema_version: int = SCHEMA_VERSION

    def of(self, *kinds: str) -> Iterator[Item]:
        """Yield the items of some kinds."""
        return (item for item in self.items if item.kind in kinds)

    def by_key(self) -> dict[Key, Item]:
        """Return the items by kind and identity."""
        return {item.key: item for item in self.items}

    def known(self, items: Iterable[Item]) -> tuple[Item, ...]:
        """Return items with the kinds and properties that an inventory of this schema has."""
        if self.schema_version >= SCHEMA_VERSION:
            return tuple(items)
        version = self.schema_version
        return tuple(
            replace(i, attributes=known_attributes(i.kind, i.attributes, version))
            for i in items
            if knows_kind(i.kind, version)
        )


def read_items(connection: Connection) -> tuple[Item, ...]:
    """Return every object of the connected database; the session must be `SESSION`'s."""
    items: list[Item] = []
    with connection.cursor() as cursor:
        for sql in _queries():
            cursor.execute(sql)
            items += (_item(row) for row in cursor.fetchall())
    return tuple(items)


def pin_session(connection: Connection, extra: Mapping[str, str] | None = None) -> None:
    """Give the session the settings under which text is comparable."""
    pinned = {**SESSION, **(extra or {})}
    calls = ", ".join(["set_config(%s, %s, false)"] * len(pinned))
    with connection.cursor() as cursor:  # one round trip, however far away the server is
        cursor.execute(f"SELECT {calls}", [text for pair in pinned.items() for text in pair])


def to_json(inventory: Inventory) -> bytes:
    """Return the inventory as the bytes of `inventory.json`."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "session": dict(inventory.session),
        "row_counts": dict(inventory.row_counts),
        "sequences": {k: list(v) for k, v in inventory.sequences.items()},
        "items": [
            [i.kind, i.identity, i.classid, i.objid, dict(i.attributes)] for i in inventory.items
        ],
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def from_json(data: bytes) -> Inventory:
    """Return the inventory that `inventory.json` holds.

    Raises: StorageError when it is no inventory or of a newer schema.
    """
    try:
        document = json.loads(data)
        version = document["schema_version"]
        if version > SCHEMA_VERSION:
            raise StorageError(
                f"inventory.json has schema {version}; this kulti-ops reads up to {SCHEMA_VERSION}",
                hint="install a newer kulti-ops",
            )
        return Inventory(
            items=tuple(
                Item(kind=k, identity=i, classid=c, objid=o, attributes=a)
                for k, i, c, o, a in document["items"]
            ),
            row_counts=document["row_counts"],
            sequences={k: (v[0], v[1], v[2]) for k, v in document["sequences"].items()},
            session=document["session"],
            schema_version=version,
        )
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise StorageError("inventory.json cannot be read: it is damaged") from error


def _queries() -> Iterator[Any]:
    folder = resources.files(__name__) / "catalog"
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        if file.name.endswith(".sql"):
            yield file.read_text(encoding="utf-8")


def _item(row: tuple[str, str, int, int, Mapping[str, Any]]) -> Item:
    kind, identity, classid, objid, attributes = row
    return Item(
        kind=kind,
        identity=identity,
        classid=classid,
        objid=objid,
        attributes={k: _text(v) for k, v in attributes.items() if v is not None},
    )


def _text(value: Any) -> str:  # noqa: ANN401 - a scalar of JSON
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
