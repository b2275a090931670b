"""The hosted platform's own part of a database, as SQL files. Loads them; runs none.

`vendor/` is what the platform brings: roles, schemas, tables, rights. `new_project/` is what
a project created today has beyond that: rows of its own, and a platform grown a little newer
than the one that a backup was taken from.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

ADMIN_ROLE = "supabase_admin"  # the platform's superuser, who makes all of this
OWNER_ROLE = "postgres"  # the strongest role that a customer gets
# What does not come along when a database is copied.
DATABASE_SCRIPT = "01_database.sql"
# Stand-ins for extensions that the embedded PostgreSQL lacks.
EXTENSIONS_DIR = Path(__file__).parent / "vendor" / "extensions"


@dataclass(frozen=True, kw_only=True)
class Script:
    """One numbered file of SQL."""

    name: str
    text: str

    @property
    def number(self) -> int:
        """Where it stands in the order."""
        return int(self.name[:2])


def read_scripts(folder: Traversable) -> tuple[Script, ...]:
    """Return a folder's files of SQL, in the order they run."""
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return tuple(
        Script(name=name, text=(folder / name).read_text(encoding="utf-8")) for name in names
    )


def vendor_scripts() -> tuple[Script, ...]:
    """Return what the platform brings to every project."""
    return read_scripts(files("kulti_ops.platform") / "vendor")


def new_project_scripts() -> tuple[Script, ...]:
    """Return everything that makes an empty database of a fresh server a new project."""
    newer = read_scripts(files("kulti_ops.platform") / "new_project")
    return tuple(sorted((*vendor_scripts(), *newer), key=lambda script: script.name))
