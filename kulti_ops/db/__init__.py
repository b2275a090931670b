"""Databases: targets, connections, and psycopg's exceptions translated once.

Adapter over psycopg; `sql` composes statements from quoted parts, for whoever needs it.
"""

from psycopg import sql

from kulti_ops.db.connection import KEEPALIVE, Connection, connect, database_error, translated
from kulti_ops.db.target import (
    TRANSACTION_POOLER_PORT,
    Target,
    is_source_named,
    own_target,
    parse_target,
    source_target,
)

__all__ = (
    "KEEPALIVE",
    "TRANSACTION_POOLER_PORT",
    "Connection",
    "Target",
    "connect",
    "database_error",
    "is_source_named",
    "own_target",
    "parse_target",
    "source_target",
    "sql",
    "translated",
)
