"""Looking at a database through a connection that is open: rows, references, queries."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kulti_ops.db import connect, own_target
from kulti_ops.digest import TableDigest
from kulti_ops.errors import DatabaseError
from kulti_ops.inventory import Inventory, pin_session, read_items
from kulti_ops.pgtools import Installation
from kulti_ops.process import ToolFailedError
from kulti_ops.report import Verdict
from kulti_ops.verify.deparse import is_same_query
from kulti_ops.verify.live import copy_columns, differing_tables, digest_tables
from kulti_ops.verify.references import count_orphans
from kulti_ops.verify.restored import Expected, materialized_views_on
from kulti_ops.verify.within import digest_within
from tests.functional.faults.stage import fake_tools
from tests.unit.making import inventory, item, toc

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kulti_ops.db import Connection
    from kulti_ops.sandbox.lifecycle import SandboxInfo


@contextmanager
def looking(sandbox: SandboxInfo) -> Iterator[Connection]:
    """Open a transaction that leaves nothing, as the superuser."""
    target = own_target(sandbox.admin_url, "the sandbox")
    with (
        closing(connect(target, application="test")) as connection,
        connection.transaction(force_rollback=True),
    ):
        pin_session(connection)
        yield connection


def test_digests_within_a_transaction_are_those_from_outside(
    sandbox: SandboxInfo, server_install: Installation
) -> None:
    with looking(sandbox) as connection:
        items = read_items(connection)
        held = Inventory(items=items, row_counts={}, sequences={}, session={})
        tables = [i.identity for i in items if i.kind == "table" and i.attributes["relkind"] == "r"]
        columns = copy_columns(held, tables)
        within = digest_within(connection, columns)
        unordered = digest_within(connection, columns, ordered=False)
    target = own_target(sandbox.admin_url, "the sandbox")
    assert within == digest_tables(target, held, tables, tools=server_install)
    outside = digest_tables(target, held, tables, tools=server_install, ordered=False)
    assert unordered == outside
    other = replace(within["public.profiles"], sha256="0" * 64)
    wanted = {**within, "public.profiles": other, "public.gone": other}
    assert differing_tables(target, held, wanted, tools=server_install) == {
        "public.profiles": within["public.profiles"],
        "public.gone": None,
    }
    assert len(within) > 100


FAILS_ONCE = """
import os, time
try:
    os.close(os.open({mark!r}, os.O_CREAT | os.O_EXCL))
except FileExistsError:
    time.sleep(20)
    os.mkdir({waited!r})
