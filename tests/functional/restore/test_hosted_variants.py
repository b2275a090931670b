"""Projects as they differ in the field: what comes back into each, and the exact report."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from kulti_ops.db import connect, own_target
from kulti_ops.platform.tables import CRITICAL_TABLES
from kulti_ops.report import Verdict
from kulti_ops.restore.hosted.access import access_changes
from kulti_ops.restore.hosted.facts import look_at_project
from kulti_ops.restore.hosted.results import judge_access
from tests.functional.restore.conftest import command_line, execute, rows
from tests.functional.restore.hosting import Restoration, restore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kulti_ops.pgtools import Installation
    from kulti_ops.report import CheckResult
    from tests.functional.conftest import NewProject
    from tests.functional.new_project import Database
    from tests.functional.restore.conftest import CommandLine

Loss = tuple[str, str, str | None]

# (entry, rule, SQLSTATE) of what never comes back into a project of today.
ALWAYS: frozenset[Loss] = frozenset(
    {
        ("ACL DATABASE postgres", "database-rights", None),
        ("DATABASE PROPERTIES postgres", "database-setting", None),
        ("TABLE DATA cron.job", "jobs", None),
        ("TABLE DATA vault.secrets", "vault", None),
        ("TRIGGER realtime.subscription edge_state_disabled", "trigger-state", None),
        ("COMMENT realtime.TRIGGER edge_state_disabled ON subscription", "depends", None),
    }
)
STORAGE: frozenset[Loss] = frozenset(
    {
        ("TRIGGER storage.objects edge_state_always", "trigger-state", None),
        ("POLICY storage.objects Avatars are public", "vendor-policy", "42501"),
        ('COMMENT storage.POLICY "Avatars are public" ON objects', "comment-needs-owner", None),
        ("POLICY storage.objects Users upload into their own folder", "vendor-policy", "42501"),
    }
)
NO_EXTENSION: frozenset[Loss] = frozenset(
    {
        ("EXTENSION uuid-ossp", "extension-unavailable", None),
        ("TABLE edge_cases.needs_extension", "depends", None),
        ("ACL edge_cases.TABLE needs_extension", "depends", None),
        ("VIEW edge_cases.needs_extension_view", "depends", None),
        ("ACL edge_cases.TABLE needs_extension_view", "depends", None),
        ("TABLE DATA edge_cases.needs_extension", "depends", None),
        ("CONSTRAINT edge_cases.needs_extension needs_extension_pkey", "depends", None),
    }
)
NO_TABLE: frozenset[Loss] = frozenset(
    {
        ("TABLE auth.mfa_factors", "vendor-object-missing", None),
        ("TABLE DATA auth.mfa_factors", "rows-no-table", None),
        (
            "CONSTRAINT auth.mfa_factors mfa_factors_last_challenged_at_key",
            "vendor-object-missing",
            None,
        ),
        ("CONSTRAINT auth.mfa_factors mfa_factors_pkey", "vendor-object-missing", None),
        ("INDEX auth.mfa_factors_user_id_idx", "vendor-object-missing", None),
        (
            "FK CONSTRAINT auth.mfa_factors mfa_factors_user_id_fkey",
            "vendor-object-missing",
            None,
        ),
    }
)
NO_COLUMN: frozenset[Loss] = frozenset(
    {("COLUMN auth.users.raw_user_meta_data", "rows-staged", None)}
)
NO_SCHEMA: frozenset[Loss] = frozenset(
    {
        ("SCHEMA realtime", "vendor-schema-missing", None),
        ("SCHEMA vault", "vendor-schema-missing", None),
        *(
            (entry, "vendor-object-missing", None)
            for entry in (
                "TYPE realtime.action",
                "TYPE realtime.equality_op",
                "TYPE realtime.user_defined_filter",
                "FUNCTION realtime.topic()",
                "TABLE realtime.messages",
                "TABLE realtime.schema_migrations",
                "TABLE realtime.subscription",
                "SEQUENCE realtime.subscription_id_seq",
                "TABLE vault.secrets",
                "CONSTRAINT vault.secrets secrets_pkey",
                "INDEX vault.secrets_name_idx",
            )
        ),
    }
)

EXPECTED: dict[str, frozenset[Loss]] = {
    "no-extension": ALWAYS | STORAGE | NO_EXTENSION,
    "no-vendor-table": ALWAYS | STORAGE | NO_TABLE,
    "no-vendor-column": ALWAYS | STORAGE | NO_COLUMN,
    "no-vendor-schema": ALWAYS | STORAGE | NO_SCHEMA,
    # With the owner's rights at hand everything on the files' tables comes back.
    "policy-rights": ALWAYS,
}
# What the realtime service makes anew: its partitions, one for each day around the backup.
REALTIME = "the realtime service makes it by itself"


def losses(done: Restoration) -> frozenset[Loss]:
    return frozenset(
        (str(row["entry"]), str(row["rule"]), row["sqlstate"])
        for row in done.result("not-restored").rows
    )


def explained(done: Restoration) -> Counter[str]:
    """Return the reasons of the explained differences, without the realtime service's own."""
    found = Counter(str(row["explained"]) for row in done.result("restored-inventory").rows)
    found.pop(REALTIME)
    return found


