"""What the inventory says must be in an archive, held against its table of contents.

Pure. Objects are matched by their place in the source's catalogues (class and
object id), never by name: a dropped table is not found in another's longer name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kulti_ops.archive import Toc
    from kulti_ops.inventory import Inventory, Item


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """One kind of object: how many were expected, and which are missing, by identity."""

    check_id: str
    noun: str
    expected: int
    missing: tuple[str, ...]


def _has_own_entry(item: Item) -> bool:
    """Keys and exclusions stand alone; a check is part of its table unless not valid."""
    if item.kind != "constraint":
        return False
    kind = item.attributes.get("type")
    return kind in {"p", "u", "x"} or (kind == "c" and item.attributes.get("validated") == "no")


def _inherited(item: Item) -> bool:
    return item.attributes.get("inherited") == "yes"


# check id -> (noun, which items must have an entry of their own)
_KINDS: tuple[tuple[str, str, Callable[[Item], bool]], ...] = (
    ("tables", "tables", lambda i: i.kind == "table"),
    ("views", "views", lambda i: i.kind in {"view", "materialized view"}),
    ("functions", "functions", lambda i: i.kind == "function"),
    ("types", "types", lambda i: i.kind == "type"),
    ("sequences", "sequences", lambda i: i.kind == "sequence"),
    ("policies", "policies", lambda i: i.kind == "policy"),
    ("indexes", "indexes", lambda i: i.kind == "index" and "constraint" not in i.attributes),
    ("constraints", "constraints", _has_own_entry),
    ("foreign-keys", "foreign keys", lambda i: i.kind == "foreign key" and not _inherited(i)),
    ("triggers", "triggers", lambda i: i.kind == "trigger" and not _inherited(i)),
    ("extensions", "extensions", lambda i: i.kind == "extension" and i.identity != "plpgsql"),
    ("publications", "publications", lambda i: i.kind == "publication"),
)


def coverage(inventory: Inventory, toc: Toc, *, left_out: frozenset[str]) -> Iterator[Coverage]:
    """Yield, kind by kind, what the archive covers; `left_out` are known to be absent."""
    present = {(e.classid, e.oid) for e in toc.entries}
    for check_id, noun, wanted in _KINDS:
        items = [i for i in inventory.items if wanted(i) and i.identity not in left_out]
        missing = tuple(i.identity for i in items if (i.classid, i.objid) not in present)
        yield Coverage(check_id=check_id, noun=noun, expected=len(items), missing=missing)
    yield _row_security(inventory, toc, left_out)
    yield _large_objects(inventory, toc)


def table_of_entry(inventory: Inventory, toc: Toc) -> dict[int, str]:
    """Return dump id of TABLE DATA -> the table's identity, by object id."""
    tables = {i.objid: i.identity for i in inventory.of("table", "foreign table")}
    return {e.dump_id: tables[e.oid] for e in toc.of("TABLE DATA") if e.oid in tables}


def sequence_problems(inventory: Inventory, toc: Toc) -> tuple[str, ...]:
    """Return sequences whose archived value lies behind what was recorded before the dump.

    Sequences are not transactional: the archive's value may be ahead of the snapshot's.
    A column that was already ahead of its sequence at the source is the source's business.
    """
    identities = {i.objid: i for i in inventory.of("sequence")}
    archived = archived_values(toc)
    problems = []
    for objid, item in identities.items():
        if item.identity not in inventory.sequences:
            continue
        value = archived.get(objid)
        recorded, _called, _greatest = inventory.sequences[item.identity]
        descending = (item.attributes.get("increment") or "").startswith("-")
        if value is None:
            problems.append(f"{item.identity} (no value in the archive)")
        elif (value > recorded) if descending else (value < recorded):
            problems.append(f"{item.identity} (value {value}, {recorded} at the source)")
    return tuple(problems)


def archived_values(toc: Toc) -> dict[int, int | None]:
    """Return each sequence's value by object id; SEQUENCE SET depends on its SEQUENCE."""
    return {oid: state and state[0] for oid, state in archived_states(toc).items()}


def archived_states(toc: Toc) -> dict[int, tuple[int, bool] | None]:
    """Return each sequence's value, and whether it was handed out, by object id."""
    sequences = {e.dump_id: e.oid for e in toc.of("SEQUENCE")}
    return {
        sequences[d]: _setval(e.definition)
        for e in toc.of("SEQUENCE SET")
        for d in e.dependencies
        if d in sequences
    }


def _setval(definition: str) -> tuple[int, bool] | None:
    head, _, called = definition.strip().rstrip(";").rpartition(", ")
    value = head.rpartition(", ")[2]
    if called not in {"true)", "false)"} or not value.lstrip("-").isdigit():
        return None
    return int(value), called == "true)"


def _row_security(inventory: Inventory, toc: Toc, left_out: frozenset[str]) -> Coverage:
    """Row security is switched on by an entry that carries the table's object id."""
    switched = {e.oid for e in toc.of("ROW SECURITY")}
    items = [
        i
        for i in inventory.of("table")
        if (i.attributes.get("row security") or "").startswith("true")
        and i.identity not in left_out
    ]
    missing = tuple(i.identity for i in items if i.objid not in switched)
    return Coverage(
        check_id="row-security",
        noun="tables with row security",
        expected=len(items),
        missing=missing,
    )


def _large_objects(inventory: Inventory, toc: Toc) -> Coverage:
    """Large objects are listed one by one or in groups of the same owner and rights."""
    items = tuple(inventory.of("large object"))
    listed = {e.oid for e in toc.of("BLOB")}
    for entry in toc.of("BLOB METADATA"):  # from version 1.16 on: one number a line
        listed |= {int(line) for line in entry.definition.split() if line.isdigit()}
    missing = tuple(i.identity for i in items if i.objid not in listed)
    return Coverage(
        check_id="large-objects", noun="large objects", expected=len(items), missing=missing
    )
