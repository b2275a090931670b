"""The rows and large objects of an archive, as pg_restore writes them out.

The one place of a hosted restore that reads the archive's data: everything else comes
from its table of contents.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from kulti_ops.process import Child
from kulti_ops.restore.toc import list_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from kulti_ops.archive import Entry
    from kulti_ops.pgtools import Installation

END_TIMEOUT_S = 60.0


@contextmanager
def script_of(
    archive: Path, entries: Iterable[Entry], *, tools: Installation
) -> Iterator[IO[bytes]]:
    """Open the script of some entries; on the way out pg_restore must have ended well.

    Raises: ToolFailedError when it could not read the archive.
    """
    with tempfile.NamedTemporaryFile("w", prefix="kulti-ops-", suffix=".list") as wanted:
        wanted.write(list_file(entries))
        wanted.flush()
        argv = [str(tools.tool("pg_restore")), f"--use-list={wanted.name}", "--file=-"]
        with Child([*argv, str(archive)], env={"LC_ALL": "C"}) as child:
            yield child.stdout
            child.finish(timeout_s=END_TIMEOUT_S)
