"""The comparison after a hosted restore: silent after a good one, and every change is found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from kulti_ops.report import Verdict
from tests.functional.new_project import VARIANTS
from tests.functional.restore.hosting import Restoration, restore

if TYPE_CHECKING:
    from kulti_ops.pgtools import Installation
    from tests.functional.new_project import Platforms
    from tests.functional.restore.conftest import CommandLine


@dataclass(frozen=True, kw_only=True)
class Change:
    """One change after a clean restore, and what must say so: a check and words of its summary."""

    sql: tuple[str, ...]
    found_by: str
    says: str
    role: str = ""


def objects(says: str, *sql: str, role: str = "") -> Change:
    return Change(sql=sql, found_by="restored-inventory", says=says, role=role)


REPLICA = "SET LOCAL session_replication_role = replica"
FIRST_USER = "(SELECT id FROM auth.users ORDER BY id LIMIT 1)"

CHANGES = {
    "dropped policy": objects(
        'policy "Users can update their own profile" on public.profiles is missing',
        'DROP POLICY "Users can update their own profile" ON public.profiles',
    ),
    "policy comment": objects(
        "comment is other",
        "COMMENT ON POLICY \"Users can update their own profile\" ON public.profiles IS 'other'",
    ),
    "changed row of one's own": Change(
        sql=(REPLICA, f"UPDATE public.profiles SET bio = 'changed' WHERE id = {FIRST_USER}"),
        found_by="restored-rows",
        says="public.profiles",
    ),
    "changed row of the vendor's": Change(
        sql=(REPLICA, f"UPDATE auth.users SET aud = 'changed' WHERE id = {FIRST_USER}"),
        found_by="restored-rows",
        says="auth.users",
    ),
    "deleted row of the vendor's": Change(
        sql=(REPLICA, f"DELETE FROM auth.identities WHERE user_id = {FIRST_USER}"),
        found_by="restored-rows",
        says="auth.identities",
    ),
    "extra grant": objects(
        "table public.app_config: acl is", "GRANT TRUNCATE ON public.app_config TO anon"
    ),
    "lost grant on a vendor's table": objects(
        "table auth.users: acl is",
        "REVOKE SELECT ON auth.users FROM kulti_analyst",
        role="postgres",
    ),
    "lost EXECUTE": objects(
        "function edge_cases.hardened(integer): acl is",
        "REVOKE EXECUTE ON FUNCTION edge_cases.hardened(integer) FROM authenticated",
    ),
    "changed owner": objects(
        "table edge_cases.session: owner is supabase_admin, was postgres",
        "ALTER TABLE edge_cases.session OWNER TO supabase_admin",
    ),
    "re-enabled trigger": objects(
        "trigger state_disabled on edge_cases.triggered: enabled is O, was D",
        "ALTER TABLE edge_cases.triggered ENABLE TRIGGER state_disabled",
    ),
    "disabled trigger": objects(
        "trigger trigger_increment_message_count on public.room_messages: enabled is D, was O",
        "ALTER TABLE public.room_messages DISABLE TRIGGER trigger_increment_message_count",
    ),
    "moved sequence": Change(
        sql=("SELECT setval('edge_cases.serials_id_seq', 31)",),
        found_by="restored-sequences",
        says="edge_cases.serials_id_seq is 31, was 30",
    ),
    "row security off": objects(
        "table public.profiles: row security is false, was true",
        "ALTER TABLE public.profiles DISABLE ROW LEVEL SECURITY",
    ),
    "removed function setting": objects(
        "function edge_cases.hardened(integer): definition is",
        "ALTER FUNCTION edge_cases.hardened(integer) RESET search_path",
    ),
    "publication member removed": objects(
        "publication supabase_realtime: tables is",
        "ALTER PUBLICATION supabase_realtime DROP TABLE public.sessions",
    ),
    "custom trigger on a vendor's table dropped": objects(
        "trigger on_auth_user_signed_in on auth.users is missing",
        "DROP TRIGGER on_auth_user_signed_in ON auth.users",
    ),
    "index dropped": objects(
        "index public.idx_profiles_role is missing", "DROP INDEX public.idx_profiles_role"
    ),
    # Beyond the sixteen: where a rule for the vendor's objects could be too wide.
    "right gained on a table that only the target has": objects(
        "table storage.prefixes: acl is",
        "GRANT UPDATE ON storage.prefixes TO anon WITH GRANT OPTION",
    ),
    "vendor's policy gained": objects(
        "policy sneaky on auth.users is new", "CREATE POLICY sneaky ON auth.users USING (true)"
    ),
    "vendor's trigger disabled": objects(
        "trigger update_objects_updated_at on storage.objects: enabled is D",
        "ALTER TABLE storage.objects DISABLE TRIGGER update_objects_updated_at",
    ),
    "vendor's index dropped": objects(
        "index auth.users_instance_id_idx is missing", "DROP INDEX auth.users_instance_id_idx"
    ),
    "vendor's column dropped": objects(
        "column auth.identities.email is missing", "ALTER TABLE auth.identities DROP COLUMN email"
    ),
    "column right on a vendor's table lost": objects(
        "column auth.users.email: acl is",
        "REVOKE SELECT (email) ON auth.users FROM service_role",
        role="postgres",
    ),
    "schema public opened": objects(
        "schema public: acl is", "GRANT USAGE ON SCHEMA public TO PUBLIC"
    ),
    "default privileges back": objects(
        "default privileges for postgres in public on S: acl is",
        "ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public"
        " GRANT ALL ON SEQUENCES TO anon",
    ),
    "references no longer checked": objects(
        "table public.profiles: disabled internal triggers is",
        "ALTER TABLE public.profiles DISABLE TRIGGER ALL",
    ),
    "membership gained": objects(
        "membership kulti_analyst to anon is new", "GRANT kulti_analyst TO anon"
    ),
    "role raised": objects(
        "role kulti_reader: login is yes, was no", "ALTER ROLE kulti_reader LOGIN"
    ),
    "role's setting lost": objects(
        "setting of kulti_reader is missing", "ALTER ROLE kulti_reader RESET ALL"
    ),
    "sequence's state": Change(
        sql=("SELECT setval('edge_cases.never_called', 1, true)",),
        found_by="restored-sequences",
        says="edge_cases.never_called is 1, was 1 (not used yet)",
    ),
    "row that leads nowhere": Change(
        sql=(REPLICA, f"DELETE FROM auth.users WHERE id = {FIRST_USER}"),
        found_by="restored-foreign-keys",
        says="profiles_id_fkey",
    ),
    "large object": Change(
        sql=("SELECT lo_put(990002, 3, '\\x00')",),
        found_by="restored-large-objects",
        says="large object 990002",
    ),
    "materialized view": Change(
        sql=("INSERT INTO edge_cases.measurements VALUES ('2030-01-01', 'eu', 1)",),
        found_by="restored-materialized-views",
        says="edge_cases.totals",
    ),
}


@pytest.fixture(scope="module")
def restored(kulti: CommandLine, platforms: Platforms, server_install: Installation) -> Restoration:
    """A clean restore on a server of its own; every test undoes its change."""
    project = platforms.of(VARIANTS["plain"], apart="compared").make("")
    return restore(kulti, project, tools=server_install)


def test_comparison_after_a_clean_restore_has_no_unexplained_difference(
    restored: Restoration,
) -> None:
    assert restored.done.outcome.committed
    found = {r.id: r.status for r in restored.done.results}
    assert found.pop("not-restored") is Verdict.WARN
    assert set(found.values()) == {Verdict.OK}
    assert len(found) == 8
    with restored.changed() as connection:
        again = restored.compare(connection)
    assert {r.status for r in again.values()} == {Verdict.OK}
    assert again["restored-foreign-keys"].evidence["examined"] == 66
    left_out = {str(row["table"]) for row in again["restored-rows"].rows}
    # One of realtime's partitions for each day of its messages.
    assert {table for table in left_out if not table.startswith("realtime.messages_")} == {
        "auth.mfa_amr_claims",
        "auth.one_time_tokens",
        "auth.refresh_tokens",
        "auth.schema_migrations",
        "auth.sessions",
        "realtime.schema_migrations",
        "storage.migrations",
        "vault.secrets",
    }


@pytest.mark.parametrize("name", CHANGES)
def test_comparison_finds_a_change(restored: Restoration, name: str) -> None:
    change = CHANGES[name]
    with restored.changed(*change.sql, role=change.role) as connection:
        found = restored.compare(connection)
    result = found[change.found_by]
    assert result.status is Verdict.CRIT
    assert change.says in result.summary
