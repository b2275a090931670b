"""The life of a sandbox: start, status, stop, destroy.

Owns where a sandbox's server lives, what it is like and when it is built anew.
What is in it is `build`'s business; it knows no command line.
"""

from __future__ import annotations

import secrets
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Protocol

from kulti_ops.errors import ConfigError, NotFoundError, OperationFailedError, RefusedError
from kulti_ops.pgserver import (
    PgServer,
    check_enterable,
    free_bytes,
    pick_free_port,
    port_is_free,
    server_account,
)
from kulti_ops.progress import SILENT, Progress, size
from kulti_ops.sandbox.server import APP_ROLE, sandbox_installation, server_spec
from kulti_ops.sandbox.state import (
    OWN_FILES,
    STATE_FILE,
    Record,
    forget_record,
    is_locked,
    locked,
    make_data_home,
    read_record,
    remove_folder,
    write_record,
)
from kulti_ops.sandbox.web.lifecycle import remove_web, stop_web

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path


DEFAULT_SCALE = 0.01
# A cluster with its first WAL files; then 1 GB of data and as much WAL again per scale.
BASE_BYTES = 300_000_000
BYTES_PER_SCALE = 2_000_000_000
_PORT_TRIES = 5

State = Literal["running", "stopped", "building", "unfinished"]


class Builder(Protocol):
    """Fills an empty server; see `kulti_ops.sandbox.build.build_database`."""

    def __call__(
        self,
        admin_dsn: str,
        *,
        postgres_password: str,
        scale: float,
        now: datetime,
        progress: Progress,
    ) -> object:
        """Make roles, schemas, tables and data."""


@dataclass(frozen=True, kw_only=True)
class SandboxInfo:
    """A sandbox as it is now. The two URLs hold passwords.

    `unfinished` was killed while it was built: the next start builds it anew.
    """

    dir: Path
    data_dir: Path
    state: State
    port: int
    scale: float
    database_url: str = field(repr=False)
    admin_url: str = field(repr=False)
    built_at: datetime | None
    started_at: datetime | None
    pid: int | None


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where things live besides the sandbox's own folder.

    `data_home` takes the data of root's sandboxes in folders that the server's
    account can't enter.
    """

    cache_dir: Path
    data_home: Path


def start(
    folder: Path,
    *,
    places: Places,
    now: datetime,
    scale: float | None = None,
    port: int | None = None,
    progress: Progress = SILENT,
    build: Builder | None = None,
) -> SandboxInfo:
    """Return the running sandbox of `folder`: found, restarted, or built.

    Without `scale` and `port` those of an existing one are kept.
    Raises: RefusedError when the folder holds something else or a sandbox of another
    scale or port, ConfigError when a place can't be used, OperationFailedError when
    the server or the build fails (a failed build is removed).
    """
    folder = folder.absolute()
    with _changing(folder):
        record = _existing(folder, progress)
        if record is None:
            record = _draft(folder, places=places, scale=scale, port=port)
            builder = build or _default_builder()
            record = _build(
                folder, record, places=places, now=now, progress=progress, build=builder
            )
        _check_same(folder, record, scale=scale, port=port)
        return _serve(folder, record, port=port, places=places, now=now)


def status(folder: Path) -> SandboxInfo | None:
    """Return the sandbox of `folder` as it is now; None when there is none."""
    folder = folder.absolute()
    record = read_record(folder)
    return None if record is None else _info(folder, record)


def stop(folder: Path) -> SandboxInfo:
    """Stop the sandbox's server, keeping its data.

    Raises: RefusedError when `folder` is not a sandbox's, NotFoundError when nothing is there.
    """
    folder = folder.absolute()
    require(folder)
    with _changing(folder):
        record = require(folder)
        stop_web(folder)
        PgServer(server_spec(record)).stop()
        return _info(folder, record)


def destroy(folder: Path) -> None:
    """Stop the sandbox's server and remove everything that is the sandbox's.

    Raises: RefusedError when `folder` is not a sandbox's, NotFoundError when nothing is there.
    """
    folder = folder.absolute()
    require(folder)
    with _changing(folder):
        record = require(folder)
        remove_web(folder)
        _remove_server(record)
        remove_folder(folder)


@contextmanager
def _changing(folder: Path) -> Iterator[None]:
    """Hold the sandbox's lock; without a sandbox in the end nothing of us stays there."""
    with locked(folder) as made_dir:
        try:
            yield
        finally:
            if not (folder / STATE_FILE).exists():
                remove_folder(folder, keep_dir=not made_dir)


def require(folder: Path) -> Record:
    """Return what the sandbox of `folder` remembers.

    Raises: RefusedError when `folder` is not a sandbox's, NotFoundError when nothing is there.
    """
    record = read_record(folder)
    if record is not None:
        return record
    if folder.exists():
        raise RefusedError(
            f"there is no sandbox in {folder}; it was left alone", hint="check --dir"
        )
    raise NotFoundError(
        f"there is no sandbox in {folder}", hint="kulti-ops sandbox start makes one"
    )


