"""The statements that bring rows back from a side table, as text for a person. Pure.

Printed or written to a file, never run. One transaction that ends in ROLLBACK: who
applies it looks at the row counts first, and changes one word. Names are always
quoted; nothing of a row is in the text.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from kulti_ops.roles import quote_identifier

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kulti_ops.restore.archived_table import ArchivedTable
    from kulti_ops.restore.live_table import LiveTable
    from kulti_ops.restore.side import SideTable
    from kulti_ops.restore.table_diff import TableDifference

_BYTES = 'COLLATE pg_catalog."C"'

# Tables that more hangs on than their rows (the platform's invariants on credits).
LEDGER_NOTE = (
    "this table is part of the ledger: balances change only through public.add_credits().",
    "rows put back here do not change profiles.credits_balance, and must add up with it:",
    "credits_balance = balance_after of the newest row = sum of amounts, per user.",
)
NOTES = MappingProxyType(
    {
        "public.credit_transactions": LEDGER_NOTE,
        "public.credit_milestones": LEDGER_NOTE,
        "public.profiles": LEDGER_NOTE,
    }
)


@dataclass(frozen=True, kw_only=True)
class Script:
    """What a script is made from; `granted` are the roles that new tables are granted to.

    `live` is None when the table is gone, `difference` when none could be told.
    """

    backup_id: str
    archived: ArchivedTable
    side: SideTable
    live: LiveTable | None
    difference: TableDifference | None
    granted: tuple[str, ...] = ()


def render(script: Script) -> str:
    """Return the whole text."""
    body = _create_again(script) if script.live is None else _bring_back(script, script.live)
    lines = [
        *_comment(f"{script.archived.identity} from backup {script.backup_id}"),
        *_comment("nothing of this has been run. It ends in ROLLBACK: run it, look at the row"),
        *_comment("counts, then change ROLLBACK to COMMIT and run it again."),
        *(c for note in NOTES.get(script.archived.identity, ()) for c in _comment(note)),
        "BEGIN;",
        "SET LOCAL lock_timeout = '5s';",
        "SET LOCAL row_security = off;",
        *body,
        "ROLLBACK;",
        *_comment("when the side table is not needed any more:"),
        *_comment(f"DROP SCHEMA {quote_identifier(script.side.schema)} CASCADE;"),
    ]
    return "\n".join(lines) + "\n"


def _bring_back(script: Script, live: LiveTable) -> Iterator[str]:
    difference = script.difference
    if difference is None:
        yield from _comment("no key tells the rows apart, so there is nothing to compare by;")
        yield from _comment("say one with --key, or write the statements by hand.")
        return
    if live.triggers:
        yield from _comment(f"triggers that will fire: {', '.join(live.triggers)}")
    for names, where in ((difference.only_backup, "live"), (difference.only_live, "in the backup")):
        if names:
            yield from _comment(f"columns that are not {where}: {', '.join(names)}")
    yield from _insert(script, live, difference)
    yield from _update(script, live, difference)


def _insert(script: Script, live: LiveTable, difference: TableDifference) -> Iterator[str]:
    yield from _comment(f"{difference.missing} rows are in the backup and not live")
    if not difference.missing:
        return
    required = [c.name for c in live.columns if c.required and c.name in difference.only_live]
    if required:
        yield from _comment(f"this fails until it gives values for {', '.join(required)}")
    yield from _insert_rows(
        script,
        difference.common,
        live,
        condition=f" WHERE NOT EXISTS (SELECT FROM {_from(live)} AS l"
        f" WHERE {_same_key(script, live, difference)})",
    )


def _insert_rows(
    script: Script, names: Iterable[str], live: LiveTable | None, *, condition: str = ""
) -> Iterator[str]:
    common = tuple(names)
    target = _name(script.archived.schema, script.archived.name)
    always = live is not None and any(c.identity_always for c in live.columns if c.name in common)
    overriding = " OVERRIDING SYSTEM VALUE" if always else ""
    values = ", ".join(_value(script, live, name) for name in common)
    yield f"INSERT INTO {target} ({', '.join(map(quote_identifier, common))}){overriding}"
    yield f"SELECT {values} FROM {_side(script)} AS b"  # noqa: S608 - text for a person
    if condition:
        yield condition
    yield ";"


def _update(script: Script, live: LiveTable, difference: TableDifference) -> Iterator[str]:
    yield from _comment(f"{difference.changed} rows differ")
    fixed = {c.name for c in live.columns if c.identity_always}
    names = tuple(n for n in difference.changed_columns if n not in fixed)
    for name in sorted(fixed & set(difference.changed_columns)):
        yield from _comment(f"{name} is always generated by its sequence and cannot be updated")
    if not names:
        return
    sets = ", ".join(f"{quote_identifier(n)} = {_value(script, live, n)}" for n in names)
    differ = " OR ".join(
        f"b.{quote_identifier(n)}::text IS DISTINCT FROM l.{quote_identifier(n)}::text {_BYTES}"
        for n in names
    )
    yield f"UPDATE {_from(live)} AS l SET {sets}"  # noqa: S608 - text for a person
    yield f"  FROM {_side(script)} AS b"
    yield f" WHERE {_same_key(script, live, difference)}"
    yield f"   AND ({differ});"


def _create_again(script: Script) -> Iterator[str]:
    """Yield the archive's own definition around the rows, closed to all until its grants."""
    archived = script.archived
    target = _name(archived.schema, archived.name)
    yield from _comment("the table is gone: first its definition, as the archive has it")
    if not archived.definition:
        yield from _comment("the archive has no definition of it: create it by hand")
    else:
        yield archived.definition
    grantees = ", ".join(["PUBLIC", *map(quote_identifier, script.granted)])
    yield f"REVOKE ALL ON TABLE {target} FROM {grantees};"
    yield from archived.statements(before_rows=True)
    names = (c.name for c in script.side.columns)
    yield from _insert_rows(script, names, None) if script.side.columns else ()
    yield from archived.statements(before_rows=False)


