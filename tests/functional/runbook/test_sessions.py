"""Diagnostics about sessions and locks, with real ones."""

from __future__ import annotations

import threading
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from kulti_ops.db import connect, own_target
from kulti_ops.pgserver import ScratchOptions, scratch_server
from kulti_ops.pgserver.process import wait_until
from kulti_ops.runbook.library import choose, load_library
from kulti_ops.runbook.run import RunOptions, run_checks
from tests.functional.conftest import Database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from kulti_ops.db import Connection
    from kulti_ops.pgtools import Installation
    from kulti_ops.report import CheckResult

TABLE = "public.recordings"
FIRST = f"(SELECT min(id::text)::uuid FROM {TABLE})"


def check(
    connection: Connection, name: str, settings: Mapping[str, str] | None = None, **options: Any
) -> CheckResult:
    chosen = choose(load_library(), names=(name,))
    done = run_checks(connection, chosen, options=RunOptions(settings=settings or {}, **options))
    return done.results[0]


@contextmanager
def waiting(database: Database, *statements: str, autocommit: bool = False) -> Iterator[list[int]]:
    """Have sessions wait for locks, one after the other; yields their pids."""
    with ExitStack() as stack:
        pids = []
        for statement in statements:
            url = f"{database.url}?application_name=victim"
            connection = stack.enter_context(
                psycopg.connect(url, connect_timeout=10, autocommit=autocommit)
            )
            thread = threading.Thread(target=_run, args=(connection, statement), daemon=True)
            stack.callback(thread.join, 10)
            thread.start()
            pid = connection.info.backend_pid
            stack.callback(connection.cancel_safe)
            assert wait_until(lambda p=pid: _waits(database, p), timeout_s=5)
            pids.append(pid)
        yield pids


def _run(connection: psycopg.Connection, statement: str) -> None:
    try:
        connection.execute(statement.encode())
    except psycopg.Error:
        connection.close()


def _waits(database: Database, pid: int) -> bool:
    with psycopg.connect(database.admin_url) as connection:
        row = connection.execute("SELECT cardinality(pg_blocking_pids(%s)) > 0", (pid,)).fetchone()
        return bool(row and row[0])


def tree(result: CheckResult) -> list[tuple[int, int, int]]:
    return [(r["root_pid"], r["pid"], r["depth"]) for r in result.rows]


def test_blocking_relation_lock_names_the_root(
    copy: Database, session: psycopg.Connection, postgres: Connection
) -> None:
    session.execute(f"LOCK {TABLE} IN ACCESS EXCLUSIVE MODE")
    root = session.info.backend_pid
    with waiting(copy, f"SELECT * FROM {TABLE}") as (victim,):
        result = check(postgres, "blocking", warn=0, crit=60)
    assert result.status == "warn"
    assert tree(result) == [(root, root, 0), (root, victim, 1)]
    assert result.rows[0]["object"] == TABLE
    assert (result.rows[0]["state"], result.rows[0]["application"]) == (
        "idle in transaction",
        "web",
    )
    assert result.rows[1]["lock"] == "AccessShareLock"
    assert result.rows[1]["level"] is None  # the root is judged, not who waits
    assert f"pid {root} (web, idle in transaction) makes 1 wait on {TABLE}" in result.summary
    assert result.next is not None
    assert f"pg_terminate_backend({root})" in result.next


def test_blocking_row_chain_has_one_root_and_depths(
    copy: Database, session: psycopg.Connection, postgres: Connection
) -> None:
    update = f"UPDATE {TABLE} SET duration = 1 WHERE id = {FIRST}"
    session.execute(update)
    root = session.info.backend_pid
    with waiting(copy, update, update) as (first, second):
        result = check(postgres, "blocking", warn=0)
    assert result.evidence["findings"] == 1
    assert {r["root_pid"] for r in result.rows} == {root}
    assert {r["pid"]: r["depth"] for r in result.rows} == {root: 0, first: 1, second: 2}
    assert result.rows[0]["victims"] == 2
    assert "a row of public.recordings" in {r["object"] for r in result.rows}


