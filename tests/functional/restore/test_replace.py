"""`restore run --replace`: one database in the place of another, or nothing at all."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql

from tests.functional.restore.conftest import CommandLine, Done, command_line, execute, rows

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from kulti_ops.sandbox.lifecycle import SandboxInfo
    from tests.functional.conftest import Database

PATIENCE_S = 60.0
MARK = "CREATE TABLE public.only_live (id integer)"
HAS_MARK = "SELECT to_regclass('public.only_live') IS NOT NULL"
STATE = """
    SELECT d.datdba::regrole::text,
           (SELECT array_agg(x::text ORDER BY x::text) FROM unnest(d.datacl) AS x),
           d.datconnlimit, d.datallowconn,
           shobj_description(d.oid, 'pg_database'),
           (SELECT array_agg(format('%s %s', s.setrole, s.setconfig) ORDER BY s.setrole)
              FROM pg_db_role_setting s WHERE s.setdatabase = d.oid)
      FROM pg_database d WHERE d.datname = current_database()
"""


@pytest.fixture
def live(sandbox_copy: Callable[[], Database], sandbox: SandboxInfo) -> Iterator[Database]:
    """A live Kulti with a table that no backup has, and properties of its own."""
    database = sandbox_copy()
    execute(database.admin_url, MARK)
    yield database
    with psycopg.connect(sandbox.admin_url, autocommit=True, connect_timeout=10) as connection:
        for name in siblings(sandbox.admin_url, database.name):
            drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            connection.execute(drop.format(sql.Identifier(name)))


@pytest.fixture
def tool(kulti: CommandLine, server_root: Path, session_root: Path) -> CommandLine:
    """kulti-ops with a copy of the storage: safety backups are this test's own."""
    import shutil

    mine = command_line(server_root / "mine", session_root / "cache")
    shutil.copytree(kulti.home / "backups", mine.home / "backups")
    return mine


@pytest.fixture
def replace(tool: CommandLine, live: Database) -> Callable[..., Done]:
    def run(*options: str, **more: str) -> Done:
        fixed = ("restore", "run", "--target", "env:LIVE", "--replace", "--format", "json")
        return tool(*fixed, *options, **{"LIVE": live.admin_url, **more})

    return run


def siblings(url: str, name: str) -> list[str]:
    query = "SELECT datname::text FROM pg_database WHERE datname <> %s AND datname ~ %s ORDER BY 1"
    with psycopg.connect(url, connect_timeout=10) as connection:
        found = connection.execute(query, (name, f"^{re.escape(name)}_"))
        return [r[0] for r in found]


def other_database(url: str, live: Database, name: str) -> str:
    assert url.endswith(f"/{live.name}")
    return url.removesuffix(live.name) + name


def elsewhere(live: Database) -> str:
    """Return another database of the server: looking must not be a session of the live one."""
    return other_database(live.admin_url, live, "postgres")


def first_backup(tool: CommandLine) -> str:
    """Return the id of the backup that is not a safety backup."""
    listed = json.loads(tool("backup", "list", "--format", "json").stdout)["data"]["backups"]
    return next(str(b["backup_id"]) for b in listed if b["label"] != "before-replace")


def sessions(live: Database) -> list[str]:
    query = f"SELECT application_name FROM pg_stat_activity WHERE datname = '{live.name}'"
    return [r[0] for r in rows(elsewhere(live), query)]


def wait_until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < end, "it did not come to that in time"


def test_replace_of_a_database_without_tables_has_no_rows_to_make_safe(
    replace: Callable[..., Done], live: Database
) -> None:
    name = f"{live.name}_bare"
    create = sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name))
    with psycopg.connect(elsewhere(live), autocommit=True, connect_timeout=10) as connection:
        connection.execute(create)
    bare = other_database(live.admin_url, live, name)
    execute(bare, "CREATE FUNCTION public.only_this() RETURNS integer RETURN 1")
    done = replace("--confirm", name, LIVE=bare)
    assert done.code == 0, done.stderr + done.stdout
    assert done.result("safety-backup")["status"] == "ok"
    assert rows(bare, "SELECT count(*) > 0 FROM public.profiles") == [(True,)]


