"""Restoring into a new hosted project, from the command line: what runs, and what is undone."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from kulti_ops.db import connect, own_target
from kulti_ops.errors import DatabaseError
from kulti_ops.restore.hosted.execute import HostedOutcome, HostedRestore
from kulti_ops.restore.hosted.facts import look_at_project
from kulti_ops.restore.hosted.plan import plan_hosted
from kulti_ops.restore.hosted.view import HostedOptions, View
from tests.functional.restore.conftest import execute, rows
from tests.unit.making import entry, inventory, toc

if TYPE_CHECKING:
    from pathlib import Path

    from kulti_ops.pgtools import Installation
    from kulti_ops.sandbox.lifecycle import SandboxInfo
    from tests.functional.conftest import NewProject
    from tests.functional.restore.conftest import CommandLine, Done

RUN = ("restore", "run", "--target", "env:NEW", "--create-roles", "--yes", "--format", "json")
PLAN = ("restore", "plan", "--target", "env:NEW", "--create-roles", "--format", "json")
# Everything that a restore could leave behind.
STATE = """
SELECT (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_proc),
       (SELECT count(*) FROM pg_namespace), (SELECT count(*) FROM pg_roles),
       (SELECT count(*) FROM pg_auth_members), (SELECT count(*) FROM pg_trigger),
       (SELECT count(*) FROM pg_policy), (SELECT count(*) FROM pg_largeobject_metadata),
       (SELECT count(*) FROM pg_description), (SELECT count(*) FROM auth.users),
       (SELECT count(*) FROM storage.objects),
       (SELECT string_agg(defaclacl::text, ' ' ORDER BY oid) FROM pg_default_acl),
       (SELECT string_agg(pubname::text, ' ') FROM pg_publication),
       (SELECT nspacl::text FROM pg_namespace WHERE nspname = 'public')
"""
RESTORING = """
SELECT pid FROM pg_stat_activity
 WHERE application_name = 'kulti-ops restore' AND datname = current_database()
