"""Scratch servers: short-lived, in private folders, removed even after a kill.

Each has a folder of an unpredictable name under a root, with an owner file that the
owning process keeps locked for as long as it lives. A folder whose lock is free has
no owner any more and is reaped, its server first.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import stat
import sys
import tempfile
from concurrent.futures import wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kulti_ops.background import begin
from kulti_ops.errors import ConfigError
from kulti_ops.interruption import put_off
from kulti_ops.pgserver import leftovers
from kulti_ops.pgserver.account import (
    Account,
    check_enterable,
    make_enterable_dir,
    make_private_dir,
    server_account,
)
from kulti_ops.pgserver.server import PgServer
from kulti_ops.pgserver.spec import DEFAULT_PORT, ServerSpec, socket_path_fits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from concurrent.futures import Future

    from kulti_ops.pgtools import Installation

_PREFIX = "scratch-"
_SOCKET_PREFIX = "kulti-run-"
_OWNER_FILE = "owner.json"
_DATA_NAME = "data"
_INITDB_ENDS_S = 0.05  # after it was ended
# From <linux/fs.h>.
_FS_IOC_GETFLAGS = 0x80086601
_FS_IOC_SETFLAGS = 0x40086602
_FS_TOPDIR_FL = 0x00020000


@dataclass(frozen=True, kw_only=True)
class ScratchOptions:
    """What may differ between scratch servers; see `ServerSpec`."""

    superuser: str = "scratch_admin"
    listen: Literal["tcp", "socket"] = "socket"
    network: bool = True
    die_with_parent: bool = True
    settings: Mapping[str, str] = field(default_factory=dict)
    account: Account | None = field(default_factory=server_account)


@contextmanager
def scratch_server(
    root: Path, installation: Installation, *, options: ScratchOptions | None = None
) -> Iterator[PgServer]:
    """Run a server with a random password under `root`; destroy it at the end.

    `root` is created when missing and first cleared of dead owners' servers.
    Raises: ConfigError when `root` can't be used; what `PgServer` raises.
    """
    with coming_scratch_server(root, installation, options=options) as arrived:
        yield arrived()


@contextmanager
def coming_scratch_server(
    root: Path, installation: Installation, *, options: ScratchOptions | None = None
) -> Iterator[Callable[[], PgServer]]:
    """Do as `scratch_server`, but have the server made beside what comes before it is needed.

    What is yielded starts the server and returns it, once it is made; it raises what
    `PgServer` raises. Leaving the context destroys it, in whatever state it is.
    Raises: ConfigError when `root` can't be used.
    """
    chosen = options or ScratchOptions()
    _prepare_root(root, chosen.account)
    reap_scratch(root)
    folder, owner_fd, socket_dir = _claim_folder(root)
    try:
        if socket_dir.parent != folder:
            make_private_dir(socket_dir, chosen.account)
        spec = ServerSpec(
            data_dir=folder / _DATA_NAME,
            superuser=chosen.superuser,
            password=secrets.token_urlsafe(24),
            listen=chosen.listen,
            socket_dir=socket_dir,
            settings=chosen.settings,
            network=chosen.network,
            die_with_parent=chosen.die_with_parent,
            account=chosen.account,
        )
        with _made_beside(PgServer(spec, installation)) as arrived:
            yield arrived
    finally:
        leftovers.remove_paths((socket_dir, folder))
        os.close(owner_fd)


@contextmanager
def _made_beside(server: PgServer) -> Iterator[Callable[[], PgServer]]:
    """Make a server in a thread: initdb may start there, the server itself must not.

    It would end with the thread that started it.
    """
    made: Future[None] | None = None

    def arrived() -> PgServer:
        assert made is not None  # noqa: S101 - nobody asks before
        made.result()
        server.start()
        return server

    try:
        with put_off():
            made = begin(server.create, name="initdb")
        yield arrived
    finally:
        with put_off():  # an interruption that comes now has to wait until nothing is left
            while made is not None and not made.done():  # nobody needs it any more
                leftovers.end_processes(server.spec.data_dir)
                wait((made,), timeout=_INITDB_ENDS_S)
            server.destroy()


def reap_scratch(root: Path) -> tuple[Path, ...]:
    """Remove the scratch servers under `root` whose owners are dead; return their folders.

    A server that still runs is ended first. Folders of living owners, and whatever
    is not ours, stay.
    """
    if not root.is_dir():
        return ()
    with _root_locked(root):
        dead = tuple(folder for folder in sorted(root.glob(f"{_PREFIX}*")) if _is_ownerless(folder))
        for folder in dead:
            _remove_scratch(folder)
    return dead


def _prepare_root(root: Path, account: Account | None) -> None:
    try:
        make_enterable_dir(root)
        state = root.stat()
    except OSError as error:
        raise ConfigError(
            f"the folder for scratch servers {root} can't be made: {error.strerror}",
            hint="choose a folder that can be written",
        ) from error
    shared = state.st_mode & stat.S_IWOTH and not state.st_mode & stat.S_ISVTX
    if state.st_uid not in {0, os.geteuid()} or shared:
        raise ConfigError(
            f"others can change the folder for scratch servers {root}",
            hint="choose a folder that only you can write",
        )
    check_enterable(root, account)
    if not state.st_mode & stat.S_ISVTX:  # a folder like /tmp is not ours to change
        _spread(root)


def _spread(root: Path) -> None:
    """Have ext4 place each server's folder apart from the others, where the filesystem is one.

    Before it makes a file ext4 looks at every inode near it that was deleted within the last
    minute: making a server where another was just removed takes a second instead of a third.
    The flag is `chattr +T`. Elsewhere there is no such flag, and no need.
    """
    try:
        handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return  # one may write to it, but not read it
    try:
        flags = bytearray(8)
        fcntl.ioctl(handle, _FS_IOC_GETFLAGS, flags)
        wanted = int.from_bytes(flags[:4], sys.byteorder) | _FS_TOPDIR_FL
        flags[:4] = wanted.to_bytes(4, sys.byteorder)
        fcntl.ioctl(handle, _FS_IOC_SETFLAGS, flags)
    except OSError:
        return  # another system, another filesystem, another owner: it is only slower
    finally:
        os.close(handle)


@contextmanager
def _root_locked(root: Path) -> Iterator[None]:
    """Keep a folder that is just being claimed from looking ownerless."""
    name = f".lock-{os.geteuid()}"
    handle = os.open(root / name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _claim_folder(root: Path) -> tuple[Path, int, Path]:
    """Create a folder that is ours: returns it, the locked owner file, the socket's folder.

    Others may pass through as far as the data folder, which is the server's alone.
    """
    folder = root / f"{_PREFIX}{secrets.token_hex(8)}"
    socket_dir = folder / "run"
    if not socket_path_fits(socket_dir, DEFAULT_PORT):
        socket_dir = Path(tempfile.gettempdir()) / f"{_SOCKET_PREFIX}{secrets.token_hex(8)}"
    with _root_locked(root):
        folder.mkdir(mode=0o700)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        handle = os.open(folder / _OWNER_FILE, flags, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX)
        owner = {"pid": os.getpid(), "socket_dir": str(socket_dir)}
        os.write(handle, json.dumps(owner).encode())
    folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
    return folder, handle, socket_dir


def _is_ownerless(folder: Path) -> bool:
    state = folder.lstat()
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.geteuid():
        return False
    try:
        handle = os.open(folder / _OWNER_FILE, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


def _remove_scratch(folder: Path) -> None:
    data_dir = folder / _DATA_NAME
    leftovers.end_processes(data_dir)
    leftovers.remove_shared_memory(data_dir)
    with suppress(OSError, ValueError, KeyError, TypeError):
        socket_dir = Path(json.loads((folder / _OWNER_FILE).read_text())["socket_dir"])
        if socket_dir.name.startswith(_SOCKET_PREFIX):
            leftovers.remove_paths((socket_dir,))
    leftovers.remove_paths((folder,))