def test_replace_puts_the_backup_in_place_and_keeps_the_old_one(
    replace: Callable[..., Done], tool: CommandLine, live: Database
) -> None:
    name = sql.Identifier(live.name)
    execute(
        live.admin_url,
        sql.SQL("ALTER DATABASE {} SET work_mem TO '7MB'").format(name),
        sql.SQL('ALTER DATABASE {} SET search_path TO public, "odd, name"').format(name),
        sql.SQL("ALTER ROLE anon IN DATABASE {} SET work_mem TO '2MB'").format(name),
        sql.SQL("ALTER DATABASE {} CONNECTION LIMIT 50").format(name),
        sql.SQL("COMMENT ON DATABASE {} IS 'it''s live'").format(name),
        sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(name),
        sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO anon WITH GRANT OPTION").format(name),
        "SET ROLE anon",
        sql.SQL("GRANT CONNECT ON DATABASE {} TO authenticated").format(name),
    )
    before = rows(live.admin_url, STATE)
    done = replace("--confirm", live.name)
    assert done.code == 0, done.stderr + done.stdout
    assert done.data["replaced"] is True
    assert done.result("space")["status"] == "ok"  # the server's folder is here to be seen
    kept = done.data["kept_as"]
    assert kept.startswith(f"{live.name}_before_")
    assert rows(live.admin_url, HAS_MARK) == [(False,)]
    assert rows(other_database(live.admin_url, live, kept), HAS_MARK) == [(True,)]
    assert rows(live.admin_url, STATE) == before
    assert siblings(elsewhere(live), live.name) == [kept]
    safety = done.data["safety_backup_id"]
    states = {
        b["backup_id"]: b["state"]
        for b in json.loads(tool("backup", "list", "--format", "json").stdout)["data"]["backups"]
    }
    assert states[safety] == "verified"
    actions = [
        json.loads(line)["action"]
        for line in (tool.home / "state" / "audit.jsonl").read_text().splitlines()
    ]
    assert actions == ["replace begun", "replace ended"]
    back = done.result("replaced")["summary"].partition("to go back: ")[2]
    with psycopg.connect(elsewhere(live), autocommit=True, connect_timeout=10) as connection:
        for statement in filter(None, back.split("; ")):
            connection.execute(statement)
    assert rows(live.admin_url, HAS_MARK) == [(True,)]


@pytest.mark.parametrize("confirm", [(), ("--confirm", "postgres"), ("--yes",)])
def test_replace_without_the_name_said_is_refused(
    replace: Callable[..., Done], live: Database, confirm: tuple[str, ...]
) -> None:
    done = replace(*confirm)
    assert (done.code, f"--confirm {live.name}" in done.stderr) == (6, True)
    assert rows(live.admin_url, HAS_MARK) == [(True,)]


def test_replace_of_a_hosted_project_is_refused_with_the_way_to_go(
    replace: Callable[..., Done], live: Database
) -> None:
    done = replace("--confirm", live.name, LIVE=live.url)
    assert done.code == 6
    assert "hosted project" in done.stderr
    assert "new project" in done.stderr
    assert "restore table" in done.stderr


def test_replace_of_a_template_is_refused(replace: Callable[..., Done], live: Database) -> None:
    url = other_database(live.admin_url, live, "template1")
    done = replace("--confirm", "template1", LIVE=url)
    assert (done.code, "template" in done.stderr) == (6, True)


def test_replace_while_the_application_is_connected_is_refused_by_its_name(
    replace: Callable[..., Done], live: Database, tool: CommandLine
) -> None:
    with (
        psycopg.connect(live.url, application_name="next-app"),
        psycopg.connect(live.url, application_name="next-app"),
        psycopg.connect(live.url, application_name="worker"),
    ):
        done = replace("--confirm", live.name)
    assert done.code == 6
    assert "3 sessions" in done.stderr
    assert "2 of next-app as postgres, 1 of worker as postgres" in done.stderr
    assert "--terminate-connections" in done.stderr
    assert len(list((tool.home / "backups").glob("2*"))) == 1


def test_replace_ends_connections_when_told_even_of_one_that_comes_back(
    replace: Callable[..., Done], live: Database, tool: CommandLine
) -> None:
    import threading

    ended = threading.Event()
    errors: list[str] = []

    def application() -> None:
        while not ended.is_set():
            try:
                with psycopg.connect(live.url, application_name="app", connect_timeout=10) as c:
                    while not ended.wait(0.005):
                        c.execute("SELECT 1")
            except psycopg.Error as error:
                errors.append(type(error).__name__)

    threads = [threading.Thread(target=application) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: sessions(live).count("app") == 4)
        done = replace("--confirm", live.name, "--terminate-connections")
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert done.code == 0, done.stderr + done.stdout
    assert errors
    assert rows(live.admin_url, HAS_MARK) == [(False,)]
    audit = (tool.home / "state" / "audit.jsonl").read_text()
    assert "4 of app as postgres" in audit


