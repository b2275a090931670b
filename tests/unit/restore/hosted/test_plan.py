"""One rule for every entry of an archive."""

from __future__ import annotations

from typing import Any

import pytest

from kulti_ops.restore.hosted.residual import residual_sql
from kulti_ops.restore.hosted.rules import RULES, Fate
from kulti_ops.restore.hosted.text import statements
from tests.unit.making import entry, inventory, item
from tests.unit.restore.hosted.making import facts, fates, plan, relation, step

USERS = item("table", "auth.users", 10, owner="supabase_auth_admin")
HOSTED = facts(USERS, relations=(relation("auth", "users"), relation("auth", "sessions")))


def vendor_table(**more: Any) -> Any:
    return entry(1, "TABLE", "users", namespace="auth", classid=1259, oid=10, **more)


def test_rules_have_names_of_their_own_and_say_why() -> None:
    assert len({r.name for r in RULES}) == len(RULES)
    for rule in RULES:
        assert rule.applies_to, rule.name
        assert rule.reason, rule.name
        assert bool(rule.excused) == (rule.fate is Fate.TRY), rule.name
        assert rule.follows or rule.fate is not Fate.LOST, rule.name


def test_what_the_target_has_is_skipped_and_what_depends_on_it_runs() -> None:
    made = plan(
        vendor_table(),
        entry(2, "VIEW", "v", dependencies=(1,)),
        target=HOSTED,
        source=inventory(USERS),
    )
    assert fates(made) == {1: ("skip", "exists"), 2: ("run", "run")}


def test_what_the_target_lacks_takes_along_what_depends_on_it() -> None:
    made = plan(
        vendor_table(),
        entry(2, "VIEW", "v", dependencies=(1,)),
        entry(3, "COMMENT", "VIEW v", dependencies=(2,)),
        entry(4, "TABLE", "other"),
        target=facts(),
        source=inventory(USERS),
    )
    assert fates(made) == {
        1: ("lost", "vendor-object-missing"),
        2: ("lost", "depends"),
        3: ("lost", "depends"),
        4: ("run", "run"),
    }
    assert step(made, 3).detail == "TABLE auth.users"


def test_rights_on_the_database_are_named_and_left_as_sql() -> None:
    """They may say who must not connect: losing them in silence would open what was closed."""
    made = plan(
        entry(1, "DATABASE", "postgres"),
        entry(2, "COMMENT", "DATABASE postgres"),
        entry(3, "ACL", "DATABASE postgres", definition="REVOKE ALL ON DATABASE postgres ...;"),
        target=HOSTED,
    )
    assert fates(made) == {
        1: ("skip", "database"),
        2: ("skip", "database"),
        3: ("lost", "database-rights"),
    }
    assert "REVOKE ALL ON DATABASE postgres ...;" in residual_sql(made)


def test_lost_index_takes_along_nothing() -> None:
    made = plan(
        vendor_table(),
        entry(2, "CONSTRAINT", "users pkey", namespace="auth", classid=2606, oid=11),
        entry(3, "FK CONSTRAINT", "t t_fkey", dependencies=(2, 1)),
        target=HOSTED,
        source=inventory(USERS, item("constraint", "pkey on auth.users", 11, classid=2606)),
    )
    assert fates(made)[2] == ("lost", "vendor-object-missing")
    assert fates(made)[3] == ("run", "run")


@pytest.mark.parametrize(
    ("name", "available", "expected"),
    [
        ("pgcrypto", True, ("try", "extension")),
        ("vector", False, ("lost", "extension-unavailable")),
    ],
)
def test_extension_is_tried_where_the_server_has_it(
    name: str, expected: tuple[str, str], *, available: bool
) -> None:
    made = plan(
        entry(1, "EXTENSION", name, namespace="", classid=3079, oid=5),
        entry(2, "TABLE", "t", dependencies=(1,)),
        target=facts(),
    )
    assert fates(made)[1] == expected
    assert fates(made)[2][0] == ("run" if available else "lost")


