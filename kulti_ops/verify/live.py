"""Digests of live tables, by the same bytes that an archive holds.

`COPY … TO STDOUT` under the session settings of the dump, run by psql: a row costs
nothing in Python. One psql per job, which is given a table when it has read the one
before, so that all end at about the same time; lines of a random number that no row can
guess tell where a table ends.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from kulti_ops.db import connect, sql, translated
from kulti_ops.digest import MultisetDigest, OrderedDigest, TableDigest
from kulti_ops.errors import OperationFailedError
from kulti_ops.following import CHUNK_BYTES
from kulti_ops.inventory import SESSION
from kulti_ops.process import Child

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from kulti_ops.db import Connection, Target
    from kulti_ops.inventory import Inventory
    from kulti_ops.pgtools import Installation
    from kulti_ops.verify.copydata import Sink

END_TIMEOUT_S = 60.0

_Sink = TypeVar("_Sink", bound="Sink")

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
    kind: Callable[[], OrderedDigest | MultisetDigest] = (
        OrderedDigest if ordered else MultisetDigest
    )
    read = _read_tables(target, inventory, identities, kind, tools=tools, jobs=jobs)
    return {table: sink.result() for table, sink in read.items()}


def differing_tables(
    target: Target,
    inventory: Inventory,
    expected: Mapping[str, TableDigest],
    *,
    tools: Installation,
    jobs: int = 2,
) -> dict[str, TableDigest | None]:
    """Return what those tables hold that do not hold what is expected; None for a missing one.

    Rows are counted only there: where the bytes are equal, their number is.
    Raises: DatabaseError, ToolFailedError when a table cannot be read.
    """
    read = _read_tables(target, inventory, expected, hashlib.sha256, tools=tools, jobs=jobs)
    others = [t for t, sink in read.items() if sink.hexdigest() != expected[t].sha256]
    found = digest_tables(target, inventory, others, tools=tools, jobs=jobs) if others else {}
    return {t: found.get(t) for t in expected if t in others or t not in read}


def _read_tables(
    target: Target,
    inventory: Inventory,
    identities: Iterable[str],
    kind: Callable[[], _Sink],
    *,
    tools: Installation,
    jobs: int,
) -> dict[str, _Sink]:
    """Have a sink of its own take each live table's rows."""
    with connect(target, application="digest") as connection:
        connection.execute("SET search_path = ''")
        statements = copy_statements(connection, copy_columns(inventory, identities))
    session = {**SESSION, **inventory.session}
    if not statements:
        return {}
    waiting = deque(sorted(statements, key=lambda s: -s.size_bytes))  # the largest first
    found: dict[str, _Sink] = {}
    failures: list[BaseException] = []
    running: list[Child] = []

    def begun(child: Child) -> None:
        running.append(child)
        if failures:  # another part failed, or we were interrupted: nobody waits for this one
            child.end()

    def work() -> None:
        try:
            found.update(_run(target, waiting, session, kind, tools=tools, begun=begun))
        except BaseException as error:  # noqa: BLE001 - handed to the waiting thread
            failures.append(error)
            waiting.clear()  # nobody waits for the others
            for child in tuple(running):
                child.end()

    threads = [
        threading.Thread(target=work, daemon=True) for _ in range(min(jobs, len(waiting)) - 1)
    ]
    for thread in threads:
        thread.start()
    work()
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


def _run(
    target: Target,
    waiting: deque[CopyStatement],
    session: Mapping[str, str],
    kind: Callable[[], _Sink],
    *,
    tools: Installation,
    begun: Callable[[Child], None],
) -> dict[str, _Sink]:
    """Read tables with one psql, each taken from `waiting` when the one before is read."""
    argv = [
        str(tools.tool("psql")),
        "--no-psqlrc",
        "--quiet",
        "--no-password",
        "--set=ON_ERROR_STOP=1",
        "--file=-",
    ]
    environment = {**target.environment(), "PGAPPNAME": "kulti-ops digest"}
    mark = f"--{secrets.token_hex(16)}"
    sinks: dict[str, _Sink] = {}
    with Child(argv, env=environment, stdin=-1, on_stderr=_is_detail) as child:
        begun(child)
        for name, value in session.items():
            _tell(child, f"{_setting(name, value)};")
        _tell(child, "SET statement_timeout = 0; SET default_transaction_read_only = on;")
        while waiting:
            try:
                one = waiting.popleft()
            except IndexError:  # another job was quicker
                break
            _tell(child, f"{one.statement};\n\\echo {mark}")
            sink = sinks[one.identity] = kind()
            if not _read_table(child, sink, mark.encode() + b"\n"):
                child.finish(timeout_s=END_TIMEOUT_S)
                raise OperationFailedError("psql ended before it had read every table")
        child.stdin.close()
        child.finish(timeout_s=END_TIMEOUT_S)
    return sinks


def _setting(name: str, value: str) -> str:
    return sql.SQL("SET {} = {}").format(sql.Identifier(name), sql.Literal(value)).as_string()


def _tell(child: Child, line: str) -> None:
    """Give psql a line; where it has ended, its output does too, and its exit code says why."""
    try:
        child.stdin.write(f"{line}\n".encode())
        child.stdin.flush()
    except OSError:
        return


def _piece(child: Child) -> bytes:
    """Return what psql has printed since, waiting for it; nothing at its end."""
    return os.read(child.stdout.fileno(), CHUNK_BYTES)


def _read_table(child: Child, sink: Sink, mark: bytes) -> bool:
    """Read rows up to the mark, which stands at the start of a line; False when it never comes."""
    rest = b"\n"  # so that the mark of a table without rows follows the end of a line, too
    skipped = 1
    while chunk := _piece(child):
        rest += chunk
        at = rest.find(b"\n" + mark)
        if at >= 0:
            sink.update(rest[skipped : at + 1])
            return True
        certain = len(rest) - len(mark)
        if certain > skipped:
            sink.update(rest[skipped:certain])
            rest, skipped = rest[certain:], 0
    return False


def _is_detail(line: str) -> bool:
    """Only psql's own first lines are kept: what follows them may hold rows."""
    return not line.startswith("psql:")
