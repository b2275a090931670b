"""Free space on a server's disk, where it can be seen from here.

A loopback address may lead into a container or a tunnel: only when the data folder that
the server names is here, and holds the server's own identifier, is its disk ours to see.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kulti_ops.db import translated
from kulti_ops.errors import DatabaseError, RefusedError
from kulti_ops.pgserver import free_bytes
from kulti_ops.progress import size
from kulti_ops.report import CheckResult, Verdict

if TYPE_CHECKING:
    from kulti_ops.backup.manifest import Manifest
    from kulti_ops.db import Connection, Target

# of the source's size: the copy, its indexes' sorts and the log of writing it; as for a drill
SPACE_FACTOR = 1.5
_IDENTIFIER_BYTES = 8  # pg_control begins with it (pg_control.h)

_PLACES = """
SELECT current_setting('data_directory'), pg_tablespace_location(d.dattablespace),
       (SELECT system_identifier FROM pg_control_system())
  FROM pg_database d WHERE d.datname = %s
"""


def server_free_bytes(connection: Connection, target: Target, database: str) -> int | None:
    """Return what is free where a database's files are; None where that cannot be known."""
    if not target.is_local:
        return None
    try:
        with translated("data folder"):
            row = connection.execute(_PLACES, (database,)).fetchone()
    except DatabaseError:
        return None  # only superusers and monitoring roles may know
    if row is None:
        return None
    folder, tablespace, identifier = Path(row[0]), row[1], row[2]
    try:
        with (folder / "global" / "pg_control").open("rb") as file:
            found = file.read(_IDENTIFIER_BYTES)
        same = found in (_identifier(identifier, order) for order in ("little", "big"))
        return free_bytes(Path(tablespace) if tablespace else folder) if same else None
    except OSError:
        return None


def _identifier(value: int, order: Literal["little", "big"]) -> bytes:
    return (value % (1 << 64)).to_bytes(_IDENTIFIER_BYTES, order)


def judge_server_space(manifest: Manifest, free: int | None, *, database: str) -> CheckResult:
    """Judge whether a restored copy fits beside the live database.

    Raises: RefusedError with both figures when it does not.
    """
    needed = manifest.totals.database_bytes * SPACE_FACTOR
    if free is None:
        return CheckResult(
            id="space",
            status=Verdict.SKIPPED,
            summary="the server's disk cannot be seen from here: its free space was not checked; "
            f"the copy beside {database} needs about {size(needed)}",
        )
    if free < needed:
        raise RefusedError(
            f"the server's disk has {size(free)} free, the copy beside {database} needs about "
            f"{size(needed)}",
            hint="free space there; nothing was changed",
        )
    return CheckResult(
        id="space",
        status=Verdict.OK,
        summary=f"the server's disk has {size(free)} free, the copy needs about {size(needed)}",
        evidence={"free_bytes": free, "needed_bytes": int(needed)},
    )
