"""One PostgreSQL server as an object: create, start, stop, destroy.

Owns the server's settings, its files (data folder, log and socket folder beside
it) and its life. Knows no command line and no feature; what the databases hold is
its callers' business.
"""

from __future__ import annotations

import os
import signal
import socket
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, Self
from urllib.parse import quote, urlencode

from kulti_ops.errors import ConfigError, OperationFailedError, RefusedError
from kulti_ops.pgserver import leftovers
from kulti_ops.pgserver.account import (
    Account,
    check_enterable,
    hand_over,
    make_private_dir,
    server_account,
)
from kulti_ops.pgserver.process import (
    Child,
    ChildPlan,
    is_alive,
    network_isolated,
    recorded_pid,
    run_tool,
    runs_in,
    send,
    server_pids,
    spawn,
    telling_line,
    wait_until,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

    from kulti_ops.pgtools import Installation

INITDB_TIMEOUT_S = 120.0
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 60.0
DEFAULT_PORT = 5432
# sun_path of <sys/un.h> has 108 bytes, the last one zero.
SOCKET_PATH_LIMIT = 107
_PORT_TRIES = 5
_LOG_LIMIT_BYTES = 5_000_000

BASE_SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        # Inside the data folder instead of /dev/shm, which containers keep small and
        # where a killed server leaves its files.
        "dynamic_shared_memory_type": "mmap",
        "lc_messages": "C",
        "log_timezone": "UTC",
        "timezone": "UTC",
        "unix_socket_permissions": "0700",
    }
)
SCRATCH_SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "autovacuum": "off",
        "fsync": "off",
        "full_page_writes": "off",
        "max_wal_senders": "0",
        "synchronous_commit": "off",
        "wal_level": "minimal",
        # Statements and error details hold row data of the backup.
        "log_error_verbosity": "terse",
        "log_min_error_statement": "panic",
    }
)

StopMode = Literal["smart", "fast", "immediate"]
_STOP_SIGNALS: Mapping[StopMode, signal.Signals] = {
    "smart": signal.SIGTERM,
    "fast": signal.SIGINT,
    "immediate": signal.SIGQUIT,
}


@dataclass(frozen=True, kw_only=True)
class ServerSpec:
    """What a server is like.

    `listen` is "tcp" (127.0.0.1 only, no socket; port 0 picks a free one at each
    start) or "socket" (a socket in `socket_dir`, by default beside the data folder;
    the port is part of the socket's name). A password is asked for either way.
    `durable` servers survive a power cut; others are quick and may be lost.
    `die_with_parent` ties the server's life to the thread that starts it (Linux);
    without it the server survives us. `network=False` is best effort, see
    `PgServer.network_isolated`.
    """

    data_dir: Path
    superuser: str
    password: str = field(repr=False)
    listen: Literal["tcp", "socket"] = "socket"
    port: int = 0
    socket_dir: Path | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    durable: bool = False
    network: bool = True
    die_with_parent: bool = True
    locale: str = "C.UTF-8"
    account: Account | None = field(default_factory=server_account)

    def __post_init__(self) -> None:
        """Refuse what can't work."""
        if not self.data_dir.is_absolute():
            raise ValueError(f"data_dir must be absolute: {self.data_dir}")
        if not self.network and self.listen == "tcp":
            raise ValueError("a server without network listens on a socket only")


