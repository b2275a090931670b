"""Differences after a hosted restore that are not faults: one narrow rule per reason. Pure.

A rule names kind and property and looks at both values. None says that a table may differ:
what the plan left out is known object by object, and what is the vendor's must be as it was
found before the restore, right by right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kulti_ops.restore.hosted import rules
from kulti_ops.restore.hosted.access import POLICY_TEXT, TRIGGER_TEXT
from kulti_ops.restore.hosted.explained_rights import explaining_rights
from kulti_ops.restore.hosted.vendor import OWNERS_PARTS, is_vendors
from kulti_ops.roles import plain_name
from kulti_ops.verify import compare
from kulti_ops.verify.compare import ABSENT, TARGETS_OWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from kulti_ops.inventory import Key
    from kulti_ops.restore.hosted.restored import Restored
    from kulti_ops.restore.hosted.step import Step
    from kulti_ops.verify.compare import Difference

    Rule = Callable[[Difference], str]

_PLACED = {"POLICY": POLICY_TEXT, "TRIGGER": TRIGGER_TEXT}  # what each kind of entry decides
_ALL_TABLES = frozenset({"all tables", "comment", "owner", "publishes", "tables", "via root"})
KEPT_PUBLICATION = "the project has the publication, and its owner stays"
NO_SUCH_PART = "the vendor's table has no such part in the target"
VIEW_TEXT = "the target's version writes the same query differently"


def explaining(restored: Restored) -> tuple[Rule, ...]:
    """Return the rules, the narrowest reasons first."""
    return (
        compare.extension_version,
        compare.hidden_options,
        _left_out(restored),
        _comments(restored),
        _others_in_place(restored),
        _vendors_state(restored),
        _vendors_parts(restored),
        _leakproof(restored),
        _dangling(restored),
        _refreshed(restored),
        _published(restored),
        _published_schemas(restored),
        _publications_kept(restored),
        _views(restored),
        *explaining_rights(restored),
    )


def _key(difference: Difference) -> Key:
    return (difference.kind, difference.identity)


def _is_missing(difference: Difference) -> bool:
    return difference.attribute == "" and difference.target == ABSENT


def _left_out(restored: Restored) -> Rule:
    """Explain objects whose own entry did not run, with their parts."""

    def rule(difference: Difference) -> str:
        return restored.lost.get(_key(difference), "") if _is_missing(difference) else ""

    return rule


def _comments(restored: Restored) -> Rule:
    """Explain comments whose own entry did not run."""
    reasons = {
        subject.key: reason
        for step, reason in restored.not_run.values()
        if step.entry.desc == "COMMENT" and (subject := restored.subject(step.entry)) is not None
    }

    def rule(difference: Difference) -> str:
        gone = difference.attribute == "comment" and difference.target is None
        return reasons.get(_key(difference), "") if gone else ""

    return rule


def _others_in_place(restored: Restored) -> Rule:
    """Explain policies and triggers of another text in the place of the backup's: by its entry."""
    reasons = {
        item.key: reason
        for step, reason in restored.not_run.values()
        if step.entry.desc in _PLACED and (item := restored.of(step.entry)) is not None
    }
    before = restored.facts.items

    def rule(difference: Difference) -> str:
        if difference.attribute not in _PLACED.get(difference.kind.upper(), ()):
            return ""
        present = before.get(_key(difference))
        value = present.attributes.get(difference.attribute) if present is not None else None
        same = present is not None and value == difference.target
        return reasons.get(_key(difference), "") if same else ""

    return rule


def _vendors_state(restored: Restored) -> Rule:
    """Explain properties of the vendor's objects, but no rights: exactly as before.

    What a policy or trigger of the backup's does is never the target's own.
    """
    facts = restored.facts

    def rule(difference: Difference) -> str:
        before = facts.items.get(_key(difference))
        if before is None or difference.attribute in {"", "acl"} or not is_vendors(before, facts):
            return ""
        if difference.attribute in _PLACED.get(difference.kind.upper(), ()):
            return ""
        same = before.attributes.get(difference.attribute) == difference.target
        return TARGETS_OWN if same else ""

    return rule


def _vendors_parts(restored: Restored) -> Rule:
    """Explain parts of a vendor's table that the target never had."""
    facts = restored.facts

    def rule(difference: Difference) -> str:
        item = restored.source.get(_key(difference))
        if item is None or not _is_missing(difference) or item.kind not in OWNERS_PARTS:
            return ""
        return NO_SUCH_PART if item.key not in facts.items and is_vendors(item, facts) else ""

    return rule