def test_blocking_advisory_lock_of_an_idle_holder_is_named(
    copy: Database, session: psycopg.Connection, postgres: Connection
) -> None:
    session.autocommit = True
    session.execute("SELECT pg_advisory_lock(4711)")
    with waiting(copy, "SELECT pg_advisory_lock(4711)") as (victim,):
        result = check(postgres, "blocking", warn=0)
    session.execute("SELECT pg_advisory_unlock_all()")
    root = session.info.backend_pid
    assert tree(result) == [(root, root, 0), (root, victim, 1)]
    assert (result.rows[0]["object"], result.rows[0]["state"]) == ("advisory lock 4711", "idle")


def test_blocking_young_waits_are_no_finding(
    copy: Database, session: psycopg.Connection, postgres: Connection
) -> None:
    session.execute(f"LOCK {TABLE} IN ACCESS EXCLUSIVE MODE")
    with waiting(copy, f"SELECT * FROM {TABLE}"):
        result = check(postgres, "blocking")
    assert (result.status, result.evidence["rows"]) == ("ok", 2)
    assert result.evidence["waiting"] == 1
    assert "examined" in result.summary


def test_blocking_root_that_works_can_be_cancelled(copy: Database, postgres: Connection) -> None:
    work = f"LOCK {TABLE} IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(60)"
    with psycopg.connect(copy.url) as busy:
        thread = threading.Thread(target=_run, args=(busy, work), daemon=True)
        thread.start()
        with waiting(copy, f"SELECT * FROM {TABLE}"):
            result = check(postgres, "blocking", warn=0)
        root = busy.info.backend_pid
        busy.cancel_safe()
        thread.join(10)
    assert result.next == f"psql \"$DATABASE_URL\" -c 'SELECT pg_cancel_backend({root})'"


def test_long_transactions_name_who_holds_and_not_who_waits(
    copy: Database, session: psycopg.Connection, postgres: Connection
) -> None:
    session.execute(f"LOCK {TABLE} IN ACCESS EXCLUSIVE MODE")
    with waiting(copy, f"SELECT * FROM {TABLE}"):
        result = check(postgres, "long-transactions", warn=0)
    assert [r["pid"] for r in result.rows] == [session.info.backend_pid]


def test_sessions_that_hide_what_they_do_are_not_called_well(
    copy: Database, postgres: Connection
) -> None:
    with psycopg.connect(copy.admin_url) as hidden:
        hidden.execute("SET track_activities = off")
        for name in ("long-queries", "long-transactions", "idle-in-transaction"):
            result = check(postgres, name)
            assert (result.status, result.evidence["unexamined"]) == ("unknown", 1)


def test_idle_in_transaction_leaves_dumps_out(copy: Database, postgres: Connection) -> None:
    with psycopg.connect(f"{copy.url}?application_name=pg_dump") as dump:
        dump.execute("SELECT 1")
        result = check(postgres, "idle-in-transaction", warn=0)
    assert (result.status, result.rows) == ("ok", ())


def test_idle_in_transaction_says_what_it_holds(
    session: psycopg.Connection, postgres: Connection
) -> None:
    session.execute(f"UPDATE {TABLE} SET duration = 1 WHERE id = {FIRST}")
    result = check(postgres, "idle-in-transaction", warn=0)
    assert [(r["pid"], r["harm"]) for r in result.rows] == [
        (session.info.backend_pid, "holds what it has written")
    ]


def test_long_transactions_leave_dumps_and_ourselves_out(
    copy: Database, session: psycopg.Connection, postgres: Connection
) -> None:
    session.execute("SELECT 1")
    with psycopg.connect(f"{copy.url}?application_name=pg_dump") as dump:
        dump.execute("SELECT 1")
        result = check(postgres, "long-transactions", warn=0)
    assert [r["pid"] for r in result.rows] == [session.info.backend_pid]


def test_long_queries_find_the_runaway_and_hide_its_literals(
    copy: Database, postgres: Connection
) -> None:
    with psycopg.connect(f"{copy.url}?application_name=report") as runaway:
        query = "SELECT pg_sleep(60), 'someone@kulti.example'"
        thread = threading.Thread(target=_run, args=(runaway, query), daemon=True)
        thread.start()
        pid = runaway.info.backend_pid
        assert wait_until(lambda: check(postgres, "long-queries").evidence["rows"] > 0, timeout_s=5)
        result = check(postgres, "long-queries", warn=0)
        runaway.cancel_safe()
        thread.join(10)
    assert [r["pid"] for r in result.rows] == [pid]
    assert "kulti.example" not in str(result.rows)