class PgServer:
    """A PostgreSQL server on `spec.data_dir`, run from `installation`.

    Also stands for one that another process started: what is asked of it is looked
    up in the data folder each time. As a context manager it is created, started and
    destroyed.
    """

    def __init__(self, spec: ServerSpec, installation: Installation) -> None:
        self.spec = spec
        self.installation = installation
        self.port = spec.port or (DEFAULT_PORT if spec.listen == "socket" else 0)
        name = spec.data_dir.name
        self.log_file = spec.data_dir.with_name(f"{name}.log")
        self.socket_dir = spec.socket_dir or spec.data_dir.with_name(f"{name}.run")
        self._child: Child | None = None
        self._created = False

    def __enter__(self) -> Self:
        """Create and start the server."""
        try:
            self.create()
            self.start()
        except BaseException:
            self.destroy()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Destroy the server."""
        self.destroy()

    @property
    def pid(self) -> int | None:
        """The postmaster's process number; None when it does not run."""
        if self._child is not None:
            self._child.reap()
        pid = recorded_pid(self.spec.data_dir)
        return pid if pid is not None and runs_in(pid, self.spec.data_dir) else None

    def is_running(self) -> bool:
        """Tell whether the postmaster lives (it may still be starting or stopping)."""
        return self.pid is not None

    @property
    def network_isolated(self) -> bool:
        """Whether the running server provably has no network of ours."""
        pid = self.pid
        return pid is not None and network_isolated(pid)

    def create(self, *, timeout_s: float = INITDB_TIMEOUT_S) -> None:
        """Make the data folder and fill it with initdb; it may exist empty.

        Raises: RefusedError when the folder holds something, ConfigError when the
        server's account can't reach it, OperationFailedError when initdb fails.
        """
        data_dir = self.spec.data_dir
        check_enterable(data_dir.parent, self.spec.account)
        if data_dir.is_symlink() or (data_dir.exists() and any(data_dir.iterdir())):
            raise RefusedError(
                f"{data_dir} is not empty", hint="a server is only made in an empty folder"
            )
        if data_dir.exists():
            data_dir.rmdir()
        make_private_dir(data_dir, self.spec.account)
        self._created = True
        password_file = data_dir.with_name(f"{data_dir.name}.pw")
        try:
            self._write_password(password_file)
            run_tool(
                self._initdb_argv(password_file),
                plan=ChildPlan(account=self.spec.account, death_signal=signal.SIGKILL),
                cwd=data_dir,
                timeout_s=timeout_s,
            )
        finally:
            password_file.unlink(missing_ok=True)

    def start(self, *, timeout_s: float = START_TIMEOUT_S) -> None:
        """Start the server and wait until it takes connections; nothing if it runs.

        What a killed one left (backends, lock file, shared memory) is removed first.
        Raises: OperationFailedError with what the server said when it does not start.
        """
        if self.is_running():
            return
        if server_pids(self.spec.data_dir):
            leftovers.end_processes(self.spec.data_dir)
        leftovers.remove_stale_lock(self.spec.data_dir)
        self._prepare_socket_dir()
        for _ in range(_PORT_TRIES - 1):
            if self.spec.listen == "socket" or self.spec.port:
                break
            self.port = pick_free_port()
            if self._start_once(timeout_s=timeout_s, give_up=False):
                return
        self.port = self.port or pick_free_port()
        self._start_once(timeout_s=timeout_s, give_up=True)

    def stop(self, mode: StopMode = "fast", *, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """Stop the server; nothing if it does not run.

        Raises: OperationFailedError when it is still there after `timeout_s`.
        """
        pid = self.pid
        if pid is None:
            self._end()
            return
        send(pid, _STOP_SIGNALS[mode])
        if not wait_until(self._is_gone, timeout_s=timeout_s):
            raise OperationFailedError(
                f"the server on {self.spec.data_dir} did not stop within {timeout_s:.0f} s",
                hint=f"see {self.log_file}",
            )
        self._end()

    def destroy(self) -> None:
        """End the server at once and remove its data, log and socket folder.

        Raises: RefusedError when the data folder is not a server's.
        """
        data_dir = self.spec.data_dir
        known = self._created or (data_dir / "PG_VERSION").is_file()
        if data_dir.exists() and not known:
            raise RefusedError(f"{data_dir} holds no PostgreSQL server; it was left alone")
        self._end()
        leftovers.remove_shared_memory(data_dir)
        leftovers.remove_paths((data_dir, self.log_file, self.socket_dir))

    def dsn(
        self, database: str = "postgres", *, user: str | None = None, password: str | None = None
    ) -> str:
        """Return a connection URL, by default for the superuser. It holds the password."""
        if user not in {None, self.spec.superuser} and password is None:
            raise ValueError(f"the password of {user} is needed")
        name = quote(user or self.spec.superuser, safe="")
        secret = quote(password or self.spec.password, safe="")
        path = quote(database, safe="")
        if self.spec.listen == "tcp":
            return f"postgresql://{name}:{secret}@127.0.0.1:{self.port}/{path}"
        where = urlencode({"host": str(self.socket_dir), "port": self.port})
        return f"postgresql://{name}:{secret}@/{path}?{where}"

    def _initdb_argv(self, password_file: Path) -> list[str | Path]:
        argv: list[str | Path] = [
            self.installation.tool("initdb"),
            f"--pgdata={self.spec.data_dir}",
            f"--username={self.spec.superuser}",
            f"--pwfile={password_file}",
            "--auth-local=scram-sha-256",
            "--auth-host=scram-sha-256",
            "--encoding=UTF8",
            f"--locale={self.spec.locale}",
            "--no-instructions",
        ]
        return argv if self.spec.durable else [*argv, "--no-sync"]

    def _write_password(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(f"{self.spec.password}\n")
        hand_over(path, self.spec.account)

    def _prepare_socket_dir(self) -> None:
        if self.spec.listen == "tcp":
            return
        if not socket_path_fits(self.socket_dir, self.port):
            raise ConfigError(
                f"the path of the server's socket is too long: {self.socket_dir}",
                hint=f"choose a folder whose sockets' paths have {SOCKET_PATH_LIMIT} bytes at most",
            )
        leftovers.remove_paths((self.socket_dir,))
        make_private_dir(self.socket_dir, self.spec.account)

    def _server_argv(self) -> list[str | Path]:
        tcp = self.spec.listen == "tcp"
        settings = {
            **BASE_SETTINGS,
            **({} if self.spec.durable else SCRATCH_SETTINGS),
            **self.spec.settings,
            "listen_addresses": "127.0.0.1" if tcp else "",
            "unix_socket_directories": "" if tcp else str(self.socket_dir),
            "port": str(self.port),
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        return [self.installation.tool("postgres"), "-D", self.spec.data_dir, *options]

    def _start_once(self, *, timeout_s: float, give_up: bool) -> bool:
        """Start; return False only for a port that was taken meanwhile (`give_up` raises)."""
        log_fd, log_offset = self._open_log()
        plan = ChildPlan(
            account=self.spec.account,
            network=self.spec.network,
            death_signal=signal.SIGINT if self.spec.die_with_parent else None,
            detached=not self.spec.die_with_parent,
        )
        try:
            self._child = child = spawn(
                self._server_argv(), plan=plan, output_fd=log_fd, cwd=self.spec.data_dir
            )
        finally:
            os.close(log_fd)
        try:
            wait_until(lambda: self._is_ready(child) or _has_ended(child), timeout_s=timeout_s)
            if self._is_ready(child):
                return True
        except BaseException:
            self._end()
            raise
        self._end()
        said = self._log_since(log_offset)
        if not give_up and "Address already in use" in said:
            return False
        raise OperationFailedError(
            f"the server on {self.spec.data_dir} did not start: {telling_line(said)}",
            hint="its last lines: " + " | ".join(said.splitlines()[-5:]),
        )

    def _open_log(self) -> tuple[int, int]:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        handle = os.open(self.log_file, flags, 0o600)
        size = os.fstat(handle).st_size
        if size > _LOG_LIMIT_BYTES:
            os.ftruncate(handle, 0)
            size = 0
        return handle, size

    def _log_since(self, offset: int) -> str:
        with self.log_file.open("rb") as file:
            file.seek(offset)
            return file.read(64_000).decode(errors="replace").strip()

    def _is_ready(self, child: Child) -> bool:
        try:
            lines = (self.spec.data_dir / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        # Line 8 is the postmaster's state, which pg_ctl waits for too.
        return lines[:1] == [str(child.pid)] and lines[7:8] != [] and lines[7].strip() == "ready"

    def _reap(self) -> None:
        if self._child is not None:
            self._child.reap()

    def _end(self) -> None:
        """End whatever still runs, and forget the child."""
        leftovers.end_processes(self.spec.data_dir, reap=self._reap)
        child, self._child = self._child, None
        if child is not None:
            child.collect()

    def _is_gone(self) -> bool:
        self._reap()
        return not server_pids(self.spec.data_dir)


def socket_path_fits(socket_dir: Path, port: int) -> bool:
    """Tell whether the operating system can take the path of the server's socket."""
    return len(os.fsencode(socket_dir / f".s.PGSQL.{port}.lock")) <= SOCKET_PATH_LIMIT


def pick_free_port() -> int:
    """Return a loopback port that is free now (another process may take it meanwhile)."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _has_ended(child: Child) -> bool:
    return child.reap() is not None or not is_alive(child.pid)
