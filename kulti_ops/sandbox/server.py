"""What a sandbox's server is like: its programs, settings and roles to log in as.

Decides nothing about when it runs; see `lifecycle`.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from kulti_ops.pgserver import ServerSpec, server_installation
from kulti_ops.platform.shape import ADMIN_ROLE, EXTENSIONS_DIR, OWNER_ROLE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kulti_ops.pgtools import Installation
    from kulti_ops.sandbox.state import Record

APP_ROLE = OWNER_ROLE

# As on the hosted platform's smallest machines, where it is known.
SANDBOX_SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "max_connections": "60",
        "superuser_reserved_connections": "3",
        "reserved_connections": "3",
        "max_replication_slots": "10",
        "max_wal_senders": "10",
        "wal_level": "logical",
        "shared_preload_libraries": "pg_stat_statements",
        "pg_stat_statements.track": "all",
        "shared_buffers": "256MB",
        "max_wal_size": "2GB",
    }
)


def sandbox_installation(cache_dir: Path) -> Installation:
    """Return the embedded PostgreSQL with the extensions that the platform's schema needs."""
    return server_installation(cache_dir, extra_extensions=EXTENSIONS_DIR)


def server_spec(record: Record, *, scratch: bool = False) -> ServerSpec:
    """Return the server of `record`: durable and outliving us, unless it is being built."""
    return ServerSpec(
        data_dir=record.data_dir,
        superuser=ADMIN_ROLE,
        password=record.admin_password,
        listen="tcp",
        port=record.port,
        settings=SANDBOX_SETTINGS,
        durable=not scratch,
        die_with_parent=scratch,
    )
