"""The inventory against the table of contents."""

from __future__ import annotations

from kulti_ops.verify.expectations import (
    archived_states,
    archived_values,
    coverage,
    sequence_problems,
    table_of_entry,
)
from tests.unit.making import entry, inventory, item, toc


def missing(check_id: str, *args: object, **kwargs: object) -> tuple[str, ...]:
    found = {c.check_id: c for c in coverage(*args, left_out=frozenset(), **kwargs)}  # type: ignore[arg-type]
    return found[check_id].missing


def test_coverage_goes_by_the_catalogue_not_by_names() -> None:
    held = inventory(
        item("table", "public.sessions", 1), item("table", "public.sessions_archive", 2)
    )
    archive = toc(entry(1, "TABLE", "sessions_archive", classid=1259, oid=2))
    assert missing("tables", held, archive) == ("public.sessions",)


def test_coverage_of_row_security_goes_by_the_tables_number() -> None:
    held = inventory(
        item("table", "public.a", 1, row_security="true"),
        item("table", "public.b", 2, row_security="true forced"),
        item("table", "public.c", 3, row_security="false"),
    )
    archive = toc(entry(1, "ROW SECURITY", "a", oid=1))
    assert missing("row-security", held, archive) == ("public.b",)


def test_coverage_expects_no_entry_for_what_comes_with_something_else() -> None:
    held = inventory(
        item("index", "public.a_pkey", 10, constraint="a_pkey"),
        item("constraint", "a_check on public.a", 11, classid=2606, type="c", validated="yes"),
        item("foreign key", "fk on public.part", 12, classid=2606, inherited="yes"),
        item("trigger", "t on public.part", 13, classid=2620, inherited="yes"),
        item("extension", "plpgsql", 14, classid=3079),
    )
    assert not any(c.missing for c in coverage(held, toc(), left_out=frozenset()))


def test_coverage_expects_an_entry_for_a_check_that_is_not_valid() -> None:
    held = inventory(
        item("constraint", "c on public.a", 11, classid=2606, type="c", validated="no")
    )
    assert missing("constraints", held, toc()) == ("c on public.a",)


def test_coverage_leaves_out_what_was_left_out_by_name() -> None:
    held = inventory(item("table", "vault.secrets", 5))
    (tables, *_rest) = coverage(held, toc(), left_out=frozenset({"vault.secrets"}))
    assert (tables.expected, tables.missing) == (0, ())


def test_coverage_of_large_objects_reads_groups() -> None:
    held = inventory(item("large object", "100", 100), item("large object", "101", 101))
    grouped = toc(entry(1, "BLOB METADATA", definition="100\n"))
    assert missing("large-objects", held, grouped) == ("101",)


def test_tables_are_found_by_number_whatever_they_are_called() -> None:
    held = inventory(item("table", 'public."odd\nname"', 7))
    assert table_of_entry(held, toc(entry(3, "TABLE DATA", "odd name", oid=7))) == {
        3: 'public."odd\nname"'
    }


def values(defined: str, recorded: int, increment: str = "1") -> tuple[str, ...]:
    held = inventory(
        item("sequence", "public.s", 9, increment=increment),
        sequences={"public.s": (recorded, True, None)},
    )
    archive = toc(
        entry(1, "SEQUENCE", "s", classid=1259, oid=9),
        entry(2, "SEQUENCE SET", "s", definition=defined, dependencies=(1,)),
    )
    return sequence_problems(held, archive)


def test_sequences_may_be_ahead_of_the_source_never_behind() -> None:
    assert values("SELECT pg_catalog.setval('public.s', 10, true);\n", 10) == ()
    assert values("SELECT pg_catalog.setval('public.s', 11, false);\n", 10) == ()
    assert values("SELECT pg_catalog.setval('public.s', 9, true);\n", 10) != ()
    assert values("SELECT pg_catalog.setval('public.s', -11, true);\n", -10, "-1") == ()
    assert values("something else", 10) == ("public.s (no value in the archive)",)


def test_archived_states_tell_a_value_that_was_used_from_one_that_was_not() -> None:
    def value(number: int, text: str) -> tuple[object, ...]:
        definition = f"SELECT pg_catalog.setval('public.s', {text});\n"
        sequence = entry(number, "SEQUENCE", "s", oid=number)
        return sequence, entry(
            number + 100, "SEQUENCE SET", "s", definition=definition, dependencies=(number,)
        )

    texts = ("1, true", "1, false", "-5, true", "now(), true", "1, perhaps")
    archive = toc(*(e for n, text in enumerate(texts, 1) for e in value(n, text)))  # type: ignore[arg-type]
    assert archived_states(archive) == {
        1: (1, True),
        2: (1, False),
        3: (-5, True),
        4: None,
        5: None,
    }
    assert archived_values(archive) == {1: 1, 2: 1, 3: -5, 4: None, 5: None}
