"""Makes a database look like a new, empty project of the hosted platform.

Adapter over a server of our own: runs the files of `platform.shape` as its bootstrap
superuser, who must be called `shape.ADMIN_ROLE`. Decides nothing about what they hold,
starts and stops no server.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from kulti_ops.db import connect, translated
from kulti_ops.platform import shape

if TYPE_CHECKING:
    from kulti_ops.db import Connection, Target

_SESSION = {
    "search_path": "",
    "timezone": "UTC",
    "client_min_messages": "error",
    "synchronous_commit": "off",
    "statement_timeout": "60s",
    "lock_timeout": "10s",
}


def create_project(admin: Target, *, postgres_password: str) -> None:
    """Make the database of `admin`, on a server without any such role yet, a new project.

    Afterwards `shape.OWNER_ROLE` logs in with `postgres_password` and is no superuser.
    Raises: DatabaseError naming the file that failed.
    """
    with closing(_open(admin)) as connection:
        for script in shape.new_project_scripts():
            _run(connection, script)
        set_password(connection, shape.OWNER_ROLE, postgres_password)


def own_copy(admin: Target) -> None:
    """Give a copied project's database what belongs to a database: owner, settings, rights.

    Raises: DatabaseError.
    """
    with closing(_open(admin)) as connection:
        for script in shape.vendor_scripts():
            if script.name == shape.DATABASE_SCRIPT:
                _run(connection, script)


def set_password(connection: Connection, role: str, password: str) -> None:
    """Set a password as its SCRAM verifier: the server never sees, or logs, the clear text.

    Raises: DatabaseError.
    """
    verifier = connection.pgconn.encrypt_password(
        password.encode(), role.encode(), b"scram-sha-256"
    ).decode()
    with translated(f"cannot set the password of {role}"):
        row = connection.execute(
            "SELECT format('ALTER ROLE %%I PASSWORD %%L', %s::text, %s::text)", (role, verifier)
        ).fetchone()
        if row is not None:
            connection.execute(str(row[0]).encode())


def _open(admin: Target) -> Connection:
    connection = connect(admin, application="project")
    with translated("cannot prepare a session on the project's server"):
        for name, value in _SESSION.items():
            connection.execute("SELECT set_config(%s, %s, false)", (name, value))
    return connection


def _run(connection: Connection, script: shape.Script) -> None:
    with translated(f"platform file {script.name} failed"):
        # Bytes without parameters: one implicit transaction per file.
        connection.execute(script.text.encode())
