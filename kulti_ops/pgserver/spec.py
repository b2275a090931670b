"""What a server is to be like: its settings, where it lives, where it listens.

Values, and the two questions about ports that the operating system answers.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from kulti_ops.pgserver.account import Account, server_account

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DEFAULT_PORT = 5432
# sun_path of <sys/un.h> has 108 bytes, the last one zero.
SOCKET_PATH_LIMIT = 107

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
        "wal_init_zero": "off",  # its files are written once, not first with zeros
        "wal_level": "minimal",
        # Statements and error details hold row data of the backup.
        "log_error_verbosity": "terse",
        "log_min_error_statement": "panic",
    }
)


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


def socket_path_fits(socket_dir: Path, port: int) -> bool:
    """Tell whether the operating system can take the path of the server's socket."""
    return len(os.fsencode(socket_dir / f".s.PGSQL.{port}.lock")) <= SOCKET_PATH_LIMIT


def pick_free_port() -> int:
    """Return a loopback port that is free now (another process may take it meanwhile)."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def port_is_free(port: int) -> bool:
    """Tell whether a server could take this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
