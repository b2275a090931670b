"""`restore table` against a live database: exact reports, statements that heal, nothing left."""

from __future__ import annotations

import json
import os
import signal
import stat
import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.functional.restore.conftest import CommandLine, Done, execute, rows, table_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.functional.conftest import Database

WEIRD = 'edge_cases."Weird ""Table"" ; -- DROP\nName"'
LEDGER = "public.credit_transactions"
PATIENCE_S = 30.0


@pytest.fixture
def live(sandbox_copy: Callable[[], Database]) -> Database:
    return sandbox_copy()


@pytest.fixture
def bring(kulti: CommandLine, live: Database) -> Callable[..., Done]:
    def run(table: str, *options: str, **more: str) -> Done:
        fixed = ("--target", "env:LIVE", "--format", "json")
        return kulti("restore", "table", table, *fixed, *options, **{"LIVE": live.url, **more})

    return run


def differences(done: Done) -> tuple[Any, Any, Any]:
    return done.data["missing"], done.data["changed"], done.data["extra"]


def apply(url: str, done: Done) -> None:
    text = done.data["statements"]
    assert text.count("ROLLBACK;") == 1
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
        connection.execute(text.replace("ROLLBACK;", "COMMIT;"))


def wait_until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < end, "it did not come to that in time"


def test_table_for_a_person_shows_statements_that_no_file_holds_and_how_to_clean_up(
    kulti: CommandLine, live: Database, tmp_path: Path
) -> None:
    file = tmp_path / "bring-back.sql"
    asked = ("restore", "table", LEDGER, "--target", "env:LIVE")
    shown = kulti(*asked, LIVE=live.url).stdout
    filed = kulti(*asked, "--statements", str(file), LIVE=live.url).stdout
    assert "BEGIN;" in shown
    assert "BEGIN;" in file.read_text()
    assert "BEGIN;" not in filed
    assert str(file) in filed
    assert 'DROP SCHEMA "restored_' in filed


def test_table_rows_deleted_changed_and_added_are_reported_exactly_and_healed(
    bring: Callable[..., Done], live: Database
) -> None:
    before = table_text(live.url, LEDGER)
    ids = [str(r[0]) for r in rows(live.url, f"SELECT id FROM {LEDGER} ORDER BY id LIMIT 9")]
    execute(
        live.url,
        f"DELETE FROM {LEDGER} WHERE id IN ('{ids[0]}', '{ids[1]}', '{ids[2]}')",
        f"UPDATE {LEDGER} SET amount = amount + 1 WHERE id = '{ids[3]}'",
        f"UPDATE {LEDGER} SET metadata = NULL, type = 'admin_adjustment' WHERE id = '{ids[4]}'",
        f"INSERT INTO {LEDGER} (user_id, amount, balance_after, type, created_at)"
        f" SELECT user_id, 7, 7, 'admin_adjustment', 'infinity' FROM {LEDGER} LIMIT 1",
    )
    done = bring(LEDGER)
    assert done.code == 0, done.stderr
    assert differences(done) == (3, 2, 1)
    examples = done.data["examples"]
    keys = {kind: {e["key"]["id"] for e in examples if e["row"] == kind} for kind in ("missing",)}
    assert keys["missing"] == set(ids[:3])
    changed = {e["key"]["id"]: set(e["columns"]) for e in examples if e["row"] == "changed"}
    assert changed == {ids[3]: {"amount"}, ids[4]: {"metadata", "type"}}
    assert done.result("difference")["status"] == "warn"
    assert "add_credits" in done.data["statements"]
    apply(live.url, done)
    execute(live.url, f"DELETE FROM {LEDGER} WHERE created_at = 'infinity'")
    assert table_text(live.url, LEDGER) == before


def test_table_statements_are_never_run_by_the_command(
    bring: Callable[..., Done], live: Database
) -> None:
    execute(live.url, f"DELETE FROM {LEDGER}")
    done = bring(LEDGER)
    assert done.data["missing"] == done.data["rows"] > 1000
    assert rows(live.url, f"SELECT count(*) FROM {LEDGER}") == [(0,)]


def test_table_that_was_dropped_comes_back_whole_from_the_statements(
    bring: Callable[..., Done], live: Database
) -> None:
    table = "edge_cases.serials"
    before = table_text(live.url, table)
    execute(live.url, f"DROP TABLE {table} CASCADE")
    done = bring(table)
    assert done.data["gone"] is True
    assert differences(done) == (len(before), 0, 0)
    apply(live.url, done)
    assert table_text(live.url, table) == before
    following = rows(live.url, f"INSERT INTO {table} (note) VALUES ('next') RETURNING id, big")
    assert following == [(31, 9000000001)]


