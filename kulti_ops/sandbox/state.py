"""What a sandbox's folder remembers, and the lock that serializes its changes.

Owns `sandbox.json` (private, replaced atomically) and the lock file beside it.
Starts nothing.
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kulti_ops.clock import iso, parse_iso
from kulti_ops.errors import ConfigError, OperationFailedError, RefusedError
from kulti_ops.pgserver import make_enterable_dir
from kulti_ops.pgserver.process import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

STATE_FILE = "sandbox.json"
_TEMPORARY = f".{STATE_FILE}.tmp"
LOCK_FILE = ".lock"
FAULTS_DIR = "faults"  # what `faults` has staged and not healed
OWN_FILES = (STATE_FILE, _TEMPORARY, LOCK_FILE, FAULTS_DIR)
SCHEMA_VERSION = 1
# A build at scale 1 takes up to two minutes.
LOCK_TIMEOUT_S = 600.0


@dataclass(frozen=True, kw_only=True)
class Record:
    """A sandbox as its folder remembers it; `built_at` is None until it is complete.

    `outside` names the folder that holds the data when the server's account can't
    enter the sandbox's own.
    """

    data_dir: Path
    outside: Path | None
    port: int
    port_chosen: bool
    scale: float
    admin_password: str = field(repr=False)
    postgres_password: str = field(repr=False)
    built_at: datetime | None = None
    started_at: datetime | None = None


def read_record(folder: Path) -> Record | None:
    """Return what the folder remembers; None when it holds no sandbox.

    Raises: ConfigError when it is somebody else's, OperationFailedError when damaged.
    """
    path = folder / STATE_FILE
    try:
        with path.open(encoding="utf-8") as file:
            owner = os.fstat(file.fileno()).st_uid
            document = json.load(file)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError as error:
        raise _not_ours(folder) from error
    except ValueError as error:
        raise OperationFailedError(f"{path} is damaged") from error
    if owner != os.geteuid():
        raise _not_ours(folder)
    try:
        return _parse(document)
    except (KeyError, TypeError, ValueError) as error:
        raise OperationFailedError(
            f"{path} can't be understood", hint="another version of kulti-ops may have made it"
        ) from error


def write_record(folder: Path, record: Record) -> None:
    """Replace the folder's memory, readable for its owner only."""
    text = json.dumps(_document(record), indent=2) + "\n"
    temporary = folder / _TEMPORARY
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        temporary.unlink(missing_ok=True)
        with os.fdopen(os.open(temporary, flags, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(folder / STATE_FILE)
    except OSError as error:
        raise OperationFailedError(
            f"{folder / STATE_FILE} can't be written: {error.strerror}"
        ) from (error)


def forget_record(folder: Path) -> None:
    """Remove the folder's memory; to be done when nothing that it names is left."""
    for name in (STATE_FILE, _TEMPORARY):
        (folder / name).unlink(missing_ok=True)


def remove_folder(folder: Path, *, keep_dir: bool = False) -> None:
    """Remove what this module wrote, and the folder itself when nothing else is in it."""
    forget_record(folder)
    for fault in (folder / FAULTS_DIR).glob("*.json"):
        fault.unlink(missing_ok=True)
    with suppress(OSError):
        (folder / FAULTS_DIR).rmdir()
    (folder / LOCK_FILE).unlink(missing_ok=True)
    if not keep_dir:
        with suppress(OSError):  # not empty, or a mount point
            folder.rmdir()


@contextmanager
def locked(folder: Path) -> Iterator[bool]:
    """Hold the sandbox's lock, making the folder when missing; yields whether it did.

    Raises: RefusedError when another process keeps the lock too long.
    """
    while True:
        made_dir = _make_folder(folder)
        handle = _open_lock(folder)
        try:
            if not wait_until(partial(_try_lock, handle), timeout_s=LOCK_TIMEOUT_S):
                raise RefusedError(
                    f"another process is at work on the sandbox in {folder}",
                    hint="wait for it to end, or end it",
                )
            if _is_current(handle, folder / LOCK_FILE):
                yield made_dir
                return
        finally:
            os.close(handle)


def is_locked(folder: Path) -> bool:
    """Tell whether a process is changing the sandbox right now."""
    try:
        handle = os.open(folder / LOCK_FILE, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        return not _try_lock(handle)
    finally:
        os.close(handle)


def make_data_home(folder: Path) -> None:
    """Make a folder that root's servers can enter.

    Raises: ConfigError when that can't be done.
    """
    try:
        make_enterable_dir(folder)
    except OSError as error:
        raise ConfigError(
            f"the folder {folder} can't be made: {error.strerror}",
            hint="choose another place with --dir",
        ) from error


def _make_folder(folder: Path) -> bool:
    if folder.is_dir():
        return False
    make_data_home(folder)
    return True


def _open_lock(folder: Path) -> int:
    try:
        return os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except PermissionError as error:
        raise _not_ours(folder) from error
    except OSError as error:
        raise ConfigError(
            f"the sandbox's folder {folder} can't be used: {error.strerror}",
            hint="choose another with --dir",
        ) from error


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_current(handle: int, path: Path) -> bool:
    """Tell whether the lock we hold is still the folder's (a destroy removes it)."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _not_ours(folder: Path) -> ConfigError:
    return ConfigError(
        f"the folder {folder} belongs to another account", hint="choose another with --dir"
    )


def _document(record: Record) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "data_dir": str(record.data_dir),
        "outside": None if record.outside is None else str(record.outside),
        "port": record.port,
        "port_chosen": record.port_chosen,
        "scale": record.scale,
        "admin_password": record.admin_password,
        "postgres_password": record.postgres_password,
        "built_at": None if record.built_at is None else iso(record.built_at),
        "started_at": None if record.started_at is None else iso(record.started_at),
    }


def _parse(document: dict[str, Any]) -> Record:
    if document["schema_version"] != SCHEMA_VERSION:
        raise ValueError("another schema")
    built_at, started_at = document["built_at"], document["started_at"]
    return Record(
        data_dir=Path(document["data_dir"]),
        outside=None if document["outside"] is None else Path(document["outside"]),
        port=int(document["port"]),
        port_chosen=bool(document["port_chosen"]),
        scale=float(document["scale"]),
        admin_password=str(document["admin_password"]),
        postgres_password=str(document["postgres_password"]),
        built_at=None if built_at is None else parse_iso(built_at),
        started_at=None if started_at is None else parse_iso(started_at),
    )
