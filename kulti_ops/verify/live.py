"""Digests of live tables, by the same bytes that an archive holds.

`COPY … TO STDOUT` under the session settings of the dump, run by psql: a row costs
nothing in Python. One psql per job, all tables of a job in one session, their rows
told apart by lines of a random number that no row can guess.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kulti_ops.db import connect, sql, translated
from kulti_ops.digest import MultisetDigest, OrderedDigest, TableDigest
from kulti_ops.errors import OperationFailedError
from kulti_ops.inventory import SESSION
from kulti_ops.process import Child

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from kulti_ops.db import Connection, Target
    from kulti_ops.inventory import Inventory
    from kulti_ops.pgtools import Installation

CHUNK_BYTES = 1024 * 1024
TIMEOUT_S = 6 * 3600.0

# The names are looked up and quoted by the server itself: no text of a backup becomes SQL.
_STATEMENTS = """
WITH wanted AS (SELECT * FROM unnest(%(tables)s::text[], %(columns)s::text[]) AS w (tab, cols))
SELECT w.tab, format('COPY %%I.%%I (%%s) TO STDOUT', n.nspname, c.relname,
         (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY k.position)
            FROM jsonb_array_elements_text(w.cols::jsonb) WITH ORDINALITY AS k (name, position)
            JOIN pg_attribute a ON a.attrelid = c.oid AND quote_ident(a.attname) = k.name
             AND a.attnum > 0 AND NOT a.attisdropped)),
       pg_relation_size(c.oid)
  FROM wanted w
  JOIN pg_class c ON c.oid = to_regclass(w.tab) JOIN pg_namespace n ON n.oid = c.relnamespace
"""


@dataclass(frozen=True, kw_only=True)
class CopyStatement:
    """How to read one table: its identity, the statement, its size in bytes."""

    identity: str
    statement: str
    size_bytes: int


def copy_columns(inventory: Inventory, identities: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return each table's columns as a dump has them: in order, without generated ones."""
    wanted = {identity: [] for identity in identities}  # type: dict[str, list[tuple[int, str]]]
    tables = {item.objid: item.identity for item in inventory.of("table")}
    for item in inventory.of("column"):
        table = tables.get(item.objid)
        if table in wanted and not (item.attributes.get("generated") or "").strip():
            name = item.identity.removeprefix(f"{table}.")
            wanted[table].append((int(item.attributes["position"] or 0), name))
    return {table: tuple(name for _, name in sorted(cols)) for table, cols in wanted.items()}


def digest_tables(
    target: Target,
    inventory: Inventory,
    identities: Iterable[str],
    *,
    tools: Installation,
    jobs: int = 2,
    ordered: bool = True,
) -> dict[str, TableDigest]:
    """Return the digests of live tables; a table that does not exist is not in the result.

    Raises: DatabaseError, ToolFailedError when a table cannot be read.
    """
    with connect(target, application="digest") as connection:
        connection.execute("SET search_path = ''")
        statements = copy_statements(connection, copy_columns(inventory, identities))
    session = {**SESSION, **inventory.session}
    found: dict[str, TableDigest] = {}
    failures: list[BaseException] = []
    running: list[Child] = []

    def begun(child: Child) -> None:
        running.append(child)
        if failures:  # another part failed, or we were interrupted: nobody waits for this one
            child.end()

    def work(part: tuple[CopyStatement, ...]) -> None:
        try:
            found.update(_run(target, part, session, tools=tools, ordered=ordered, begun=begun))
        except BaseException as error:  # noqa: BLE001 - handed to the waiting thread
            failures.append(error)
            for child in tuple(running):
                child.end()

    parts = [p for p in _deal(statements, jobs) if p]
    threads = [threading.Thread(target=work, args=(p,), daemon=True) for p in parts[1:]]
    for thread in threads:
        thread.start()
    if parts:
        work(parts[0])
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return found


