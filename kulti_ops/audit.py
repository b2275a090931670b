"""The audit log: one JSON line for everything that alters or deletes something.

Adapter over one file in the state folder, 0600, appended under a lock, synced
before the deed: what was begun is written even when we are killed. Holds no secrets
and no row data.
"""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kulti_ops.clock import iso
from kulti_ops.errors import OperationFailedError
from kulti_ops.redact import redact

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE_NAME = "audit.jsonl"


def write_audit(state: Path, *, action: str, target: str, details: Mapping[str, Any]) -> None:
    """Append one line, with the time at which it is written.

    Raises: OperationFailedError when it cannot be written: then the deed must not be done.
    """
    line = {
        "at": iso(datetime.now(UTC)),
        "action": action,
        "target": target,
        "user": _user(),
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "details": dict(details),
    }
    text = redact(json.dumps(line, ensure_ascii=False, default=str)) + "\n"
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(state / FILE_NAME, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise OperationFailedError(
            f"cannot write the audit log {state / FILE_NAME}: {error.strerror or error}",
            hint="set KULTI_OPS_STATE_DIR to a folder that can be written",
        ) from error


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
