"""Running kulti-ops as a user does: a process of its own, with nothing of this environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from tests.functional.support import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def kulti_ops(
    *arguments: str,
    folder: Path,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
) -> subprocess.CompletedProcess[str]:
    """Run a command in `folder` with only these variables."""
    done = subprocess.run(
        [sys.executable, "-m", "kulti_ops", *arguments],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONPATH": str(ROOT),
            "KULTI_OPS_STATE_DIR": str(folder / "state"),
            **(env or {}),
        },
        input=stdin,
        capture_output=True,
        check=False,
        timeout=60,
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


def document(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Return the one JSON document on stdout."""
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def statuses(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """Return the verdict of each check."""
    return {result["id"]: result["status"] for result in document(done)["results"]}