def judge(done: Restoration) -> None:
    """Every check looked, and found nothing that is not explained."""
    assert "; ".join(r.summary for r in done.done.results if r.status is Verdict.CRIT) == ""
    assert done.done.outcome.committed
    found = {r.id: r.status for r in done.done.results}
    assert found.pop("not-restored") is Verdict.WARN
    assert set(found.values()) == {Verdict.OK}


@pytest.mark.parametrize("variant", EXPECTED)
def test_restore_into_a_variant_brings_back_everything_but_what_it_says(
    kulti: CommandLine, new_project: NewProject, server_install: Installation, variant: str
) -> None:
    done = restore(kulti, new_project(variant), tools=server_install)
    judge(done)
    assert losses(done) == EXPECTED[variant]


def test_restore_without_a_vendor_column_still_finds_a_changed_row(
    kulti: CommandLine, new_project: NewProject, server_install: Installation
) -> None:
    """A table with a column less is compared in those that it has, not excused."""
    done = restore(kulti, new_project("no-vendor-column"), tools=server_install)
    counts = {(loss.column, loss.values) for loss in done.done.outcome.losses}
    assert counts == {("phone_change_sent_at", 0), ("raw_user_meta_data", 200)}
    assert explained(done)["the vendor's table has no such part in the target"] == 2
    with done.changed(
        "SET LOCAL session_replication_role = replica",
        "UPDATE auth.users SET aud = 'x' WHERE id = (SELECT min(id::text)::uuid FROM auth.users)",
    ) as connection:
        found = done.compare(connection)["restored-rows"]
    assert (found.status, "auth.users" in found.summary) == (Verdict.CRIT, True)


def test_restore_into_an_older_version_has_no_unexplained_difference(
    sandbox_copy: Callable[[], Database],
    session_root: Path,
    new_project: NewProject,
    server_install: Installation,
) -> None:
    source = sandbox_copy()
    # PostgreSQL 15 knows no infinite interval, and the one of the tests was built without XML.
    execute(source.admin_url, "UPDATE edge_cases.kinds_of_values SET x = NULL")
    execute(
        source.admin_url, "UPDATE edge_cases.numbers_and_times SET iv = NULL WHERE id IN (5, 6)"
    )
    older = command_line(session_root / "older", session_root / "cache")
    made = older("backup", "create", DATABASE_URL=source.url)
    assert made.code == 0, made.stderr
    done = restore(older, new_project("postgresql-15"), tools=server_install)
    judge(done)
    own = {loss for loss in ALWAYS if loss[1].startswith("database-")}
    assert losses(done) == (ALWAYS | STORAGE) - own  # a copied database has none
    reasons = explained(done)
    assert reasons.pop("one of the servers does not know the right MAINTAIN") > 100
    assert reasons == {
        "the target's version writes the same query differently": 10,
        "before PostgreSQL 16 a role's creator is no member of it": 2,
        "needs the table's owner, or the right to its policies": 2,
        "only the table's owner may set a trigger's state, and an enabled one would be a change": 2,
        "the target's server brings another version of the extension": 1,
    }