@pytest.mark.parametrize(
    ("attributes", "target", "expected"),
    [
        ({"function_schema": "public", "enabled": "O"}, HOSTED, ("run", "custom-trigger")),
        ({"function_schema": "auth", "enabled": "O"}, HOSTED, ("skip", "vendor-trigger")),
        ({"function_schema": "public", "enabled": "D"}, HOSTED, ("lost", "trigger-state")),
        (
            {"function_schema": "public", "enabled": "O"},
            facts(USERS, relations=(relation("auth", "users", trigger=False),)),
            ("lost", "trigger-no-right"),
        ),
        (
            {"function_schema": "public", "enabled": "D"},
            facts(
                USERS,
                relations=(relation("auth", "users"),),
                usable=frozenset({"postgres", "supabase_auth_admin"}),
            ),
            ("run", "custom-trigger"),
        ),
    ],
)
def test_trigger_on_a_vendors_table_comes_back_when_its_state_can_be_kept(
    attributes: dict[str, str], target: Any, expected: tuple[str, str]
) -> None:
    trigger = item("trigger", "mine on auth.users", 20, classid=2620, **attributes)
    made = plan(
        vendor_table(),
        entry(
            2, "TRIGGER", "users mine", namespace="auth", classid=2620, oid=20, dependencies=(1,)
        ),
        target=target,
        source=inventory(USERS, trigger),
    )
    assert fates(made)[2] == expected


def test_policy_on_a_vendors_table_is_tried_and_its_comment_needs_the_owner() -> None:
    policy = item("policy", "p on auth.users", 30, classid=3256)
    entries = (
        vendor_table(),
        entry(2, "POLICY", "users p", namespace="auth", classid=3256, oid=30, dependencies=(1,)),
        entry(3, "COMMENT", "POLICY p ON users", namespace="auth", dependencies=(2,)),
    )
    made = plan(*entries, target=HOSTED, source=inventory(USERS, policy))
    assert fates(made)[2] == ("try", "vendor-policy")
    assert fates(made)[3] == ("lost", "comment-needs-owner")
    owned = facts(USERS, usable=frozenset({"postgres", "supabase_auth_admin"}))
    assert fates(plan(*entries, target=owned, source=inventory(USERS, policy)))[3][0] == "run"


@pytest.mark.parametrize(
    ("table", "schema", "options", "expected"),
    [
        ("users", "auth", {}, ("run", "run")),
        ("sessions", "auth", {}, ("skip", "sessions")),
        ("sessions", "auth", {"with_sessions": True}, ("run", "run")),
        ("schema_migrations", "auth", {"with_sessions": True}, ("skip", "vendor-migrations")),
        ("migrations", "storage", {}, ("skip", "vendor-migrations")),
        ("secrets", "vault", {}, ("lost", "vault")),
        ("job", "cron", {}, ("lost", "jobs")),
        ("messages", "realtime", {}, ("skip", "realtime")),
        ("gone", "auth", {}, ("lost", "rows-no-table")),
        ("shut", "auth", {}, ("lost", "rows-no-right")),
        ("full", "auth", {}, ("lost", "rows-present")),
        ("users", "auth", {"public_only": True}, ("skip", "public-only")),
        ("schema_migrations", "supabase_migrations", {}, ("run", "run")),
    ],
)
def test_rows_of_vendors_tables(
    table: str, schema: str, options: dict[str, bool], expected: tuple[str, str]
) -> None:
    target = facts(
        relations=(
            relation("auth", "users"),
            relation("auth", "sessions"),
            relation("auth", "shut", insert=False),
            relation("auth", "full", empty=False),
        )
    )
    made = plan(entry(1, "TABLE DATA", table, namespace=schema), target=target, **options)
    assert fates(made)[1] == expected


@pytest.mark.parametrize(
    ("schema", "table", "count", "rule"),
    [
        ("auth", "users", 3, "run"),
        ("auth", "novelties", 3, "rows-unknown"),
        ("auth", "novelties", None, "rows-unknown"),
        ("auth", "novelties", 0, "run"),
        ("storage", "prefixes", 3, "run"),
        ("storage", "users", 3, "rows-unknown"),
    ],
)
def test_rows_of_a_vendors_table_that_nobody_knows_are_loaded_and_named(
    schema: str, table: str, count: int | None, rule: str
) -> None:
    name = f"{schema}.{table}"
    made = plan(
        entry(1, "TABLE DATA", table, namespace=schema, oid=10),
        target=facts(relations=(relation(schema, table),), schemas=(schema,)),
        source=inventory(item("table", name, 10), row_counts={name: count}),
    )
    assert fates(made)[1] == ("run", rule)


