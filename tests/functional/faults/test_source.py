"""A source that misbehaves: the backup waits, yields, is right, or fails in one clear line."""

from __future__ import annotations

import signal
import socket
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from kulti_ops.backup.catalog import list_entries
from kulti_ops.pgserver import ScratchOptions, scratch_server
from kulti_ops.storage.local import LocalStorage
from tests.functional.faults.stage import (
    SMALL,
    Pause,
    Run,
    Stage,
    ask,
    background,
    do_at,
    fake_tools,
    until,
    waits_for_lock,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kulti_ops.pgtools import Installation
    from tests.functional.conftest import Database

    Note = Callable[[object], None]

ROWS = 3700  # of SMALL
SNAPSHOT = "kulti_ops.backup.snapshot"
# counted out, between two pings: a server that is just sending rows ends without saying why
END_SNAPSHOT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name = 'kulti-ops backup snapshot'"
    " AND state = 'idle in transaction' AND query = 'SELECT 1'"
)


def refused(stage: Stage, done: Run, *, code: int, says: str) -> str:
    """Check a create that failed: code, one line, nothing left; return what it said."""
    assert done.code == code, done.err
    assert done.out == ""
    assert says in done.line
    assert list_entries(LocalStorage(str(stage.storage))) == ()
    assert stage.rubbish == []
    return f"exit {code}: {done.line}"


def proven_rows(stage: Stage, done: Run) -> int:
    """Check a create that succeeded: the backup verifies; return its rows."""
    assert done.code == 0, done.err
    assert done.err == ""
    verified = stage.forked("verify", "backup", "--format", "json")
    assert verified.code == 0, verified.findings
    return next(
        int(r["evidence"]["rows"]) for r in verified.document["results"] if r["id"] == "rows"
    )


@pytest.fixture
def own(small_copy: Callable[[], Database], stage: Stage) -> Database:
    """A small database of this test's own, the source of its stage."""
    made = small_copy()
    stage.url = made.url
    return made


@pytest.fixture
def weak(own: Database) -> Iterator[str]:
    """The own database's URL as a role that may log in, and nothing else."""
    with psycopg.connect(own.admin_url, autocommit=True, connect_timeout=10) as admin:
        admin.execute("CREATE ROLE weak_one LOGIN PASSWORD 'weak-one-secret'")
        yield f"postgresql://weak_one:weak-one-secret@{own.url.partition('@')[2]}"
        admin.execute("DROP OWNED BY weak_one")
        admin.execute("DROP ROLE weak_one")


@pytest.mark.fault("wrong password")
def test_create_wrong_password_says_so_without_showing_it(stage: Stage, outcome: Note) -> None:
    head, _, tail = stage.url.partition("@")
    wrong = head.rpartition(":")[0] + ":wr0ng-p4ssword@" + tail
    done = stage.run("backup", "create", DATABASE_URL=wrong)
    outcome(refused(stage, done, code=5, says="the password is wrong for role postgres"))
    assert "wr0ng-p4ssword" not in done.err


@pytest.mark.parametrize(
    ("address", "code", "says"),
    [
        pytest.param(
            "no-such-host.invalid:5432/postgres",
            5,
            "the host no-such-host.invalid is unknown",
            marks=pytest.mark.fault("unknown host"),
        ),
        pytest.param(
            "127.0.0.1:1/postgres",
            5,
            "nothing listens at 127.0.0.1:1",
            marks=pytest.mark.fault("closed port"),
        ),
        pytest.param(
            "127.0.0.1:6543/postgres",
            6,
            "port 6543 is the transaction pooler",
            marks=pytest.mark.fault("port 6543"),
        ),
    ],
)
def test_create_from_nowhere_says_what_is_wrong(
    stage: Stage, address: str, code: int, says: str, outcome: Note
) -> None:
    url = f"postgresql://postgres:secret-word@{address}"
    done = stage.run("backup", "create", DATABASE_URL=url)
    outcome(refused(stage, done, code=code, says=says))
    assert "secret-word" not in done.err


@pytest.mark.fault("missing database")
def test_create_missing_database_is_named(stage: Stage, small: Database, outcome: Note) -> None:
    done = stage.run("backup", "create", DATABASE_URL=small.url + "_not_there")
    outcome(refused(stage, done, code=5, says=f"no database {small.name}_not_there"))


@pytest.mark.fault("a database without tables, such as a wrong one")
def test_create_database_without_tables_warns_and_is_never_verified(
    stage: Stage, empty_database: Callable[[], Database], outcome: Note
) -> None:
    nothing = empty_database()
    done = stage.forked("backup", "create", DATABASE_URL=nothing.url)
    assert done.code == 0
    assert f"{nothing.name} has no tables: is it the right database?" in done.err
    for command in (("verify", "backup"), ("restore", "drill")):
        looked = stage.json(*command)
        assert looked.code == 3, looked.findings
        rows = next(r for r in looked.document["results"] if r["id"] == "rows")
        assert rows["status"] == "unknown"
    (listed,) = stage.json("backup", "list").document["data"]["backups"]
    assert listed["state"] == "created"
    outcome(rows["summary"])


