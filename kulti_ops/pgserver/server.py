"""One PostgreSQL server as an object: create, start, stop, destroy.

Owns the server's settings, its files (data folder, log and socket folder beside
it) and its life. Knows no command line and no feature; what the databases hold is
its callers' business.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Literal, Self
from urllib.parse import quote, urlencode

from kulti_ops.errors import ConfigError, OperationFailedError, RefusedError
from kulti_ops.pgserver import leftovers
from kulti_ops.pgserver.account import (
    check_enterable,
    hand_over,
    make_private_dir,
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
from kulti_ops.pgserver.spec import (
    BASE_SETTINGS,
    DEFAULT_PORT,
    SCRATCH_SETTINGS,
    SOCKET_PATH_LIMIT,
    ServerSpec,
    pick_free_port,
    socket_path_fits,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

    from kulti_ops.pgtools import Installation

INITDB_TIMEOUT_S = 120.0
SETTINGS_AT_INITDB_SINCE = 16
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 60.0
_PORT_TRIES = 5
_LOG_LIMIT_BYTES = 5_000_000

StopMode = Literal["smart", "fast", "immediate"]
_STOP_SIGNALS: Mapping[StopMode, signal.Signals] = {
    "smart": signal.SIGTERM,
    "fast": signal.SIGINT,
    "immediate": signal.SIGQUIT,
}


class PgServer:
    """A PostgreSQL server on `spec.data_dir`, run from `installation`.

    Also stands for one that another process started: what is asked of it is looked
    up in the data folder each time. As a context manager it is created, started and
    destroyed. Without an installation it can be looked at, stopped and destroyed.
    """

    def __init__(self, spec: ServerSpec, installation: Installation | None = None) -> None:
        self.spec = spec
        self.installation = installation
        self.port = spec.port or (DEFAULT_PORT if spec.listen == "socket" else 0)
        name = spec.data_dir.name
        self.log_file = spec.data_dir.with_name(f"{name}.log")
        self.socket_dir = spec.socket_dir or spec.data_dir.with_name(f"{name}.run")
        self._password_file = spec.data_dir.with_name(f"{name}.pw")
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

    def is_ready(self) -> bool:
        """Tell whether the server takes connections."""
        pid = self.pid
        if pid is None:
            return False
        try:
            lines = (self.spec.data_dir / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        # Line 8 is the postmaster's own word, which pg_ctl waits for too.
        return lines[:1] == [str(pid)] and lines[7:8] != [] and lines[7].strip() == "ready"

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
        try:
            self._write_password(self._password_file)
            run_tool(
                self._initdb_argv(),
                plan=ChildPlan(account=self.spec.account, death_signal=signal.SIGKILL),
                cwd=data_dir,
                timeout_s=timeout_s,
            )
        finally:
            self._password_file.unlink(missing_ok=True)

    def start(self, *, timeout_s: float = START_TIMEOUT_S) -> None:
        """Start the server and wait until it takes connections; nothing if it runs.

        What a killed one left (backends, lock file, shared memory) is removed first.
        Raises: OperationFailedError with what the server said when it does not start.
        """
        if self.is_running() and self._settles(timeout_s=timeout_s):
            return
        # Also a child that no longer works in the folder, but has not quite ended.
        self._end()
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
        self.remove()

    def remove(self) -> None:
        """Do what `destroy` does to a folder that the caller knows to be a server's.

        One that was killed during initdb doesn't look like one.
        """
        self._end()
        leftovers.remove_shared_memory(self.spec.data_dir)
        leftovers.remove_paths(
            (self.spec.data_dir, self.log_file, self.socket_dir, self._password_file)
        )

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

    def sync_to_disk(self, *, timeout_s: float = INITDB_TIMEOUT_S) -> None:
        """Write a stopped server's files to the disk, so that it may become durable."""
        run_tool(
            [self._tool("initdb"), "--sync-only", f"--pgdata={self.spec.data_dir}"],
            plan=ChildPlan(account=self.spec.account, death_signal=signal.SIGKILL),
            cwd=self.spec.data_dir,
            timeout_s=timeout_s,
        )

    def _tool(self, name: str) -> Path:
        if self.installation is None:
            raise ValueError("this server was opened without an installation")
        return self.installation.tool(name)

    def _initdb_argv(self) -> list[str | Path]:
        argv: list[str | Path] = [
            self._tool("initdb"),
            f"--pgdata={self.spec.data_dir}",
            f"--username={self.spec.superuser}",
            f"--pwfile={self._password_file}",
            "--auth-local=scram-sha-256",
            "--auth-host=scram-sha-256",
            "--encoding=UTF8",
            f"--locale={self.spec.locale}",
            "--no-instructions",
        ]
        chosen = {"dynamic_shared_memory_type": BASE_SETTINGS["dynamic_shared_memory_type"]}
        if not self.spec.durable:
            argv.append("--no-sync")
            chosen["wal_init_zero"] = "off"
        if self.installation is not None and self.installation.major >= SETTINGS_AT_INITDB_SINCE:
            argv += [f"--set={name}={value}" for name, value in chosen.items()]
        return argv

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
        return [self._tool("postgres"), "-D", self.spec.data_dir, *options]

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
            wait_until(lambda: self.is_ready() or _has_ended(child), timeout_s=timeout_s)
            if self.is_ready():
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

    def _settles(self, *, timeout_s: float) -> bool:
        """Wait until a running server is ready (True) or gone (False)."""
        wait_until(lambda: self.is_ready() or not self.is_running(), timeout_s=timeout_s)
        if not self.is_ready() and self.is_running():
            raise OperationFailedError(
                f"the server on {self.spec.data_dir} runs but takes no connections",
                hint=f"see {self.log_file}",
            )
        return self.is_ready()

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


def _has_ended(child: Child) -> bool:
    return child.reap() is not None or not is_alive(child.pid)