@pytest.mark.parametrize(
    ("options", "update", "expected"),
    [
        ({"with_sessions": True}, False, ("lost", "sequence-behind")),
        ({"with_sessions": False}, False, ("skip", "sequence-no-right")),
        ({"with_sessions": True}, True, ("run", "run")),
    ],
)
def test_sequence_that_stays_behind_its_rows_is_named(
    options: dict[str, bool], expected: tuple[str, str], *, update: bool
) -> None:
    """The service would hand out numbers that are taken, and nobody could log in."""
    made = plan(
        entry(1, "TABLE DATA", "refresh_tokens", namespace="auth", oid=10),
        entry(2, "SEQUENCE", "s", namespace="auth", classid=1259, oid=11),
        entry(3, "SEQUENCE SET", "s", namespace="auth", dependencies=(2,)),
        target=facts(
            item("sequence", "auth.s", 11),
            relations=(
                relation("auth", "refresh_tokens"),
                relation("auth", "s", kind="S", update=update),
            ),
        ),
        source=inventory(
            item("table", "auth.refresh_tokens", 10),
            item("sequence", "auth.s", 11, owned_by="auth.refresh_tokens.id"),
        ),
        **options,
    )
    assert fates(made)[3] == expected


def test_extension_in_another_schema_takes_along_what_names_the_old_one() -> None:
    here = item("extension", "citext", 5, classid=3079, schema="extensions")
    there = item("extension", "citext", 5, classid=3079, schema="public")
    extension = entry(1, "EXTENSION", "citext", namespace="", classid=3079, oid=5)
    table = entry(2, "TABLE", "t", dependencies=(1,))
    comment = entry(3, "COMMENT", "EXTENSION citext", namespace="", dependencies=(1,))
    made = plan(extension, table, comment, target=facts(here), source=inventory(there))
    assert fates(made)[1] == ("lost", "extension-elsewhere")
    assert fates(made)[2] == ("lost", "depends")
    alone = plan(extension, comment, target=facts(here), source=inventory(there))
    assert fates(alone)[1] == ("skip", "exists")
    same = plan(extension, table, target=facts(there), source=inventory(there))
    assert (fates(same)[1][0], fates(same)[2][0]) == ("skip", "run")


def test_rights_that_the_archive_has_no_entry_for_are_taken_back_too() -> None:
    """pg_dump writes none for schema public hardened to what PostgreSQL gives by itself."""
    owner = "postgres=USAGE/postgres"
    public = item("schema", "public", 2200, classid=2615, acl=owner)
    opened = item("schema", "public", 2200, classid=2615, acl=f"{owner}, anon=USAGE/postgres")
    theirs = item("schema", "auth", 2201, classid=2615, acl="anon=USAGE/postgres")
    shut = item("schema", "auth", 2201, classid=2615, acl=owner)
    made = plan(target=facts(opened, theirs), source=inventory(public, shut))
    assert made.aligned == (
        ("ACL SCHEMA public", 'REVOKE USAGE ON SCHEMA public FROM "anon" CASCADE;\n'),
    )
    with_entry = entry(1, "ACL", "SCHEMA public", namespace="")
    assert plan(with_entry, target=facts(opened), source=inventory(public)).aligned == ()


def test_publication_for_all_tables_that_the_target_has_otherwise_is_named() -> None:
    live = {"classid": 6104, "owner": "postgres"}
    source = item("publication", "live", 40, all_tables="yes", **live)
    there = item("publication", "live", 40, all_tables="no", **live)
    publication = entry(
        1,
        "PUBLICATION",
        "live",
        namespace="",
        classid=6104,
        oid=40,
        definition="CREATE PUBLICATION live FOR ALL TABLES WITH (publish = 'insert');\n",
        drop_statement="DROP PUBLICATION live;\n",
    )
    made = plan(publication, target=facts(there), source=inventory(source))
    assert fates(made)[1] == ("lost", "publication-for-all-tables")
    assert "DROP PUBLICATION live;\nCREATE PUBLICATION live FOR ALL TABLES" in residual_sql(made)
    same = plan(publication, target=facts(source), source=inventory(source))
    assert fates(same)[1] == ("run", "publication")


def test_rows_that_the_backup_does_not_have_are_not_called_lost() -> None:
    gone = item("table", "auth.gone", 10)
    made = plan(
        entry(1, "TABLE DATA", "gone", namespace="auth", oid=10),
        target=facts(),
        source=inventory(gone, row_counts={"auth.gone": 0}),
    )
    assert fates(made)[1] == ("skip", "no-rows")


def test_rows_go_by_way_of_a_temporary_table_where_a_column_is_missing() -> None:
    columns = [
        item("column", f"auth.users.{name}", 10, classid=1249, position=str(n), generated="")
        for n, name in enumerate(("id", "phone"), 1)
    ]
    made = plan(
        entry(1, "TABLE DATA", "users", namespace="auth", oid=10),
        target=facts(USERS, relations=(relation("auth", "users", columns={"id": "uuid"}),)),
        source=inventory(USERS, *columns),
    )
    found = step(made, 1)
    assert (found.rule.name, found.columns, found.missing) == (
        "rows-staged",
        ("id", "phone"),
        ("phone",),
    )


