"""What inventories of earlier schemas do not have. Pure.

A backup of an earlier schema is compared in what its inventory knew; a property that it
lacks is no difference. What it could not know is named by `verify.uncompared`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA_VERSION = 2

# Kinds of objects that came with schema 2.
_KINDS_SINCE_2 = frozenset(
    {
        "access method",
        "foreign data wrapper",
        "language",
        "security label",
        "text search parser",
        "text search template",
        "transform",
        "user mapping",
    }
)
# The properties that these kinds had in schema 1; others came with schema 2.
_KNOWN_TO_1: Mapping[str, frozenset[str]] = {
    "foreign server": frozenset({"owner", "acl"}),
    **dict.fromkeys(
        (
            "collation",
            "conversion",
            "operator",
            "operator class",
            "operator family",
            "text search configuration",
            "text search dictionary",
        ),
        frozenset({"owner", "comment"}),
    ),
}


def knows_kind(kind: str, schema_version: int) -> bool:
    """Return whether an inventory of a schema has a kind of objects."""
    return schema_version >= SCHEMA_VERSION or kind not in _KINDS_SINCE_2


def known_attributes(
    kind: str, attributes: Mapping[str, str | None], schema_version: int
) -> Mapping[str, str | None]:
    """Return the properties that an inventory of a schema has of a kind."""
    known = None if schema_version >= SCHEMA_VERSION else _KNOWN_TO_1.get(kind)
    return attributes if known is None else {k: v for k, v in attributes.items() if k in known}
