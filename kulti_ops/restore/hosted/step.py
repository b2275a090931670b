"""One entry of an archive and what becomes of it in a hosted project. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kulti_ops.archive import Entry
    from kulti_ops.restore.hosted.rules import Fate, Rule


@dataclass(frozen=True, kw_only=True)
class Step:
    """An entry under its rule.

    `text` runs in place of the entry's own; `owner` gets the object afterwards, and is
    `at_home` where the schema is his own; `detail` says what the rule's reason is about;
    `residual` is for somebody with more rights; `columns` are those of rows that are loaded
    by way of a temporary table, `missing` those of them that the target lacks.
    """

    entry: Entry
    rule: Rule
    text: str | None = None
    owner: str = ""
    at_home: bool = False
    detail: str = ""
    residual: str = ""
    columns: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def fate(self) -> Fate:
        """What becomes of the entry."""
        return self.rule.fate

    @property
    def reason(self) -> str:
        """Why, and about what, as one line."""
        return f"{self.rule.reason}: {self.detail}" if self.detail else self.rule.reason
