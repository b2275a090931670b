"""What becomes of one entry of an archive in a hosted project: one rule each. Pure.

An entry is the vendor's or the customer's by its schema, and that decides most of it.
What depends on what cannot come back is the plan's business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kulti_ops.restore.hosted import rules
from kulti_ops.restore.hosted.access import POLICY_TEXT, TRIGGER_TEXT
from kulti_ops.restore.hosted.acl import decide_rights
from kulti_ops.restore.hosted.publication import (
    PUBLICATION_PARTS,
    decide_publication,
    decide_publication_part,
)
from kulti_ops.restore.hosted.rows import decide_rows, decide_sequence
from kulti_ops.restore.hosted.rules import Fate
from kulti_ops.restore.hosted.step import Step
from kulti_ops.restore.hosted.text import without_leakproof
from kulti_ops.restore.hosted.view import ABOUT_OTHERS
from kulti_ops.restore.plan import SUPERUSER_KINDS
from kulti_ops.restore.toc import (
    REFRESH_ENTRY,
    SESSION_ENTRIES,
    dependants,
    is_database_level,
)

if TYPE_CHECKING:
    from kulti_ops.archive import Entry
    from kulti_ops.restore.hosted.view import View

# Kinds that others can depend on; the loss of an index or a trigger takes along nothing.
ROOTS = frozenset(
    {
        "AGGREGATE",
        "COLLATION",
        "DOMAIN",
        "EXTENSION",
        "FOREIGN DATA WRAPPER",
        "FOREIGN TABLE",
        "FUNCTION",
        "MATERIALIZED VIEW",
        "OPERATOR",
        "PROCEDURE",
        "PUBLICATION",
        "SCHEMA",
        "SEQUENCE",
        "SERVER",
        "TABLE",
        "TYPE",
        "VIEW",
    }
)
# Entries without an identity of their own: they go with their table.
_PARTS = frozenset({"DEFAULT", "INDEX ATTACH", "ROW SECURITY", "SEQUENCE OWNED BY", "TABLE ATTACH"})
_REALTIME = frozenset({"realtime", "_realtime"})
_STATES = frozenset({"D", "A", "R"})  # tgenabled other than O, origin
_OF_THEIR_OWN = {
    "PROCEDURAL LANGUAGE": rules.LANGUAGE,
    "SECURITY LABEL": rules.SECURITY_LABEL,
    "SERVER": rules.SERVER,
    "USER MAPPING": rules.SERVER,
}
_LANGUAGES = ("\n    LANGUAGE c", "\n    LANGUAGE internal")


def decide(view: View, entry: Entry) -> Step:
    """Return the step of an entry, whatever it depends on."""
    step = _by_kind(view, entry)
    if not view.options.public_only or not view.is_vendor(entry):
        return step
    # what is not there at all still takes along what depends on it
    absent = step.fate is Fate.LOST and entry.desc in ROOTS
    return step if absent else Step(entry=entry, rule=rules.PUBLIC_ONLY)


def _by_kind(view: View, entry: Entry) -> Step:
    if entry.desc in SESSION_ENTRIES:
        return Step(entry=entry, rule=rules.SESSION)
    if entry.desc == "DATABASE PROPERTIES":
        return Step(entry=entry, rule=rules.DATABASE_SETTING)
    if is_database_level(entry) and entry.desc == "ACL":
        return Step(entry=entry, rule=rules.DATABASE_RIGHTS)
    if is_database_level(entry):
        return Step(entry=entry, rule=rules.DATABASE)
    special = _SPECIAL.get(entry.desc)
    if special is not None:
        return special(view, entry)
    return _vendor(view, entry) if view.is_vendor(entry) else _own(view, entry)


def _default_acl(view: View, entry: Entry) -> Step:
    rule = rules.RUN if view.can_own(entry.owner) else rules.DEFAULT_RIGHTS
    return Step(entry=entry, rule=rule)


def _extension(view: View, entry: Entry) -> Step:
    if view.is_there(entry):
        if view.is_same(entry, ("schema",)) or not _is_needed(view, entry):
            return Step(entry=entry, rule=rules.EXISTS)
        return Step(entry=entry, rule=rules.EXTENSION_ELSEWHERE)
    there = entry.tag in view.facts.extensions_available
    return Step(entry=entry, rule=rules.EXTENSION if there else rules.NO_EXTENSION)


def _is_needed(view: View, entry: Entry) -> bool:
    """Return whether an object of the archive depends on an extension: it names its schema."""
    needing = dependants(view.toc, {entry.dump_id}) - {entry.dump_id}
    return any(view.by_id[n].desc not in ABOUT_OTHERS for n in needing)


def _event_trigger(view: View, entry: Entry) -> Step:
    rule = rules.EXISTS if view.is_there(entry) else rules.EVENT_TRIGGER
    return Step(entry=entry, rule=rule)


def _refresh(_view: View, entry: Entry) -> Step:
    return Step(entry=entry, rule=rules.REFRESH)


def _comment(view: View, entry: Entry) -> Step:
    subject = view.subject(entry)
    if entry.tag.startswith("EXTENSION "):
        return Step(entry=entry, rule=rules.VENDOR_COMMENT)
    about = decide(view, subject) if subject is not None else None
    if view.is_vendor(entry):
        if about is None or about.fate is Fate.SKIP or about.rule is rules.VENDOR_OBJECT:
            return Step(entry=entry, rule=rules.VENDOR_COMMENT)
        if about.fate is Fate.LOST:
            return Step(entry=entry, rule=rules.DEPENDS, detail=about.entry.label)
        table = view.table(subject) if subject is not None else None
        owned = view.owner_is_usable(table)
        return Step(entry=entry, rule=rules.RUN if owned else rules.COMMENT_OWNER)
    if about is not None and about.rule in {rules.EXISTS, rules.PUBLICATION_OF_OTHERS}:
        kept = about.entry.desc in {"EVENT TRIGGER", "PUBLICATION"}
        return Step(entry=entry, rule=rules.VENDOR_COMMENT if kept else rules.RUN)
    return Step(entry=entry, rule=rules.RUN)


def _trigger(view: View, entry: Entry) -> Step:
    if not view.is_vendor(entry):
        return _own(view, entry)
    item = view.item(entry)
    schema = (item.attributes.get("function schema") if item is not None else None) or ""
    if schema == entry.namespace:
        return Step(
            entry=entry, rule=rules.EXISTS if view.is_there(entry) else rules.VENDOR_TRIGGER
        )
    if view.is_there(entry):
        same = view.is_same(entry, TRIGGER_TEXT)
        return (
            Step(entry=entry, rule=rules.EXISTS)
            if same
            else _replaced(entry, rules.TRIGGER_DIFFERS)
        )
    table = view.table(entry)
    state = item.attributes.get("enabled") if item is not None else "O"
    if state in _STATES and not view.owner_is_usable(table):
        return Step(entry=entry, rule=rules.TRIGGER_STATE)
    relation = view.relation(table) if table is not None else None
    if relation is not None and not relation.trigger:
        return Step(entry=entry, rule=rules.TRIGGER_NO_RIGHT)
    theirs = schema == "pg_catalog" or view.facts.is_vendor_schema(schema)
    return Step(entry=entry, rule=rules.VENDOR_FUNCTION_TRIGGER if theirs else rules.TRIGGER)


def _policy(view: View, entry: Entry) -> Step:
    if not view.is_there(entry):
        return Step(entry=entry, rule=rules.POLICY if view.is_vendor(entry) else rules.RUN)
    if not view.is_vendor(entry) or view.is_same(entry, POLICY_TEXT):
        return Step(entry=entry, rule=rules.EXISTS)
    return _replaced(entry, rules.POLICY_DIFFERS)


def _replaced(entry: Entry, rule: rules.Rule) -> Step:
    """Return the step that puts the backup's object in the place of the target's."""
    text = f"{entry.drop_statement.rstrip()}\n{entry.definition}"
    return Step(entry=entry, rule=rule, text=text, residual=text)


def _table_data(view: View, entry: Entry) -> Step:
    others = view.is_vendor(entry) or view.is_of_extension(entry)
    return decide_rows(view, entry) if others else Step(entry=entry, rule=rules.RUN)


def _sequence_set(view: View, entry: Entry) -> Step:
    if view.is_vendor(entry) or view.is_of_extension(entry):
        return decide_sequence(view, entry)
    return Step(entry=entry, rule=rules.RUN)


_SPECIAL = {
    "ACL": decide_rights,
    "COMMENT": _comment,
    "DEFAULT ACL": _default_acl,
    "EVENT TRIGGER": _event_trigger,
    "EXTENSION": _extension,
    "POLICY": _policy,
    "PUBLICATION": decide_publication,
    **dict.fromkeys(PUBLICATION_PARTS, decide_publication_part),
    REFRESH_ENTRY: _refresh,
    "SEQUENCE SET": _sequence_set,
    "TABLE DATA": _table_data,
    "TRIGGER": _trigger,
}


def _vendor(view: View, entry: Entry) -> Step:
    """Decide about an object of the vendor's: it is there, or only the vendor can bring it."""
    if view.is_there(entry):
        return Step(entry=entry, rule=rules.EXISTS)
    if entry.desc == "SCHEMA":
        there = entry.tag in view.facts.schemas
        return Step(entry=entry, rule=rules.EXISTS if there else rules.VENDOR_SCHEMA)
    if entry.namespace in _REALTIME and (entry.desc not in ROOTS or view.is_partition(entry)):
        return Step(entry=entry, rule=rules.REALTIME)
    if entry.desc in _PARTS:
        return Step(entry=entry, rule=rules.VENDOR_PART)
    return Step(entry=entry, rule=rules.VENDOR_OBJECT)


def _own(view: View, entry: Entry) -> Step:
    """Decide about an object of the customer's: it runs, unless it is there or needs leave."""
    if view.is_there(entry) or (entry.desc == "SCHEMA" and entry.tag in view.facts.schemas):
        return Step(entry=entry, rule=rules.EXISTS)
    foreign_code = entry.desc in {"FUNCTION", "PROCEDURE"} and any(
        f"{language}{end}" in entry.definition for language in _LANGUAGES for end in (" ", "\n")
    )
    if entry.desc in _OF_THEIR_OWN:
        return Step(entry=entry, rule=_OF_THEIR_OWN[entry.desc])
    if entry.desc in SUPERUSER_KINDS or foreign_code:
        return Step(entry=entry, rule=rules.SUPERUSER)
    if entry.desc == "FUNCTION":
        text = without_leakproof(entry.definition)
        if text != entry.definition:
            return Step(entry=entry, rule=rules.LEAKPROOF, text=text, residual=_leakproof(entry))
    return Step(entry=entry, rule=rules.RUN)


def _leakproof(entry: Entry) -> str:
    name = entry.drop_statement.removeprefix("DROP ").rstrip().removesuffix(";")
    return f"ALTER {name} LEAKPROOF;\n"