def test_replace_whose_copy_differs_changes_nothing_and_says_what_to_drop(
    tool: CommandLine, live: Database
) -> None:
    with start(tool, live, "--format", "json") as child:
        wait_until(in_database(live, "_restored_", "kulti-ops restore"))
        [restored] = siblings(elsewhere(live), live.name)
        url = other_database(live.admin_url, live, restored)

        def row_is_lost() -> bool:
            with psycopg.connect(url, connect_timeout=10) as connection:
                if connection.execute("SELECT to_regclass('edge_cases.session')").fetchone() == (
                    None,
                ):
                    return False
                return connection.execute("DELETE FROM edge_cases.session").rowcount == 1

        wait_until(row_is_lost)
        out, _err = child.communicate(timeout=PATIENCE_S)
    done = Done(code=child.returncode, stdout=out, stderr="")
    assert done.code == 10
    assert (done.data["replaced"], done.data["kept_as"]) == (False, None)
    assert "edge_cases.session (0 of 1 rows)" in done.result("restored-rows")["summary"]
    assert f'DROP DATABASE "{restored}";' in done.result("replaced")["next"]
    assert_live_is_whole(live)


def start(
    tool: CommandLine, live: Database, *options: str
) -> AbstractContextManager[subprocess.Popen[str]]:
    fixed = ("restore", "run", "--target", "env:LIVE", "--replace", "--confirm", live.name)
    return tool.start(*fixed, *options, LIVE=live.admin_url)


def in_database(live: Database, pattern: str, application: str) -> Callable[[], bool]:
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname ~ %s AND application_name ~ %s"

    def look() -> bool:
        with psycopg.connect(elsewhere(live), connect_timeout=10) as connection:
            row = connection.execute(query, (f"^{live.name}{pattern}", application)).fetchone()
            return row is not None and row[0] > 0

    return look


def assert_live_is_whole(live: Database) -> None:
    assert rows(live.admin_url, HAS_MARK) == [(True,)]
    assert rows(live.url, "SELECT count(*) > 1000 FROM public.credit_transactions") == [(True,)]
    assert rows(
        live.admin_url, "SELECT datallowconn FROM pg_database WHERE datname = current_database()"
    ) == [(True,)]


def finish(child: subprocess.Popen[str], number: signal.Signals) -> tuple[str, str]:
    os.kill(child.pid, number)
    return child.communicate(timeout=PATIENCE_S)


@pytest.mark.parametrize("stage", ["safety backup", "load"])
def test_replace_killed_before_the_swap_leaves_the_live_one_and_is_named_next_time(
    replace: Callable[..., Done], tool: CommandLine, live: Database, stage: str
) -> None:
    looks = {
        "safety backup": in_database(live, "$", "kulti-ops backup"),
        "load": in_database(live, "_restored_", "kulti-ops restore"),
    }
    with start(tool, live) as child:
        wait_until(looks[stage])
        finish(child, signal.SIGKILL)
    assert child.returncode == -signal.SIGKILL
    assert_live_is_whole(live)
    wait_until(lambda: not [s for s in sessions(live) if s.startswith("kulti-ops")])
    left = siblings(elsewhere(live), live.name)
    assert len(left) == (0 if stage == "safety backup" else 1)
    made_safety = stage != "safety backup"
    refused = replace("--confirm", live.name) if made_safety else None
    if refused is not None:
        assert (refused.code, "safety backup of an earlier" in refused.stderr) == (6, True)
    again = replace("--confirm", live.name, first_backup(tool))
    assert again.code == 0, again.stderr + again.stdout
    assert again.data["leftovers"] == left
    if left:
        assert f'DROP DATABASE "{left[0]}";' in again.result("leftovers")["next"]
    assert rows(live.admin_url, HAS_MARK) == [(False,)]


def hold_swap(
    child: subprocess.Popen[str], live: Database, which: str, blocker: psycopg.Connection[Any]
) -> None:
    """Hold the swap at its first or second rename by a lock on that database."""
    wait_until(in_database(live, "_restored_", "kulti-ops (compare|digest)"))
    name = live.name if which == "live" else siblings(elsewhere(live), live.name)[0]
    blocker.execute(sql.SQL("COMMENT ON DATABASE {} IS 'held'").format(sql.Identifier(name)))
    wait_until(lambda: renames(blocker) == 1)
    assert child.poll() is None