def test_table_that_was_dropped_comes_back_no_more_open_than_it_was(
    bring: Callable[..., Done], live: Database
) -> None:
    rights = """
        SELECT c.relrowsecurity, (SELECT array_agg(polname ORDER BY polname) FROM pg_policy
                WHERE polrelid = c.oid),
               (SELECT array_agg(x::text ORDER BY x::text) FROM unnest(c.relacl) AS x)
          FROM pg_class c WHERE c.oid = to_regclass('{}')
    """
    tables = ("edge_cases.hardened_table", "public.credit_milestones")
    before = [rows(live.url, rights.format(t)) for t in tables]
    for table in tables:
        execute(live.url, f"DROP TABLE {table} CASCADE")
        apply(live.url, bring(table))
    assert [rows(live.url, rights.format(t)) for t in tables] == before


@pytest.mark.parametrize(
    "table",
    [
        WEIRD,
        'edge_cases."Session"',
        "edge_cases.measurements_2026",
        "edge_cases.dropped_columns",
        "edge_cases.kinds_of_values",
        "edge_cases.numbers_and_times",
        "edge_cases.texts",
        "edge_cases.uses_functions",
        "edge_cases.identity_always",
        "edge_cases.animals",
        "edge_cases.empty_table",
        "auth.users",
    ],
)
def test_table_of_any_shape_that_did_not_change_has_no_difference(
    bring: Callable[..., Done], table: str
) -> None:
    done = bring(table)
    assert done.code == 0, done.stderr
    assert differences(done) == (0, 0, 0)
    assert "INSERT" not in done.data["statements"]


def test_table_with_an_odd_name_is_healed(bring: Callable[..., Done], live: Database) -> None:
    before = table_text(live.url, WEIRD)
    execute(
        live.url,
        f'DELETE FROM {WEIRD} WHERE "Id" = 1',
        f'UPDATE {WEIRD} SET "line\nfeed" = $$x$$, "select" = $$y$$ WHERE "Id" = 2',
    )
    done = bring(WEIRD)
    assert differences(done) == (1, 1, 0)
    apply(live.url, done)
    assert table_text(live.url, WEIRD) == before


def test_table_with_values_without_equality_is_compared_by_text_and_healed(
    bring: Callable[..., Done], live: Database
) -> None:
    table = "edge_cases.kinds_of_values"
    before = table_text(live.url, table)
    execute(
        live.url,
        f"UPDATE {table} SET doc_as_written = '{{\"b\": 1}}', x = '<other/>', spot = '(1,2)',"
        " mood = 'sad', share = 1, home = NULL WHERE id = 1",
        f"UPDATE {table} SET doc = '{{\"a\": 1.0}}' WHERE id = 2",
        f"DELETE FROM {table} WHERE id = 3",
    )
    done = bring(table)
    assert differences(done) == (1, 2, 0)
    assert set(done.data["changed_columns"]) == {
        *("doc_as_written", "x", "spot", "mood", "share", "home", "doc")
    }
    apply(live.url, done)
    assert table_text(live.url, table) == before


def test_table_values_equal_but_written_otherwise_are_a_change(
    bring: Callable[..., Done], live: Database
) -> None:
    execute(live.url, "UPDATE edge_cases.numbers_and_times SET n = 1.1, iv = '2 days' WHERE id = 8")
    done = bring("edge_cases.numbers_and_times")
    assert done.data["changed_columns"] == {"n": 1, "iv": 1}


def test_table_with_generated_and_identity_columns_is_healed(
    bring: Callable[..., Done], live: Database
) -> None:
    for table in ("edge_cases.generated_columns", "edge_cases.identity_always"):
        before = table_text(live.url, table)
        execute(live.url, f"DELETE FROM {table}")
        done = bring(table)
        assert differences(done) == (len(before), 0, 0)
        apply(live.url, done)
        assert table_text(live.url, table) == before
    generated = bring("edge_cases.generated_columns").data["notes"]
    assert generated == ["total is generated and not in a backup"]


