"""Rights as text, and the statements between two states."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kulti_ops.restore.hosted.rights import (
    DefaultRights,
    Right,
    Subject,
    bring_to,
    missing_rights,
    parse_rights,
    reset_defaults,
    subject_of,
)
from kulti_ops.roles import quote_identifier
from tests.unit.making import item

TABLE = Subject(kind="TABLE", name="public.t")
NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=8)
RIGHTS = st.builds(
    Right,
    grantee=st.sampled_from(("anon", "a,b", 'q"x', "PUBLIC")),
    privilege=st.sampled_from(("SELECT", "INSERT", "ALTER SYSTEM")),
    grantable=st.booleans(),
    grantor=st.sampled_from(("postgres", 'o"/=dd', "a b")),
)


def written(right: Right) -> str:
    """Write a right as the inventory does, every name quoted."""
    grantee = "PUBLIC" if right.public else quote_identifier(right.grantee)
    star = "*" if right.grantable else ""
    return f"{grantee}={right.privilege}{star}/{quote_identifier(right.grantor)}"


@given(st.lists(RIGHTS, max_size=5))
def test_rights_are_parsed_as_they_were_written_whatever_the_names(rights: list[Right]) -> None:
    assert list(parse_rights(", ".join(map(written, rights)))) == rights


def test_rights_of_nobody_and_of_the_public_are_told_apart() -> None:
    assert parse_rights(None) == ()
    quoted, public = parse_rights('"PUBLIC"=SELECT/postgres, PUBLIC=SELECT/postgres')
    assert (quoted.public, public.public) == (False, True)


def test_bring_to_revokes_what_is_too_much_and_grants_what_lacks() -> None:
    wanted = parse_rights("anon=SELECT/postgres, kulti_analyst=SELECT*/postgres")
    present = parse_rights("anon=SELECT*/postgres, anon=INSERT/postgres, PUBLIC=SELECT/postgres")
    assert list(bring_to(wanted, present, TABLE, role="postgres")) == [
        'REVOKE GRANT OPTION FOR SELECT ON TABLE public.t FROM "anon" CASCADE;',
        'REVOKE INSERT ON TABLE public.t FROM "anon" CASCADE;',
        "REVOKE SELECT ON TABLE public.t FROM PUBLIC CASCADE;",
        'GRANT SELECT ON TABLE public.t TO "kulti_analyst" WITH GRANT OPTION;',
    ]


@given(st.lists(RIGHTS, max_size=5))
def test_bring_to_has_nothing_to_do_between_equal_states(rights: list[Right]) -> None:
    unique = tuple({r.given: r for r in rights}.values())
    assert not list(bring_to(unique, unique, TABLE, role="postgres"))


def test_missing_rights_come_after_those_they_are_granted_by() -> None:
    chain = parse_rights("c=SELECT/b, b=SELECT*/a, a=SELECT*/postgres")
    assert [r.grantee for r in missing_rights(chain, ())] == ["a", "b", "c"]


def test_missing_rights_in_a_circle_are_returned_all_the_same() -> None:
    circle = parse_rights("a=SELECT*/b, b=SELECT*/a")
    assert set(missing_rights(circle, ())) == set(circle)


def test_grants_of_others_run_as_their_grantor() -> None:
    (right,) = parse_rights("kulti_reader=SELECT/kulti_analyst")
    (line,) = bring_to((right,), (), TABLE, role="postgres")
    assert line == (
        'SET LOCAL ROLE "kulti_analyst"; GRANT SELECT ON TABLE public.t TO "kulti_reader";'
        " RESET ROLE;"
    )


def test_subject_of_a_column_names_table_and_column() -> None:
    found = subject_of(item("column", 'public.t."a b"'), table="public.t")
    assert found == Subject(kind="TABLE", name="public.t", column='"a b"')
    assert subject_of(item("policy", "p on public.t")) is None


def test_reset_defaults_of_a_schema_leaves_nothing_and_of_all_schemas_what_is_built_in() -> None:
    one = DefaultRights(role="postgres", schema="public", kind="r", grantees=("anon", None))
    head = 'ALTER DEFAULT PRIVILEGES FOR ROLE "postgres"'
    assert list(reset_defaults(one)) == [
        f'{head} IN SCHEMA "public" REVOKE ALL ON TABLES FROM "anon";',
        f'{head} IN SCHEMA "public" REVOKE ALL ON TABLES FROM PUBLIC;',
    ]
    every = DefaultRights(role="postgres", schema=None, kind="f", grantees=())
    assert list(reset_defaults(every)) == [
        f'{head} GRANT ALL ON FUNCTIONS TO "postgres";',
        f"{head} GRANT EXECUTE ON FUNCTIONS TO PUBLIC;",
    ]
