"""One table of a backup: found by name, with its columns and what belongs to it. Pure.

The archive's own COPY statement says which columns its rows have and in which order;
the inventory says of what type they are. Nothing here becomes SQL that is run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from kulti_ops.errors import NotFoundError, RefusedError
from kulti_ops.roles import plain_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kulti_ops.archive import Entry, Toc
    from kulti_ops.inventory import Inventory, Item

_TOKEN = re.compile(r'"(?:[^"]|"")*"|[^\s,.()"]+')
_NAME_PARTS = 2
_WORDS_BEFORE_COLUMNS = 3  # COPY, the schema, the table
_SUGGESTIONS = 3

# What makes a table whole again when it is gone, other than its rows: entries of the archive
# that hang on it. Views and functions are left to whoever dropped them.
_BELONGINGS = frozenset(
    {
        *("ACL", "CHECK CONSTRAINT", "COMMENT", "CONSTRAINT", "DEFAULT", "FK CONSTRAINT"),
        *("INDEX", "INDEX ATTACH", "POLICY", "ROW SECURITY", "RULE", "SEQUENCE"),
        *("SEQUENCE OWNED BY", "SEQUENCE SET", "STATISTICS", "TABLE ATTACH", "TRIGGER"),
    }
)
_BEFORE_ROWS = frozenset({"SEQUENCE", "SEQUENCE OWNED BY", "DEFAULT"})


@dataclass(frozen=True, kw_only=True)
class ArchivedColumn:
    """A column whose values the archive holds; `type` is None when the inventory lacks it."""

    name: str
    type: str | None


@dataclass(frozen=True, kw_only=True)
class ArchivedTable:
    """A table as it was: `counted` rows at the source, None when nobody counted them.

    `generated` are columns without values in the archive. `definition` and `belongings`
    are the archive's own statements, for whoever has to create the table again;
    `enum_labels` are the labels of the enumerations as they were, by identity.
    """

    identity: str
    schema: str
    name: str
    entry: Entry
    columns: tuple[ArchivedColumn, ...]
    generated: tuple[str, ...]
    counted: int | None
    definition: str
    belongings: tuple[Entry, ...]
    enum_labels: Mapping[str, str]

    def statements(self, *, before_rows: bool) -> tuple[str, ...]:
        """Return the belongings' statements: those that come before the rows, or after."""
        return tuple(
            e.definition.strip() for e in self.belongings if (e.desc in _BEFORE_ROWS) is before_rows
        )


def find_table(toc: Toc, inventory: Inventory, name: str) -> ArchivedTable:
    """Return the table that `name` means: `schema.table`, quoted where PostgreSQL would quote.

    Raises: NotFoundError when the backup has none of that name; RefusedError when it has
    no rows of it.
    """
    item = _find_item(inventory, name)
    if item.attributes.get("relkind") == "p":
        raise RefusedError(
            f"{item.identity} is partitioned: its rows are in its partitions",
            hint=f"name one of them: {', '.join(_partitions(inventory, item)) or 'it has none'}",
        )
    entry = next((e for e in toc.of("TABLE DATA") if e.oid == item.objid), None)
    if entry is None or not entry.copy_statement:
        raise RefusedError(
            f"the backup holds no rows of {item.identity}: they were left out",
            hint="`kulti-ops backup show` says what was left out; use another backup",
        )
    create = next((e for e in toc.of("TABLE") if e.oid == item.objid), None)
    columns = {_last(i.identity): i for i in inventory.of("column") if i.objid == item.objid}
    names = copy_columns_of(entry)
    return ArchivedTable(
        identity=item.identity,
        schema=entry.namespace,
        name=entry.tag,
        entry=entry,
        columns=tuple(ArchivedColumn(name=n, type=_type(columns.get(n))) for n in names),
        generated=tuple(sorted(n for n, i in columns.items() if _is_generated(i))),
        counted=inventory.row_counts.get(item.identity),
        definition=create.definition.strip() if create else "",
        belongings=_belongings(toc, create) if create else (),
        enum_labels={
            i.identity: i.attributes["labels"] or ""
            for i in inventory.of("type")
            if i.attributes.get("labels")
        },
    )


def copy_columns_of(entry: Entry) -> tuple[str, ...]:
    """Return the columns of an entry's rows, in their order, as plain names."""
    head = entry.copy_statement.strip().removesuffix(";").removesuffix("FROM stdin")
    return tuple(plain_name(t) for t in _TOKEN.findall(head)[_WORDS_BEFORE_COLUMNS:])


def name_parts(text: str) -> tuple[str, ...]:
    """Return the parts of a qualified, quoted name as plain names."""
    return tuple(plain_name(part) for part in _TOKEN.findall(text))


def _find_item(inventory: Inventory, name: str) -> Item:
    tables = {i.identity: i for i in inventory.of("table")}
    wanted = name if "." in name else f"public.{name}"
    if wanted in tables:
        return tables[wanted]
    # as written, without the quotes that a shell makes hard to type
    matches = [i for key, i in tables.items() if ".".join(name_parts(key)) == wanted]
    if len(matches) == 1:
        return matches[0]
    for kind in ("view", "materialized view", "foreign table"):
        if any(i.identity == wanted for i in inventory.of(kind)):
            raise RefusedError(f"{wanted} is a {kind}: a backup holds no rows of it")
    close = get_close_matches(wanted, tables, n=_SUGGESTIONS)
    raise NotFoundError(
        f"the backup has no table {wanted}",
        hint=f"did you mean {', '.join(close)}?" if close else "the form is schema.table",
    )


def _partitions(inventory: Inventory, parent: Item) -> tuple[str, ...]:
    """Return the identities of the leaves below a partitioned table."""
    found: list[str] = []
    for item in inventory.of("table"):
        if item.attributes.get("parents") == parent.identity:
            deeper = _partitions(inventory, item)
            leaf = item.attributes.get("relkind") != "p"
            found += [item.identity] if leaf else list(deeper)
    return tuple(found)


def _belongings(toc: Toc, create: Entry) -> tuple[Entry, ...]:
    """Return what hangs on a table, over any distance, in the order of a restore."""
    known = {create.dump_id}
    found = []
    for entry in toc.entries:
        if entry.desc in _BELONGINGS and known.intersection(entry.dependencies):
            known.add(entry.dump_id)
            found.append(entry)
    return tuple(found)


def _is_generated(item: Item) -> bool:
    return bool((item.attributes.get("generated") or "").strip())


def _type(item: Item | None) -> str | None:
    return item.attributes.get("type") if item else None


def _last(identity: str) -> str:
    return name_parts(identity)[-1]


def missing_columns(table: ArchivedTable, names: Iterable[str]) -> tuple[str, ...]:
    """Return those of `names` that are no columns of the archived rows."""
    known = {c.name for c in table.columns}
    return tuple(n for n in names if n not in known)