def test_table_with_types_that_are_gone_or_changed_is_loaded_as_text(
    bring: Callable[..., Done], live: Database
) -> None:
    table = "edge_cases.kinds_of_values"
    before = table_text(live.url, table)
    execute(
        live.url,
        "ALTER TYPE edge_cases.mood RENAME TO mood_now",
        "ALTER TYPE edge_cases.address RENAME ATTRIBUTE street TO road",
        f"UPDATE {table} SET mood = 'sad' WHERE id = 1",
    )
    done = bring(table)
    assert done.code == 0, done.stderr
    notes = "; ".join(done.data["notes"])
    assert "mood is text: the target has no type edge_cases.mood" in notes
    assert "moods is text" in notes
    assert differences(done) == (0, 1, 0)
    apply(live.url, done)
    assert table_text(live.url, table) == before


def test_table_with_an_enum_of_other_labels_is_loaded_as_text(
    bring: Callable[..., Done], live: Database
) -> None:
    execute(live.url, "ALTER TYPE edge_cases.mood RENAME VALUE 'it''s ok' TO 'fine'")
    done = bring("edge_cases.kinds_of_values")
    assert "mood is text: the labels of edge_cases.mood are others" in str(done.data["notes"])
    assert done.data["changed_columns"] == {"mood": 1}


def test_table_whose_columns_changed_is_compared_by_what_both_have(
    bring: Callable[..., Done], live: Database
) -> None:
    table = "edge_cases.dropped_columns"
    execute(
        live.url,
        f"ALTER TABLE {table} DROP COLUMN last_one, ADD COLUMN extra_one integer DEFAULT 5",
        f"ALTER TABLE {table} ALTER COLUMN kept TYPE varchar(40)",
        f"DELETE FROM {table} WHERE id < 4",
        f"UPDATE {table} SET kept = 'other' WHERE id = 9",
    )
    done = bring(table)
    assert differences(done) == (3, 1, 0)
    assert done.data["changed_columns"] == {"kept": 1}
    statements = done.data["statements"]
    assert "columns that are not live: last_one" in statements
    assert "columns that are not in the backup: extra_one" in statements
    apply(live.url, done)
    assert differences(bring(table)) == (0, 0, 0)


def test_table_without_a_key_is_loaded_and_the_difference_unknown(
    bring: Callable[..., Done], live: Database, side_schemas: Callable[[str], list[str]]
) -> None:
    done = bring("edge_cases.replica_full")
    assert done.code == 3
    assert differences(done) == (None, None, None)
    assert "no primary key" in done.result("difference")["summary"]
    assert "--key" in done.result("difference")["next"]
    schema = done.data["side_table"].split(".")[0]
    assert side_schemas(live.url) == [schema]
    assert rows(live.url, f"SELECT count(*) FROM {schema}.replica_full") == [(done.data["rows"],)]
    assert done.data["rows"] > 0


def test_table_key_that_does_not_tell_rows_apart_is_named(bring: Callable[..., Done]) -> None:
    done = bring("edge_cases.replica_full", "--key", "id")
    assert (done.code, done.data["missing"]) == (3, None)
    assert "(id) is null in the backup" in done.result("difference")["summary"]
    other = bring("edge_cases.replica_full", "--key", "nonsense")
    assert "nonsense" in other.result("difference")["summary"]


def test_table_key_that_was_given_is_used(bring: Callable[..., Done], live: Database) -> None:
    execute(live.url, "ALTER TABLE edge_cases.session DROP CONSTRAINT session_pkey CASCADE")
    assert bring("edge_cases.session").code == 3
    done = bring("edge_cases.session", "--key", "id")
    assert (done.code, differences(done)) == (0, (0, 0, 0))


def test_table_where_limits_rows_report_and_statements(
    bring: Callable[..., Done], live: Database
) -> None:
    before = table_text(live.url, "edge_cases.sessions_archive")
    execute(
        live.url,
        "INSERT INTO edge_cases.sessions_archive VALUES (50, 'one'), (51, 'two')",
        "DELETE FROM edge_cases.sessions_archive WHERE id IN (1, 2)",
    )
    done = bring("edge_cases.sessions_archive", "--where", "note = 'two' -- mine")
    assert differences(done) == (1, 0, 1)
    assert (done.data["rows"], done.data["rows_matched"]) == (2, 1)
    apply(live.url, done)
    assert table_text(live.url, "edge_cases.sessions_archive") == [
        "(2,two)",
        "(50,one)",
        "(51,two)",
    ]
    assert len(before) == 2