OPENED = """
CREATE POLICY "Avatars are public" ON storage.objects FOR ALL USING (true);
CREATE POLICY sneaky ON storage.buckets USING (true);
ALTER TABLE storage.prefixes DISABLE ROW LEVEL SECURITY;
ALTER TABLE storage.buckets DISABLE ROW LEVEL SECURITY;
GRANT DELETE ON auth.users TO anon;
CREATE FUNCTION auth.other() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER on_auth_user_signed_in BEFORE INSERT ON auth.users
    FOR EACH ROW EXECUTE FUNCTION auth.other();
"""
OTHER_POLICY = ("POLICY storage.objects Avatars are public", "vendor-policy-differs", "42501")
OTHER_TRIGGER = ("TRIGGER auth.users on_auth_user_signed_in", "custom-trigger-differs", None)


@pytest.mark.parametrize("variant", ["plain", "policy-rights"])
def test_restore_into_a_project_that_lets_through_something_else_names_all_of_it(
    kulti: CommandLine, new_project: NewProject, server_install: Installation, variant: str
) -> None:
    """Neither gained nor lost in silence: a policy of the same name is not the same policy."""
    project = new_project(variant)
    execute(project.admin_url, OPENED)
    done = restore(kulti, project, tools=server_install)
    assert done.done.outcome.committed
    using = "SELECT pg_get_expr(polqual, polrelid) FROM pg_policy WHERE polname LIKE 'Avatars%'"
    replaced = variant == "policy-rights"
    assert (OTHER_POLICY in losses(done), OTHER_TRIGGER in losses(done)) == (not replaced, True)
    assert (rows(project.url, using) == [("true",)]) is not replaced
    access = done.result("vendor-access")
    assert access.status is Verdict.WARN
    assert [row["object"] for row in access.rows] == [
        "ROW SECURITY of storage.buckets",
        "POLICY sneaky on storage.buckets",
        "RIGHTS on table auth.users",
    ]
    inventory = done.result("restored-inventory")
    assert inventory.status is Verdict.OK
    shown = {(row["kind"], row["attribute"]) for row in inventory.rows if row["attribute"]}
    assert ("trigger", "definition") in shown
    assert (("policy", "using") in shown) is not replaced
    execute(project.admin_url, *_statements_on(done, "storage.buckets", "auth.users"))
    again = restore_access(done)
    assert again.status is Verdict.OK


def _statements_on(done: Restoration, *tables: str) -> list[str]:
    changes = done.prepared.plan.access.changes
    return [c.residual for c in changes if any(table in c.residual for table in tables)]


def restore_access(done: Restoration) -> CheckResult:
    """Look at the project again, and judge what its vendor's objects let through."""
    target = own_target(done.database.url, "the project")
    with connect(target, application="test") as connection:
        facts = look_at_project(connection)
    return judge_access(access_changes(done.prepared.inventory, facts, source_major=17))


# A verification insists on them.
CRITICAL = [t.identity for t in CRITICAL_TABLES if t.identity.startswith("public.")]
OLDER = """
CREATE ROLE kulti_helper LOGIN VALID UNTIL '2031-01-01 00:00:00+00';
GRANT kulti_helper TO postgres;
CREATE TABLE public.notes (id integer PRIMARY KEY, owner uuid REFERENCES auth.users, note text);
ALTER TABLE public.notes ENABLE ROW LEVEL SECURITY;
CREATE POLICY "one's own" ON public.notes USING (
    owner IN (SELECT id FROM auth.users WHERE phone IS NOT NULL));
GRANT SELECT ON public.notes TO kulti_helper;
CREATE VIEW public.few AS SELECT id, note FROM public.notes WHERE note IS NOT NULL;
CREATE RECURSIVE VIEW public.numbers (n) AS
    VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < 5;
CREATE MATERIALIZED VIEW public.counted AS
    SELECT owner, count(*) AS n FROM public.notes GROUP BY owner;
CREATE RULE keep AS ON DELETE TO public.notes WHERE old.id > 5 DO INSTEAD
    UPDATE public.notes SET note = 'kept' WHERE id = old.id AND owner IS NOT NULL;
INSERT INTO auth.users (id, phone) VALUES ('00000000-0000-0000-0000-000000000001', '1');
INSERT INTO public.notes VALUES (1, '00000000-0000-0000-0000-000000000001', 'x'), (2, NULL, NULL);
REFRESH MATERIALIZED VIEW public.counted;
"""