"""
WAITS = f"{RESTORING} AND wait_event_type = 'Lock'"
TIMEOUT_S = 60.0


def until(url: str, query: str, *, found: bool = True) -> None:
    """Wait until a query finds rows, or none."""
    deadline = time.monotonic() + TIMEOUT_S
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
        while bool(connection.execute(query.encode()).fetchall()) is not found:
            assert time.monotonic() < deadline, query
            time.sleep(0.02)


def summaries(done: Done) -> str:
    return "\n".join(r["summary"][:500] for r in done.document["results"]) or done.stderr


def errors(done: Done) -> list[tuple[str, str]]:
    return [(r["entry"], r["sqlstate"]) for r in done.result("restore")["rows"]]


def test_plan_names_what_cannot_come_back_and_changes_nothing(
    kulti: CommandLine, new_project: NewProject, tmp_path: Path
) -> None:
    project = new_project()
    before = rows(project.admin_url, STATE)
    rest = tmp_path / "rest.sql"
    done = kulti(*PLAN, "--residual", str(rest), NEW=project.url)
    assert done.code == 0, done.stderr
    assert rest.read_text() == done.data["residual"]
    assert oct(rest.stat().st_mode & 0o777) == "0o600"
    steps = {s["entry"]: (s["action"], s["rule"]) for s in done.data["steps"]}
    assert len(steps) > 1300
    assert {
        "TABLE public.profiles": ("run", "run"),
        "TABLE auth.users": ("skip", "exists"),
        "TABLE DATA auth.users": ("run", "run"),
        "TABLE DATA auth.sessions": ("skip", "sessions"),
        "TABLE DATA auth.schema_migrations": ("skip", "vendor-migrations"),
        "TABLE DATA vault.secrets": ("lost", "vault"),
        "TRIGGER auth.users on_auth_user_signed_in": ("run", "custom-trigger"),
        "TRIGGER storage.objects edge_state_always": ("lost", "trigger-state"),
        "POLICY storage.objects Avatars are public": ("try", "vendor-policy"),
        "ACL SCHEMA public": ("run", "own-rights"),
        "PUBLICATION supabase_realtime": ("run", "publication"),
    }.items() <= steps.items()
    assert done.data["missing_roles"] == ["kulti_analyst", "kulti_reader"]
    assert rows(project.admin_url, STATE) == before
    nowhere = kulti(*RUN, "--residual", str(tmp_path / "none" / "rest.sql"), NEW=project.url)
    assert (nowhere.code, "cannot write" in nowhere.stderr) == (5, True)
    assert rows(project.admin_url, STATE) == before


def test_run_with_sessions_brings_them_back_and_the_residual_sql_runs_with_more_rights(
    kulti: CommandLine, sandbox: SandboxInfo, new_project: NewProject, tmp_path: Path
) -> None:
    project = new_project()
    rest = tmp_path / "rest.sql"
    done = kulti(*RUN, "--with-sessions", "--residual", str(rest), NEW=project.url)
    assert done.code == 0, summaries(done)
    assert done.data["committed"] is True
    assert (done.result("restore")["status"], errors(done)) == ("ok", [])
    for table in ("auth.sessions", "auth.refresh_tokens", "auth.users"):
        count = f"SELECT count(*) FROM {table}"
        assert rows(project.url, count) == rows(sandbox.database_url, count)
    policies = "SELECT polname FROM pg_policy WHERE polrelid = 'storage.objects'::regclass"
    assert rows(project.url, policies) == []
    with psycopg.connect(project.admin_url, autocommit=True, connect_timeout=10) as connection:
        connection.execute(rest.read_text().encode())
    assert sorted(rows(project.url, policies)) == sorted(rows(sandbox.database_url, policies))
    state = "SELECT tgname, tgenabled FROM pg_trigger WHERE tgname LIKE 'edge_state%' ORDER BY 1"
    assert rows(project.url, state) == rows(sandbox.database_url, state)


def test_run_public_only_says_what_dangles_before_and_leaves_the_logins_alone(
    kulti: CommandLine, sandbox: SandboxInfo, new_project: NewProject
) -> None:
    project = new_project()
    execute(
        project.admin_url,
        "INSERT INTO auth.users (id) VALUES ('00000000-0000-0000-0000-0000000000aa')",
    )
    done = kulti(*RUN, "--public-only", NEW=project.url)
    assert done.code == 0, summaries(done)
    ((profiles,),) = rows(sandbox.database_url, "SELECT count(*) FROM public.profiles")
    assert {
        "constraint": "profiles_id_fkey",
        "table": "public.profiles",
        "refers_to": "auth.users",
        "rows": profiles,
    } in done.data["dangling"]
    said = f"profiles_id_fkey on public.profiles: {profiles} rows would point to nothing"
    assert said in done.stderr
    valid = "SELECT convalidated FROM pg_constraint WHERE conname = 'profiles_id_fkey'"
    assert rows(project.url, valid) == [(False,)]
    assert rows(project.url, "SELECT count(*) FROM auth.users") == [(1,)]
    granted = "SELECT has_any_column_privilege('kulti_reader', 'auth.users', 'SELECT')"
    assert rows(project.url, granted) == [(False,)]
    assert rows(project.url, "SELECT count(*) FROM public.profiles") == [(profiles,)]
    assert "VALIDATE CONSTRAINT" in done.data["residual"]


def test_run_with_roles_that_somebody_made_beforehand_borrows_them_or_refuses(
    kulti: CommandLine, new_project: NewProject
) -> None:
    """Roles that log in are made by hand, with passwords; their maker is no member of them."""
    project = new_project()
    execute(project.admin_url, "CREATE ROLE kulti_analyst")
    refused = kulti(*PLAN, NEW=project.url)
    assert refused.code == 6
    assert "rights given by kulti_analyst" in refused.document["error"]["message"]
    execute(project.admin_url, "DROP ROLE kulti_analyst")
    execute(project.url, "CREATE ROLE kulti_analyst LOGIN", "CREATE ROLE kulti_reader")
    done = kulti(*RUN, NEW=project.url)
    assert done.code == 0, summaries(done)
    granted = "SELECT count(*) > 0 FROM pg_class WHERE relacl::text LIKE '%/kulti_analyst%'"
    assert rows(project.url, granted) == [(True,)]
    members = """
        SELECT count(*) FROM pg_auth_members
         WHERE roleid::regrole::text LIKE 'kulti%' AND (inherit_option OR set_option)
    """
    assert rows(project.url, members) == [(0,)]


@pytest.mark.parametrize(
    ("weaken", "strengthen", "says"),
    [
        (
            "REVOKE SET ON PARAMETER session_replication_role FROM postgres",
            "GRANT SET ON PARAMETER session_replication_role TO postgres",
            "may not set session_replication_role",
        ),
        ("ALTER ROLE postgres NOBYPASSRLS", "ALTER ROLE postgres BYPASSRLS", "lacks BYPASSRLS"),
        ("ALTER ROLE postgres NOCREATEROLE", "ALTER ROLE postgres CREATEROLE", "lacks CREATEROLE"),
        (
            "ALTER DATABASE {name} OWNER TO supabase_admin",
            "ALTER DATABASE {name} OWNER TO postgres",
            "lacks CREATE on the database",
        ),
    ],
)
def test_plan_as_a_role_that_could_not_restore_says_what_it_lacks(
    kulti: CommandLine, new_project: NewProject, weaken: str, strengthen: str, says: str
) -> None:
    project = new_project()
    execute(project.admin_url, weaken.format(name=project.name))
    try:
        done = kulti(*PLAN, NEW=project.url)
    finally:
        execute(project.admin_url, strengthen.format(name=project.name))
    assert (done.code, says in done.document["error"]["message"]) == (6, True), done.stdout


REFUSE_WAITLIST = """
CREATE FUNCTION public.refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() WHERE object_identity = 'public.waitlist')
  THEN RAISE 'not this one'; END IF;