def test_literals_that_the_server_cut_off_are_hidden_too(
    copy: Database, postgres: Connection
) -> None:
    text = "someone@kulti.example" + "x" * 2000
    with psycopg.connect(copy.url) as writer:
        writer.execute(f"SELECT '{text}'".encode())
        result = check(postgres, "idle-in-transaction", warn=0)
    assert [r["last_query"] for r in result.rows] == ["SELECT '…'"]


def test_connections_count_against_the_real_limit(
    session: psycopg.Connection, postgres: Connection
) -> None:
    session.execute("SELECT 1")
    result = check(postgres, "connections", warn=1, crit=101)
    total = result.rows[0]
    assert (result.status, total["role"], total["usable"]) == ("warn", "(all)", 54)
    assert result.evidence["examined"] >= 2  # ours and the session
    assert ("web", "idle in transaction") in {(r["application"], r["state"]) for r in result.rows}


def test_xmin_horizon_names_the_session_that_holds_back(
    session: psycopg.Connection, postgres: Connection
) -> None:
    session.execute("SELECT pg_current_xact_id()")
    result = check(postgres, "xmin-horizon", warn=0)
    names = {r["name"] for r in result.rows if r["holder"] == "session"}
    assert str(session.info.backend_pid) in names


def test_xmin_horizon_leaves_a_vacuum_out(copy: Database, postgres: Connection) -> None:
    with psycopg.connect(copy.admin_url, autocommit=True) as worker:
        worker.execute("SET vacuum_cost_delay = '100ms'; SET vacuum_cost_limit = 1")
        vacuum = "VACUUM (DISABLE_PAGE_SKIPPING) public.credit_transactions"
        thread = threading.Thread(target=_run, args=(worker, vacuum), daemon=True)
        thread.start()
        pid = worker.info.backend_pid
        seen = "SELECT 1 FROM pg_stat_progress_vacuum WHERE pid = %s AND heap_blks_scanned > 0"
        assert wait_until(lambda: postgres.execute(seen, (pid,)).fetchone(), timeout_s=10)
        result = check(postgres, "xmin-horizon", warn=0)
        worker.cancel_safe()
        thread.join(10)
    assert str(pid) not in {r["name"] for r in result.rows}


def test_invalid_indexes_leave_a_rebuild_in_progress_out(
    copy: Database, session: psycopg.Connection, postgres: Connection
) -> None:
    session.execute(f"UPDATE {TABLE} SET duration = 1 WHERE id = {FIRST}")
    with waiting(copy, f"REINDEX TABLE CONCURRENTLY {TABLE}", autocommit=True):
        result = check(postgres, "invalid-indexes")
        session.rollback()
    assert (result.status, result.rows) == ("ok", ())
    with psycopg.connect(copy.admin_url, autocommit=True) as admin:
        left = admin.execute(
            "SELECT indexrelid::regclass FROM pg_index WHERE NOT indisvalid"
        ).fetchall()
        for (name,) in left:
            admin.execute(f"DROP INDEX {name}".encode())


def test_replication_slot_without_a_reader_is_found_and_an_active_one_is_not(
    copy: Database, postgres: Connection
) -> None:
    with psycopg.connect(copy.admin_url, autocommit=True) as admin:
        admin.execute("SELECT pg_create_logical_replication_slot('dead', 'pgoutput')")
        try:
            fresh = check(postgres, "replication-slots")
            result = check(postgres, "replication-slots", {"slot_max_inactive_minutes": "0.000001"})
        finally:
            admin.execute("SELECT pg_drop_replication_slot('dead')")
    assert fresh.status == "ok"
    assert (result.status, result.rows[0]["slot_name"]) == ("crit", "dead")
    assert result.rows[0]["state"] == "inactive"


