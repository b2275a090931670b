"""Preparing a scratch server for a restore in which no code of the dump is privileged.

A dump is code: a CHECK or an index function runs while restoring. So the bootstrap
superuser, whose name is its own, only makes roles, the database and extensions;
everything of the dump runs as an ordinary role that is a member of all owners, and
the vendors' superusers are ordinary roles here.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from kulti_ops.db import Target, connect, sql, translated
from kulti_ops.restore.plan import Action, RestorePlan, TargetFacts
from kulti_ops.restore.roles import apply_settings, create_role, grant_membership
from kulti_ops.restore.tool import EntryError, run_entries
from kulti_ops.roles import plain_name

if TYPE_CHECKING:
    from kulti_ops.db import Connection
    from kulti_ops.inventory import Inventory
    from kulti_ops.pgrestore import ArchiveSource
    from kulti_ops.pgserver import PgServer
    from kulti_ops.pgtools import Installation

DATABASE = "drill"
RESTORE_ROLE = "kulti_restore"
EXTENSION_ROLE = "kulti_extensions"

# Memberships that would let code of the dump out of the database: never given in a scratch server.
DANGEROUS_ROLES = frozenset(
    {"pg_execute_server_program", "pg_read_server_files", "pg_write_server_files"}
)
# Settings of roles that only a superuser may give, or that would reach out of the database.
_SETTINGS_LEFT_OUT = frozenset({"session_preload_libraries", "local_preload_libraries", "role"})


@dataclass(frozen=True, kw_only=True)
class Scratch:
    """A prepared scratch server: where the bootstrap superuser and where the restore connect."""

    admin: Target
    target: Target
    facts: TargetFacts


def prepare_roles(
    server: PgServer, inventory: Inventory, *, server_major: int, jobs: int
) -> Scratch:
    """Create the roles of the inventory, the restoring role, and an empty database.

    What restores and compares does so with `jobs` connections at once.
    Raises: DatabaseError.
    """
    admin = _target(server, user=server.spec.superuser, password=server.spec.password)
    password = secrets.token_urlsafe(24)
    with connect(admin, application="scratch") as connection, translated("scratch server"):
        for item in inventory.of("role"):
            create_role(connection, item, without=frozenset({"superuser"}))
        for item in inventory.of("membership"):
            if item.attributes.get("role") not in DANGEROUS_ROLES:
                grant_membership(connection, item)
        for item in inventory.of("setting"):
            apply_settings(connection, item, left_out=_SETTINGS_LEFT_OUT)
        _create_restore_role(connection, inventory, password)
        facts = _facts(connection, server_major)
    restoring = _target(
        server,
        user=RESTORE_ROLE,
        password=password,
        options=session_options(jobs=jobs, cores=os.cpu_count() or 1),
    ).with_database(DATABASE)
    return Scratch(admin=admin.with_database(DATABASE), target=restoring, facts=facts)


def prepare_schemas(
    scratch: Scratch, plan: RestorePlan, *, archive: ArchiveSource, tools: Installation
) -> tuple[EntryError, ...]:
    """Create schemas by the dump's own entries, then extensions in them by their names."""
    entries = plan.entries(Action.PREPARE)
    schemas = tuple(e for e in entries if e.desc == "SCHEMA")
    errors = run_entries(archive, schemas, target=scratch.target, tools=tools, jobs=1)
    with connect(scratch.admin, application="scratch") as connection:
        connection.execute(_SQL_EXTENSION_ROLE)
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(EXTENSION_ROLE)))
        for entry in entries:
            if entry.desc == "EXTENSION":
                with translated(f"extension {entry.tag}"):
                    _create_extension(connection, entry.tag, entry.definition)
        connection.execute("RESET ROLE")
        connection.execute(_SQL_EXTENSION_ROLE_DONE)
        _let_servers_be_owned(connection)
    return errors


_SQL_EXTENSION_ROLE = f"CREATE ROLE {EXTENSION_ROLE} SUPERUSER"
_SQL_EXTENSION_ROLE_DONE = (
    f"ALTER ROLE {EXTENSION_ROLE} NOSUPERUSER; GRANT {EXTENSION_ROLE} TO {RESTORE_ROLE}"
)


def _create_extension(connection: Connection, name: str, definition: str) -> None:
    """Create an extension by its name in the schema that the dump names, if there is one."""
    schema = definition.partition(" WITH SCHEMA ")[2].strip().rstrip(";").strip('"')
    statement = sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(name))
    exists = connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (schema,))
    if exists.fetchone():
        statement += sql.SQL(" SCHEMA {}").format(sql.Identifier(schema))
    connection.execute(statement)


def _let_servers_be_owned(connection: Connection) -> None:
    """Let every role own a foreign server: that wants the right to use its wrapper."""
    wrappers = connection.execute("SELECT fdwname FROM pg_foreign_data_wrapper").fetchall()
    for (name,) in wrappers:
        connection.execute(
            sql.SQL("GRANT USAGE ON FOREIGN DATA WRAPPER {} TO PUBLIC").format(sql.Identifier(name))
        )


def session_options(*, jobs: int, cores: int) -> str:
    """Return the options of sessions that share this machine's cores with as many others.

    Each may have parallel workers for the cores that are left for it. With a job per core
    there is none: the workers of one index would only take turns with the other jobs (on two
    cores two jobs load 1 GB about 6 % faster without them).
    """
    workers = max(0, cores // jobs - 1)
    names = ("max_parallel_workers_per_gather", "max_parallel_maintenance_workers")
    return " ".join(f"-c {name}={workers}" for name in names)


def _target(server: PgServer, *, user: str, password: str, options: str = "") -> Target:
    tcp = server.spec.listen == "tcp"
    return Target(
        params=MappingProxyType(
            {
                "host": "127.0.0.1" if tcp else str(server.socket_dir),
                "port": str(server.port),
                "user": user,
                "password": password,
                "dbname": "postgres",
                "options": options,
                "sslmode": "prefer",
            }
        ),
        origin="scratch server",
    )


def _create_restore_role(connection: Connection, inventory: Inventory, password: str) -> None:
    name = sql.Identifier(RESTORE_ROLE)
    connection.execute(
        sql.SQL("CREATE ROLE {} LOGIN BYPASSRLS PASSWORD {}").format(name, sql.Literal(password))
    )
    for item in inventory.of("role"):
        connection.execute(
            sql.SQL("GRANT {} TO {} WITH INHERIT TRUE, SET TRUE").format(
                sql.Identifier(plain_name(item.identity)), name
            )
        )
    connection.execute(sql.SQL("GRANT pg_read_all_data TO {}").format(name))
    connection.execute(
        sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0").format(
            sql.Identifier(DATABASE), name
        )
    )
    # a new owner of a schema or publication must be allowed to create in the database
    connection.execute(
        sql.SQL("GRANT CREATE ON DATABASE {} TO PUBLIC").format(sql.Identifier(DATABASE))
    )


def _facts(connection: Connection, server_major: int) -> TargetFacts:
    roles = connection.execute("SELECT rolname FROM pg_roles").fetchall()
    extensions = connection.execute("SELECT name FROM pg_available_extensions").fetchall()
    return TargetFacts(
        server_major=server_major,
        superuser=False,
        roles=frozenset(r[0] for r in roles),
        extensions_available=frozenset(e[0] for e in extensions),
        scratch=True,
    )
