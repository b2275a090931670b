from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kulti_ops.message import Response
from kulti_ops.smoke.shape import fields_of, parent_of, shape_of


def test_fields_are_types_by_path() -> None:
    document = {"agents": [{"id": "a", "n": 1}, {"id": "b", "n": None}], "ok": True}
    assert fields_of(document) == {
        "$": "object",
        "$.agents": "array",
        "$.agents[]": "object",
        "$.agents[].id": "string",
        "$.agents[].n": "null|number",
        "$.ok": "boolean",
    }


def test_fields_that_not_every_object_has_are_optional() -> None:
    assert fields_of([{"a": 1}, {"a": 1, "b": 2}])["$[].b"] == "number?"


def test_fields_under_ids_and_addresses_hold_no_data() -> None:
    found = fields_of(
        {
            "4b3c0000-aaaa-bbbb-cccc-000000000001": {"n": 1},
            "someone@kulti.example": 1,
            "deadbeef01": 2,
        }
    )
    assert set(found) == {"$", "$.*", "$.*.n"}
    assert found["$.*"] == "number|object"


def test_parent_of_a_path_is_what_holds_it() -> None:
    assert (parent_of("$.a[].b"), parent_of("$.a[]"), parent_of("$.a")) == ("$.a[]", "$.a", "$")


def test_shape_of_a_page_is_its_title_and_what_it_loads() -> None:
    body = (
        b"<title>12 live now</title><script src=/a.js></script><script>x</script>"
        b"<link rel=stylesheet href=/a.css><link rel=icon href=/i>"
    )
    page = Response(
        url="https://x/", status=200, headers=(("Content-Type", "text/html"),), body=body
    )
    found = shape_of(page)
    assert (found.kind, found.title, found.scripts, found.stylesheets) == (
        "html",
        "# live now",
        2,
        1,
    )


def test_shape_of_other_bodies_is_only_their_kind() -> None:
    json_type = (("Content-Type", "application/json"),)
    assert shape_of(Response(url="https://x/", status=200)).kind == "empty"
    assert shape_of(Response(url="https://x/", status=200, body=b"x")).kind == "other"
    assert shape_of(Response(url="x", status=200, headers=json_type, body=b"{")).kind == "other"


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=30,
)


@settings(deadline=None)
@given(JSON)
def test_fields_of_any_document_are_found_and_bounded(document: Any) -> None:
    found = fields_of(document)
    assert "$" in found
    assert len(found) <= 400
    assert all(parent_of(path) in found for path in found if path != "$")
    assert fields_of(json.loads(json.dumps(document))) == found