@pytest.mark.parametrize(
    ("name", "settings", "row"),
    [
        ("cache-hit", {"cache-hit.warn": "101", "cache_min_blocks": "1"}, {}),
        ("slow-statements", {"slow-statements.warn": "0.000001", "min_calls": "2"}, {}),
        ("temp-files", {"temp-files.warn": "0"}, {}),
        ("seq-scans", {"seq-scans.warn": "0.0001", "seq_min_rows": "1"}, {}),
        ("vacuum", {"vacuum_min_dead": "1", "vacuum_min_percent": "0", "vacuum.warn": "0.001"}, {}),
    ],
)
def test_statistics_past_a_threshold_are_findings(
    copy: Database,
    postgres: Connection,
    name: str,
    settings: Mapping[str, str],
    row: Mapping[str, Any],
) -> None:
    with psycopg.connect(copy.url, autocommit=True) as work:
        work.execute("SET enable_indexonlyscan = off")
        for _ in range(20):  # enough rows read and dead to be seen in rounded figures
            work.execute("SELECT count(*) FROM public.credit_transactions")
        work.execute("BEGIN; UPDATE public.ai_notifications SET title = title; ROLLBACK")
        work.execute("SELECT pg_stat_force_next_flush()")
    result = check(postgres, name, settings)
    assert result.status in ("warn", "crit")
    assert result.rows
    assert check(postgres, name).status in ("ok", "skipped")
    assert dict(row).items() <= dict(result.rows[0]).items()


def test_slow_statements_leave_dumps_and_the_runbook_out(
    copy: Database, postgres: Connection
) -> None:
    settings = {"slow-statements.warn": "0", "min_calls": "1"}
    with psycopg.connect(copy.admin_url, autocommit=True) as admin:
        admin.execute("SELECT extensions.pg_stat_statements_reset()")  # it shows the first 50
    with psycopg.connect(copy.url, autocommit=True) as work, work.cursor() as cursor:
        work.execute("SELECT count(*) AS of_the_application FROM public.waitlist")
        with cursor.copy("COPY public.waitlist (email) TO stdout") as rows:
            assert list(rows)
    check(postgres, "slow-statements", settings)
    texts = [r["query"] for r in check(postgres, "slow-statements", settings, limit=50).rows]
    assert any("of_the_application" in text for text in texts)
    assert not [text for text in texts if "kulti-ops" in text or text.startswith("COPY")]


def test_slow_statements_see_the_slowest_behind_many_busy_ones(
    copy: Database, postgres: Connection
) -> None:
    """By total time it would come last of sixty."""
    with psycopg.connect(copy.admin_url, autocommit=True) as admin:
        admin.execute("SELECT extensions.pg_stat_statements_reset()")
    with psycopg.connect(copy.url, autocommit=True) as work:
        work.execute("SELECT pg_sleep(0.05) AS slowest")
        for n in range(60):
            columns = ", ".join(f"1 AS c{i}" for i in range(n + 1))
            for _ in range(7):
                work.execute(f"SELECT pg_sleep(0.01), {columns}".encode())
    result = check(postgres, "slow-statements", {"min_calls": "1"}, limit=200)
    assert "slowest" in str([r["query"] for r in result.rows])


def test_slow_statements_know_the_columns_of_an_old_extension(
    sandbox_copy: Callable[[], Database],
) -> None:
    old = sandbox_copy()
    with psycopg.connect(old.admin_url, autocommit=True) as admin:
        admin.execute("DROP EXTENSION pg_stat_statements CASCADE")
        admin.execute("CREATE EXTENSION pg_stat_statements SCHEMA extensions VERSION '1.7'")
        admin.execute("SELECT count(*) AS of_the_application FROM public.waitlist")
    with closing(connect(own_target(old.url, "test"), application="runbook")) as asking:
        settings = {"slow-statements.warn": "0", "min_calls": "1"}
        result = check(asking, "slow-statements", settings)
    assert (result.status, result.evidence["evictions"]) == ("warn", None)
    assert result.rows[0]["mean_ms"] is not None


def test_tables_that_were_never_analysed_are_looked_at_or_named(
    sandbox_copy: Callable[[], Database],
) -> None:
    fresh = sandbox_copy()
    with psycopg.connect(fresh.url, autocommit=True) as work:
        work.execute(
            "CREATE TABLE public.likes (id int, recording_id uuid REFERENCES public.recordings)"
            " WITH (autovacuum_enabled = off)"
        )
        work.execute("INSERT INTO public.likes SELECT generate_series(1, 10001)")
        for _ in range(3):
            work.execute("SELECT count(*) FROM public.likes")
        work.execute("SELECT pg_stat_force_next_flush()")
    with closing(connect(own_target(fresh.url, "test"), application="runbook")) as asking:
        assert wait_until(lambda: check(asking, "bloat").status == "unknown", timeout_s=5)
        bloat, keys = check(asking, "bloat"), check(asking, "missing-fk-indexes")
        scans = check(asking, "seq-scans", {"seq-scans.warn": "0"}, limit=100)
    assert (bloat.evidence["unexamined"], bloat.rows) == (1, ())
    assert [r["table_name"] for r in keys.rows] == ["public.likes"]
    assert "public.likes" in {r["table_name"] for r in scans.rows}