def test_restore_from_an_older_version_has_no_unexplained_difference(
    session_root: Path, new_project: NewProject, server_install: Installation
) -> None:
    source = new_project("postgresql-15")
    execute(source.url, OLDER, *(f"CREATE TABLE {t} (id integer)" for t in CRITICAL))
    kulti = command_line(session_root / "from-older", session_root / "cache")
    made = kulti("backup", "create", DATABASE_URL=source.url)
    assert made.code == 0, made.stderr
    done = restore(kulti, new_project(), tools=server_install)
    assert done.done.outcome.committed
    assert {r.status for r in done.done.results} <= {Verdict.OK, Verdict.WARN, Verdict.SKIPPED}
    reasons = Counter(str(r["explained"]) for r in done.result("restored-inventory").rows)
    assert reasons == {
        "one of the servers does not know the right MAINTAIN": 14,
        "the target's version writes the same query differently": 3,
        "who creates a role may administer it, which nobody can take away": 1,
        "one of the servers does not know the options of memberships": 2,
        "the target's server brings another version of the extension": 1,
    }
    assert ("PASSWORD kulti_helper", "password", None) in losses(done)


ROLES = """
CREATE ROLE kulti_team NOINHERIT;
CREATE ROLE kulti_report BYPASSRLS REPLICATION CREATEDB CREATEROLE;
CREATE ROLE kulti_admin SUPERUSER;
GRANT kulti_report TO kulti_team WITH INHERIT FALSE, SET TRUE;
GRANT kulti_report TO anon WITH ADMIN OPTION;
GRANT kulti_team TO kulti_admin WITH INHERIT TRUE, SET FALSE;
GRANT kulti_team TO postgres WITH INHERIT TRUE, SET FALSE;
GRANT kulti_report TO postgres WITH INHERIT FALSE, SET TRUE;
"""
MEMBERS = """
SELECT m.roleid::regrole::text, m.member::regrole::text, bool_or(m.inherit_option),
       bool_or(m.set_option)
  FROM pg_auth_members m WHERE m.roleid::regrole::text LIKE 'kulti%' GROUP BY 1, 2
HAVING bool_or(m.inherit_option OR m.set_option) ORDER BY 1, 2
"""
FLAGS = """
SELECT rolname, rolbypassrls, rolreplication, rolcreatedb, rolcreaterole, rolsuper
  FROM pg_roles WHERE rolname LIKE 'kulti%' ORDER BY 1
"""


def backed_up(url: str, home: Path, cache: Path) -> CommandLine:
    """Back a project up that has just what a verification insists on."""
    execute(url, *(f"CREATE TABLE {t} (id integer)" for t in CRITICAL))
    kulti = command_line(home, cache)
    made = kulti("backup", "create", DATABASE_URL=url)
    assert made.code == 0, made.stderr
    return kulti


def role_losses(done: Restoration) -> set[Loss]:
    return {loss for loss in losses(done) if loss[0].startswith(("ROLE", "MEMBERSHIP"))}


