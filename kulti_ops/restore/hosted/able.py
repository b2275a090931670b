"""What the restoring role must be able to do in a project: asked before anything is done.

What the project allows by means of its own, beyond PostgreSQL's rights, cannot be read
anywhere: it is tried in a transaction that is rolled back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kulti_ops.db import translated
from kulti_ops.errors import DatabaseError, RefusedError
from kulti_ops.restore.hosted.rules import NO_RIGHT

if TYPE_CHECKING:
    from kulti_ops.db import Connection

HINT = "restore as the project's role postgres"
_ABLE = """
SELECT r.rolbypassrls, r.rolcreaterole, has_database_privilege(current_database(), 'CREATE'),
       r.rolname::text
  FROM pg_roles r WHERE r.rolname = current_user
"""


def judge_able(connection: Connection, *, new_roles: bool) -> None:
    """Refuse a role that could not carry a restore through.

    Raises: RefusedError naming what it lacks; DatabaseError.
    """
    with translated("looking at the role"):
        row = connection.execute(_ABLE).fetchone()
    assert row is not None  # noqa: S101 - one is always somebody
    bypass_rls, create_role, create_schema, name = row
    lacking = [
        *([] if bypass_rls else ["BYPASSRLS: row security would hide rows"]),
        *([] if create_role or not new_roles else ["CREATEROLE: the backup's roles are missing"]),
        *([] if create_schema else ["CREATE on the database: no schema could be made"]),
    ]
    if lacking:
        raise RefusedError(f"the role {name} lacks {'; '.join(lacking)}", hint=HINT)
    _judge_replica(connection)


def _judge_replica(connection: Connection) -> None:
    try:
        with (
            translated("switching off the vendor's triggers"),
            connection.transaction(force_rollback=True),
        ):
            switch_triggers_off(connection)
    except DatabaseError as error:
        raise no_replica(error) from None


def switch_triggers_off(connection: Connection) -> None:
    """Let the vendor's triggers sleep until the transaction ends."""
    connection.execute("SET LOCAL session_replication_role = replica")


def no_replica(error: DatabaseError) -> DatabaseError | RefusedError:
    """Return what it means that the triggers cannot be switched off."""
    if error.sqlstate != NO_RIGHT:
        return error
    return RefusedError(
        "the role may not set session_replication_role: triggers would change rows", hint=HINT
    )
