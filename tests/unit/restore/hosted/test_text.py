"""The SQL of single entries."""

from __future__ import annotations

import pytest

from kulti_ops.restore.hosted import rules
from kulti_ops.restore.hosted.step import Step
from kulti_ops.restore.hosted.text import (
    has_owner,
    not_valid,
    owner_statements,
    statements,
    without_leakproof,
    without_maintain,
)
from tests.unit.making import entry
from tests.unit.restore.hosted.making import facts


@pytest.mark.parametrize(
    ("desc", "tag", "drop", "expected"),
    [
        ("TABLE", 'odd "name"', "DROP TABLE x;\n", 'ALTER TABLE "public"."odd ""name""" OWNER'),
        ("FUNCTION", "f()", "DROP FUNCTION public.f();\n", "ALTER FUNCTION public.f() OWNER"),
        ("BLOB METADATA", "1", "SELECT lo_unlink('1');\n", "ALTER LARGE OBJECT 1 OWNER"),
    ],
)
def test_owner_statement_names_the_object_by_its_kind(
    desc: str, tag: str, drop: str, expected: str
) -> None:
    made = entry(1, desc, tag, drop_statement=drop, definition="1\n2\n")
    lines = owner_statements(made, "kulti_analyst")
    assert lines[0] == f'{expected} TO "kulti_analyst";'
    assert has_owner(made)
    assert len(lines) == (2 if desc == "BLOB METADATA" else 1)


@pytest.mark.parametrize("desc", ["POLICY", "TRIGGER", "INDEX", "CONSTRAINT", "CAST"])
def test_parts_have_no_owner_of_their_own(desc: str) -> None:
    assert not has_owner(entry(1, desc, drop_statement="DROP …"))
    assert owner_statements(entry(1, desc), "postgres") == ()


def test_new_owner_who_owns_the_schema_keeps_the_right_to_create() -> None:
    step = Step(
        entry=entry(1, "TABLE", "t", namespace="made", definition="CREATE TABLE made.t ();\n"),
        rule=rules.RUN,
        owner="kulti_analyst",
        at_home=True,
    )
    assert "CREATE ON SCHEMA" not in statements(step, facts())
    assert 'ALTER TABLE "made"."t" OWNER TO "kulti_analyst";' in statements(step, facts())


def test_new_owner_gets_the_right_to_create_for_the_moment_only() -> None:
    step = Step(
        entry=entry(1, "TABLE", "t", definition="CREATE TABLE public.t ();\n"),
        rule=rules.RUN,
        owner="kulti_analyst",
    )
    grant, alter, revoke = statements(step, facts()).split("\n")[2:5]
    assert grant == 'GRANT CREATE ON SCHEMA "public" TO "kulti_analyst";'
    assert alter == 'ALTER TABLE "public"."t" OWNER TO "kulti_analyst";'
    assert revoke == 'REVOKE CREATE ON SCHEMA "public" FROM "kulti_analyst";'


def test_owner_who_may_create_anyway_keeps_that_right() -> None:
    step = Step(entry=entry(1, "TABLE", "t"), rule=rules.RUN, owner="postgres")
    assert "CREATE ON" not in statements(step, facts())


def test_grants_run_as_their_grantor_without_a_superuser() -> None:
    grant = "GRANT SELECT ON TABLE t TO b;\n"
    text = f"SET SESSION AUTHORIZATION a;\n{grant}RESET SESSION AUTHORIZATION;\n"
    step = Step(entry=entry(1, "ACL", "TABLE t", definition=text), rule=rules.RUN)
    assert statements(step, facts()) == (
        "SET LOCAL ROLE a;\nGRANT SELECT ON TABLE t TO b;\nRESET ROLE;\n"
    )


def test_maintain_is_left_out_for_servers_that_do_not_know_it() -> None:
    text = "GRANT SELECT,MAINTAIN ON TABLE t TO a;\nGRANT MAINTAIN ON TABLE t TO b;\n"
    assert without_maintain(text) == "GRANT SELECT ON TABLE t TO a;\n"
    step = Step(entry=entry(1, "ACL", "TABLE t", definition=text), rule=rules.RUN)
    assert "MAINTAIN" not in statements(step, facts(version_num=150005))
    assert "MAINTAIN" in statements(step, facts())


def test_leakproof_is_taken_from_the_clause_and_not_from_the_body() -> None:
    head = (
        "CREATE FUNCTION public.f() RETURNS int\n    LANGUAGE sql IMMUTABLE LEAKPROOF\n    AS $$\n"
    )
    body = "SELECT 1 -- LEAKPROOF\n$$;\n"
    assert without_leakproof(head + body) == head.replace(" LEAKPROOF", "") + body


def test_large_objects_are_made_by_number() -> None:
    made = entry(1, "BLOB METADATA", "7", definition="7\n8\n", namespace="")
    assert statements(Step(entry=made, rule=rules.RUN), facts()) == (
        "SELECT pg_catalog.lo_create('7');\nSELECT pg_catalog.lo_create('8');\n"
    )


def test_other_access_method_holds_for_its_table_only() -> None:
    made = entry(1, "TABLE", "t", definition="CREATE TABLE t ();\n", access_method="columnar")
    text = statements(Step(entry=made, rule=rules.RUN), facts())
    assert text.index('"columnar"') < text.index("CREATE TABLE") < text.index("= heap")


def test_not_valid_stands_at_the_end_of_the_key() -> None:
    assert not_valid("ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u(b);\n\n").endswith(
        "u(b) NOT VALID;\n"
    )


def test_leakproof_in_a_body_is_left_alone() -> None:
    body = "CREATE FUNCTION f() RETURNS text\n    LANGUAGE sql{}\n    AS $$\n"
    body += "    LANGUAGE c LEAKPROOF$$"
    assert without_leakproof(body.format("")) == body.format("")
    assert without_leakproof(body.format(" STABLE LEAKPROOF")) == body.format(" STABLE")


@pytest.mark.parametrize(
    ("rights", "left"),
    [
        ("SELECT,MAINTAIN", "ALTER DEFAULT PRIVILEGES FOR ROLE a GRANT SELECT ON TABLES TO b;\n"),
        ("MAINTAIN", ""),
    ],
)
def test_default_privileges_lose_the_right_that_older_servers_do_not_know(
    rights: str, left: str
) -> None:
    text = f"ALTER DEFAULT PRIVILEGES FOR ROLE a GRANT {rights} ON TABLES TO b;\n"
    step = Step(entry=entry(1, "DEFAULT ACL", definition=text), rule=rules.RUN)
    assert statements(step, facts(version_num=150005)) == left
    assert statements(step, facts()) == text