def test_restore_brings_roles_and_memberships_back_as_they_were(
    session_root: Path, new_project: NewProject, server_install: Installation
) -> None:
    source = new_project()
    execute(source.admin_url, ROLES)
    kulti = backed_up(source.admin_url, session_root / "roles", session_root / "cache")
    # Another server, where the roles are not; its postgres may not give CREATEDB on.
    project = new_project("no-extension")
    execute(project.admin_url, "ALTER ROLE postgres NOCREATEDB")
    try:
        done = restore(kulti, project, tools=server_install)
    finally:
        execute(project.admin_url, "ALTER ROLE postgres CREATEDB")
    assert done.done.outcome.committed
    assert role_losses(done) == {
        ("ROLE kulti_admin SUPERUSER", "role-attributes", None),
        ("ROLE kulti_report CREATEDB", "roles", "42501"),
    }
    assert rows(project.url, MEMBERS) == rows(source.url, MEMBERS)
    assert rows(project.url, FLAGS) == [
        ("kulti_admin", False, False, False, False, False),
        ("kulti_report", True, True, False, True, False),
        ("kulti_team", False, False, False, False, False),
    ]
    execute(project.admin_url, *_of_roles(done))
    assert rows(project.url, FLAGS) == rows(source.url, FLAGS)


def _of_roles(done: Restoration) -> list[str]:
    return [line for line in done.done.residual.splitlines() if line.startswith("ALTER ROLE")]


def test_restore_of_roles_into_an_older_version_never_gives_more_than_there_was(
    session_root: Path, new_project: NewProject, server_install: Installation
) -> None:
    source = new_project()
    execute(source.admin_url, ROLES)
    kulti = backed_up(source.admin_url, session_root / "roles-15", session_root / "cache")
    project = new_project("postgresql-15")
    planned = kulti(
        "restore", "plan", "--target", "env:NEW", "--create-roles", NEW=project.url
    ).stdout
    done = restore(kulti, project, tools=server_install)
    assert " ".join(r.summary for r in done.done.results if r.status is Verdict.CRIT) == ""
    found = role_losses(done)
    assert found == {
        ("ROLE kulti_admin SUPERUSER", "role-attributes", None),
        ("ROLE kulti_report BYPASSRLS", "roles", "42501"),
        ("ROLE kulti_report REPLICATION", "roles", "42501"),
        ("MEMBERSHIP kulti_team to kulti_admin", "membership-options", None),
        ("MEMBERSHIP kulti_team to postgres", "membership-options", None),
        ("MEMBERSHIP kulti_report to postgres", "membership-options", None),
    }
    # everything that was lost stood in the plan
    assert {label for label, *_ in found if label not in planned} == set()
    members = "SELECT count(*) FROM pg_auth_members WHERE roleid::regrole::text LIKE 'kulti%'"
    assert rows(project.url, members) == [(2,)]  # to kulti_team, which inherits nothing; to anon


