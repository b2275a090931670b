"""The sandbox's roles, and what they may do, are the platform's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from psycopg import errors

from tests.functional.sandbox.support import rows, value

if TYPE_CHECKING:
    import psycopg


def test_postgres_is_strong_but_no_superuser(admin: psycopg.Connection) -> None:
    assert rows(
        admin,
        "SELECT rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication,"
        " rolbypassrls FROM pg_roles WHERE rolname = 'postgres'",
    ) == [(False, True, True, True, True, True, True)]
    memberships = rows(
        admin,
        "SELECT roleid::regrole::text FROM pg_auth_members"
        " WHERE member = 'postgres'::regrole AND set_option AND inherit_option ORDER BY 1",
    )
    assert memberships == [
        "anon",
        "authenticated",
        "authenticator",
        "pg_monitor",
        "pg_read_all_data",
        "pg_signal_backend",
        "service_role",
    ]


def test_postgres_may_set_replication_role_and_read_all_but_not_alter_vendor_tables(
    postgres: psycopg.Connection,
) -> None:
    postgres.execute("SET LOCAL session_replication_role = replica")
    assert value(postgres, "SELECT count(*) FROM vault.secrets") == 3
    assert value(postgres, "SELECT count(*) FROM auth.users") == 200
    postgres.execute("UPDATE auth.users SET email = email WHERE false")
    with pytest.raises(errors.InsufficientPrivilege):
        postgres.execute("ALTER TABLE auth.users ADD COLUMN x integer")


def test_anon_has_grants_and_row_security_decides(postgres: psycopg.Connection) -> None:
    everybody = value(postgres, "SELECT count(*) FROM public.profiles")
    postgres.execute("SET LOCAL ROLE anon")
    assert 0 < value(postgres, "SELECT count(*) FROM public.profiles") < everybody
    assert value(postgres, "SELECT count(*) FROM public.credit_transactions") == 0
    assert value(postgres, "SELECT count(*) FROM public.session_participants") > 0


def test_signed_in_user_sees_own_ledger_only(postgres: psycopg.Connection) -> None:
    user = value(
        postgres,
        "SELECT id FROM public.profiles WHERE credits_balance > 0 AND role = 'user' LIMIT 1",
    )
    own = value(
        postgres, "SELECT count(*) FROM public.credit_transactions WHERE user_id = %s", user
    )
    postgres.execute("SET LOCAL ROLE authenticated")
    postgres.execute("SELECT set_config('request.jwt.claims', %s, true)", (f'{{"sub":"{user}"}}',))
    assert value(postgres, "SELECT count(*) FROM public.credit_transactions") == own > 0