def _existing(folder: Path, progress: Progress) -> Record | None:
    """Return the finished sandbox of `folder`; one that is not finished is cleared away."""
    record = read_record(folder)
    if record is None or record.built_at is not None:
        return record
    progress.step("removing a sandbox that was never finished")
    _remove_server(record)
    forget_record(folder)
    return None


def _check_same(folder: Path, record: Record, *, scale: float | None, port: int | None) -> None:
    if scale is not None and scale != record.scale:
        raise RefusedError(
            f"the sandbox in {folder} has scale {record.scale:g}, not {scale:g}",
            hint="kulti-ops sandbox destroy, then start again; or choose another --dir",
        )
    if port not in {None, record.port} and PgServer(server_spec(record)).is_running():
        raise RefusedError(
            f"the sandbox in {folder} runs on port {record.port}, not {port}",
            hint="kulti-ops sandbox stop, then start again with --port",
        )


def _draft(folder: Path, *, places: Places, scale: float | None, port: int | None) -> Record:
    """Return the record of a sandbox to be built; nothing is made yet."""
    others = sorted(path.name for path in folder.iterdir() if path.name not in OWN_FILES)
    if others:
        raise RefusedError(
            f"{folder} is not empty and holds no sandbox (it has {others[0]})",
            hint="choose a new or empty folder with --dir",
        )
    outside = _outside(folder, places.data_home)
    chosen_scale = DEFAULT_SCALE if scale is None else scale
    _check_space(outside or folder, scale=chosen_scale)
    return Record(
        data_dir=(outside or folder) / "data",
        outside=outside,
        port=port or pick_free_port(),
        port_chosen=port is not None,
        scale=chosen_scale,
        admin_password=secrets.token_urlsafe(24),
        postgres_password=secrets.token_urlsafe(24),
    )


def _check_space(folder: Path, *, scale: float) -> None:
    needed = BASE_BYTES + int(scale * BYTES_PER_SCALE)
    left = free_bytes(folder)
    if left < needed:
        raise RefusedError(
            f"a sandbox of scale {scale:g} needs {size(needed)}, {folder} has {size(left)} left",
            hint="choose a smaller --scale, or another --dir",
        )


def _outside(folder: Path, data_home: Path) -> Path | None:
    """Return where the data must go instead, when the server can't live in `folder`."""
    account = server_account()
    try:
        check_enterable(folder, account)
    except ConfigError:
        check_enterable(data_home, account)
        return data_home / secrets.token_hex(8)
    return None


def _build(
    folder: Path,
    draft: Record,
    *,
    places: Places,
    now: datetime,
    progress: Progress,
    build: Builder,
) -> Record:
    """Build the sandbox in a server that dies with us; a failure removes all of it."""
    server = PgServer(server_spec(draft, scratch=True), sandbox_installation(places.cache_dir))
    try:
        write_record(folder, draft)
        if draft.outside is not None:
            make_data_home(draft.outside)
        progress.step("creating a PostgreSQL server")
        server.create()
        server.start()
        build(
            server.dsn(),
            postgres_password=draft.postgres_password,
            scale=draft.scale,
            now=now,
            progress=progress,
        )
        progress.step("writing it to the disk")
        server.stop()
        server.sync_to_disk()
        record = replace(draft, built_at=now)
        write_record(folder, record)
    except BaseException:
        _remove_server(draft, server)
        forget_record(folder)
        raise
    return record


def _serve(
    folder: Path, record: Record, *, port: int | None, places: Places, now: datetime
) -> SandboxInfo:
    """Make sure that the built sandbox's server runs, on its port where that is free."""
    if PgServer(server_spec(record)).is_ready():
        return _info(folder, record)
    installation = sandbox_installation(places.cache_dir)
    if port is not None:
        record = replace(record, port=port, port_chosen=True)
    for tries_left in reversed(range(_PORT_TRIES)):
        if not record.port_chosen and not port_is_free(record.port):
            record = replace(record, port=pick_free_port())
        record = replace(record, started_at=now)
        write_record(folder, record)
        try:
            PgServer(server_spec(record), installation).start()
            break
        except OperationFailedError:
            if not tries_left or record.port_chosen or port_is_free(record.port):
                raise
    return _info(folder, record)


def _remove_server(record: Record, server: PgServer | None = None) -> None:
    (server or PgServer(server_spec(record))).remove()
    if record.outside is not None:
        with suppress(FileNotFoundError):
            record.outside.rmdir()


def _info(folder: Path, record: Record) -> SandboxInfo:
    server = PgServer(server_spec(record))
    pid = server.pid
    state: State = "stopped" if pid is None else "running"
    if record.built_at is None:
        state = "building" if is_locked(folder) else "unfinished"
    return SandboxInfo(
        dir=folder,
        data_dir=record.data_dir,
        state=state,
        port=record.port,
        scale=record.scale,
        database_url=server.dsn(user=APP_ROLE, password=record.postgres_password),
        admin_url=server.dsn(),
        built_at=record.built_at,
        started_at=record.started_at if pid is not None else None,
        pid=pid,
    )


def _default_builder() -> Builder:
    from kulti_ops.sandbox.build import build_database

    return build_database