def test_bloat_whose_statistics_the_role_may_not_read_is_not_examined(
    sandbox_copy: Callable[[], Database],
) -> None:
    fresh = sandbox_copy()
    with psycopg.connect(fresh.admin_url, autocommit=True) as admin:
        admin.execute("CREATE TABLE public.holes AS SELECT n FROM generate_series(1, 20000) n")
        admin.execute("ANALYZE public.holes")
        admin.execute("CREATE ROLE runbook_watcher LOGIN PASSWORD 'watcher' IN ROLE pg_monitor")
    url = fresh.url.replace(fresh.url.split("//")[1].split("@")[0], "runbook_watcher:watcher")
    try:
        with closing(connect(own_target(url, "test"), application="runbook")) as asking:
            result = check(asking, "bloat")
    finally:
        with psycopg.connect(fresh.admin_url, autocommit=True) as admin:
            admin.execute("DROP ROLE runbook_watcher")
    assert result.status == "unknown"
    assert result.evidence["unexamined"] >= 1


def test_auth_failures_read_the_end_of_a_log_that_only_grew_and_all_of_another(
    sandbox_copy: Callable[[], Database],
) -> None:
    fresh = sandbox_copy()
    settings = {"auth_log_pages": "10"}
    with (
        psycopg.connect(fresh.admin_url, autocommit=True) as admin,
        closing(connect(own_target(fresh.url, "test"), application="runbook")) as asking,
    ):
        admin.execute(
            "INSERT INTO auth.audit_log_entries (id, payload, created_at) SELECT gen_random_uuid(),"
            """ '{"action": "user_repeated_signup"}', now() FROM generate_series(1, 5000)"""
        )
        admin.execute("ANALYZE auth.audit_log_entries")
        (first,) = (r for r in check(asking, "auth-failures", settings).rows if r["failures"])
        admin.execute(
            "DELETE FROM auth.audit_log_entries WHERE id = (SELECT min(id::text)::uuid"
            " FROM auth.audit_log_entries WHERE payload ->> 'action' = 'user_repeated_signup')"
        )
        admin.execute("SELECT pg_stat_force_next_flush()")

        def all_of_it() -> bool:
            return check(asking, "auth-failures", settings).rows[0]["failures"] == 4999

        assert wait_until(all_of_it, timeout_s=5)
    assert 0 < first["failures"] < 2500


def test_rollbacks_and_deadlocks_past_their_limits_are_findings(
    sandbox_copy: Callable[[], Database],
) -> None:
    fresh = sandbox_copy()
    with closing(connect(own_target(fresh.url, "test"), application="runbook")) as asking:
        few = check(asking, "rollbacks", {"rollbacks_min_transactions": "1000000"})
        assert (few.status, few.evidence["examined"]) == ("skipped", 0)  # too few to call them well
        assert check(asking, "rollbacks", {"rollbacks_min_transactions": "1"}).status == "ok"
        with psycopg.connect(fresh.url, autocommit=True) as work:
            work.execute(
                "DO $$ BEGIN FOR i IN 1..300 LOOP PERFORM 1; ROLLBACK; PERFORM 1; COMMIT;"
                " END LOOP; END $$"
            )
            _deadlock(fresh, work)
            work.execute("SELECT pg_stat_force_next_flush()")
        assert wait_until(lambda: check(asking, "rollbacks").status == "warn", timeout_s=5)
        (by_default,) = _found(check(asking, "rollbacks"))
        both = _found(check(asking, "rollbacks", {"deadlocks_max_per_day": "0.1"}))
    assert by_default["kind"] == "rollbacks"
    assert 45 < by_default["value"] < 55
    assert 2.2 < by_default["times_limit"] < 2.8  # 20 % are allowed
    assert {(r["kind"], r["level"]) for r in both} == {("rollbacks", "warn"), ("deadlocks", "crit")}