WRAPPER = """
CREATE EXTENSION postgres_fdw WITH SCHEMA extensions;
GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO postgres WITH GRANT OPTION;
"""
# What was in no inventory, or there by its name only.
KINDS = f"""
{WRAPPER}
SET ROLE postgres;
CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', dbname 'x');
GRANT USAGE ON FOREIGN SERVER far TO authenticated;
CREATE USER MAPPING FOR postgres SERVER far OPTIONS (user 'u', password 'open-sesame');
CREATE USER MAPPING FOR public SERVER far OPTIONS (user 'u');
CREATE FOREIGN TABLE public.far_away (id integer) SERVER far OPTIONS (table_name 't');
CREATE FUNCTION public.same(integer, integer) RETURNS boolean
    LANGUAGE sql IMMUTABLE AS 'SELECT $1 = $2';
CREATE FUNCTION public.other(integer, integer) RETURNS boolean
    LANGUAGE sql IMMUTABLE AS 'SELECT $1 <> $2';
CREATE OPERATOR public.=== (FUNCTION = public.same, LEFTARG = integer, RIGHTARG = integer,
    COMMUTATOR = OPERATOR(public.===));
CREATE TEXT SEARCH DICTIONARY public.words (TEMPLATE = pg_catalog.simple);
CREATE TEXT SEARCH CONFIGURATION public.search (PARSER = pg_catalog."default");
ALTER TEXT SEARCH CONFIGURATION public.search ADD MAPPING FOR asciiword WITH public.words;
RESET ROLE;
CREATE TEXT SEARCH PARSER public.own_parser (START = prsd_start, GETTOKEN = prsd_nexttoken,
    END = prsd_end, LEXTYPES = prsd_lextype);
CREATE OPERATOR CLASS public.own_ops FOR TYPE integer USING hash AS OPERATOR 1 =;
INSERT INTO pg_seclabel VALUES (
    'public.profiles'::regclass, 'pg_class'::regclass, 0, 'nobody', 'a label');
"""
LOST_KINDS = {
    ("OPERATOR CLASS public.own_ops", "superuser", "42501"),
    ("OPERATOR FAMILY public.own_ops", "superuser", "42501"),
    ("SECURITY LABEL public.TABLE profiles", "security-label", "22023"),
    ("TEXT SEARCH PARSER public.own_parser", "superuser", "42501"),
}
# The restoring role has them already, with the option to grant them on.
RIGHTS_HELD = ("ACL FOREIGN DATA WRAPPER postgres_fdw", "extension-rights", "0LP01")
LOST_FAR = {
    ("ACL FOREIGN DATA WRAPPER postgres_fdw", "extension-rights", "42501"),
    ("SERVER far", "foreign-server", "42501"),
    ("ACL FOREIGN SERVER far", "run", "42501"),
    ("FOREIGN TABLE public.far_away", "run", "42501"),
    ("ACL public.TABLE far_away", "run", "42501"),
    ("USER MAPPING USER MAPPING postgres SERVER far", "foreign-server", "42501"),
    ("USER MAPPING USER MAPPING public SERVER far", "foreign-server", "42501"),
}
KINDS_CHANGED = {
    "foreign server far: options is": "ALTER SERVER far OPTIONS (SET host '127.0.0.2')",
    "foreign server far: acl is": "REVOKE USAGE ON FOREIGN SERVER far FROM authenticated",
    "user mapping for postgres on far: options is": (
        "ALTER USER MAPPING FOR postgres SERVER far OPTIONS (SET password 'changed')"
    ),
    "user mapping for PUBLIC on far is missing": "DROP USER MAPPING FOR public SERVER far",
    "operator public.===(integer,integer): restrict is": (
        "ALTER OPERATOR public.===(integer, integer) SET (RESTRICT = eqsel)"
    ),
    "operator public.===(integer,integer): function is": (
        "UPDATE pg_operator SET oprcode = 'public.other'::regproc WHERE oprname = '==='"
    ),
    "operator public.===(integer,integer): commutator is": (
        "UPDATE pg_operator SET oprcom = 0 WHERE oprname = '==='"
    ),
    "text search configuration public.search: mappings is": (
        "ALTER TEXT SEARCH CONFIGURATION public.search DROP MAPPING FOR asciiword"
    ),
    "text search dictionary public.words: options is": (
        "ALTER TEXT SEARCH DICTIONARY public.words (StopWords = english)"
    ),
}


@pytest.mark.parametrize("wrapper", [True, False])
def test_restore_of_kinds_beyond_tables_compares_or_names_each_of_them(
    session_root: Path, new_project: NewProject, server_install: Installation, *, wrapper: bool
) -> None:
    source = new_project()
    home = session_root / f"kinds-{wrapper}"
    execute(source.admin_url, *(f"CREATE TABLE {t} (id integer)" for t in CRITICAL), KINDS)
    kulti = command_line(home, session_root / "cache")
    made = kulti("backup", "create", DATABASE_URL=source.url)
    assert made.code == 0, made.stderr
    project = new_project()
    extension = "CREATE EXTENSION postgres_fdw WITH SCHEMA extensions"
    execute(project.admin_url, WRAPPER if wrapper else extension)
    done = restore(kulti, project, tools=server_install)
    summary = "; ".join(r.summary for r in done.done.results)
    assert done.done.outcome.committed, summary
    assert done.result("restored-inventory").status is Verdict.OK, summary
    found = {loss for loss in losses(done) if loss[1] not in {"owner", "depends"}}
    named = LOST_KINDS | ({RIGHTS_HELD} if wrapper else LOST_FAR)
    assert named <= found
    assert found - named == {loss for loss in found if loss[1].startswith("database-")}
    assert "sesame" not in done.done.residual
    if not wrapper:
        return
    # The scratch server of an ordinary drill has no project's rights to respect.
    drilled = kulti("restore", "drill", "--format", "json")
    assert drilled.result("restore")["status"] == "ok", drilled.result("restore")
    assert drilled.result("restored-inventory")["status"] == "ok"
    for says, statement in KINDS_CHANGED.items():
        with done.changed(statement) as connection:
            result = done.compare(connection)["restored-inventory"]
        assert (result.status, says in result.summary) == (Verdict.CRIT, True), result.summary
        assert "sesame" not in result.summary