raise SystemExit("psql: error: it failed")
"""


def test_digests_of_which_one_part_fails_do_not_wait_for_the_others(
    sandbox: SandboxInfo, server_root: Path
) -> None:
    mark, waited = str(server_root / "mark"), server_root / "waited"
    folder = fake_tools(server_root / "fake", psql=FAILS_ONCE.format(mark=mark, waited=str(waited)))
    tools = Installation(bin_dir=folder, major=17, version="17.10", origin="fake")
    with looking(sandbox) as connection:
        items = read_items(connection)
    held = Inventory(items=items, row_counts={}, sequences={}, session={})
    target = own_target(sandbox.admin_url, "the sandbox")
    with pytest.raises(ToolFailedError, match="it failed"):
        digest_tables(target, held, ["public.profiles", "public.sessions"], tools=tools)
    assert not waited.exists()


def test_digest_within_sees_what_is_not_committed(sandbox: SandboxInfo) -> None:
    with looking(sandbox) as connection:
        connection.execute("CREATE TABLE public.fresh (id integer, note text)")
        columns = {"public.fresh": ("id", "note"), "public.missing": ("id",)}
        empty = digest_within(connection, columns)
        connection.execute("INSERT INTO public.fresh SELECT n, 'x' FROM generate_series(1, 2500) n")
        full = digest_within(connection, columns)
    assert empty.keys() == full.keys() == {"public.fresh"}
    assert empty["public.fresh"].rows == 0
    assert full["public.fresh"].rows == 2500
    assert isinstance(full["public.fresh"], TableDigest)


def test_digest_within_of_a_table_that_may_not_be_read_is_an_error(sandbox: SandboxInfo) -> None:
    with looking(sandbox) as connection:
        connection.execute("CREATE TABLE edge_cases.fresh (id integer)")
        connection.execute("SET LOCAL ROLE kulti_reader")
        connection.execute("SET LOCAL search_path = ''")
        with pytest.raises(DatabaseError, match=r"edge_cases\.fresh: permission denied"):
            digest_within(connection, {"edge_cases.fresh": ("id",)})


def test_references_that_lead_nowhere_are_counted_key_by_key(sandbox: SandboxInfo) -> None:
    with looking(sandbox) as connection:
        clean = count_orphans(connection)
        assert [r.orphans for r in clean] == [0] * 65
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute("DELETE FROM edge_cases.measurements WHERE region = 'us'")
        connection.execute("DELETE FROM storage.buckets WHERE id = 'avatars'")
        broken = {r.name: r.orphans for r in count_orphans(connection) if r.orphans}
    assert set(broken) == {"measurement_notes_taken_on_region_fkey", "objects_bucket_id_fkey"}
    assert broken["objects_bucket_id_fkey"] > 100


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ("SELECT id FROM edge_cases.fresh", Verdict.OK, "1 materialized views are the same"),
        ("SELECT id, random() FROM edge_cases.fresh", Verdict.WARN, "only the number of rows"),
        ("SELECT count(*) FROM edge_cases.later", Verdict.CRIT, "1 materialized views differ"),
        ("SELECT random() FROM edge_cases.later", Verdict.CRIT, "1 materialized views differ"),
    ],
)
def test_materialized_view_that_answers_anew_each_time_is_warned_of_and_no_fault(
    sandbox: SandboxInfo, query: str, status: Verdict, says: str
) -> None:
    with looking(sandbox) as connection:
        connection.execute("CREATE TABLE edge_cases.fresh AS SELECT generate_series(1, 3) AS id")
        connection.execute("CREATE TABLE edge_cases.later AS TABLE edge_cases.fresh")
        connection.execute(f"CREATE MATERIALIZED VIEW edge_cases.kept AS {query}".encode())
        connection.execute("INSERT INTO edge_cases.later VALUES (4)")
        kept = item("materialized view", "edge_cases.kept", populated="true")
        archive: Any = Path("not read")
        expected = Expected(inventory=inventory(kept), toc=toc(), digests={}, archive=archive)
        found = materialized_views_on(connection, expected)
    assert (found.status, says in found.summary) == (status, True), found.summary


def test_references_that_may_not_be_read_are_told_apart_from_good_ones(
    sandbox: SandboxInfo,
) -> None:
    with looking(sandbox) as connection:
        connection.execute("SET LOCAL ROLE kulti_reader")
        connection.execute("SET LOCAL search_path = ''")
        found = {r.name: r.orphans for r in count_orphans(connection)}
    assert len(found) > 60
    assert found["profiles_id_fkey"] is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (
            "SELECT profiles.id FROM public.profiles WHERE (profiles.bio IS NULL);",
            "SELECT id FROM public.profiles p(id) WHERE bio IS NULL",
            False,
        ),
        ("SELECT profiles.id FROM public.profiles", "SELECT id FROM public.profiles;", True),
        ("SELECT 1 AS a", "SELECT 2 AS a", False),
        ("SELECT 1 AS a; CREATE TABLE public.left_behind ()", "SELECT 1 AS a", False),
        ("SELECT a FROM public.nowhere", "SELECT a FROM public.nowhere", False),
    ],
)
def test_same_query_is_what_the_server_prints_alike(
    sandbox: SandboxInfo, one: str, other: str, *, same: bool
) -> None:
    with looking(sandbox) as connection:
        assert is_same_query(connection, one, other) is same
        left = "SELECT count(*) FROM pg_class WHERE relname ~ '^(kulti_ops_o|left_behind)'"
        assert connection.execute(left).fetchone() == (0,)
