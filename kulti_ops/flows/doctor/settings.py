"""Questions about the settings: misspelt names, and files that others can read."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from kulti_ops import config
from kulti_ops.flows.doctor.check import Answer, ok
from kulti_ops.report import Verdict

if TYPE_CHECKING:
    from pathlib import Path


def settings(env_file: Path | None) -> Answer:
    """Check that every `KULTI_OPS_*` name means something, and no file gives secrets away."""
    unknown = [_misspelt(name) for name in config.unknown_names(env_file=env_file)]
    exposed = config.exposed_files(env_file)
    read = [str(path) for path in config.settings_files(env_file)]
    if not unknown and not exposed:
        where = ", ".join(["the environment", *read])
        return ok(f"every KULTI_OPS_ name in {where} is known", files=read)
    parts = [*(text for text, _ in unknown)]
    parts += [
        f"{file.path} can be read by others and holds {', '.join(file.secrets)}" for file in exposed
    ]
    steps = [f"chmod 600 {shlex.quote(str(file.path))}" for file in exposed]
    steps += [step for _, step in unknown]
    return Answer(
        status=Verdict.WARN,
        summary="; ".join(parts),
        next="; ".join(steps),
        evidence={"files": read, "unknown": config.unknown_names(env_file=env_file)},
    )


def _misspelt(name: str) -> tuple[str, str]:
    """Return what is wrong with a name, and what to do."""
    nearest = config.nearest_name(name)
    if nearest is None:
        return f"{name} is no setting", f"remove {name}: .env.example lists all settings"
    return f"{name} is no setting: {nearest}?", f"rename {name} to {nearest}"
