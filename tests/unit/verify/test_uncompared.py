"""Entries that no comparison looks at are named; inventories of earlier schemas still compare."""

from __future__ import annotations

import json

import pytest

from kulti_ops.inventory import from_json, to_json
from kulti_ops.report import Verdict
from kulti_ops.verify.compare import compare_items
from kulti_ops.verify.restored import Expected, judge_objects
from kulti_ops.verify.uncompared import uncompared
from tests.unit.making import entry, inventory, item, toc

TABLE = item("table", "public.t", 10)
SERVER = item("foreign server", "far", 20, classid=1417, owner="a", acl="b", options="c")


@pytest.mark.parametrize(
    ("desc", "tag", "unseen"),
    [
        ("TABLE", "t", False),
        ("COMMENT", "TABLE t", False),
        ("TABLE DATA", "t", False),
        ("RULE", "v _RETURN", False),
        ("RULE", "t mine", True),
        ("SUBSCRIPTION", "s", True),
        ("SECURITY LABEL", "TABLE t", True),
        ("USER MAPPING", "USER MAPPING a SERVER far", True),
        ("SOMETHING NEW", "x", True),
    ],
)
def test_entry_without_an_object_in_the_inventory_is_named(
    desc: str, tag: str, *, unseen: bool
) -> None:
    place = {"classid": 1259, "oid": 10} if desc == "TABLE" else {"classid": 9, "oid": 9}
    made = entry(1, desc, tag, **place)
    found = uncompared(inventory(TABLE), toc(made))
    assert found == ((made.label,) if unseen else ())
    assert uncompared(inventory(TABLE), toc(made), not_run={1}) == ()


def test_comparison_that_did_not_see_everything_is_not_ok() -> None:
    def judged(*entries: object) -> Verdict:
        expected = Expected(
            inventory=inventory(TABLE),
            toc=toc(*entries),  # type: ignore[arg-type]
            digests={},
            archive=None,  # type: ignore[arg-type]
        )
        result = judge_objects(expected, (), started=0.0)
        assert result.status is Verdict.OK or "SUBSCRIPTION public.s" in result.summary
        return result.status

    assert judged() is Verdict.OK
    assert judged(entry(1, "SUBSCRIPTION", "s")) is Verdict.WARN


def test_inventory_of_the_first_schema_is_compared_in_what_it_knew() -> None:
    document = json.loads(to_json(inventory(TABLE, item("foreign server", "far", 20, owner="a"))))
    assert document["schema_version"] == 2
    old = from_json(json.dumps({**document, "schema_version": 1}).encode())
    mapping = item("user mapping", "for a on far", 21)
    here = (TABLE, SERVER, mapping)
    assert [d.label for d in compare_items(old.items, old.known(here))] == [
        "foreign server far: acl is b, was None"
    ]
    new = from_json(json.dumps(document).encode())
    assert new.known(here) == here