SUPERUSERS = """
CREATE TABLE public.made_by_superuser (id integer PRIMARY KEY);
INSERT INTO public.made_by_superuser VALUES (1);
CREATE FUNCTION public.quiet(a integer) RETURNS boolean
    LANGUAGE sql IMMUTABLE LEAKPROOF AS 'SELECT a > 0';
ALTER FUNCTION public.quiet(integer) OWNER TO postgres;
CREATE FUNCTION public.watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN NULL; END';
CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION public.watch();
CREATE SCHEMA made AUTHORIZATION kulti_analyst;
CREATE TABLE made.thing (id serial);
ALTER TABLE made.thing OWNER TO kulti_analyst;
SELECT lo_from_bytea(990003, 'of a role that nobody lends');
ALTER LARGE OBJECT 990003 OWNER TO kulti_analyst;
CREATE PUBLICATION everything FOR ALL TABLES;
CREATE TABLE auth.mine (id integer);
INSERT INTO auth.mine VALUES (1), (2);
CREATE INDEX mine_on_users ON auth.users (phone_confirmed_at);
COMMENT ON COLUMN auth.users.phone IS 'a superuser was here';
ALTER DATABASE {name} SET kulti.note TO 'lost';
"""


def test_restore_of_what_only_a_superuser_can_make_names_each_difference(
    sandbox_copy: Callable[[], Database],
    session_root: Path,
    new_project: NewProject,
    server_install: Installation,
) -> None:
    source = sandbox_copy()
    execute(source.admin_url, SUPERUSERS.format(name=source.name))
    kulti = command_line(session_root / "superusers", session_root / "cache")
    assert kulti("backup", "create", DATABASE_URL=source.admin_url).code == 0
    done = restore(kulti, new_project(), tools=server_install)
    judge(done)
    own = losses(done) - ALWAYS - STORAGE
    assert own == {
        (f"DATABASE PROPERTIES {source.name}", "database-setting", None),
        ("FUNCTION public.quiet(integer)", "leakproof", None),
        ("TABLE auth.mine", "vendor-object-missing", None),
        ("TABLE DATA auth.mine", "rows-no-table", None),
        ("INDEX auth.mine_on_users", "vendor-object-missing", None),
        ("TABLE public.made_by_superuser", "owner", None),
        ("FUNCTION public.watch()", "owner", None),
        ("EVENT TRIGGER watch", "event-trigger", "42501"),
        ("PUBLICATION everything", "superuser", "42501"),
    }
    found = done.result("restored-inventory").rows
    explained_here = {
        (str(row["kind"]), str(row["identity"]), str(row["attribute"]))
        for row in found
        if "realtime" not in str(row["identity"]) and "storage" not in str(row["identity"])
    }
    assert explained_here == {
        ("column", "auth.mine.id", ""),
        ("event trigger", "watch", ""),
        ("function", "public.quiet(integer)", "definition"),
        ("function", "public.watch()", "acl"),
        ("function", "public.watch()", "owner"),
        ("index", "auth.mine_on_users", ""),
        ("publication", "everything", ""),
        ("table", "auth.mine", ""),
        ("table", "public.made_by_superuser", "acl"),
        ("table", "public.made_by_superuser", "owner"),
    }
    (left_out,) = (r for r in done.result("restored-rows").rows if r["table"] == "auth.mine")
    assert left_out["rows"] == 2


