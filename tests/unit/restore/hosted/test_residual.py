"""The SQL that is left for somebody with more rights."""

from __future__ import annotations

from kulti_ops.restore.hosted.residual import residual_sql
from tests.unit.making import entry, inventory, item
from tests.unit.restore.hosted.making import facts, plan, step

POLICY = entry(
    2,
    "POLICY",
    "users\n; DROP TABLE x; -- p",
    namespace="auth",
    definition="CREATE POLICY p ON auth.users;\n",
)


def test_conditional_entries_are_marked_before_and_listed_only_when_refused_after() -> None:
    made = plan(POLICY, target=facts())
    before = residual_sql(made)
    assert "only if the restore reports that it was refused" in before
    assert "CREATE POLICY p ON auth.users;" in before
    assert "CREATE POLICY" not in residual_sql(made, refused=())
    after = residual_sql(made, refused=(step(made, 2),))
    assert "CREATE POLICY p ON auth.users;" in after
    assert "only if" not in after


def test_names_cannot_end_a_comment() -> None:
    lines = residual_sql(plan(POLICY, target=facts())).splitlines()
    assert all(line.startswith(("--", "CREATE POLICY")) for line in lines if line)


def test_nothing_left_is_said() -> None:
    made = plan(entry(1, "TABLE", "t"), target=facts())
    assert "-- Nothing is left." in residual_sql(made)


def test_owners_out_of_reach_and_settings_of_the_vendors_roles_are_written() -> None:
    setting = item(
        "setting", "of anon", classid=2964, role="anon", settings='{"statement_timeout=9s"}'
    )
    made = plan(
        entry(1, "TABLE", "t", owner="supabase_admin", drop_statement="DROP TABLE t;"),
        target=facts(),
        source=inventory(setting, item("role", "mine", login="yes")),
    )
    text = residual_sql(made)
    assert 'ALTER TABLE "public"."t" OWNER TO "supabase_admin";' in text
    assert "ALTER ROLE \"anon\" SET statement_timeout TO '9s';" in text
    assert "role mine needs a new password" in text


def test_rows_are_never_written_out() -> None:
    made = plan(
        entry(1, "TABLE", "gone", namespace="auth", classid=1259, oid=7),
        entry(2, "TABLE DATA", "gone", namespace="auth"),
        entry(3, "VIEW", "v", dependencies=(1,), definition="CREATE VIEW v AS SELECT 1;\n"),
        entry(4, "TABLE", "t", dependencies=(1,), definition="CREATE TABLE t ();\n"),
        entry(5, "TABLE DATA", "t", dependencies=(4,)),
        target=facts(),
        source=inventory(item("table", "auth.gone", 7)),
    )
    text = residual_sql(made)
    assert "CREATE VIEW v AS SELECT 1;" in text
    assert "load them from the archive" in text


def test_trigger_and_its_state_are_written_as_one_transaction() -> None:
    text = "CREATE TRIGGER mine;\n\nALTER TABLE auth.users DISABLE TRIGGER mine;\n"
    trigger = item(
        "trigger", "mine on auth.users", 9, classid=2620, enabled="D", function_schema="public"
    )
    made = plan(
        entry(1, "TABLE", "users", namespace="auth", classid=1259, oid=7),
        entry(
            2,
            "TRIGGER",
            "users mine",
            namespace="auth",
            classid=2620,
            oid=9,
            dependencies=(1,),
            definition=text,
        ),
        target=facts(item("table", "auth.users", 7)),
        source=inventory(item("table", "auth.users", 7), trigger),
    )
    assert f"BEGIN;\n{text.rstrip()}\nCOMMIT;" in residual_sql(made)
