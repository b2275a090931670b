"""What is hard to move is there, and moves with PostgreSQL's own tools."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import psycopg

from tests.functional.sandbox.conftest import PASSWORD, Built
from tests.functional.sandbox.support import rows, value

if TYPE_CHECKING:
    from collections.abc import Sequence


def run(arguments: Sequence[str], password: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "PGPASSWORD": password, "PGCONNECT_TIMEOUT": "10"}
    return subprocess.run(
        arguments, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_edge_cases_hold_what_is_hard_to_move(admin: psycopg.Connection) -> None:
    assert value(admin, "SELECT max(length(body)) FROM edge_cases.texts") == 1_048_576
    assert value(admin, "SELECT count(*) FROM edge_cases.texts WHERE body ~ E'^\\\\\\\\[.]$'") == 1
    assert value(admin, "SELECT count(*) FROM edge_cases.empty_table") == 0
    assert value(admin, "SELECT count(*) FROM edge_cases.no_columns") == 3
    assert rows(
        admin,
        "SELECT tgname, tgenabled::text FROM pg_trigger WHERE tgrelid ="
        " 'edge_cases.triggered'::regclass AND NOT tgisinternal"
        " AND tgname LIKE 'state%%' ORDER BY 1",
    ) == [
        ("state_always", "A"),
        ("state_disabled", "D"),
        ("state_origin", "O"),
        ("state_replica", "R"),
    ]
    assert rows(
        admin,
        "SELECT grantor::regrole::text, grantee::regrole::text FROM pg_class,"
        " aclexplode(relacl) WHERE oid = 'edge_cases.granted_in_a_chain'::regclass"
        " AND grantor <> relowner",
    ) == [("kulti_analyst", "kulti_reader")]
    assert (
        value(admin, "SELECT has_table_privilege('anon', 'edge_cases.hardened_table', 'SELECT')")
        is False
    )
    assert value(admin, "SELECT has_table_privilege('anon', 'edge_cases.texts', 'SELECT')") is True
    assert rows(admin, "SELECT conname FROM pg_constraint WHERE NOT convalidated ORDER BY 1") == [
        "amount_positive",
        "owner_exists",
    ]
    assert rows(admin, "SELECT oid::int FROM pg_largeobject_metadata ORDER BY 1") == [
        990001,
        990002,
    ]
    assert rows(
        admin,
        "SELECT relname FROM pg_class WHERE relnamespace = 'edge_cases'::regnamespace"
        " AND relname ~ '[\";\\n]' AND relkind = 'r'",
    ) == ['Weird "Table" ; -- DROP\nName']


def test_edge_cases_hold_what_stands_between_vendor_and_customer(admin: psycopg.Connection) -> None:
    assert rows(
        admin,
        "SELECT tgrelid::regclass::text, tgname, tgenabled::text FROM pg_trigger"
        " WHERE tgname LIKE 'edge_state%%' OR tgname = 'on_auth_user_signed_in' ORDER BY 3",
    ) == [
        ("storage.objects", "edge_state_always", "A"),
        ("realtime.subscription", "edge_state_disabled", "D"),
        ("auth.users", "on_auth_user_signed_in", "O"),
    ]
    assert value(admin, "SELECT count(*) FROM cron.job") == 2
    assert value(admin, "SELECT cardinality(extconfig) FROM pg_extension WHERE extname = 'pg_cron'")
    assert (
        value(
            admin,
            "SELECT array_agg(a.grantee::text ORDER BY 1) FROM pg_namespace,"
            " aclexplode(nspacl) a WHERE nspname = 'public' AND a.grantee = 0",
        )
        is None
    )
    assert rows(
        admin,
        "SELECT defaclnamespace = 0, defaclobjtype::text FROM pg_default_acl"
        " WHERE defaclrole = 'postgres'::regrole AND array_to_string(defaclacl, ',')"
        " !~ 'anon|^=' ORDER BY 1",
    ) == [(False, "S"), (True, "f")]
    assert value(admin, "SELECT has_table_privilege('anon', 'public.app_config', 'SELECT')")
    assert not value(admin, "SELECT has_table_privilege('anon', 'public.app_config', 'TRUNCATE')")


def test_dump_as_postgres_and_restore_pass_without_a_word(built: Built) -> None:
    archive = built.server.spec.data_dir.parent / "kulti.pgc"
    tool = built.installation.tool
    dumped = run(
        [
            *(str(tool("pg_dump")), "--format=custom", "--compress=zstd:1", f"--file={archive}"),
            *("--host=127.0.0.1", f"--port={built.server.port}", "--username=postgres", "postgres"),
        ],
        PASSWORD,
    )
    assert (dumped.returncode, dumped.stderr) == (0, "")
    with psycopg.connect(built.admin_url, autocommit=True, connect_timeout=10) as connection:
        connection.execute("CREATE DATABASE restored TEMPLATE template0 OWNER postgres")
        restored = run(
            [
                *(str(tool("pg_restore")), "--dbname=restored", "--host=127.0.0.1"),
                *(f"--port={built.server.port}", "--username=supabase_admin", str(archive)),
            ],
            "admin",
        )
        connection.execute("DROP DATABASE restored WITH (FORCE)")
    archive.unlink()
    assert (restored.returncode, restored.stderr) == (0, "")
