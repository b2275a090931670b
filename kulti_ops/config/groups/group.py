"""What the groups of settings are made of."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict

from kulti_ops.errors import ConfigError

# Root's home is private, and root's servers run as another account.
ROOT_STATE = Path("/var/lib/kulti-ops")

Folder = Annotated[Path, AfterValidator(Path.expanduser)]


class Group(BaseModel):
    """Settings that belong together; `TITLE` heads them in the documentation."""

    TITLE: ClassVar[str]

    model_config = ConfigDict(defer_build=True)  # only the whole is ever built


def names(*variables: str) -> AliasChoices:
    """Return the variables that a setting is read from, the one that counts first."""
    return AliasChoices(*variables)


def listed(text: str) -> frozenset[str]:
    """Return the names in a comma-separated list, in lower case."""
    return frozenset(name.strip().lower() for name in text.split(",") if name.strip())


def xdg(variable: str, default: str) -> Path:
    """Return our folder below one of the XDG base folders.

    Raises: ConfigError when there is no home folder to begin with.
    """
    base = os.environ.get(variable)
    try:
        return (Path(base) if base else Path.home() / default) / "kulti-ops"
    except RuntimeError as error:  # no HOME, and the account has no entry
        raise ConfigError(
            "this account has no home folder", hint=f"set HOME, {variable}, or KULTI_OPS_*_DIR"
        ) from error


def is_root() -> bool:
    """Return whether we run as root, whose files others' programs cannot reach."""
    return os.geteuid() == 0