def test_table_where_row_that_left_the_condition_is_no_extra(
    bring: Callable[..., Done], live: Database
) -> None:
    execute(live.url, "UPDATE edge_cases.sessions_archive SET note = 'two' WHERE id = 1")
    done = bring("edge_cases.sessions_archive", "--where", "note = 'two'")
    assert differences(done) == (0, 0, 0)


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("id = ", "syntax error"),
        ("nonsense = 1", 'column "nonsense" does not exist'),
        ("true; DROP TABLE public.profiles", "without a semicolon"),
        ("note = 1 / 0", "--where"),
        (" ", "--where takes one condition"),
    ],
)
def test_table_where_that_is_none_is_one_line_and_leaves_nothing(
    bring: Callable[..., Done],
    live: Database,
    side_schemas: Callable[[str], list[str]],
    condition: str,
    message: str,
) -> None:
    done = bring("edge_cases.session", "--where", condition)
    assert done.code == 2, done.stderr
    assert message in done.document["error"]["message"]
    assert len(done.stderr.strip().splitlines()) <= 2
    assert side_schemas(live.url) == []


RIGHTS = """
    SELECT coalesce(x.grantee::regrole::text, '-'), x.privilege_type
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
           aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) x
     WHERE n.nspname LIKE 'restored%' AND x.grantee <> c.relowner
    UNION ALL
    SELECT x.grantee::regrole::text, x.privilege_type FROM pg_namespace n,
           aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) x
     WHERE n.nspname LIKE 'restored%' AND x.grantee <> n.nspowner
"""


def test_table_beside_is_nobodys_whatever_the_defaults_grant(
    bring: Callable[..., Done], live: Database
) -> None:
    execute(
        live.url,
        "ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO anon, authenticated, service_role, PUBLIC",
        "ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO anon, authenticated, PUBLIC",
    )
    done = bring("public.ai_agent_x_connections")
    assert done.code == 0, done.stderr
    assert rows(live.url, RIGHTS) == []
    state = "SELECT relrowsecurity, relpersistence FROM pg_class c JOIN pg_namespace n ON"
    state += " n.oid = relnamespace WHERE nspname LIKE 'restored%' AND relkind = 'r'"
    assert rows(live.url, state) == [(True, "p")]
    with psycopg.connect(live.url, connect_timeout=10) as connection:
        connection.execute("SET ROLE anon")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"SELECT * FROM {done.data['side_table']}")


def test_table_beside_that_would_be_open_is_given_up(
    bring: Callable[..., Done], live: Database, side_schemas: Callable[[str], list[str]]
) -> None:
    execute(
        live.admin_url,
        """CREATE FUNCTION public.open_up() RETURNS event_trigger LANGUAGE plpgsql AS $$
           DECLARE s text;
           BEGIN
             FOR s IN SELECT nspname FROM pg_namespace WHERE nspname LIKE 'restored%' LOOP
               EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO anon', s);
             END LOOP;
           END $$""",
        "CREATE EVENT TRIGGER open_up ON ddl_command_end WHEN TAG IN ('REVOKE')"
        " EXECUTE FUNCTION public.open_up()",
    )
    done = bring("edge_cases.session")
    assert done.code == 5
    assert "anon has rights on the table" in done.document["error"]["message"]
    assert side_schemas(live.url) == []


def test_table_beside_is_in_no_publication_for_all_tables(
    bring: Callable[..., Done], live: Database
) -> None:
    execute(live.admin_url, "CREATE PUBLICATION everything FOR ALL TABLES")
    done = bring("edge_cases.session")
    assert done.code == 0, done.stderr
    assert "unlogged" in done.result("exposure")["summary"]
    published = "SELECT * FROM pg_publication_tables WHERE schemaname LIKE 'restored%'"
    assert rows(live.url, published) == []


def test_table_into_a_schema_that_exists_is_refused(
    bring: Callable[..., Done], live: Database
) -> None:
    execute(live.url, "CREATE SCHEMA restored_mine")
    done = bring("edge_cases.session", "--into-schema", "restored_mine")
    assert done.code == 6
    assert "restored_mine exists already" in done.stderr
    again = bring("edge_cases.session", "--into-schema", 'restored "odd"; --\nname')
    assert again.code == 0, again.stderr


def test_table_that_cannot_be_brought_beside_is_refused_by_name(bring: Callable[..., Done]) -> None:
    partitioned = bring("edge_cases.measurements")
    assert (partitioned.code, "measurements_2026" in partitioned.stderr) == (6, True)
    missing = bring("public.credit_transaction")
    assert (missing.code, "public.credit_transactions" in missing.stderr) == (5, True)
    view = bring("public.user_credit_stats")
    assert (view.code, "is a view" in view.stderr) == (6, True)