UNKNOWN_TABLE = """
CREATE TABLE auth.novelties (id integer, token text);
ALTER TABLE auth.novelties OWNER TO supabase_auth_admin;
GRANT ALL ON auth.novelties TO postgres;
"""
ELSEWHERE = f"""
DROP PUBLICATION supabase_realtime;
CREATE PUBLICATION supabase_realtime FOR ALL TABLES;
CREATE PUBLICATION by_schema FOR TABLES IN SCHEMA public;
CREATE EXTENSION citext WITH SCHEMA public;
SET ROLE postgres;
CREATE TABLE public."in; other case" (a public.citext);
CREATE TABLE public."other case" (a public.citext);
CREATE PUBLICATION own FOR TABLE public."other case" (a), public.waitlist;
CREATE TRIGGER nothing_new BEFORE UPDATE ON auth.users
    FOR EACH ROW EXECUTE FUNCTION pg_catalog.suppress_redundant_updates_trigger();
RESET ROLE;
REVOKE ALL ON SCHEMA public FROM postgres, anon, authenticated, service_role;
GRANT USAGE ON SCHEMA public TO PUBLIC;
{UNKNOWN_TABLE}
INSERT INTO auth.novelties VALUES (1, 'x');
"""


def test_restore_into_a_project_that_has_parts_in_another_form_names_each_of_them(
    sandbox_copy: Callable[[], Database],
    session_root: Path,
    new_project: NewProject,
    server_install: Installation,
) -> None:
    source = sandbox_copy()
    execute(source.admin_url, ELSEWHERE)
    kulti = command_line(session_root / "elsewhere", session_root / "cache")
    assert kulti("backup", "create", DATABASE_URL=source.admin_url).code == 0
    project = new_project()
    execute(project.admin_url, UNKNOWN_TABLE, "CREATE EXTENSION citext WITH SCHEMA extensions")
    planned = kulti("restore", "plan", "--target", "env:NEW", "--create-roles", NEW=project.url)
    done = restore(kulti, project, tools=server_install)
    judge(done)
    own = {
        (e, rule, code) for e, rule, code in losses(done) - ALWAYS - STORAGE if rule != "depends"
    }
    assert own - {loss for loss in own if loss[1] in {"extension-rights", "database-setting"}} == {
        ("EXTENSION citext", "extension-elsewhere", None),
        ("PUBLICATION supabase_realtime", "publication-for-all-tables", None),
        ("PUBLICATION by_schema", "owner", None),
        ("PUBLICATION TABLES IN SCHEMA public.by_schema public", "superuser", "42501"),
        ("TABLE DATA auth.novelties", "rows-unknown", None),
    }
    for line in (
        "look     TABLE DATA auth.novelties: nobody knows what the rows of this table",
        'lost     TABLE public."in; other case"'.replace('"', ""),
        "rights   ACL SCHEMA public: brought to the backup's state",
        "lost     PUBLICATION supabase_realtime: only a superuser",
    ):
        assert line in planned.stdout
    assert rows(project.url, "SELECT count(*) FROM auth.novelties") == [(1,)]
    usage = "SELECT has_schema_privilege('anon', 'public', 'CREATE'), nspacl FROM pg_namespace"
    acl = f"{usage} WHERE nspname = 'public'"
    assert "anon=" not in str(rows(project.url, acl))
    triggers = "SELECT count(*) FROM pg_trigger WHERE tgname = 'nothing_new'"
    assert rows(project.url, triggers) == [(1,)]


def test_restore_into_a_project_in_use_is_refused_and_changes_nothing(
    kulti: CommandLine, new_project: NewProject
) -> None:
    project = new_project("not-empty")
    done = kulti(
        *("restore", "run", "--target", "env:TARGET", "--yes", "--create-roles"),
        *("--format", "json"),
        TARGET=project.url,
    )
    assert done.code == 6
    assert "is a project in use: table public.mine" in done.document["error"]["message"]
    assert rows(project.url, "SELECT count(*) FROM auth.users") == [(0,)]
    assert rows(project.url, "SELECT id FROM public.mine") == [(1,)]
    roles = "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'kulti%'"
    assert rows(project.url, roles) == [(0,)]
