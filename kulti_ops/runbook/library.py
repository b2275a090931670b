"""All diagnostics: the package's own files and users' packs; and what is accepted.

Reads files and settings' texts; asks no database. Adding a diagnostic is adding a file.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from kulti_ops.errors import ConfigError, UsageError
from kulti_ops.platform.invariants import Invariant, load_invariants
from kulti_ops.runbook.diagnostic import GROUPS, Diagnostic, DiagnosticError, parse_diagnostic

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """Findings that are known and accepted: `key` names the column, `values` its values."""

    diagnostic: str
    key: str
    values: frozenset[str]
    reason: str
    date: date


@cache
def load_library() -> tuple[Diagnostic, ...]:
    """Return the package's diagnostics by group; in one, causes before their effects."""
    folder = files("kulti_ops.runbook") / "diagnostics"
    found = [
        parse_diagnostic(
            entry.name.removesuffix(".sql"),
            entry.read_text(encoding="utf-8"),
            invariant=_find_invariant,
        )
        for entry in folder.iterdir()
        if entry.name.endswith(".sql")
    ]
    return tuple(sorted(found, key=_place))


def load_pack(folder: Path) -> tuple[Diagnostic, ...]:
    """Return the diagnostics of a user's folder.

    Raises: ConfigError when it can't be read or a file is no diagnostic.
    """
    own = {diagnostic.id for diagnostic in load_library()}
    found = []
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".sql")
        for path in paths:
            if path.stem in own:
                raise ConfigError(f"{path}: {path.stem} is the name of a diagnostic of kulti-ops")
            found.append(
                parse_diagnostic(
                    path.stem,
                    path.read_text(encoding="utf-8"),
                    invariant=_find_invariant,
                    from_pack=True,
                )
            )
    except DiagnosticError as error:
        raise ConfigError(
            f"{folder}: {error}", hint="docs/how-to/write-a-diagnostic.md lists the keys"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the pack {folder} cannot be read: {error}") from error
    if not found:
        raise ConfigError(f"the pack {folder} holds no .sql file")
    return tuple(found)


def choose(
    library: Iterable[Diagnostic],
    *,
    names: tuple[str, ...] = (),
    groups: tuple[str, ...] = (),
) -> tuple[Diagnostic, ...]:
    """Return the diagnostics named, then those of the groups named, each once.

    Raises: UsageError when a name or group is not there, with what is near.
    """
    by_id = {diagnostic.id: diagnostic for diagnostic in library}
    known = tuple(dict.fromkeys(d.group for d in by_id.values()))
    for name in names:
        if name not in by_id:
            raise UsageError(f"there is no diagnostic {name}", hint=_near(name, tuple(by_id)))
    for group in groups:
        if group not in known:
            raise UsageError(f"there is no group {group}", hint=f"groups: {', '.join(known)}")
    chosen = [by_id[name] for name in names]
    chosen += [d for d in by_id.values() if d.group in groups]
    return tuple({d.id: d for d in chosen}.values())


def with_thresholds(diagnostic: Diagnostic, overrides: Mapping[str, str]) -> Diagnostic:
    """Return the diagnostic with the thresholds that the settings give it."""
    rule = diagnostic.rule
    warn = overrides.get(f"{diagnostic.id}.warn", rule.warn)
    crit = overrides.get(f"{diagnostic.id}.crit", rule.crit)
    changed = replace(
        rule,
        warn=None if warn is None else float(warn),
        crit=None if crit is None else float(crit),
    )
    return replace(diagnostic, rule=changed)


def parse_thresholds(text: str, library: Iterable[Diagnostic]) -> dict[str, str]:
    """Return `blocking.warn=5, processing_max_hours=2` by name.

    Raises: ConfigError for a name that no diagnostic has, or a threshold that is no number.
    """
    known: set[str] = set()
    for diagnostic in library:
        known |= {f"{diagnostic.id}.warn", f"{diagnostic.id}.crit", *diagnostic.params}
    found = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or name not in known:
            raise ConfigError(
                f"KULTI_OPS_THRESHOLDS: no diagnostic has {name}",
                hint="the form is NAME.warn=N, NAME.crit=N or PARAM=VALUE, comma-separated",
            )
        if "." in name:
            try:
                float(value)
            except ValueError:
                raise ConfigError(f"KULTI_OPS_THRESHOLDS: {name} is no number") from None
        found[name] = value
    return found


def load_accepted(extra: Path | None = None) -> tuple[Accepted, ...]:
    """Return the accepted findings: the package's reviewed list, and a file of the user's.

    Raises: ConfigError when a file can't be read or lacks a reason or a date.
    """
    own = (files("kulti_ops.runbook") / "accepted.toml").read_text(encoding="utf-8")
    found = _accepted("accepted.toml", own)
    if extra is not None:
        try:
            text = extra.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"the accepted findings cannot be read: {error}") from error
        found += _accepted(str(extra), text)
    return found


def _accepted(name: str, text: str) -> tuple[Accepted, ...]:
    try:
        entries: list[dict[str, Any]] = tomllib.loads(text)["accepted"]
        return tuple(
            Accepted(
                diagnostic=entry["diagnostic"],
                key=entry["key"],
                values=frozenset(entry["values"]),
                reason=entry["reason"],
                date=entry["date"],
            )
            for entry in entries
        )
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{name}: an accepted finding needs diagnostic, key, values, reason, date ({error})"
        ) from None


def _place(diagnostic: Diagnostic) -> tuple[int, bool, int, str]:
    place = diagnostic.triage
    return (GROUPS.index(diagnostic.group), place is None, place or 0, diagnostic.id)


def _find_invariant(identifier: str) -> Invariant:
    return _invariants_by_id()[identifier]


@cache
def _invariants_by_id() -> dict[str, Invariant]:
    return {invariant.id: invariant for invariant in load_invariants()}


def _near(name: str, known: tuple[str, ...]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, known, n=3)
    return f"did you mean {', '.join(close)}?" if close else "kulti-ops runbook list shows them"
