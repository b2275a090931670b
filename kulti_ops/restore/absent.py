"""Errors about objects of extensions that a scratch server does not have. Pure.

What an extension brings is not in an archive, but rights on it and rows of its own tables
are. Where the extension is missing for a reason, these entries must fail; any other error
stays one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kulti_ops.restore.plan import Action

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kulti_ops.archive import Entry
    from kulti_ops.restore.plan import RestorePlan
    from kulti_ops.restore.tool import EntryError

REASON = "belongs to an extension that the scratch server does not have"
# Entries about an object that need not be in the archive itself.
_ABOUT_OTHERS = frozenset({"ACL", "SEQUENCE SET", "TABLE DATA"})
# What a server says about an object, or its schema, that is not there.
_NOT_THERE = frozenset({"3F000", "42704", "42883", "42P01"})
_SAYS_NOT_THERE = " does not exist"


def entries_about_absent(plan: RestorePlan) -> tuple[Entry, ...]:
    """Return entries about objects that neither the archive nor a missing extension makes.

    None where no extension is missing: then an extension's own objects are there.
    """
    if not any(s.action is Action.SKIP and s.entry.desc == "EXTENSION" for s in plan.explained):
        return ()
    known = {s.entry.dump_id for s in plan.steps}
    return tuple(
        s.entry
        for s in plan.steps
        if s.entry.desc in _ABOUT_OTHERS and not known.intersection(s.entry.dependencies)
    )


def split_absent(
    errors: Iterable[EntryError], plan: RestorePlan
) -> tuple[tuple[EntryError, ...], tuple[EntryError, ...]]:
    """Return (errors that stay, errors about objects of extensions left out for a reason)."""
    given = tuple(errors)
    about = {entry.label for entry in entries_about_absent(plan)}
    absent = tuple(e for e in given if e.label in about and _is_not_there(e))
    return tuple(e for e in given if e not in absent), absent


def _is_not_there(error: EntryError) -> bool:
    """Return whether an error says so: by SQLSTATE, which pg_restore does not print."""
    if error.sqlstate is not None:
        return error.sqlstate in _NOT_THERE
    return error.message.endswith(_SAYS_NOT_THERE)
