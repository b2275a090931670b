"""The platform's invariants: what must hold in its data, one SQL file each.

Loads the files of `invariants/`; runs none. Every file is one SELECT that can be pasted
into psql and returns the violating rows; its comments at the top are its front matter.
Adding an invariant is adding a file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# Every invariant that depends on the time reads it from this setting before it asks the clock.
NOW_SETTING = "kulti_ops.now"

_KEY = re.compile(r"-- (?P<key>[a-z]+): (?P<value>.+)")
_MORE = re.compile(r"--   (?P<value>\S.*)")
_KEYS = frozenset({"title", "group", "source", "requires", "param", "explanation"})
_NEEDED = ("title", "group", "source", "requires")


@dataclass(frozen=True, kw_only=True)
class Invariant:
    """One thing that must hold.

    `requires` names the relations that it reads, `params` the settings `kulti_ops.NAME` that
    change a threshold, with their defaults; `sql` returns the violating rows.
    """

    id: str
    title: str
    group: str
    source: str
    requires: tuple[str, ...]
    params: Mapping[str, str]
    explanation: str
    sql: str


@cache
def load_invariants() -> tuple[Invariant, ...]:
    """Return all invariants, by id."""
    folder = files("kulti_ops.platform") / "invariants"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return tuple(
        parse_invariant(name.removesuffix(".sql"), (folder / name).read_text(encoding="utf-8"))
        for name in names
    )


def parse_invariant(name: str, text: str) -> Invariant:
    """Return the invariant that a file holds.

    Raises: ValueError when its front matter is incomplete or has a key nobody knows.
    """
    facts, params = _front_matter(name, text)
    missing = [key for key in _NEEDED if key not in facts]
    if missing:
        raise ValueError(f"invariant {name} lacks {', '.join(missing)}")
    return Invariant(
        id=name,
        title=facts["title"],
        group=facts["group"],
        source=facts["source"],
        requires=tuple(part.strip() for part in facts["requires"].split(",")),
        params=MappingProxyType(params),
        explanation=facts.get("explanation", ""),
        sql=text,
    )


def _front_matter(name: str, text: str) -> tuple[dict[str, str], dict[str, str]]:
    """Read the comments at the top: `-- key: value`, continued by deeper indentation."""
    facts: dict[str, str] = {}
    params: dict[str, str] = {}
    last = ""
    for line in text.splitlines():
        if found := _KEY.fullmatch(line):
            last, value = found["key"], found["value"]
            if last not in _KEYS:
                raise ValueError(f"invariant {name} has an unknown key {last!r}")
            if last == "param":
                setting, _, default = value.partition(" = ")
                params[setting] = default
            else:
                facts[last] = value
        elif (more := _MORE.fullmatch(line)) and last in facts:
            facts[last] += f" {more['value']}"
        else:
            break
    return facts, params
