"""Whether two texts are the same query, as the connected server itself writes them.

Servers of different majors print the same view differently. Both texts become temporary
views, which the server prints in its own manner; nothing of a view's query is run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kulti_ops.db import sql, translated
from kulti_ops.errors import DatabaseError

if TYPE_CHECKING:
    from kulti_ops.db import Connection

_NAMES = ("kulti_ops_one", "kulti_ops_other")
_SAME = """
SELECT pg_get_viewdef('pg_temp.kulti_ops_one'::regclass)
     = pg_get_viewdef('pg_temp.kulti_ops_other'::regclass)
"""


def is_same_query(connection: Connection, one: str, other: str) -> bool:
    """Return whether two queries are printed alike; one that is refused is not the same.

    Leaves nothing. The session must be pinned. Raises: DatabaseError when the connection fails.
    """
    try:
        with translated("views"), connection.transaction(force_rollback=True):
            for name, query in zip(_NAMES, (one, other), strict=True):
                view = sql.SQL("CREATE TEMPORARY VIEW {} AS ").format(sql.Identifier(name))
                text = view.as_string(connection) + query.rstrip().removesuffix(";")
                # The extended protocol takes one statement only, whatever the text holds.
                connection.execute(text.encode(), binary=True)
            row = connection.execute(_SAME).fetchone()
            return row is not None and bool(row[0])
    except DatabaseError:
        if connection.closed:
            raise
        return False