def copy_statements(
    connection: Connection, columns: Mapping[str, tuple[str, ...]]
) -> tuple[CopyStatement, ...]:
    """Return how to read the tables that exist, the columns that both sides have.

    The session must have an empty search path. Raises: DatabaseError.
    """
    import json

    parameters = {
        "tables": list(columns),
        "columns": [json.dumps(names) for names in columns.values()],
    }
    with translated("digest"):
        rows = connection.execute(_STATEMENTS, parameters).fetchall()
    # a table without columns has rows too: COPY takes it without a list
    return tuple(
        CopyStatement(
            identity=r[0], statement=(r[1] or "").replace(" () TO", " TO"), size_bytes=r[2]
        )
        for r in rows
    )


def _deal(statements: tuple[CopyStatement, ...], jobs: int) -> list[tuple[CopyStatement, ...]]:
    """Deal the largest first, each to the hand with the least."""
    hands: list[list[CopyStatement]] = [[] for _ in range(max(1, jobs))]
    for statement in sorted(statements, key=lambda s: -s.size_bytes):
        min(hands, key=lambda h: sum(s.size_bytes for s in h)).append(statement)
    return [tuple(hand) for hand in hands]


def _run(
    target: Target,
    statements: tuple[CopyStatement, ...],
    session: Mapping[str, str],
    *,
    tools: Installation,
    ordered: bool,
    begun: Callable[[Child], None],
) -> dict[str, TableDigest]:
    mark = f"--{secrets.token_hex(16)}"
    script = [
        sql.SQL("SET {} = {};").format(sql.Identifier(k), sql.Literal(v)).as_string()
        for k, v in session.items()
    ]
    script.append("SET statement_timeout = 0; SET default_transaction_read_only = on;")
    for one in statements:
        script += [f"{one.statement};", f"\\echo {mark}"]
    argv = [
        str(tools.tool("psql")),
        "--no-psqlrc",
        "--quiet",
        "--no-password",
        "--set=ON_ERROR_STOP=1",
        "--file=-",
    ]
    environment = {**target.environment(), "PGAPPNAME": "kulti-ops digest"}
    with Child(argv, env=environment, stdin=-1, on_stderr=_is_detail) as child:
        begun(child)
        writer = threading.Thread(target=_write, args=(child, "\n".join(script) + "\n"))
        writer.start()
        digests = _split(child, statements, mark.encode() + b"\n", ordered=ordered)
        writer.join()
        child.finish(timeout_s=60)
    if len(digests) != len(statements):
        raise OperationFailedError("psql ended before it had read every table")
    return digests


def _write(child: Child, script: str) -> None:
    try:
        child.stdin.write(script.encode())
        child.stdin.close()
    except OSError:
        return  # psql has ended: its exit code says why


def _split(
    child: Child, statements: tuple[CopyStatement, ...], mark: bytes, *, ordered: bool
) -> dict[str, TableDigest]:
    """Give each table's rows, up to its mark at the start of a line, to a digest of its own."""
    digests: dict[str, TableDigest] = {}
    waiting = list(reversed(statements))
    sink = OrderedDigest() if ordered else MultisetDigest()
    buffer = b""
    at_start = True
    while chunk := child.stdout.read(CHUNK_BYTES):
        buffer += chunk
        while waiting:
            at = 0 if at_start and buffer.startswith(mark) else buffer.find(b"\n" + mark) + 1
            if at == 0 and not (at_start and buffer.startswith(mark)):
                break
            sink.update(buffer[:at])
            digests[waiting.pop().identity] = sink.result()
            sink = OrderedDigest() if ordered else MultisetDigest()
            buffer, at_start = buffer[at + len(mark) :], True
        certain = len(buffer) - len(mark)
        if certain > 0 and waiting:
            sink.update(buffer[:certain])
            buffer, at_start = buffer[certain:], False
    return digests


def _is_detail(line: str) -> bool:
    """Only psql's own first lines are kept: what follows them may hold rows."""
    return not line.startswith("psql:")