def test_table_of_production_wants_its_name(bring: Callable[..., Done], live: Database) -> None:
    refused = bring("edge_cases.session", KULTI_OPS_PRODUCTION="127.0.0.1")
    assert (refused.code, f"--confirm {live.name}" in refused.stderr) == (6, True)
    confirmed = bring(
        "edge_cases.session", "--confirm", live.name, KULTI_OPS_PRODUCTION="127.0.0.1"
    )
    assert confirmed.code == 0, confirmed.stderr


def test_table_value_that_does_not_fit_is_named_without_the_value(
    bring: Callable[..., Done], live: Database, side_schemas: Callable[[str], list[str]]
) -> None:
    execute(live.url, "ALTER TYPE edge_cases.address DROP ATTRIBUTE geo CASCADE")
    done = bring("edge_cases.kinds_of_values")
    assert done.code == 5
    assert "does not fit the target's type or constraints: row 1, column" in done.stderr
    assert "(22P02)" in done.stderr
    assert "Main" not in done.stderr + done.stdout
    assert side_schemas(live.url) == []


def test_table_statements_file_is_private_and_unmasked(
    bring: Callable[..., Done], live: Database, kulti: CommandLine
) -> None:
    table = "public.ai_agent_x_connections"
    before = table_text(live.url, table)
    execute(live.url, f"UPDATE {table} SET access_token = 'changed'")
    done = bring(table, "--statements", "back.sql")
    file = kulti.home / "back.sql"
    assert done.data["statements_file"] == str(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text() == done.data["statements"]
    assert "***" not in done.data["statements"]
    apply(live.url, done)
    assert table_text(live.url, table) == before


def test_table_is_written_to_the_audit_log(
    bring: Callable[..., Done], kulti: CommandLine, live: Database
) -> None:
    done = bring("edge_cases.session")
    lines = (kulti.home / "state" / "audit.jsonl").read_text().splitlines()
    begun, ended = (json.loads(line) for line in lines[-2:])
    assert (begun["action"], ended["action"]) == ("restore table begun", "restore table ended")
    assert begun["details"]["side_schema"] == done.data["side_table"].split(".")[0]
    assert live.name in begun["target"]


def wait_behind_lock(live: Database) -> None:
    """Wait until a restore has loaded its rows and waits for the live table's lock."""
    waiting = "SELECT wait_event_type FROM pg_stat_activity WHERE datname = current_database()"
    waiting += " AND application_name = 'kulti-ops restore table'"
    wait_until(lambda: rows(live.url, waiting) == [("Lock",)])


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)]
)
def test_table_ended_midway_leaves_nothing(
    kulti: CommandLine,
    live: Database,
    side_schemas: Callable[[str], list[str]],
    number: signal.Signals,
    code: int,
) -> None:
    command = ("restore", "table", LEDGER, "--target", "env:LIVE")
    with psycopg.connect(live.url, connect_timeout=10) as blocker:
        blocker.execute(f"LOCK TABLE {LEDGER} IN ACCESS EXCLUSIVE MODE")
        with kulti.start(*command, LIVE=live.url) as child:
            wait_behind_lock(live)
            os.kill(child.pid, number)
            child.communicate(timeout=PATIENCE_S)
    assert child.returncode == code
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    others += " AND application_name LIKE 'kulti-ops%'"
    wait_until(lambda: rows(live.url, others) == [(0,)])
    assert side_schemas(live.url) == []


def test_table_behind_a_lock_is_loaded_and_the_difference_unknown(
    kulti: CommandLine, live: Database
) -> None:
    with psycopg.connect(live.url, connect_timeout=10) as blocker:
        blocker.execute("LOCK TABLE edge_cases.session IN ACCESS EXCLUSIVE MODE")
        fixed = ("restore", "table", "edge_cases.session", "--target", "env:LIVE")
        done = kulti(*fixed, "--format", "json", LIVE=live.url, KULTI_OPS_LOCK_WAIT_S="0.2")
    assert done.code == 3
    assert "lock timeout" in done.result("difference")["summary"]
    assert done.data["rows"] == 1


def test_table_of_a_damaged_backup_is_refused(
    kulti: CommandLine, live: Database, server_root: Path
) -> None:
    import shutil

    storage = server_root / "damaged"
    shutil.copytree(kulti.home / "backups", storage)
    for dump in storage.glob("*/dump.pgc"):
        data = bytearray(dump.read_bytes())
        data[len(data) // 2] ^= 1
        dump.write_bytes(data)
    fixed = ("restore", "table", LEDGER, "--target", "env:LIVE")
    done = kulti(*fixed, LIVE=live.url, KULTI_OPS_STORAGE=str(storage))
    assert done.code == 6
    assert "does not pass its verification" in done.stderr
