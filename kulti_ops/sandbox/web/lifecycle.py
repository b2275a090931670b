"""The life of the stand-in: start, stop, remove; it lives in `web/` of the sandbox's folder.

The process outlives us. It is recognised by the lock that it holds, never by a bare
process number, and ends with the sandbox.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kulti_ops.config import base_environment
from kulti_ops.errors import OperationFailedError
from kulti_ops.pgserver.process import wait_until
from kulti_ops.sandbox.state import locked
from kulti_ops.sandbox.web.faults import read_faults, write_faults

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

FOLDER = "web"
START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 10.0
_LOCK, _PLAN, _READY, _LOG, _ENV = "web.lock", "plan.json", "ready.json", "web.log", "smoke.env"
_PACKAGE_ROOT = Path(__file__).parents[3]


@dataclass(frozen=True, kw_only=True)
class WebInfo:
    """A running stand-in. `env_file` holds the settings with which smoke tests look at it."""

    url: str
    http_url: str
    status_url: str
    cafile: Path
    env_file: Path
    pid: int
    faults: tuple[str, ...]
    webhook_secret: str = field(repr=False)
    account_cookie: str = field(repr=False)


def start_web(sandbox: Path, *, database_url: str, now: datetime) -> WebInfo:
    """Return the running stand-in of a sandbox: found or started, on its old ports if free.

    Raises: OperationFailedError when it does not come up.
    """
    with locked(sandbox):
        return web_info(sandbox) or _start(sandbox, database_url=database_url, now=now)


def _start(sandbox: Path, *, database_url: str, now: datetime) -> WebInfo:
    from kulti_ops.sandbox.web.account import COOKIE_NAME
    from kulti_ops.sandbox.web.certificates import CA_FILE, make_certificates

    folder = sandbox / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    if not (folder / CA_FILE).exists():
        make_certificates(folder, now=now)
    old = _read(folder / _PLAN)
    before = _read(folder / _READY)
    plan = {
        "database_url": database_url,
        "webhook_secret": old.get("webhook_secret") or secrets.token_hex(16),
        "account_cookie": old.get("account_cookie") or f"{COOKIE_NAME}={secrets.token_hex(16)}",
        "ports": {name: before[name] for name in ("http", "https", "status") if name in before},
    }
    (folder / _READY).unlink(missing_ok=True)
    _write_private(folder / _PLAN, json.dumps(plan))
    _spawn(folder)
    if not wait_until(lambda: web_info(sandbox) is not None, timeout_s=START_TIMEOUT_S):
        stop_web(sandbox)
        raise OperationFailedError(
            "the sandbox's web server does not start", hint=f"see {folder / _LOG}"
        )
    found = web_info(sandbox)
    assert found is not None  # noqa: S101 - it was there a moment ago
    _write_private(found.env_file, _settings(found))
    return found


def _settings(web: WebInfo) -> str:
    """Return the lines of an env file: the site, its CA, its vendors, its secrets."""
    from kulti_ops.services.statuspage import STATUS_PAGES

    pages = ",".join(f"{vendor}={web.status_url}/{vendor}" for vendor in STATUS_PAGES)
    settings = {
        "NEXT_PUBLIC_APP_URL": web.url,
        "KULTI_OPS_HTTP_URL": web.http_url,
        "KULTI_OPS_CAFILE": str(web.cafile),
        "KULTI_OPS_STATUS_PAGES": pages,
        "HMS_APP_SECRET": web.webhook_secret,
        "KULTI_OPS_TEST_ACCOUNT_COOKIE": web.account_cookie,
    }
    return "".join(f"{name}='{value}'\n" for name, value in settings.items())


def web_info(sandbox: Path) -> WebInfo | None:
    """Return the stand-in as it is now; None when it does not run."""
    folder = sandbox / FOLDER
    ready = _read(folder / _READY)
    if not ready or not _is_held(folder / _LOCK):
        return None
    plan = _read(folder / _PLAN)
    return WebInfo(
        url=f"https://localhost:{ready['https']}",
        http_url=f"http://localhost:{ready['http']}",
        status_url=f"http://localhost:{ready['status']}",
        cafile=folder / "ca.pem",
        env_file=folder / _ENV,
        pid=ready["pid"],
        faults=tuple(sorted(read_faults(folder))),
        webhook_secret=str(plan.get("webhook_secret", "")),
        account_cookie=str(plan.get("account_cookie", "")),
    )


def stop_web(sandbox: Path) -> None:
    """End the stand-in's process, if there is one; its ports and faults are kept.

    Raises: OperationFailedError when it does not end.
    """
    folder = sandbox / FOLDER
    pid = _read(folder / _READY).get("pid")
    if pid is None or not _is_held(folder / _LOCK):
        return
    for number, timeout_s in ((signal.SIGTERM, STOP_TIMEOUT_S), (signal.SIGKILL, 5.0)):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        if wait_until(lambda: not _is_held(folder / _LOCK), timeout_s=timeout_s):
            return
    raise OperationFailedError(f"the sandbox's web server (process {pid}) does not end")


def remove_web(sandbox: Path) -> None:
    """End the stand-in and remove everything of it."""
    stop_web(sandbox)
    with suppress(FileNotFoundError):
        shutil.rmtree(sandbox / FOLDER)


def set_faults(sandbox: Path, faults: Iterable[str]) -> None:
    """Put exactly these faults in force."""
    write_faults(sandbox / FOLDER, faults)


def _spawn(folder: Path) -> None:
    """Start the server as a grandchild: nobody has to wait for it."""
    environment = {**base_environment(), "PYTHONPATH": str(_PACKAGE_ROOT)}
    argv = [sys.executable, "-m", "kulti_ops.sandbox.web.serve", str(folder)]
    log = os.open(folder / _LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    script = "import subprocess, sys; subprocess.Popen(sys.argv[1:], start_new_session=True)"
    try:
        subprocess.run(
            [sys.executable, "-c", script, *argv],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            cwd="/",
            timeout=START_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise OperationFailedError("the sandbox's web server cannot be started") from error
    finally:
        os.close(log)


def _is_held(path: Path) -> bool:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
