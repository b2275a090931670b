"""The runner: never hangs, never harms, says by name what it could not see."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from kulti_ops.db import Connection, connect, own_target
from kulti_ops.pipeline import Statement, Unit, run_units
from kulti_ops.runbook.diagnostic import Diagnostic, parse_diagnostic
from kulti_ops.runbook.library import _find_invariant, choose, load_accepted, load_library
from kulti_ops.runbook.run import RunOptions, lint_checks, run_checks
from kulti_ops.runbook.triage import triage_set

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.functional.conftest import Database

HEAD = """\
-- title: our own
-- group: ours
-- when: Always.
-- verdict: count
-- warn: 1
-- finding: {n} of it
-- explanation: Because.
-- next: kulti-ops runbook list
"""


def pack(sql: str, head: str = HEAD) -> Diagnostic:
    return parse_diagnostic("our-own", head + sql, invariant=_find_invariant, from_pack=True)


def unit(*texts: str, **options: object) -> Unit:
    return Unit(statements=tuple(Statement(text=t) for t in texts), **options)  # type: ignore[arg-type]


def backends(database: Database) -> int:
    with psycopg.connect(database.admin_url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'kulti-ops%'"
            " AND datname = current_database()"
        ).fetchone()
        assert row is not None
        return int(row[0])


@pytest.fixture
def nobody(weak_role: str) -> Iterator[Connection]:
    connection = connect(own_target(weak_role, "test"), application="runbook")
    yield connection
    connection.close()


def test_units_answer_in_order_and_one_error_spares_the_others(postgres: Connection) -> None:
    units = [
        unit("SELECT 1 AS n", "SELECT 'a' AS t, NULL AS u"),
        unit("SELECT no"),
        unit("SELECT 2"),
    ]
    first, second, third = run_units(postgres, units, deadline_s=10)
    assert [t.dicts() for t in first.tables] == [({"n": 1},), ({"t": "a", "u": None},)]
    assert second.error is not None
    assert second.error.sqlstate == "42703"
    assert third.tables[0].rows == ((2,),)
    assert postgres.execute("SELECT 3").fetchone() == (3,)


@pytest.mark.parametrize(
    ("text", "sqlstate"),
    [
        ("CREATE TABLE public.mine ()", "25006"),
        ("COMMIT; CREATE TABLE public.mine ()", "42601"),
        ("SELECT set_config('transaction_read_only', 'off', true)", "25001"),
    ],
)
def test_units_can_neither_write_nor_leave_read_only(
    postgres: Connection, text: str, sqlstate: str
) -> None:
    (answer,) = run_units(postgres, [unit(text)], deadline_s=10)
    assert answer.error is not None
    assert answer.error.sqlstate == sqlstate


def test_units_settings_end_with_their_transaction(postgres: Connection) -> None:
    ask = "SELECT current_setting('kulti_ops.x', true) AS x"
    one, two = run_units(
        postgres, [unit(ask, settings={"kulti_ops.x": "5"}), unit(ask)], deadline_s=10
    )
    assert one.tables[0].rows == (("5",),)
    assert two.tables[0].rows[0][0] in ("", None)


def test_units_past_the_deadline_are_cancelled_on_the_server(
    copy: Database, postgres: Connection
) -> None:
    started = time.monotonic()
    units = [
        unit("SELECT 1"),
        unit("SELECT pg_sleep(30)", statement_timeout_s=60),
        unit("SELECT 2"),
    ]
    answers = list(run_units(postgres, units, deadline_s=0.3))
    assert time.monotonic() - started < 2
    assert answers[0].error is None
    assert [a.error.sqlstate for a in answers[1:] if a.error] == ["57014", "57014"]
    assert postgres.closed
    deadline = time.monotonic() + 5
    while backends(copy) and time.monotonic() < deadline:
        pass
    assert backends(copy) == 0


def test_units_of_a_killed_backend_are_errors_and_no_hang(
    copy: Database, postgres: Connection
) -> None:
    with psycopg.connect(copy.admin_url, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s)", (postgres.info.backend_pid,))
    answers = list(run_units(postgres, [unit("SELECT 1"), unit("SELECT 2")], deadline_s=5))
    assert all(a.error is not None for a in answers)


def test_lint_finds_every_diagnostic_fitting(postgres: Connection) -> None:
    results = lint_checks(postgres, load_library(), options=RunOptions()).results
    assert [(r.id, r.summary) for r in results if r.status != "ok"] == []


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("SELECT 1 AS n FROM public.users", "does not exist"),
        ("SELECT 1 AS m", "finding names n"),
        ("SELECT 1 AS n; SELECT 2", "syntax error"),
        ("DELETE FROM public.waitlist RETURNING 1 AS n", "syntax error"),
    ],
)
def test_lint_pack_that_does_not_fit_is_crit(postgres: Connection, sql: str, says: str) -> None:
    (result,) = lint_checks(postgres, [pack(sql)], options=RunOptions()).results
    assert result.status == "crit"
    assert says in result.summary


def test_pack_runs_as_a_weak_role(postgres: Connection) -> None:
    (result,) = run_checks(
        postgres, [pack("SELECT current_user::text AS n")], options=RunOptions()
    ).results
    assert result.rows[0]["n"] == "service_role"


def test_pack_whose_role_does_not_pass_row_security_is_unknown_by_its_name(
    postgres: Connection,
) -> None:
    options = RunOptions(pack_role="pg_read_all_data")
    asked = [pack("SELECT count(*) AS n FROM public.credit_transactions")]
    for ask in (run_checks, lint_checks):
        (result,) = ask(postgres, asked, options=options).results
        assert result.status == "unknown"
        assert "role pg_read_all_data lacks a right" in result.summary
        assert "KULTI_OPS_PACK_ROLE" in result.summary


def test_pack_may_not_end_sessions(copy: Database, postgres: Connection) -> None:
    with psycopg.connect(copy.url) as other:
        sql = f"SELECT pg_terminate_backend({other.info.backend_pid}) AS n"
        (result,) = run_checks(postgres, [pack(sql)], options=RunOptions()).results
        assert result.status == "unknown"
        assert "lacks a right" in result.summary
        assert other.execute("SELECT 1").fetchone() == (1,)


def test_missing_relation_is_skipped_by_its_name(postgres: Connection) -> None:
    head = HEAD.replace("-- verdict", "-- requires: public.webhook_logs\n-- verdict")
    (result,) = run_checks(postgres, [pack("SELECT 1 AS n", head)], options=RunOptions()).results
    assert (result.status, result.summary) == (
        "skipped",
        "not in this database: relation public.webhook_logs",
    )


def test_nobody_gets_no_ok_about_what_it_cannot_see(nobody: Connection) -> None:
    results = {
        r.id: r
        for r in run_checks(
            nobody, load_library(), options=RunOptions(accepted=load_accepted())
        ).results
    }
    for name in ("blocking", "connections", "long-queries", "xmin-horizon"):
        assert results[name].status == "unknown"
        assert "pg_read_all_stats" in results[name].summary
    assert results["credits-chain-broken"].summary == (
        "role runbook_nobody may not read public.credit_transactions: it needs USAGE on public"
    )
    assert results["sequences"].status == "unknown"
    groups = {d.id: d.group for d in load_library()}
    seen = {
        i for i, r in results.items() if groups[i] in ("platform", "business") and r.status == "ok"
    }
    assert seen <= {"realtime-publication"}


def test_row_security_that_hides_rows_is_unknown(copy: Database, weak_role: str) -> None:
    with psycopg.connect(copy.admin_url, autocommit=True) as admin:
        connection = connect(own_target(weak_role, "test"), application="runbook")
        chosen = choose(load_library(), names=("recordings-stuck",))
        summaries = []
        for grant in ("USAGE ON SCHEMA public", "SELECT ON public.recordings"):
            admin.execute(f"GRANT {grant} TO runbook_nobody".encode())
            (result,) = run_checks(connection, chosen, options=RunOptions()).results
            assert result.status == "unknown"
            summaries.append(result.summary)
        connection.close()
        admin.execute("REVOKE SELECT ON public.recordings FROM runbook_nobody")
        admin.execute("REVOKE USAGE ON SCHEMA public FROM runbook_nobody")
    assert "may not read public.recordings: it needs SELECT on it" in summaries[0]
    assert "row security hides rows of public.recordings" in summaries[1]


def test_monitor_role_sees_sessions(copy: Database, weak_role: str) -> None:
    with psycopg.connect(copy.admin_url, autocommit=True) as admin:
        admin.execute("GRANT pg_monitor TO runbook_nobody")
        connection = connect(own_target(weak_role, "test"), application="runbook")
        chosen = choose(load_library(), names=("blocking", "connections"))
        results = run_checks(connection, chosen, options=RunOptions()).results
        connection.close()
    assert [r.status for r in results] == ["ok", "ok"]


def test_locked_tables_are_unknown_in_time_and_the_lock_is_named(
    session: psycopg.Connection, postgres: Connection
) -> None:
    tables = session.execute(
        "SELECT string_agg(format('%I.%I', schemaname, tablename), ', ') FROM pg_tables"
        " WHERE schemaname = 'public'"
    ).fetchone()
    assert tables is not None
    session.execute(f"LOCK {tables[0]} IN ACCESS EXCLUSIVE MODE".encode())
    started = time.monotonic()
    results = {
        r.id: r
        for r in run_checks(
            postgres,
            triage_set(load_library()),
            options=RunOptions(accepted=load_accepted(), deadline_s=5),
        ).results
    }
    assert time.monotonic() - started < 5
    stuck = results["recordings-stuck"]
    assert (stuck.status, stuck.next) == ("unknown", "kulti-ops runbook check blocking")
    assert results["connections"].status == "ok"
    assert results["rls-disabled"].status == "ok"


def test_statement_timeout_is_unknown_and_says_how_to_give_it_longer(postgres: Connection) -> None:
    slow = pack("SELECT 1 AS n FROM pg_sleep(5)")
    (result,) = run_checks(postgres, [slow], options=RunOptions(timeout_s=0.1)).results
    assert result.summary == "could not look: no answer within 0.1 s"
    assert result.next == "kulti-ops runbook check our-own --timeout 60"


def test_rows_are_bounded_and_findings_are_not(postgres: Connection) -> None:
    many = pack("SELECT n FROM generate_series(1, 5000) n")
    (result,) = run_checks(postgres, [many], options=RunOptions(limit=3)).results
    assert (len(result.rows), result.evidence["findings"]) == (3, 5000)


def test_nothing_is_left_on_the_server(copy: Database) -> None:
    connection = connect(own_target(copy.url, "test"), application="runbook")
    run_checks(connection, load_library(), options=RunOptions())
    rows = connection.execute(
        "SELECT (SELECT count(*) FROM pg_locks"
        " WHERE pid = pg_backend_pid() AND locktype = 'advisory'),"
        " (SELECT count(*) FROM pg_prepared_statements), current_setting('statement_timeout')"
    ).fetchone()
    assert rows == (0, 0, "0")
    connection.close()
    deadline = time.monotonic() + 5
    while backends(copy) and time.monotonic() < deadline:
        pass
    assert backends(copy) == 0