def _leakproof(restored: Restored) -> Rule:
    """Explain a function that lost the word LEAKPROOF and nothing else."""
    marked = {
        item.key: s.rule.reason
        for s in restored.plan.steps
        if s.rule is rules.LEAKPROOF and (item := restored.of(s.entry)) is not None
    }

    def rule(difference: Difference) -> str:
        source = difference.source or ""
        without = {source.replace(word, "", 1) for word in ("\n LEAKPROOF", " LEAKPROOF")}
        same = difference.attribute == "definition" and difference.target in without
        return marked.get(_key(difference), "") if same else ""

    return rule


def _dangling(restored: Restored) -> Rule:
    """Explain foreign keys made NOT VALID because their rows would point to nothing."""
    marked = {
        item.key: s.rule.reason
        for s in restored.plan.steps
        if s.rule is rules.DANGLING and (item := restored.of(s.entry)) is not None
    }

    def rule(difference: Difference) -> str:
        reason = marked.get(_key(difference), "")
        if difference.attribute == "validated":
            return reason if (difference.source, difference.target) == ("yes", "no") else ""
        same = difference.target == f"{difference.source} NOT VALID"
        return reason if difference.attribute == "definition" and same else ""

    return rule


def _refreshed(restored: Restored) -> Rule:
    """Explain materialized views whose refresh did not run."""
    reasons = {
        subject.key: reason
        for step, reason in restored.not_run.values()
        if step.rule is rules.REFRESH and (subject := restored.subject(step.entry)) is not None
    }

    def rule(difference: Difference) -> str:
        empty = (difference.attribute, difference.target) == ("populated", "false")
        return reasons.get(_key(difference), "") if empty else ""

    return rule


def _published(restored: Restored) -> Rule:
    """Explain what is missing in a publication: not brought back, or not into it."""
    lost = {key[1]: reason for key, reason in restored.lost.items() if key[0] == "table"}
    for step, reason in restored.not_run.values():
        if step.entry.desc == "PUBLICATION TABLE":
            lost |= dict.fromkeys(_published_tables(restored, step), reason)

    def rule(difference: Difference) -> str:
        if (difference.kind, difference.attribute) != ("publication", "tables"):
            return ""
        was, now = (set((t or "").split("; ")) for t in (difference.source, difference.target))
        why = [_reason_of(member, lost) for member in sorted(was - now)]
        return why[0] if why and all(why) and now <= was | {""} else ""

    return rule


def _published_schemas(restored: Restored) -> Rule:
    """Explain schemas missing in a publication: their entry is tagged with both names."""
    lost = {
        step.entry.tag: reason
        for step, reason in restored.not_run.values()
        if step.entry.desc == "PUBLICATION TABLES IN SCHEMA"
    }

    def rule(difference: Difference) -> str:
        if (difference.kind, difference.attribute) != ("publication", "schemas"):
            return ""
        was, now = (set((t or "").split(", ")) for t in (difference.source, difference.target))
        name = plain_name(difference.identity)
        why = [lost.get(f"{name} {plain_name(member)}", "") for member in sorted(was - now)]
        return why[0] if why and all(why) and now <= was | {""} else ""

    return rule


def _reason_of(member: str, reasons: Mapping[str, str]) -> str:
    """Return why a member is missing; behind a table may stand its columns and a condition."""
    named = (r for name, r in reasons.items() if member == name or member.startswith(f"{name} "))
    return next(named, "")


def _published_tables(restored: Restored, step: Step) -> Iterator[str]:
    by_id = {e.dump_id: e for e in restored.toc.entries}
    for number in step.entry.dependencies:
        item = restored.of(by_id[number]) if number in by_id else None
        if item is not None and item.kind == "table":
            yield item.identity


def _publications_kept(restored: Restored) -> Rule:
    """Explain publications that the project has: their owner, and not being for all tables."""
    before = restored.facts.items
    kept = {
        item.key: (s.rule.reason, _ALL_TABLES)
        if s.rule is rules.PUBLICATION_ALL
        else (KEPT_PUBLICATION, frozenset({"owner"}))
        for s in restored.plan.steps
        if s.rule in (rules.PUBLICATION, rules.PUBLICATION_ALL)
        and (item := restored.of(s.entry)) is not None
    }

    def rule(difference: Difference) -> str:
        reason, attributes = kept.get(_key(difference), ("", frozenset()))
        if difference.attribute not in attributes:
            return ""
        present = before[_key(difference)].attributes.get(difference.attribute)
        return reason if present == difference.target else ""

    return rule


def _views(restored: Restored) -> Rule:
    """Explain views whose query is the same, though another version writes it differently."""

    def rule(difference: Difference) -> str:
        same = difference.attribute == "definition" and _key(difference) in restored.same_views
        return VIEW_TEXT if same else ""

    return rule