def test_rights_on_a_vendors_object_bring_back_only_what_the_customer_granted() -> None:
    was = "anon=SELECT/supabase_auth_admin, kulti_reader=SELECT/postgres, pgbouncer=SELECT/x"
    users = item("table", "auth.users", 10, owner="supabase_auth_admin", acl=was)
    made = plan(
        vendor_table(),
        entry(2, "ACL", "TABLE users", namespace="auth", dependencies=(1,)),
        target=HOSTED,
        source=inventory(users, item("role", "kulti_reader"), item("role", "anon")),
    )
    found = step(made, 2)
    assert found.rule.name == "vendor-grants"
    assert found.text == 'GRANT SELECT ON TABLE auth.users TO "kulti_reader";\n'


def test_rights_that_a_vendors_role_gave_to_a_customers_role_are_left_to_others() -> None:
    users = item("table", "auth.users", 10, acl="kulti_reader=SELECT/supabase_auth_admin")
    made = plan(
        vendor_table(),
        entry(2, "ACL", "TABLE users", namespace="auth", dependencies=(1,)),
        target=HOSTED,
        source=inventory(users, item("role", "kulti_reader")),
    )
    found = step(made, 2)
    assert found.rule.name == "vendor-grants-no-right"
    assert 'TO "kulti_reader"' in found.residual


@pytest.mark.parametrize(("version_num", "rights"), [(170006, 2), (150005, 1)])
def test_grant_of_a_right_that_the_targets_version_lacks_is_left_out(
    version_num: int, rights: int
) -> None:
    acl = "kulti_reader=MAINTAIN/postgres, kulti_reader=SELECT/postgres"
    was = item("table", "auth.users", 10, classid=1259, acl=acl)
    made = plan(
        entry(1, "TABLE", "users", namespace="auth", classid=1259, oid=10),
        entry(2, "ACL", "TABLE users", namespace="auth", dependencies=(1,)),
        target=facts(item("table", "auth.users", 10, classid=1259), version_num=version_num),
        source=inventory(was, item("role", "kulti_reader")),
    )
    found = step(made, 2)
    assert found.rule.name == "vendor-grants"
    assert (found.text or "").count("GRANT ") == rights


def test_rights_on_schema_public_are_brought_to_the_backups_state() -> None:
    was = item("schema", "public", 8, classid=2615, acl="anon=USAGE/pg_database_owner")
    now = item(
        "schema",
        "public",
        8,
        classid=2615,
        acl="PUBLIC=USAGE/pg_database_owner, anon=USAGE/pg_database_owner",
    )
    made = plan(
        entry(1, "ACL", "SCHEMA public", namespace="", owner="pg_database_owner"),
        target=facts(now),
        source=inventory(was),
    )
    assert step(made, 1).text == (
        'SET LOCAL ROLE "pg_database_owner"; REVOKE USAGE ON SCHEMA public FROM PUBLIC CASCADE;'
        " RESET ROLE;\n"
    )


def test_rights_of_roles_that_nobody_can_make_are_left_out() -> None:
    table = item(
        "table",
        "public.t",
        12,
        owner="postgres",
        acl="supabase_etl=SELECT/postgres, anon=SELECT/postgres",
    )
    made = plan(
        entry(1, "TABLE", "t", classid=1259, oid=12),
        entry(2, "ACL", "TABLE t", dependencies=(1,)),
        target=facts(),
        source=inventory(table, item("role", "supabase_etl"), item("role", "anon")),
    )
    assert made.roles.absent == ("supabase_etl",)
    assert step(made, 2).rule.name == "gone-roles"
    assert "supabase_etl" not in statements(step(made, 2), made.facts)
    assert 'GRANT SELECT ON TABLE public.t TO "anon"' in statements(step(made, 2), made.facts)


@pytest.mark.parametrize(
    ("owner", "expected"), [("postgres", "run"), ("supabase_admin", "skip"), ("mine", "run")]
)
def test_default_privileges_come_back_for_roles_that_can_be_used(owner: str, expected: str) -> None:
    made = plan(
        entry(1, "DEFAULT ACL", "DEFAULT PRIVILEGES FOR TABLES", owner=owner),
        target=facts(),
        source=inventory(item("role", "mine")),
    )
    assert fates(made)[1][0] == expected