def _same_key(script: Script, live: LiveTable, difference: TableDifference) -> str:
    return " AND ".join(_same(script, live, name) for name in difference.key)


def _same(script: Script, live: LiveTable, name: str) -> str:
    column = quote_identifier(name)
    if _needs_cast(script, live, name) or _is_text(live, name):
        return f"b.{column}::text = l.{column}::text {_BYTES}"
    return f"b.{column} = l.{column}"


def _value(script: Script, live: LiveTable | None, name: str) -> str:
    """Return a column of the side table as a value for the live one."""
    column = f"b.{quote_identifier(name)}"
    if live is not None:
        found = live.column(name)
        kind = found.type if found and _needs_cast(script, live, name) else None
    else:
        types = {c.name: c.type for c in script.archived.columns}
        kind = types.get(name) if _side_note(script, name) else None
    return f"({column}::text)::{kind}" if kind else column


def _needs_cast(script: Script, live: LiveTable, name: str) -> bool:
    found = live.column(name)
    types = {c.name: c.type for c in script.side.columns}
    return found is not None and types.get(name) != found.type


def _side_note(script: Script, name: str) -> bool:
    return any(c.name == name and c.note for c in script.side.columns)


def _is_text(live: LiveTable, name: str) -> bool:
    found = live.column(name)
    return found is not None and found.type.startswith(("text", "character", "name"))


def _from(live: LiveTable) -> str:
    name = _name(live.schema, live.name)
    return name if live.partitioned else f"ONLY {name}"


def _side(script: Script) -> str:
    return _name(script.side.schema, script.side.name)


def _name(schema: str, table: str) -> str:
    return f"{quote_identifier(schema)}.{quote_identifier(table)}"


def _comment(text: str) -> tuple[str, ...]:
    """Return a text as one line of comment, whatever line feeds a name in it has."""
    return (f"-- {' '.join(text.splitlines())}",)
