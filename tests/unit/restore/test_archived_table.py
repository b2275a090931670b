from __future__ import annotations

import pytest

from kulti_ops.archive import Entry
from kulti_ops.restore.archived_table import copy_columns_of, name_parts


def entry(copy_statement: str) -> Entry:
    return Entry(
        dump_id=1,
        has_data=True,
        classid=0,
        oid=0,
        tag="t",
        desc="TABLE DATA",
        section=3,
        definition="",
        copy_statement=copy_statement,
        namespace="s",
        owner="o",
        dependencies=(),
    )


@pytest.mark.parametrize(
    ("statement", "columns"),
    [
        ("COPY public.t (id, note) FROM stdin;\n", ("id", "note")),
        ("COPY public.t  FROM stdin;\n", ()),
        ('COPY s."a (b, c) FROM stdin;" (id) FROM stdin;\n', ("id",)),
        ('COPY s.t ("FROM stdin", "a ""b"", c", "x\ny", ünï) FROM stdin;\n', None),
    ],
)
def test_copy_columns_are_those_of_the_statement(
    statement: str, columns: tuple[str, ...] | None
) -> None:
    expected = ("FROM stdin", 'a "b", c', "x\ny", "ünï") if columns is None else columns
    assert copy_columns_of(entry(statement)) == expected


def test_name_parts_of_a_quoted_name_are_plain() -> None:
    assert name_parts('edge."a.b ""c"""') == ("edge", 'a.b "c"')
