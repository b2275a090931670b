"""What becomes of publications: the vendor's stay, the customer's are aligned. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kulti_ops.restore.hosted import rules
from kulti_ops.restore.hosted.step import Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kulti_ops.archive import Entry
    from kulti_ops.restore.hosted.view import View

PUBLICATION_PARTS = frozenset({"PUBLICATION TABLE", "PUBLICATION TABLES IN SCHEMA"})


def decide_publication(view: View, entry: Entry) -> Step:
    """Return the step of a PUBLICATION."""
    everything = "FOR ALL TABLES" in entry.definition
    if not view.is_there(entry):
        return Step(entry=entry, rule=rules.SUPERUSER if everything else rules.RUN)
    if not _publication_is_usable(view, entry):
        return Step(entry=entry, rule=rules.PUBLICATION_OF_OTHERS)
    if everything and not view.is_same(entry, ("all tables",)):
        text = f"{entry.drop_statement.rstrip()}\n{entry.definition}"
        return Step(entry=entry, rule=rules.PUBLICATION_ALL, residual=text)
    return Step(entry=entry, rule=rules.PUBLICATION, text=_align(view, entry))


def decide_publication_part(view: View, entry: Entry) -> Step:
    """Return the step of a table or schema in a publication."""
    publication = view.subject(entry)
    if view.is_vendor(entry):
        return Step(entry=entry, rule=rules.VENDOR_PART)
    if publication is not None and view.is_there(publication):
        if not _publication_is_usable(view, publication):
            return Step(entry=entry, rule=rules.PUBLICATION_TABLE)
    elif entry.desc != "PUBLICATION TABLE":
        return Step(entry=entry, rule=rules.SUPERUSER)
    return Step(entry=entry, rule=rules.RUN)


def _publication_is_usable(view: View, publication: Entry) -> bool:
    return view.owner_is_usable(publication)


def _align(view: View, entry: Entry) -> str:
    """Return the statements that make an existing publication the backup's, without tables."""
    item = view.item(entry)
    present = view.facts.items[item.key] if item is not None else None
    name = item.identity if item is not None else ""
    options = entry.definition.partition(" WITH (")[2].rstrip().removesuffix(";")
    lines = [f"ALTER PUBLICATION {name} SET ({options};"] if options else []
    tables = (present.attributes.get("tables") if present is not None else None) or ""
    lines += [f"ALTER PUBLICATION {name} DROP TABLE {t};" for t in _members(tables)]
    return "\n".join(lines) + "\n"


def _members(text: str) -> Iterator[str]:
    """Yield the tables of a publication's inventory text, without columns and conditions."""
    for part in text.split("; ") if text else ():
        yield part.partition(" (")[0].partition(" WHERE ")[0]