END$$;
CREATE EVENT TRIGGER refuse ON ddl_command_end EXECUTE FUNCTION public.refuse();
ALTER EVENT TRIGGER refuse ENABLE ALWAYS;
"""
REFUSE_AVATARS = "ALTER TABLE storage.buckets ADD CHECK (id <> 'avatars')"
REFUSE_TEXT = "ALTER TABLE auth.users ALTER COLUMN aud TYPE integer USING 1"


@pytest.mark.parametrize(
    ("spoil", "entry", "sqlstate", "place"),
    [
        (REFUSE_WAITLIST, "TABLE public.waitlist", "P0001", "not this one"),
        (REFUSE_AVATARS, "TABLE DATA storage.buckets", "23514", "constraint buckets_id_check"),
        (REFUSE_TEXT, "TABLE DATA auth.users", "22P02", "row 1, column aud"),
    ],
)
def test_run_with_an_entry_that_fails_is_undone_and_names_it(
    kulti: CommandLine, new_project: NewProject, spoil: str, entry: str, sqlstate: str, place: str
) -> None:
    project = new_project()
    execute(project.admin_url, spoil)
    before = rows(project.admin_url, STATE)
    done = kulti(*RUN, NEW=project.url)
    assert done.code == 5, done.stderr
    assert errors(done) == [(entry, sqlstate)]
    assert "undone, nothing is changed" in done.result("restore")["summary"]
    assert place in done.result("restore")["rows"][0]["message"]
    assert "avatars" not in done.stdout + done.stderr
    assert "authenticated" not in done.stdout + done.stderr
    assert rows(project.admin_url, STATE) == before


def test_run_killed_at_any_moment_leaves_nothing(
    kulti: CommandLine, new_project: NewProject
) -> None:
    project = new_project()
    before = rows(project.admin_url, STATE)
    for held in (
        None,  # as soon as its transaction is there
        "LOCK TABLE auth.users IN SHARE MODE",  # while rows are loaded
        "LOCK TABLE auth.users IN ROW EXCLUSIVE MODE",  # while keys and triggers are made
    ):
        with psycopg.connect(project.admin_url, connect_timeout=10) as holder:
            if held is not None:
                holder.execute(held.encode())
            with kulti.start(*RUN, NEW=project.url) as child:
                until(project.admin_url, RESTORING if held is None else WAITS)
                child.kill()
                child.wait(TIMEOUT_S)
            holder.rollback()
        until(project.admin_url, RESTORING, found=False)
        assert rows(project.admin_url, STATE) == before, held


def test_run_told_to_stop_stops_the_server_too_and_leaves_nothing(
    kulti: CommandLine, new_project: NewProject
) -> None:
    project = new_project()
    before = rows(project.admin_url, STATE)
    with psycopg.connect(project.admin_url, connect_timeout=10) as holder:
        holder.execute("LOCK TABLE auth.users IN ROW EXCLUSIVE MODE")
        with kulti.start(*RUN, NEW=project.url) as child:
            until(project.admin_url, WAITS)
            child.terminate()
            assert child.wait(TIMEOUT_S) == 143
        until(project.admin_url, RESTORING, found=False)  # the lock is still held
    assert rows(project.admin_url, STATE) == before


ENDS_THE_TRANSACTION = "CREATE TABLE public.t ();\nCOMMIT;\n"
LOSES_THE_CONNECTION = """
CREATE TABLE public.t (id integer);
CREATE FUNCTION public.vanish() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN PERFORM pg_catalog.pg_terminate_backend(pg_catalog.pg_backend_pid()); RETURN NULL; END';
CREATE CONSTRAINT TRIGGER vanish AFTER INSERT ON public.t DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.vanish();
ALTER TABLE public.t ENABLE ALWAYS TRIGGER vanish;
INSERT INTO public.t VALUES (1);
"""


@pytest.mark.parametrize(
    ("definition", "says"),
    [
        (ENDS_THE_TRANSACTION, "ended the transaction"),
        (LOSES_THE_CONNECTION, "it is not known whether the restore was committed"),
    ],
)
def test_restore_whose_transaction_is_lost_is_never_called_undone(
    kulti: CommandLine,
    new_project: NewProject,
    server_install: Installation,
    definition: str,
    says: str,
) -> None:
    project = new_project()
    target = own_target(project.url, "the project")
    with connect(target, application="test") as connection:
        facts = look_at_project(connection)
    archive = toc(
        entry(1, "TABLE", "t", definition=definition),
        entry(2, "TABLE", "u", definition="CREATE TABLE public.u ();\n"),
    )
    plan = plan_hosted(View(archive, inventory(), facts, HostedOptions()))
    restore = HostedRestore(
        archive=kulti.home / "none",
        toc=archive,
        plan=plan,
        target=target,
        tools=server_install,
        judge=lambda _connection, _outcome: (),
    )
    outcome = HostedOutcome()
    with pytest.raises(DatabaseError, match=says):
        restore.run(outcome)
    assert not outcome.committed


def test_run_into_a_project_in_use_is_refused_and_changes_nothing(
    kulti: CommandLine, new_project: NewProject
) -> None:
    project = new_project("not-empty")
    execute(
        project.admin_url,
        "INSERT INTO auth.users (id) VALUES ('00000000-0000-0000-0000-0000000000aa')",
    )
    before = rows(project.admin_url, STATE)
    done = kulti(*RUN, NEW=project.url)
    assert done.code == 6
    message = done.document["error"]["message"]
    assert message.endswith("is a project in use: table public.mine, rows in auth.users")
    guarded = kulti(*RUN, NEW=project.url, KULTI_OPS_PRODUCTION="127.0.0.1")
    assert (guarded.code, "is production" in guarded.stderr) == (6, True)
    assert f"--confirm {project.name}" in guarded.stderr
    assert rows(project.admin_url, STATE) == before


def test_drill_hosted_proves_the_backup_and_records_what_it_restored_into(
    kulti: CommandLine, tmp_path: Path
) -> None:
    report = tmp_path / "drill.md"
    done = kulti("restore", "drill", "--hosted", "--report", str(report), "--format", "json")
    assert done.code == 0, summaries(done)
    assert done.data["target"] == "hosted project"
    assert {"prepare", "schema", "data", "constraints", "rights", "compare"} <= done.data[
        "phases"
    ].keys()
    assert len(done.data["tables"]) > 90
    assert all(t["match"] for t in done.data["tables"])
    assert "live sessions and tokens are left out" in report.read_text()
    history = kulti("restore", "history", "--format", "json")
    assert history.data["drills"][-1]["target"] == "hosted project"
    listed = kulti("backup", "list", "--format", "json")
    assert '"drilled"' in listed.stdout