def _found(result: CheckResult) -> list[Mapping[str, Any]]:
    return [row for row in result.rows if row["level"] not in ("ok", None)]


def _deadlock(database: Database, one: psycopg.Connection) -> None:
    """Have the server end one of two sessions that wait for each other."""
    lock = "SELECT pg_advisory_xact_lock(%s)"
    with psycopg.connect(database.admin_url) as other:
        other.execute("SET deadlock_timeout = '10ms'")
        one.execute("BEGIN")
        one.execute(lock, (1,))
        other.execute(lock, (2,))
        thread = threading.Thread(target=_run, args=(one, lock.replace("%s", "2")), daemon=True)
        thread.start()
        assert wait_until(lambda: _waits(database, one.info.backend_pid), timeout_s=5)
        with pytest.raises(psycopg.errors.DeadlockDetected):
            other.execute(lock, (1,))
        other.rollback()
        other.execute("SELECT pg_stat_force_next_flush()")
        thread.join(10)
    one.execute("COMMIT")


def test_settings_that_endanger_the_data_are_named(copy: Database, postgres: Connection) -> None:
    assert check(postgres, "settings").status == "ok"
    bad = {
        "zero_damaged_pages": "on",
        "session_replication_role": "replica",
        "synchronous_commit": "off",
        "track_activities": "off",
    }
    with psycopg.connect(copy.admin_url, autocommit=True) as admin:
        for name, value in bad.items():
            admin.execute(f"ALTER DATABASE {copy.name} SET {name} = {value}".encode())
        try:
            with closing(connect(own_target(copy.url, "test"), application="x")) as asking:
                result = check(asking, "settings")
        finally:
            for name in bad:
                admin.execute(f"ALTER DATABASE {copy.name} RESET {name}".encode())
    assert result.status == "crit"
    assert [(r["name"], r["value"], r["level"]) for r in _found(result)] == [
        ("session_replication_role", "replica", "crit"),
        ("zero_damaged_pages", "on", "crit"),
        ("synchronous_commit", "off", "warn"),
        ("track_activities", "off", "warn"),
    ]


def test_prepared_transaction_is_found_and_named_as_the_root_of_waits(
    server_root: Path, server_install: Installation
) -> None:
    options = ScratchOptions(listen="tcp", settings={"max_prepared_transactions": "2"})
    with scratch_server(server_root, server_install, options=options) as server:
        url = server.dsn()
        database = Database(name="postgres", url=url, admin_url=url)
        with (
            closing(connect(own_target(url, "test"), application="runbook")) as asking,
            psycopg.connect(url, autocommit=True) as forgetful,
        ):
            assert check(asking, "prepared-transactions").status == "ok"
            forgetful.execute("CREATE TABLE held ()")
            forgetful.execute("BEGIN")
            forgetful.execute("LOCK TABLE held")
            forgetful.execute("PREPARE TRANSACTION 'forgotten'")
            young = check(asking, "prepared-transactions")
            found = check(asking, "prepared-transactions", warn=0)
            with waiting(database, "SELECT * FROM held") as (victim,):
                blocking = check(asking, "blocking", warn=0)
            forgetful.execute("ROLLBACK PREPARED 'forgotten'")
            assert check(asking, "prepared-transactions", warn=0).evidence["rows"] == 0
    assert (young.status, len(young.rows)) == ("ok", 1)
    assert [(r["gid"], r["owner"], r["database"]) for r in _found(found)] == [
        ("forgotten", "scratch_admin", "postgres")
    ]
    assert found.next == 'psql "$DATABASE_URL" -c "ROLLBACK PREPARED \'forgotten\'"'
    assert tree(blocking) == [(0, 0, 0), (0, victim, 1)]
    assert blocking.next is not None
    assert "FROM pg_prepared_xacts" in blocking.next  # there is no backend 0 to end


@pytest.mark.parametrize(
    "name", ["sizes", "stats-users", "stats-sessions", "stats-credits", "stats-recordings"]
)
def test_measurements_have_rows_and_judge_nothing(postgres: Connection, name: str) -> None:
    result = check(postgres, name)
    assert (result.status, "findings" in result.evidence) == ("ok", False)
    assert result.rows