def renames(connection: psycopg.Connection[Any]) -> int:
    """Return how many renames wait for a lock."""
    row = connection.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        " AND query LIKE 'ALTER DATABASE%RENAME%'"
    ).fetchone()
    assert row is not None
    connection.execute("SELECT pg_stat_clear_snapshot()")
    return int(row[0])


@pytest.mark.parametrize("which", ["live", "restored"])
def test_replace_killed_at_a_rename_leaves_the_live_one(
    tool: CommandLine, live: Database, sandbox: SandboxInfo, which: str
) -> None:
    with (
        psycopg.connect(sandbox.admin_url, connect_timeout=10) as blocker,
        start(tool, live) as child,
    ):
        hold_swap(child, live, which, blocker)
        finish(child, signal.SIGKILL)
    assert child.returncode == -signal.SIGKILL
    with psycopg.connect(sandbox.admin_url, autocommit=True, connect_timeout=10) as connection:
        wait_until(lambda: renames(connection) == 0)
    assert_live_is_whole(live)
    assert len(siblings(elsewhere(live), live.name)) == 1


def test_replace_interrupted_at_the_rename_leaves_only_the_live_one(
    tool: CommandLine, live: Database, sandbox: SandboxInfo
) -> None:
    with (
        psycopg.connect(sandbox.admin_url, connect_timeout=10) as blocker,
        start(tool, live) as child,
    ):
        hold_swap(child, live, "live", blocker)
        finish(child, signal.SIGINT)
    assert child.returncode == 130
    assert_live_is_whole(live)
    assert siblings(elsewhere(live), live.name) == []


def test_replace_killed_after_the_swap_leaves_the_restored_one(
    tool: CommandLine, live: Database, sandbox: SandboxInfo
) -> None:
    with start(tool, live) as child:
        swapped = f"SELECT count(*) FROM pg_database WHERE datname LIKE '{live.name}_before_%'"
        with psycopg.connect(sandbox.admin_url, autocommit=True, connect_timeout=10) as connection:
            wait_until(lambda: connection.execute(swapped).fetchone() == (1,))
            finish(child, signal.SIGKILL)
    assert rows(live.admin_url, HAS_MARK) == [(False,)]
    assert rows(live.url, "SELECT count(*) > 1000 FROM public.credit_transactions") == [(True,)]


def test_replace_that_cannot_swap_says_how_to_finish_and_what_to_drop(
    tool: CommandLine, live: Database, sandbox: SandboxInfo
) -> None:
    with start(tool, live, "--format", "json") as child:
        wait_until(in_database(live, "_restored_", "kulti-ops restore"))
        with psycopg.connect(live.url, application_name="came back"):
            out, err = child.communicate(timeout=PATIENCE_S)
    assert child.returncode == 6, out
    assert "1 of came back as postgres" in err
    assert_live_is_whole(live)
    [restored] = siblings(elsewhere(live), live.name)
    assert f'DROP DATABASE "{restored}";' in err
    by_hand = err.partition("finish by hand: ")[2].partition(" or drop it")[0]
    with psycopg.connect(sandbox.admin_url, autocommit=True, connect_timeout=10) as connection:
        for statement in filter(None, by_hand.split("; ")):
            connection.execute(statement)
    assert rows(live.admin_url, HAS_MARK) == [(False,)]


def test_replace_of_one_that_is_being_replaced_is_refused(
    replace: Callable[..., Done], tool: CommandLine, live: Database
) -> None:
    with start(tool, live) as child:
        wait_until(in_database(live, "_restored_", "kulti-ops restore"))
        child.send_signal(signal.SIGSTOP)  # it would be through before the second one asks
        second = replace("--confirm", live.name, first_backup(tool))
        assert (second.code, "by another run" in second.stderr) == (6, True)
        child.send_signal(signal.SIGTERM)  # so that it meets this first when it goes on
        finish(child, signal.SIGCONT)
    assert child.returncode == 143
    assert_live_is_whole(live)
    assert siblings(elsewhere(live), live.name) == []


def test_replace_of_a_damaged_database_is_possible_although_a_critical_table_is_gone(
    replace: Callable[..., Done], live: Database
) -> None:
    execute(live.url, "DROP TABLE public.messages CASCADE")
    done = replace("--confirm", live.name)
    assert done.code == 0, done.stderr + done.stdout
    assert rows(live.url, "SELECT count(*) > 100 FROM public.messages") == [(True,)]
