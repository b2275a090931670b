"""An archive, its inventory and a target side by side: the questions that a plan asks. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from kulti_ops.restore.hosted.facts import is_vendor_role
from kulti_ops.roles import plain_name
from kulti_ops.verify.expectations import table_of_entry
from kulti_ops.verify.live import copy_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kulti_ops.archive import Entry, Toc
    from kulti_ops.inventory import Inventory, Item
    from kulti_ops.restore.hosted.facts import HostedFacts, Relation

RELATIONS = frozenset({"TABLE", "VIEW", "MATERIALIZED VIEW", "FOREIGN TABLE", "SEQUENCE"})
ABOUT_OTHERS = frozenset({"ACL", "COMMENT", "SECURITY LABEL"})
_RELATION_CLASS = 1259  # pg_class


@dataclass(frozen=True, kw_only=True)
class HostedOptions:
    """What the user asked for."""

    with_sessions: bool = False
    public_only: bool = False
    create_roles: bool = False


@dataclass(frozen=True)
class View:
    """What is asked of the three; built once per plan."""

    toc: Toc
    inventory: Inventory
    facts: HostedFacts
    options: HostedOptions

    @property
    def source_major(self) -> int:
        """The major version of the server that the backup is of."""
        return int(self.toc.server_version.partition(".")[0])

    @cached_property
    def by_id(self) -> Mapping[int, Entry]:
        """The entries by their numbers."""
        return {e.dump_id: e for e in self.toc.entries}

    @cached_property
    def _by_place(self) -> Mapping[tuple[int, int], Item]:
        return {(i.classid, i.objid): i for i in self.inventory.items if i.kind != "column"}

    @cached_property
    def _columns(self) -> Mapping[str, Item]:
        return {i.identity: i for i in self.inventory.of("column")}

    @cached_property
    def _tables(self) -> Mapping[int, str]:
        return table_of_entry(self.inventory, self.toc)

    @cached_property
    def new_roles(self) -> Mapping[str, Item]:
        """Roles of the customer's that the target lacks."""
        return {
            name: item
            for item in self.inventory.of("role")
            if not is_vendor_role(name := plain_name(item.identity))
            and name not in self.facts.roles
        }

    @cached_property
    def absent_roles(self) -> frozenset[str]:
        """Roles of the vendor's that the target lacks: nobody but the vendor can make them."""
        named = {plain_name(i.identity) for i in self.inventory.of("role")}
        return frozenset(named - self.facts.roles - self.new_roles.keys())

    @cached_property
    def borrowed_roles(self) -> frozenset[str]:
        """Roles of the customer's that the target has, and that can be had for the while."""
        named = {plain_name(i.identity) for i in self.inventory.of("role")}
        return frozenset(r for r in named & self.facts.lendable if not is_vendor_role(r))

    def can_own(self, role: str) -> bool:
        """Return whether objects can be given to a role, and rights be given in its name."""
        near = role in self.facts.assignable or role in self.borrowed_roles
        return near or role in self.new_roles

    def item(self, entry: Entry) -> Item | None:
        """Return the inventory's object that an entry makes; None for parts of others."""
        return self._by_place.get((entry.classid, entry.oid))

    def subject(self, entry: Entry) -> Entry | None:
        """Return the entry that rights or a comment are about."""
        return next((self.by_id[d] for d in entry.dependencies if d in self.by_id), None)

    def table(self, entry: Entry) -> Entry | None:
        """Return the entry of the table that a trigger or policy belongs to."""
        for number in entry.dependencies:
            found = self.by_id.get(number)
            if found is None or found.desc not in RELATIONS or found.namespace != entry.namespace:
                continue
            if entry.tag.startswith(f"{found.tag} "):
                return found
        return None

    def is_of_extension(self, entry: Entry) -> bool:
        """Return whether rights or rows are of a part of an extension: it has no entry."""
        return bool(entry.dependencies) and self.subject(entry) is None

    def is_there(self, entry: Entry) -> bool:
        """Return whether the target has the object that an entry makes."""
        item = self.item(entry)
        return item is not None and item.key in self.facts.items

    def is_same(self, entry: Entry, attributes: Iterable[str]) -> bool:
        """Return whether the target's object has these attributes of the one an entry makes."""
        item = self.item(entry)
        present = self.facts.items.get(item.key) if item is not None else None
        if item is None or present is None:
            return False
        return all(item.attributes.get(a) == present.attributes.get(a) for a in attributes)

    def relation(self, entry: Entry) -> Relation | None:
        """Return the target's table or sequence of an entry's name."""
        return self.facts.relations.get((entry.namespace, entry.tag))

    def owner_is_usable(self, table: Entry | None) -> bool:
        """Return whether the target's owner of a table can be used."""
        item = self.item(table) if table is not None else None
        present = self.facts.items.get(item.key) if item is not None else None
        return present is not None and present.attributes.get("owner") in self.facts.usable

    def is_vendor(self, entry: Entry) -> bool:
        """Return whether an entry belongs to a schema of the vendor's, and not to the customer."""
        name = self._schema(entry)
        if name is None or not self._is_vendor_schema(name):
            return False
        return not self._is_guest(entry, name)

    def _is_guest(self, entry: Entry, schema: str) -> bool:
        """Return whether a customer made it in a vendor's schema, and may make it there again."""
        known = self.facts.schemas.get(schema)
        owned = entry.owner == self.facts.role or not is_vendor_role(entry.owner or "postgres")
        may_create = known is not None and self.facts.role in known.creators
        return owned and may_create and entry.desc != "SCHEMA" and not self._is_about_present(entry)

    def _is_about_present(self, entry: Entry) -> bool:
        """Return whether the target has what an entry makes, or makes a part of."""
        if entry.desc in {"TABLE DATA", "SEQUENCE SET"}:
            return self.relation(entry) is not None
        about = self.subject(entry) if entry.desc in ABOUT_OTHERS else self.table(entry)
        return self.is_there(about or entry)

    def rights_item(self, entry: Entry) -> tuple[Item, str] | None:
        """Return the object whose rights an ACL entry holds, and the table of a column."""
        if entry.tag.startswith("SCHEMA "):
            key = ("schema", entry.tag.removeprefix("SCHEMA "))
            return next(((i, "") for i in self.inventory.of("schema") if i.key == key), None)
        subject = self.subject(entry)
        item = self.item(subject) if subject is not None else None
        if item is None or not entry.tag.startswith("COLUMN "):
            return None if item is None else (item, "")
        column = item.identity + _after_table(entry.tag.removeprefix("COLUMN "), item.identity)
        found = self._columns.get(column)
        return None if found is None else (found, item.identity)

    def source_rows(self, entry: Entry) -> int | None:
        """Return how many rows a TABLE DATA entry has; None when they were not counted."""
        return self.inventory.row_counts.get(self._tables.get(entry.dump_id, ""))

    def missing_columns(self, entry: Entry, relation: Relation) -> tuple[str, ...]:
        """Return the columns of a TABLE DATA entry that the target cannot take."""
        return tuple(c for c in self.data_columns(entry) if c not in relation.columns)

    def data_columns(self, entry: Entry) -> tuple[str, ...]:
        """Return the quoted columns of a TABLE DATA entry, in the archive's order."""
        identity = self._tables.get(entry.dump_id)
        return copy_columns(self.inventory, [identity])[identity] if identity else ()

    def rows_of(self, table: Entry) -> tuple[Entry, ...]:
        """Return the TABLE DATA entries of a table, or of the partitions below it."""
        item = self.item(table)
        below = self._below(item.identity) if item is not None else frozenset()
        return tuple(
            e for e in self.toc.of("TABLE DATA") if self._tables.get(e.dump_id, "") in below
        )

    def rows_of_sequence(self, entry: Entry) -> tuple[Entry, ...]:
        """Return the TABLE DATA entries of the table that a SEQUENCE SET's sequence belongs to."""
        sequence = self.subject(entry)
        item = self.item(sequence) if sequence is not None else None
        column = (item.attributes.get("owned by") if item is not None else None) or ""
        return tuple(
            e
            for e in self.toc.of("TABLE DATA")
            if (table := self._tables.get(e.dump_id)) and column.startswith(f"{table}.")
        )

    def table_of_rows(self, rows: Entry) -> Entry | None:
        """Return the TABLE entry of a TABLE DATA entry."""
        return next(
            (e for e in self.toc.of("TABLE") if e.oid == rows.oid and e.classid == _RELATION_CLASS),
            None,
        )

    def _below(self, identity: str) -> frozenset[str]:
        """Return a table's identity and those of its partitions, at any depth."""
        found = {identity}
        for item in self.inventory.of("table"):
            parents = (item.attributes.get("parents") or "").split(", ")
            if "partition bound" in item.attributes and found & set(parents):
                found |= self._below(item.identity)
        return frozenset(found)

    def is_partition(self, entry: Entry) -> bool:
        """Return whether an entry makes a partition."""
        item = self.item(entry)
        return item is not None and "partition bound" in item.attributes

    def _schema(self, entry: Entry) -> str | None:
        if entry.namespace:
            return entry.namespace
        if entry.desc == "SCHEMA":
            return entry.tag
        if entry.desc in ABOUT_OTHERS and entry.tag.startswith("SCHEMA "):
            return plain_name(entry.tag.removeprefix("SCHEMA "))
        return None

    def _is_vendor_schema(self, name: str) -> bool:
        if self.facts.is_vendor_schema(name):
            return True
        owners = self._schema_owners
        return name not in self.facts.schemas and owners.get(name, "").startswith("supabase_")

    def schema_owner(self, entry: Entry) -> str:
        """Return who owns an entry's schema in the backup; nobody for what is in none."""
        return self._schema_owners.get(entry.namespace, "")

    @cached_property
    def _schema_owners(self) -> Mapping[str, str]:
        return {
            plain_name(i.identity): i.attributes.get("owner") or ""
            for i in self.inventory.of("schema")
        }


def _after_table(tag: str, identity: str) -> str:
    """Return `.column` of a tag `table.column`, both quoted as the identity quotes the table."""
    table = identity.partition(".")[2] if not identity.startswith('"') else _behind_quoted(identity)
    return tag.removeprefix(table)


def _behind_quoted(identity: str) -> str:
    end = identity.find('".', 1)
    return identity[end + 2 :] if end > 0 else identity
