"""A new project looks like one of the hosted platform, in every variant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.functional.new_project import VARIANTS

if TYPE_CHECKING:
    from tests.functional.conftest import NewProject


def ask(url: str, query: str) -> Any:
    with psycopg.connect(url, connect_timeout=10) as connection:
        row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return row[0]


@pytest.mark.parametrize("variant", VARIANTS)
def test_new_project_has_the_shape_of_the_hosted_platform(
    new_project: NewProject, variant: str
) -> None:
    made = new_project(variant)
    assert ask(made.url, "SELECT current_setting('is_superuser')") == "off"
    assert int(ask(made.url, "SHOW server_version_num")) // 10000 == VARIANTS[variant].major
    owned = "SELECT count(*) FROM pg_class WHERE relowner = 'postgres'::regrole"
    assert ask(made.url, owned) == 2 * (variant == "not-empty")  # a table and its key
    assert ask(made.url, "SELECT count(*) FROM auth.schema_migrations") == 6
    assert ask(made.url, "SELECT has_table_privilege('auth.users', 'INSERT, TRIGGER')") is True
    assert ask(made.url, "SELECT set_config('session_replication_role', 'replica', true)")
    with psycopg.connect(made.url, connect_timeout=10) as connection:
        connection.execute("CREATE TABLE public.probe (id integer)")
        row = connection.execute(
            "SELECT relrowsecurity, has_table_privilege('anon', oid, 'INSERT')"
            " FROM pg_class WHERE oid = 'public.probe'::regclass"
        ).fetchone()
        assert row == (True, True)
        connection.rollback()
