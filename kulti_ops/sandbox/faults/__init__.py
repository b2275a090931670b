"""Incidents to practise on: staged for real in the sandbox, and taken back exactly.

`SCENARIOS` is all there are. Adding one is adding it to a module's `SCENARIOS`; adding a
module is adding it to `_MODULES`. What is broken is remembered in the sandbox's folder.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from kulti_ops.errors import NotFoundError, OperationFailedError, RefusedError, UsageError
from kulti_ops.sandbox.faults import objects, rows, sessions, web
from kulti_ops.sandbox.faults.scenario import Scenario, Site, Staged, admin_session
from kulti_ops.sandbox.lifecycle import status
from kulti_ops.sandbox.state import FAULTS_DIR

if TYPE_CHECKING:
    from pathlib import Path

_MODULES = (sessions, objects, rows, web)

SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario for module in _MODULES for scenario in module.SCENARIOS
}


@dataclass(frozen=True, kw_only=True)
class Broken:
    """A scenario that was staged and not healed."""

    scenario: Scenario
    staged: Staged


def stage(folder: Path, name: str) -> Scenario:
    """Break the running sandbox of `folder` as the scenario says.

    Raises: UsageError for an unknown scenario, RefusedError when it is staged already,
    NotFoundError when there is no running sandbox, DatabaseError.
    """
    scenario = _scenario(name)
    site = _site(folder)
    path = _path(folder, name)
    if path.exists():
        raise RefusedError(
            f"{name} is staged already", hint=f"kulti-ops sandbox heal {name}, then break it again"
        )
    staged = scenario.stage(site)
    _write(path, staged)
    return scenario


def heal(folder: Path, name: str | None = None) -> tuple[Scenario, ...]:
    """Take back one scenario, or all that are staged; return those.

    Raises: UsageError for an unknown scenario, NotFoundError when there is no running
    sandbox or the scenario is not staged, DatabaseError.
    """
    site = _site(folder)
    found = staged_in(folder)
    if name is not None:
        _scenario(name)
        found = tuple(broken for broken in found if broken.scenario.name == name)
        if not found:
            raise NotFoundError(f"{name} is not staged", hint="kulti-ops sandbox break lists them")
    for broken in found:
        if broken.scenario.heal is not None:
            broken.scenario.heal(site, broken.staged)
        if broken.staged.undo:
            with admin_session(site) as connection:
                for statement in broken.staged.undo:
                    connection.execute(statement.encode())
        _path(folder, broken.scenario.name).unlink()
    return tuple(broken.scenario for broken in found)


def staged_in(folder: Path) -> tuple[Broken, ...]:
    """Return what is staged in the sandbox of `folder`."""
    return tuple(
        Broken(scenario=scenario, staged=_read(path))
        for name, scenario in SCENARIOS.items()
        if (path := _path(folder, name)).exists()
    )


def _scenario(name: str) -> Scenario:
    if name not in SCENARIOS:
        raise UsageError(f"there is no scenario {name}", hint=f"there are {', '.join(SCENARIOS)}")
    return SCENARIOS[name]


def _site(folder: Path) -> Site:
    info = status(folder)
    if info is None or info.state != "running":
        raise NotFoundError(f"no sandbox runs in {folder}", hint="kulti-ops sandbox start")
    return Site(folder=folder, database_url=info.database_url, admin_url=info.admin_url)


def _path(folder: Path, name: str) -> Path:
    return folder / FAULTS_DIR / f"{name}.json"


def _write(path: Path, staged: Staged) -> None:
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(staged), file)
    except OSError as error:
        with suppress(OSError):
            path.unlink()
        raise OperationFailedError(f"{path} cannot be written: {error.strerror}") from error


def _read(path: Path) -> Staged:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return Staged(undo=tuple(document["undo"]), pid=document["pid"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OperationFailedError(f"{path} is damaged") from error
