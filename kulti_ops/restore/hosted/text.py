r"""The SQL of an entry as the restoring role runs it. Pure.

The text is the archive's own table of contents, entry by entry: nothing is cut out of a
script, so nothing that a function's body holds can pass for an entry.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kulti_ops.restore.toc import ACL_ENTRIES, with_local_roles
from kulti_ops.roles import quote_identifier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kulti_ops.archive import Entry
    from kulti_ops.restore.hosted.facts import HostedFacts
    from kulti_ops.restore.hosted.step import Step

# Named by kind and name in ALTER … OWNER; the others stand in their DROP statement in full.
_BY_NAME = frozenset(
    {
        "COLLATION",
        "CONVERSION",
        "DOMAIN",
        "EVENT TRIGGER",
        "FOREIGN DATA WRAPPER",
        "FOREIGN TABLE",
        "MATERIALIZED VIEW",
        "PROCEDURAL LANGUAGE",
        "PUBLICATION",
        "SCHEMA",
        "SEQUENCE",
        "SERVER",
        "STATISTICS",
        "SUBSCRIPTION",
        "TABLE",
        "TEXT SEARCH CONFIGURATION",
        "TEXT SEARCH DICTIONARY",
        "TYPE",
        "VIEW",
    }
)
_BY_DROP = frozenset(
    {"AGGREGATE", "FUNCTION", "OPERATOR", "OPERATOR CLASS", "OPERATOR FAMILY", "PROCEDURE"}
)
_IN_DATABASE = frozenset({"FOREIGN DATA WRAPPER", "PUBLICATION", "SCHEMA", "SERVER"})
_HEAP = "heap"
_MAINTAIN_SINCE = 170000
_LANGUAGE = re.compile(r"^    LANGUAGE [^\n]*$", re.MULTILINE)  # the first one is the clause
_LEAKPROOF = re.compile(r" LEAKPROOF\b")
_RIGHTS = re.compile(
    r"^((?:ALTER DEFAULT PRIVILEGES [^\n]*? )?(?:GRANT|REVOKE) )([A-Z, ()]+?)( ON )", re.MULTILINE
)
_NO_RIGHTS = re.compile(r"(?:ALTER DEFAULT PRIVILEGES .*? )?(?:GRANT|REVOKE)  ON ")


def statements(step: Step, facts: HostedFacts) -> str:
    """Return everything that runs for one step, in order."""
    entry = step.entry
    text = step.text if step.text is not None else definition(entry)
    if entry.desc in ACL_ENTRIES and step.text is None:
        text = with_local_roles(text)
        if facts.version_num < _MAINTAIN_SINCE:
            text = without_maintain(text)
    if entry.access_method not in {"", _HEAP}:
        method = quote_identifier(entry.access_method)
        text = (
            f"SET LOCAL default_table_access_method = {method};\n{text}\n"
            f"SET LOCAL default_table_access_method = {_HEAP};\n"
        )
    if step.owner:
        text += "\n".join(["", *_give(step, facts), ""])
    return text


def definition(entry: Entry) -> str:
    """Return an entry's own statement; large objects are listed by number from 17 on."""
    if entry.desc == "BLOB METADATA":
        numbers = (line for line in entry.definition.split() if line.isdigit())
        return "".join(f"SELECT pg_catalog.lo_create('{n}');\n" for n in numbers)
    return entry.definition


def owner_statements(entry: Entry, owner: str) -> tuple[str, ...]:
    """Return the statements that give an entry's object to a role; none for parts of others."""
    role = quote_identifier(owner)
    return tuple(f"ALTER {name} OWNER TO {role};" for name in _names(entry))


def has_owner(entry: Entry) -> bool:
    """Return whether an entry makes something that has an owner of its own."""
    owned = entry.desc in _BY_NAME | _BY_DROP or entry.desc in {"BLOB", "BLOB METADATA"}
    return owned and bool(entry.drop_statement and entry.owner)


def not_valid(text: str) -> str:
    """Return a foreign key's statement so that the rows there are not looked at."""
    return text.rstrip().removesuffix(";") + " NOT VALID;\n"


def without_leakproof(text: str) -> str:
    """Return a function's definition without LEAKPROOF, where its own clause has it."""
    return _LANGUAGE.sub(lambda clause: _LEAKPROOF.sub("", clause[0], count=1), text, count=1)


def without_maintain(text: str) -> str:
    """Return grants without MAINTAIN, which servers before 17 do not know."""

    def known(match: re.Match[str]) -> str:
        words = [w for w in match[2].split(",") if w.strip() != "MAINTAIN"]
        return f"{match[1]}{','.join(words)}{match[3]}"

    return "".join(
        line
        for line in _RIGHTS.sub(known, text).splitlines(keepends=True)
        if not _NO_RIGHTS.match(line)
    )


def _give(step: Step, facts: HostedFacts) -> Iterator[str]:
    """Yield ALTER … OWNER, with the right to create that a new owner must have.

    Who owns the schema has it already, and would lose it with what is taken back.
    """
    entry, owner = step.entry, step.owner
    role = quote_identifier(owner)
    place = ""
    if entry.namespace and not step.at_home:
        known = facts.schemas.get(entry.namespace)
        if known is None or owner not in known.creators:
            place = f"SCHEMA {quote_identifier(entry.namespace)}"
    elif not entry.namespace and entry.desc in _IN_DATABASE:
        place = f"DATABASE {quote_identifier(facts.database)}"
    if place:
        yield f"GRANT CREATE ON {place} TO {role};"
    yield from owner_statements(entry, owner)
    if place:
        yield f"REVOKE CREATE ON {place} FROM {role};"


def _names(entry: Entry) -> Iterator[str]:
    if entry.desc in {"BLOB", "BLOB METADATA"}:
        numbers = entry.definition.split() if entry.desc == "BLOB METADATA" else [entry.tag]
        yield from (f"LARGE OBJECT {n}" for n in numbers if n.isdigit())
    elif entry.desc in _BY_NAME:
        where = f"{quote_identifier(entry.namespace)}." if entry.namespace else ""
        yield f"{entry.desc} {where}{quote_identifier(entry.tag)}"
    elif entry.desc in _BY_DROP:
        yield entry.drop_statement.removeprefix("DROP ").rstrip().removesuffix(";")
