"""The shape of a body: a JSON document's keys and types, a page's title and what it loads. Pure.

A shape holds no data: keys that look like identifiers of something stand as `*`.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kulti_ops.smoke.page import read_page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kulti_ops.message import Response

JSON, HTML, EMPTY, OTHER = "json", "html", "empty", "other"
OPTIONAL = "?"
_MOST_PATHS = 400
_MOST_ITEMS = 50
_DEEPEST = 8
_LONGEST_TITLE = 120
# A field's name; what else stands as a key (an id, an address) is data.
_FIELD = re.compile(r"[A-Za-z_$][A-Za-z_$-]{0,39}[0-9]{0,3}")
_ID_LIKE = re.compile(r"[0-9a-fA-F]{8,}|.*-.*-.*-.*-.*")


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What kind of body; `fields` are types by path, a page has counts and a title instead."""

    kind: str
    fields: Mapping[str, str] = field(default_factory=dict)
    title: str = ""
    scripts: int = 0
    stylesheets: int = 0


def shape_of(response: Response) -> Shape:
    """Return the shape of an answer's body."""
    if not response.body:
        return Shape(kind=EMPTY)
    if response.is_html:
        page = read_page(response.text)
        title = re.sub(r"\d+", "#", page.title)[:_LONGEST_TITLE]  # counts change by themselves
        return Shape(
            kind=HTML, title=title, scripts=len(page.scripts), stylesheets=page.stylesheets
        )
    document = response.json() if response.media_type.endswith("json") else None
    if document is None:
        return Shape(kind=OTHER)
    return Shape(kind=JSON, fields=fields_of(document))


def fields_of(document: Any) -> dict[str, str]:  # noqa: ANN401 - any JSON
    """Return the types at each path: `$.agents[].id` -> `string`, `a|b` for several.

    A type ends with `?` where not every object of the list has the field.
    """
    types: dict[str, set[str]] = {}
    present: Counter[str] = Counter()
    parents: Counter[str] = Counter()

    def visit(value: Any, path: str, depth: int) -> None:  # noqa: ANN401 - any JSON
        if path not in types and len(types) >= _MOST_PATHS:
            return
        types.setdefault(path, set()).add(_type(value))
        if depth >= _DEEPEST:
            return
        if isinstance(value, dict):
            parents[path] += 1
            for below in {f"{path}.{_key(key)}" for key in value}:
                present[below] += 1
            for key, inner in value.items():
                visit(inner, f"{path}.{_key(key)}", depth + 1)
        elif isinstance(value, list):
            for inner in value[:_MOST_ITEMS]:
                visit(inner, f"{path}[]", depth + 1)

    visit(document, "$", 0)
    return {
        path: "|".join(sorted(found))
        + (OPTIONAL if path in present and present[path] < parents[parent_of(path)] else "")
        for path, found in types.items()
    }


def parent_of(path: str) -> str:
    """Return the path of the object or list that holds a path."""
    return path[:-2] if path.endswith("[]") else path.rpartition(".")[0]


def _key(key: str) -> str:
    return key if _FIELD.fullmatch(key) and not _ID_LIKE.fullmatch(key) else "*"


def _type(value: Any) -> str:  # noqa: ANN401 - any JSON
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "object" if isinstance(value, dict) else "array"