@pytest.mark.fault("role without rights on a table")
def test_create_role_without_rights_names_what_it_may_not_read(
    stage: Stage, own: Database, weak: str, outcome: Note
) -> None:
    ask(own.url, "GRANT SELECT ON public.rooms, public.bulk TO weak_one")
    done = stage.run("backup", "create", DATABASE_URL=weak)
    says = "the role may not read public.room_guests, public.room_guests_id_seq"
    outcome(refused(stage, done, code=6, says=says))


@pytest.mark.fault("role without BYPASSRLS on a table with row security")
def test_create_role_from_whom_rows_are_hidden_is_refused(
    stage: Stage, own: Database, weak: str, outcome: Note
) -> None:
    ask(own.url, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO weak_one")
    ask(own.url, "GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO weak_one")
    done = stage.run("backup", "create", DATABASE_URL=weak)
    says = "row-level security hides rows of public.room_guests from the role"
    outcome(refused(stage, done, code=6, says=says))


@pytest.mark.fault("pg_dump older than the server")
def test_create_pg_dump_older_than_the_server_is_refused(stage: Stage, outcome: Note) -> None:
    folder = fake_tools(stage.root / "old", pg_dump="print('pg_dump (PostgreSQL) 15.8')\n")
    done = stage.run("backup", "create", KULTI_OPS_PG_BIN_DIR=str(folder))
    outcome(refused(stage, done, code=4, says="too old for server 17: 15.8"))


@pytest.mark.fault("table locked ACCESS EXCLUSIVE")
def test_create_locked_table_waits_as_long_as_told_and_names_the_holder(
    stage: Stage, own: Database, outcome: Note
) -> None:
    with psycopg.connect(
        own.url, connect_timeout=10, application_name="nightly migration"
    ) as holder:
        holder.execute("LOCK TABLE public.rooms IN ACCESS EXCLUSIVE MODE")
        started = time.monotonic()
        done = stage.run("backup", "create", "--lock-wait", "1s")
        assert time.monotonic() - started < 10
        says = f"public.rooms by process {holder.info.backend_pid} (nightly migration"
    outcome(refused(stage, done, code=5, says=says))


CHANGES = ("TRUNCATE public.room_guests", "VACUUM FULL public.rooms")


@pytest.mark.fault("TRUNCATE between snapshot and dump")
@pytest.mark.fault("table rewritten between snapshot and dump")
@pytest.mark.parametrize("command", CHANGES)
def test_create_truncate_or_rewrite_during_the_dump_waits_for_it(
    stage: Stage, own: Database, command: str, outcome: Note
) -> None:
    pause = Pause.at(stage, 5000)
    with stage.begun("backup", "create", "--yield-after", "60s", **pause.environment) as child:
        pause.wait()
        with background(own.url, command):
            until(waits_for_lock(own.url, command))
            pause.end()
            done = child.finish()
    assert proven_rows(stage, done) == ROWS
    outcome("waits behind the backup, which holds every row; or is seen as drift")


@pytest.mark.fault("TRUNCATE between snapshot and dump")
@pytest.mark.fault("table rewritten between snapshot and dump")
@pytest.mark.parametrize("command", CHANGES)
@pytest.mark.parametrize(
    ("option", "says"),
    [("--yield-after", "gave way to process"), ("--lock-wait", "did not get the lock of a table")],
)
def test_create_truncate_or_rewrite_before_pg_dump_locks_is_given_way_to(
    stage: Stage, own: Database, command: str, option: str, says: str
) -> None:
    pause = Pause.at(stage, -1)
    with stage.begun(
        "backup", "create", option, "1s", KULTI_OPS_BACKUP_ATTEMPTS="1", **pause.environment
    ) as child:
        pause.wait()
        with background(own.url, command):
            until(waits_for_lock(own.url, command))
            pause.end()
            done = child.finish()
    refused(stage, done, code=5, says=says)


@pytest.mark.fault("TRUNCATE between snapshot and dump")
@pytest.mark.fault("table rewritten between snapshot and dump")
@pytest.mark.fault("table dropped between preflight and dump")
@pytest.mark.parametrize("command", [*CHANGES, "DROP TABLE public.bulk"])
def test_create_change_before_the_locks_is_seen_as_drift_and_begun_again(
    stage: Stage, own: Database, command: str, outcome: Note
) -> None:
    change = do_at(f"{SNAPSHOT}:_lock", lambda: ask(own.url, command))
    once = stage.forked("backup", "create", prepare=change, KULTI_OPS_BACKUP_ATTEMPTS="1")
    says = "was dropped" if command.startswith("DROP") else "schema changed"
    outcome(refused(stage, once, code=5, says=says))


@pytest.mark.fault("table dropped between preflight and dump")
@pytest.mark.fault("DDL during the dump")
def test_create_drift_is_tried_again_and_the_backup_holds_what_is_left(
    stage: Stage, own: Database
) -> None:
    def prepare() -> None:
        from kulti_ops.backup import create

        create.PAUSE_BEFORE_RETRY_S = 0
        do_at(f"{SNAPSHOT}:_lock", lambda: ask(own.url, "DROP TABLE public.bulk"))()

    assert proven_rows(stage, stage.forked("backup", "create", prepare=prepare)) == ROWS - 1500


@pytest.mark.fault("table dropped between preflight and dump")
def test_create_table_dropped_after_the_preflight_is_simply_not_there(
    stage: Stage, own: Database, outcome: Note
) -> None:
    drop = do_at(
        "kulti_ops.backup.attempt:hold_snapshot", lambda: ask(own.url, "DROP TABLE public.bulk")
    )
    assert proven_rows(stage, stage.forked("backup", "create", prepare=drop)) == ROWS - 1500
    outcome("seen as drift, begun again")


@pytest.mark.fault("DDL during the dump")
def test_create_ddl_during_the_dump_is_not_in_the_backup(
    stage: Stage, own: Database, outcome: Note
) -> None:
    pause = Pause.at(stage, -1)
    with stage.begun("backup", "create", **pause.environment) as child:
        pause.wait()
        ask(own.url, "CREATE TABLE public.late AS SELECT 1 AS id")
        ask(own.url, "CREATE FUNCTION public.late() RETURNS int LANGUAGE sql AS 'SELECT 1'")
        ask(own.url, "INSERT INTO public.rooms (id, slug) VALUES (1000, 'late')")
        pause.end()
        done = child.finish()
    assert proven_rows(stage, done) == ROWS
    outcome("the backup is of its snapshot, and verifies")


@pytest.mark.fault("DDL during the dump")
def test_create_function_dropped_during_the_dump_never_makes_a_false_backup(
    stage: Stage, own: Database
) -> None:
    ask(own.url, "CREATE FUNCTION public.lonely(a int) RETURNS int LANGUAGE sql AS 'SELECT 1'")
    pause = Pause.at(stage, -1)
    with stage.begun("backup", "create", **pause.environment) as child:
        pause.wait()
        ask(own.url, "DROP FUNCTION public.lonely")
        pause.end()
        done = child.finish()
    if done.code == 0:
        assert proven_rows(stage, done) == ROWS
    else:
        refused(stage, done, code=5, says="")


@pytest.mark.fault("an ALTER waits behind the dump")
def test_create_alter_waiting_behind_it_makes_it_yield_and_name_who_waits(
    stage: Stage, own: Database, outcome: Note
) -> None:
    pause = Pause.at(stage, 5000)
    with stage.begun(
        "backup",
        "create",
        "--yield-after",
        "1s",
        KULTI_OPS_BACKUP_ATTEMPTS="1",
        **pause.environment,
    ) as child:
        pause.wait()
        started = time.monotonic()
        with background(own.url, "ALTER TABLE public.rooms ADD mood text", name="release 42"):
            done = child.finish()
        assert time.monotonic() - started < 8
    outcome(refused(stage, done, code=5, says="the backup gave way to process "))
    assert "(release 42)" in done.line
    assert ask(own.url, "SELECT count(mood) FROM public.rooms") == 0


@pytest.mark.fault("an ALTER waits behind the dump")
def test_create_that_yielded_begins_again_and_holds_the_altered_table(
    stage: Stage, own: Database
) -> None:
    pause = Pause.at(stage, 5000)
    with stage.begun("backup", "create", "--yield-after", "1s", **pause.environment) as child:
        pause.wait()
        with background(own.url, "ALTER TABLE public.rooms ADD mood text DEFAULT 'sunny'"):
            pass
        pause.end()
        done = child.finish()
    assert proven_rows(stage, done) == ROWS
    assert "mood" in (stage.backup / "inventory.json").read_text()


@pytest.mark.fault("ALTER DATABASE SET timezone and bytea_output at the source")
def test_source_of_odd_settings_is_dumped_and_drilled_to_equal_digests(
    stage: Stage, own: Database, good: Stage, outcome: Note
) -> None:
    for setting in (
        "timezone = 'Asia/Kathmandu'",
        "bytea_output = 'escape'",
        "datestyle = 'German, DMY'",
        "intervalstyle = 'iso_8601'",
        "extra_float_digits = '-5'",
        "synchronize_seqscans = 'on'",
        "default_transaction_read_only = 'off'",
    ):
        ask(own.url, f'ALTER DATABASE "{own.name}" SET {setting}')
    assert proven_rows(stage, stage.run("backup", "create")) == ROWS
    drilled = stage.json("restore", "drill")
    assert drilled.code == 0, drilled.findings
    assert good.forked("verify", "backup").code == 0
    digests = []
    for one in (stage, good):
        (entry,) = list_entries(LocalStorage(str(one.storage)))
        digests.append(next(r.data["digests"] for r in entry.records if r.level == "contents"))
    assert digests[0] == digests[1]
    assert digests[0]["public.bulk"][0] == 1500
    outcome("dump, verify and drill ok, digests equal")


@pytest.mark.fault("snapshot connection terminated")
def test_create_snapshot_terminated_fails_and_says_so(
    stage: Stage, own: Database, outcome: Note
) -> None:
    pause = Pause.at(stage, 5000)
    with stage.begun("backup", "create", **pause.environment) as child:
        pause.wait()
        until(lambda: ask(own.admin_url, END_SNAPSHOT))
        done = child.finish()
    says = "the snapshot was lost during the dump: terminating connection"
    outcome(refused(stage, done, code=5, says=says))


@pytest.mark.fault("idle_in_transaction_session_timeout on the role")
@pytest.mark.fault("statement_timeout on the role")
def test_create_time_limits_of_the_role_do_not_end_a_backup(
    stage: Stage, own: Database, outcome: Note
) -> None:
    for setting in ("idle_in_transaction_session_timeout", "transaction_timeout", "lock_timeout"):
        ask(own.admin_url, f'ALTER ROLE postgres IN DATABASE "{own.name}" SET {setting} = 400')
    ask(own.admin_url, f'ALTER ROLE postgres IN DATABASE "{own.name}" SET statement_timeout = 700')
    pause = Pause.at(stage, 5000)
    with psycopg.connect(own.admin_url, autocommit=True, connect_timeout=10) as holder:
        holder.execute("BEGIN")
        holder.execute("LOCK TABLE public.rooms IN ACCESS EXCLUSIVE MODE")
        with stage.begun("backup", "create", **pause.environment) as child:
            until(waits_for_lock(own.admin_url, "ACCESS SHARE"))
            hold(own, 0.9)
            holder.execute("COMMIT")
            pause.wait()
            hold(own, 0.9)
            pause.end()
            done = child.finish()
    assert proven_rows(stage, done) == ROWS
    outcome("overridden for the backup's own session: the backup is whole")


def hold(database: Database, seconds: float) -> None:
    """Let time pass at the server: a limit only bites when it has passed."""
    ask(database.admin_url, f"SELECT pg_sleep({seconds})")


@pytest.mark.fault("server stopped during the dump")
def test_create_server_stopped_during_the_dump_fails_and_says_so(
    stage: Stage, server_root: Path, server_install: Installation, outcome: Note
) -> None:
    options = ScratchOptions(listen="tcp")
    with scratch_server(server_root, server_install, options=options) as server:
        with psycopg.connect(server.dsn(), autocommit=True, connect_timeout=10) as connection:
            connection.execute("CREATE ROLE anon")
            connection.execute(SMALL)
        stage.url = server.dsn()
        pause = Pause.at(stage, 5000)
        with stage.begun("backup", "create", **pause.environment) as child:
            pause.wait()
            server.stop("immediate")
            done = child.finish()
    outcome(refused(stage, done, code=5, says="the snapshot was lost during the dump"))


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A database that takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(60)
        yield listener


def waiting_long(silent: socket.socket) -> dict[str, str]:
    port = silent.getsockname()[1]
    url = f"postgresql://postgres:secret@127.0.0.1:{port}/postgres"
    return {"DATABASE_URL": url, "KULTI_OPS_CONNECT_TIMEOUT_S": "300"}


def test_create_storage_that_fails_is_told_whatever_the_database_does(
    stage: Stage, silent: socket.socket
) -> None:
    (stage.root / "file").write_text("no folder")
    settings = waiting_long(silent) | {"KULTI_OPS_STORAGE": str(stage.root / "file")}
    done = stage.run("backup", "create", **settings)  # a whole program: nor does its end wait
    assert done.code == 5
    assert "file exists" in done.line


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_create_interrupted_does_not_wait_for_a_silent_database(
    stage: Stage, silent: socket.socket, number: signal.Signals, code: int
) -> None:
    with stage.begun("backup", "create", **waiting_long(silent)) as child:
        connection, _ = silent.accept()
        with connection:
            # nothing of the preflight is asked for before the lock is held
            until(lambda: any((stage.storage / ".locks").glob("*")))
            child.send_signal(number)
            assert child.finish().code == code
    assert stage.rubbish == []
