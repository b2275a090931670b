"""A diagnostic: one read-only question with a verdict, written as one `.sql` file.

Parses the front matter (comments of the form `-- key: value`, continued by deeper
indentation) strictly and returns values; reads no file and asks no database.
docs/how-to/write-a-diagnostic.md explains the keys.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kulti_ops.platform.invariants import Invariant

GROUPS = ("database", "access", "platform", "business")
PACK_GROUP = "pack"

_KEY = re.compile(r"-- (?P<key>[a-z]+): (?P<value>\S.*)")
_MORE = re.compile(r"--   (?P<value>\S.*)")
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_PARAM = re.compile(r"(?P<name>[a-z][a-z0-9_]*) = (?P<default>.*)")
_COMPARED = re.compile(r"(?P<measure>[a-z][a-z0-9_]*) (?P<operator>>=|<)")
_ONCE = frozenset(
    {"title", "group", "when", "explanation", "next", "finding", "verdict", "warn", "crit"}
    | {"requires", "evidence", "noun", "key", "triage", "invariant"}
)
_NEEDED = ("title", "group", "when", "explanation", "next", "verdict")


class Kind(StrEnum):
    """How rows become a verdict."""

    INFO = "info"  # rows are measurements; there is nothing to find
    COUNT = "count"  # every row is a finding; the thresholds are for their number
    COLUMN = "column"  # a row is a finding when its measure passes a threshold


class Needed(StrEnum):
    """What a diagnostic can require."""

    RELATION = "relation"
    COLUMN = "column"
    EXTENSION = "extension"
    SCHEMA = "schema"
    ROLE = "role"


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """Something that must be there: a relation, `schema.table.column`, extension, schema, role."""

    kind: Needed
    name: str

    def __str__(self) -> str:
        return self.name if self.kind is Needed.RELATION else f"{self.kind} {self.name}"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """The verdict rule: a finding is a measure `>=` (or `<`) the threshold."""

    kind: Kind
    measure: str = ""
    below: bool = False
    warn: float | None = None
    crit: float | None = None


@dataclass(frozen=True, kw_only=True)
class Diagnostic:
    """One diagnostic.

    `sql` is the whole question, pasteable into psql. `evidence_sql` returns one row whose
    columns are evidence: `examined` (how many things were looked at) and `unexamined` (how
    many could not be) have a meaning, others are shown as they are. `finding` and `next`
    are templates over the worst row's columns. `triage` is its place there, the cause
    before its effects; None when triage does not ask it.
    """

    id: str
    title: str
    group: str
    when: str
    explanation: str
    next: str
    rule: Rule
    sql: str
    finding: str = ""
    requires: tuple[Requirement, ...] = ()
    params: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    evidence_sql: str = ""
    noun: str = "rows"
    key: str = ""
    triage: int | None = None
    invariants: tuple[str, ...] = ()
    from_pack: bool = False


class DiagnosticError(ValueError):
    """A file is no diagnostic; the message says where and why."""


def parse_diagnostic(
    name: str,
    text: str,
    *,
    invariant: Callable[[str], Invariant],
    from_pack: bool = False,
) -> Diagnostic:
    """Return the diagnostic that a file holds; `invariant` finds one by its id.

    Raises: DiagnosticError when the front matter is incomplete, or has what nobody knows.
    """
    if not _NAME.fullmatch(name):
        raise DiagnosticError(f"{name}: a name is lower-case words with hyphens between")
    facts, params, body = _front_matter(name, text)
    missing = [key for key in _NEEDED if key not in facts]
    if missing:
        raise DiagnosticError(f"{name} lacks {', '.join(missing)}")
    _check_group(name, facts["group"], from_pack=from_pack)
    rule = _rule(name, facts)
    if rule.kind is not Kind.INFO and "finding" not in facts:
        raise DiagnosticError(f"{name} lacks finding")
    found = _invariants(name, facts, invariant)
    if bool(found) == bool(body):
        raise DiagnosticError(f"{name} needs either a query or an invariant")
    inherited = [r for i in found for r in i.requires]
    own = [part.strip() for part in facts.get("requires", "").split(",") if part.strip()]
    return Diagnostic(
        id=name,
        title=facts["title"],
        group=facts["group"],
        when=facts["when"],
        explanation=facts["explanation"],
        next=facts["next"],
        finding=facts.get("finding", ""),
        rule=rule,
        sql=text.rstrip() + "\n" if body else text.rstrip() + "\n" + _invariants_sql(found),
        requires=tuple(_requirement(name, text) for text in dict.fromkeys([*own, *inherited])),
        params=MappingProxyType({**{k: v for i in found for k, v in i.params.items()}, **params}),
        evidence_sql=facts.get("evidence", ""),
        noun=facts.get("noun", "rows"),
        key=facts.get("key", ""),
        triage=_number(name, "triage", facts),
        invariants=tuple(i.id for i in found),
        from_pack=from_pack,
    )


def _front_matter(name: str, text: str) -> tuple[dict[str, str], dict[str, str], str]:
    """Return the facts, the parameters with their defaults, and the query."""
    facts: dict[str, str] = {}
    params: dict[str, str] = {}
    last = ""
    lines = text.splitlines()
    at = 0
    for at, line in enumerate(lines):  # noqa: B007 - where the front matter ends
        if found := _KEY.fullmatch(line):
            last, value = found["key"], found["value"].strip()
            if last == "param":
                _add_param(name, value, params)
            elif last not in _ONCE:
                raise DiagnosticError(f"{name}: nobody knows the key {last!r}")
            elif last in facts:
                raise DiagnosticError(f"{name}: {last} stands twice")
            else:
                facts[last] = value
        elif (more := _MORE.fullmatch(line)) and last in facts:
            facts[last] += f" {more['value'].strip()}"
        else:
            break
    else:
        at = len(lines)
    query = "\n".join(lines[at:]).strip()
    if query.endswith(";"):
        raise DiagnosticError(f"{name}: the query must not end with a semicolon")
    return facts, params, query


def _add_param(name: str, value: str, params: dict[str, str]) -> None:
    found = _PARAM.fullmatch(value)
    if found is None:
        raise DiagnosticError(f"{name}: a param is written as `name = default`, not {value!r}")
    params[found["name"]] = found["default"]


def _check_group(name: str, group: str, *, from_pack: bool) -> None:
    if from_pack and not _NAME.fullmatch(group):
        raise DiagnosticError(f"{name}: a group is lower-case words with hyphens between")
    if not from_pack and group not in GROUPS:
        raise DiagnosticError(f"{name}: the groups are {', '.join(GROUPS)}")


def _rule(name: str, facts: Mapping[str, str]) -> Rule:
    text = facts["verdict"]
    warn, crit = _threshold(name, "warn", facts), _threshold(name, "crit", facts)
    if text == Kind.INFO:
        if warn is not None or crit is not None:
            raise DiagnosticError(f"{name}: info has no thresholds")
        return Rule(kind=Kind.INFO)
    if warn is None and crit is None:
        raise DiagnosticError(f"{name} lacks warn or crit")
    if text == Kind.COUNT:
        return Rule(kind=Kind.COUNT, warn=warn, crit=crit)
    found = _COMPARED.fullmatch(text)
    if found is None:
        raise DiagnosticError(f"{name}: a verdict is info, count, `COLUMN >=` or `COLUMN <`")
    below = found["operator"] == "<"
    return Rule(kind=Kind.COLUMN, measure=found["measure"], below=below, warn=warn, crit=crit)


def _threshold(name: str, key: str, facts: Mapping[str, str]) -> float | None:
    if key not in facts:
        return None
    try:
        return float(facts[key])
    except ValueError:
        raise DiagnosticError(f"{name}: {key} is no number: {facts[key]!r}") from None


def _number(name: str, key: str, facts: Mapping[str, str]) -> int | None:
    if key not in facts:
        return None
    if not facts[key].isdigit():
        raise DiagnosticError(f"{name}: {key} is no number: {facts[key]!r}")
    return int(facts[key])


def _requirement(name: str, text: str) -> Requirement:
    kind, _, rest = text.rpartition(" ")
    if not kind:
        if rest.count(".") != 1:
            raise DiagnosticError(f"{name}: a relation is written schema.name, not {rest!r}")
        return Requirement(kind=Needed.RELATION, name=rest)
    try:
        return Requirement(kind=Needed(kind), name=rest)
    except ValueError:
        raise DiagnosticError(f"{name} requires {text!r}, which nobody understands") from None


def _invariants(
    name: str, facts: Mapping[str, str], find: Callable[[str], Invariant]
) -> tuple[Invariant, ...]:
    ids = [part.strip() for part in facts.get("invariant", "").split(",") if part.strip()]
    try:
        return tuple(find(identifier) for identifier in ids)
    except KeyError as error:
        raise DiagnosticError(f"{name}: there is no invariant {error.args[0]}") from None


def _invariants_sql(invariants: tuple[Invariant, ...]) -> str:
    """Return one query over the violations of all of them; a lone one is taken as it is."""
    if len(invariants) == 1:
        return invariants[0].sql.rstrip() + "\n"
    return "\nUNION ALL\n".join(_violations_sql(i) for i in invariants) + "\n"


def _violations_sql(invariant: Invariant) -> str:
    """Return the violations as rows that are alike for all invariants."""
    title = invariant.title.replace("'", "''")
    # the texts are files of this package
    return (
        f"SELECT '{invariant.id}' AS rule, '{title}' AS must_hold,"  # noqa: S608
        f" to_jsonb(v) AS violation\n  FROM (\n{invariant.sql.rstrip()}\n) v"
    )
