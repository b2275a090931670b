"""The operating-system account a server runs as, and what that account can reach.

PostgreSQL refuses to run as root, so root hands its servers to another account.
Owns that rule and the check that a path can be entered; starts nothing.
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kulti_ops.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_ACCOUNT = "nobody"
# The kernel's overflow id, which `nobody` has where it exists.
OVERFLOW_ID = 65534


@dataclass(frozen=True)
class Account:
    """Ids that a server process takes before it starts."""

    name: str
    uid: int
    gid: int


def server_account(name: str = DEFAULT_ACCOUNT) -> Account | None:
    """Return the account that root hands servers to; None when we are not root.

    Raises: ConfigError when `name` is root itself or (unless the default) unknown.
    """
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        if name != DEFAULT_ACCOUNT:
            raise ConfigError(f"there is no account {name} to run a server as") from None
        return Account(name, OVERFLOW_ID, OVERFLOW_ID)
    if entry.pw_uid == 0:
        raise ConfigError(f"a PostgreSQL server can't run as {name}: that is root")
    return Account(name, entry.pw_uid, entry.pw_gid)


def check_enterable(path: Path, account: Account | None) -> None:
    """Check that `account` can reach `path`: every existing folder on the way lets it pass.

    Raises: ConfigError naming the first folder that does not.
    """
    if account is None:
        return
    real = path.resolve()
    for folder in (*reversed(real.parents), real):
        try:
            state = folder.stat()
        except FileNotFoundError:
            return
        if not _may_enter(state, account):
            raise ConfigError(
                f"the account {account.name}, which runs the server, can't enter {folder}",
                hint=f"choose a place outside {folder}: root's servers run as {account.name}",
            )


def hand_over(path: Path, account: Account | None) -> None:
    """Make `account` the owner of `path` (never through a symbolic link)."""
    if account is not None:
        os.chown(path, account.uid, account.gid, follow_symlinks=False)


def make_private_dir(path: Path, account: Account | None) -> None:
    """Create the folder `path` with mode 0700, owned by `account`."""
    path.mkdir(mode=0o700)
    hand_over(path, account)


def make_enterable_dir(path: Path) -> None:
    """Create `path` and what is missing above it so that root's servers can pass through.

    An ordinary user's servers are its own: then the folders are private. The umask has
    no say; folders that exist stay as they are.
    """
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            continue
        folder.chmod(0o711 if os.geteuid() == 0 else 0o700)


def free_bytes(path: Path) -> int:
    """Return the space left for ordinary users where `path` is or would be created."""
    folder = path.resolve()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _may_enter(state: os.stat_result, account: Account) -> bool:
    if not stat.S_ISDIR(state.st_mode):
        return False
    if state.st_uid == account.uid:
        return bool(state.st_mode & stat.S_IXUSR)
    if state.st_gid == account.gid:
        return bool(state.st_mode & stat.S_IXGRP)
    return bool(state.st_mode & stat.S_IXOTH)