def test_rights_and_rows_of_an_extensions_parts_depend_on_what_the_target_allows() -> None:
    made = plan(
        entry(1, "ACL", "FUNCTION st_area(geometry)", dependencies=(900,)),
        entry(2, "TABLE DATA", "spatial_ref_sys", dependencies=(901,)),
        entry(3, "TABLE DATA", "us_rules", dependencies=(902,)),
        entry(4, "SEQUENCE SET", "gone_seq", dependencies=(903,)),
        target=facts(
            relations=(
                relation("public", "spatial_ref_sys", insert=False),
                relation("public", "us_rules"),
            )
        ),
    )
    assert fates(made) == {
        1: ("try", "extension-rights"),
        2: ("lost", "rows-no-right"),
        3: ("run", "run"),
        4: ("skip", "sequence-no-right"),
    }


def test_existing_publication_is_aligned_and_a_vendors_one_is_left() -> None:
    ours = item("publication", "live", 40, classid=6104, owner="postgres", tables="public.old")
    theirs = item("publication", "vendor", 41, classid=6104, owner="supabase_admin")
    made = plan(
        entry(1, "TABLE", "t", classid=1259, oid=50),
        entry(
            2,
            "PUBLICATION",
            "live",
            namespace="",
            classid=6104,
            oid=40,
            definition="CREATE PUBLICATION live WITH (publish = 'insert');\n",
        ),
        entry(3, "PUBLICATION TABLE", "live t", dependencies=(2, 1)),
        entry(4, "PUBLICATION", "vendor", namespace="", classid=6104, oid=41),
        entry(5, "PUBLICATION TABLE", "vendor t", dependencies=(4, 1)),
        target=facts(ours, theirs),
        source=inventory(ours, theirs),
    )
    assert step(made, 2).text == (
        "ALTER PUBLICATION live SET (publish = 'insert');\n"
        "ALTER PUBLICATION live DROP TABLE public.old;\n"
    )
    assert fates(made)[3][0] == "run"
    assert fates(made)[4] == ("skip", "publication-of-others")
    assert fates(made)[5] == ("lost", "publication-table")


def test_owner_out_of_reach_is_kept_and_named() -> None:
    made = plan(
        entry(1, "TABLE", "t", owner="supabase_admin", drop_statement="DROP TABLE t;"),
        entry(2, "TABLE", "u", owner="mine", drop_statement="DROP TABLE u;"),
        target=facts(),
        source=inventory(item("role", "mine"), item("role", "supabase_admin")),
    )
    assert [(e.tag, owner) for e, owner in made.kept_owners] == [("t", "supabase_admin")]
    assert step(made, 2).owner == "mine"
    assert made.roles.names == ("mine",)


def test_leakproof_function_comes_back_without_the_word() -> None:
    text = (
        "CREATE FUNCTION public.f() RETURNS int\n    LANGUAGE sql LEAKPROOF\n    AS 'SELECT 1';\n"
    )
    made = plan(
        entry(1, "FUNCTION", "f()", definition=text, drop_statement="DROP FUNCTION public.f();\n"),
        target=facts(),
    )
    assert "LEAKPROOF" not in statements(step(made, 1), made.facts)
    assert step(made, 1).residual == "ALTER FUNCTION public.f() LEAKPROOF;\n"


def test_public_only_leaves_the_vendors_part_but_not_its_absence() -> None:
    made = plan(
        vendor_table(),
        entry(2, "TABLE", "gone", namespace="auth", classid=1259, oid=11),
        entry(3, "VIEW", "v", dependencies=(2,)),
        entry(4, "POLICY", "users p", namespace="auth", dependencies=(1,)),
        target=HOSTED,
        source=inventory(USERS, item("table", "auth.gone", 11)),
        public_only=True,
    )
    assert fates(made) == {
        1: ("skip", "public-only"),
        2: ("lost", "vendor-object-missing"),
        3: ("lost", "depends"),
        4: ("skip", "public-only"),
    }


@pytest.mark.parametrize(
    ("owner", "creators", "expected"),
    [
        ("postgres", {"postgres"}, "run"),
        ("mine", {"postgres"}, "run"),
        ("postgres", set(), "lost"),
        ("supabase_admin", {"postgres"}, "lost"),
    ],
)
def test_customers_function_in_a_vendors_schema_comes_back_where_it_may_be_made(
    owner: str, creators: set[str], expected: str
) -> None:
    function = entry(1, "FUNCTION", "f()", namespace="auth", classid=1255, oid=5, owner=owner)
    target = facts(creators=frozenset(creators))
    made = plan(
        function,
        entry(2, "ACL", "FUNCTION f()", namespace="auth", owner=owner, dependencies=(1,)),
        target=target,
        source=inventory(item("function", "auth.f()", 5, classid=1255), item("role", "mine")),
    )
    assert fates(made)[1][0] == expected
    assert (fates(made)[2][0] == "run") is (expected == "run")
