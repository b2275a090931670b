"""Foreign keys whose rows would point to rows that are left out, counted beforehand.

Reads the archive's rows of the tables that point, and the target's keys where it has
some. Prints and keeps no value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kulti_ops.db import sql, translated
from kulti_ops.errors import OperationFailedError
from kulti_ops.pgrestore import pg_restore
from kulti_ops.restore.hosted import rules
from kulti_ops.restore.hosted.plan import Dangling, HostedPlan
from kulti_ops.restore.hosted.rules import Fate
from kulti_ops.restore.hosted.text import not_valid
from kulti_ops.roles import plain_name
from kulti_ops.verify.copydata import CopyDataError, CopyReader

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kulti_ops.archive import Entry, Toc
    from kulti_ops.db import Connection
    from kulti_ops.pgrestore import ArchiveSource
    from kulti_ops.pgtools import Installation
    from kulti_ops.restore.hosted.facts import Relation
    from kulti_ops.restore.hosted.step import Step
    from kulti_ops.restore.hosted.view import View

_NAME = r'(?:"(?:[^"]|"")+"|[\w$]+)'
_LIST = rf"{_NAME}(?:, {_NAME})*"
_KEY = re.compile(rf"FOREIGN KEY \(({_LIST})\) REFERENCES {_NAME}\.{_NAME}\(({_LIST})\)")
_NULL = b"\\N"


@dataclass(frozen=True, kw_only=True)
class ForeignKey:
    """A foreign key into a table whose rows are left out.

    `rows` are the entries that hold the pointing rows, `positions` where in each row the
    columns stand, `parent` the target's table and `columns` what is pointed to.
    """

    step: Step
    rows: tuple[Entry, ...]
    positions: tuple[int, ...]
    parent: Relation | None
    parent_label: str
    columns: tuple[str, ...]
    partitioned: bool


def keys_left_alone(view: View, plan: HostedPlan) -> tuple[ForeignKey, ...]:
    """Return the foreign keys of the plan whose rows may point to nothing."""
    left_out = {
        (s.entry.namespace, s.entry.tag)
        for s in plan.of(Fate.SKIP, Fate.LOST)
        if s.entry.desc == "TABLE DATA" and s.rule is not rules.NO_ROWS
    }
    found = (_key(view, s, left_out) for s in plan.of(Fate.RUN) if s.entry.desc == "FK CONSTRAINT")
    return tuple(key for key in found if key is not None)


def count_dangling(
    connection: Connection,
    keys: tuple[ForeignKey, ...],
    *,
    toc: Toc,
    archive: ArchiveSource,
    tools: Installation,
) -> dict[int, int]:
    """Return how many rows would dangle, by the foreign key's dump id.

    Raises: DatabaseError, ToolFailedError, OperationFailedError when it cannot be counted.
    """
    if not keys:
        return {}
    counters = [_Counter(key, _present(connection, key)) for key in keys]
    pointing = {e.dump_id for k in keys for e in k.rows}
    entries = [e for e in toc.entries if e.dump_id in pointing]
    sinks = [_Rows([c for c in counters if e in c.key.rows]) for e in entries]
    reader = CopyReader([e.copy_statement for e in entries], sinks.__getitem__)
    try:
        with pg_restore(archive, entries, tools=tools) as run:
            for chunk in run.output():
                reader.feed(chunk)
            run.finish()
        reader.finish()
    except CopyDataError as error:
        raise OperationFailedError(f"the archive's rows: {error}") from error
    return {c.key.step.entry.dump_id: c.rows for c in counters}


def with_dangling(
    plan: HostedPlan, keys: tuple[ForeignKey, ...], counts: Mapping[int, int]
) -> HostedPlan:
    """Return the plan with the dangling keys made NOT VALID, where that is possible."""
    changed = {
        k.step.entry.dump_id: _changed(k, counts[k.step.entry.dump_id])
        for k in keys
        if counts[k.step.entry.dump_id]
    }
    steps = tuple(changed.get(s.entry.dump_id, s) for s in plan.steps)
    return replace(plan, steps=steps, dangling=tuple(_describe(k, counts) for k in keys))


def _changed(key: ForeignKey, rows: int) -> Step:
    entry = key.step.entry
    detail = f"{rows} rows point to rows of {key.parent_label} that are left out"
    if key.partitioned:
        return replace(key.step, rule=rules.DANGLING_PARTITIONED, detail=detail)
    head, name = entry.definition.partition(" ADD CONSTRAINT ")[0], entry.tag
    constraint = '"' + _constraint(name, entry, key).replace('"', '""') + '"'
    return replace(
        key.step,
        rule=rules.DANGLING,
        text=not_valid(entry.definition),
        detail=detail,
        residual=f"{head.replace(' ONLY ', ' ').rstrip()} VALIDATE CONSTRAINT {constraint};",
    )


def _constraint(tag: str, entry: Entry, key: ForeignKey) -> str:
    """Return the constraint's name: what stands behind the table's in the tag."""
    tables = {e.tag for e in key.rows} | {entry.tag.partition(" ")[0]}
    named = max((t for t in tables if tag.startswith(f"{t} ")), key=len, default="")
    return tag.removeprefix(f"{named} ")


def _describe(key: ForeignKey, counts: Mapping[int, int]) -> Dangling:
    entry = key.step.entry
    name = _constraint(entry.tag, entry, key)
    return Dangling(
        constraint=name,
        table=f"{entry.namespace}.{entry.tag.removesuffix(f' {name}')}",
        refers_to=key.parent_label,
        rows=counts[entry.dump_id],
    )


def _key(view: View, step: Step, left_out: set[tuple[str, str]]) -> ForeignKey | None:
    entry = step.entry
    item = view.item(entry)
    match = _KEY.match((item.attributes.get("definition") if item is not None else "") or "")
    tables = [view.by_id[d] for d in entry.dependencies if d in view.by_id]
    parents = [t for t in tables if t.desc == "TABLE" and (t.namespace, t.tag) in left_out]
    child = view.table(entry)
    if match is None or not parents or child is None:
        return None
    rows = tuple(view.rows_of(child))
    columns = view.data_columns(rows[0]) if rows else ()
    named = match[1].split(", ")
    return ForeignKey(
        step=step,
        rows=rows,
        positions=tuple(columns.index(c) for c in named if c in columns),
        parent=view.relation(parents[0]),
        parent_label=f"{parents[0].namespace}.{parents[0].tag}",
        columns=tuple(plain_name(c) for c in match[2].split(", ")),
        partitioned=child not in {view.table_of_rows(e) for e in rows},
    )


def _present(connection: Connection, key: ForeignKey) -> frozenset[bytes]:
    """Return the keys that the target has, as COPY writes them."""
    parent = key.parent
    if parent is None or parent.empty is True:
        return frozenset()
    columns = sql.SQL(", ").join(map(sql.Identifier, key.columns))
    query = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT").format(
        columns, sql.Identifier(parent.schema, parent.name)
    )
    with translated(f"keys of {parent.identity}"), connection.cursor().copy(query) as copy:
        return frozenset(bytes(row).rstrip(b"\n") for row in copy)


class _Counter:
    """Counts the rows of one foreign key that point to nothing."""

    def __init__(self, key: ForeignKey, present: frozenset[bytes]) -> None:
        self.key = key
        self.rows = 0
        self._present = present

    def see(self, fields: list[bytes]) -> None:
        values = [fields[p] for p in self.key.positions]
        if _NULL not in values and b"\t".join(values) not in self._present:
            self.rows += 1


class _Rows:
    """Takes a table's rows in any pieces and shows each to the counters."""

    def __init__(self, counters: list[_Counter]) -> None:
        self._counters = counters
        self._rest = b""

    def update(self, data: bytes | memoryview) -> None:
        *rows, self._rest = (self._rest + bytes(data)).split(b"\n")
        for row in rows:
            fields = row.split(b"\t")
            for counter in self._counters:
                counter.see(fields)
