"""The guards before a restore: what must not happen, and how it is recognised.

`look_at` asks the target once; the `judge_*` functions are pure and raise
`RefusedError`. Whether a target is the backup's source is proven, not guessed from
names: a pooler and a direct host have different names, and clones share identifiers.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kulti_ops.db import TRANSACTION_POOLER_PORT, connect, translated
from kulti_ops.errors import DatabaseError, RefusedError
from kulti_ops.report import Verdict
from kulti_ops.restore.plan import TargetFacts

if TYPE_CHECKING:
    from kulti_ops.archive import Toc
    from kulti_ops.backup.manifest import Manifest
    from kulti_ops.db import Connection, Target
    from kulti_ops.inventory import Inventory
    from kulti_ops.restore.plan import RestorePlan
    from kulti_ops.verify.backup import Verification

NAMES_SHOWN = 8
HOSTED_SCHEMAS = ("auth", "storage")

_LOOK = """
SELECT current_setting('server_version_num')::int, r.rolsuper, pg_is_in_recovery(),
       current_setting('transaction_read_only') = 'on' OR pg_is_in_recovery(),
       d.datallowconn, pg_get_userbyid(d.datdba)
  FROM pg_roles r, pg_database d
 WHERE r.rolname = current_user AND d.datname = current_database()
"""

# Anything of a user's: an empty database has nothing but what initdb and template1 made.
# Schemas come first: a hosted project is recognised by them, however much else there is.
_CONTENTS = """
SELECT kind || ' ' || name FROM (
  SELECT 'schema' AS kind, quote_ident(n.nspname) AS name FROM pg_namespace n
   WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'public')
  UNION ALL
  SELECT 'relation', format('%I.%I', n.nspname, c.relname)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
  UNION ALL
  SELECT 'function', p.oid::regprocedure::text
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'public'
  UNION ALL
  SELECT 'type', t.oid::regtype::text FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
   WHERE n.nspname = 'public' AND t.typrelid = 0 AND t.typelem = 0
  UNION ALL
  SELECT 'extension', quote_ident(x.extname) FROM pg_extension x WHERE x.extname <> 'plpgsql'
  UNION ALL
  SELECT 'publication', quote_ident(b.pubname) FROM pg_publication b
  UNION ALL
  SELECT 'event trigger', quote_ident(e.evtname) FROM pg_event_trigger e
  UNION ALL
  SELECT 'large object', m.oid::text FROM pg_largeobject_metadata m
) AS found ORDER BY kind <> 'schema', 1 LIMIT 50
"""


@dataclass(frozen=True, kw_only=True)
class TargetState:
    """What a look at the target told."""

    facts: TargetFacts
    contents: tuple[str, ...]
    hosted: bool
    read_only: bool
    owner: str


def look_at(target: Target, *, timeout_s: int) -> TargetState:
    """Ask the target what a restore must know beforehand.

    Raises: DatabaseError when it cannot be reached.
    """
    with (
        connect(target, application="restore preflight", timeout_s=timeout_s) as connection,
        translated("looking at the target"),
    ):
        connection.execute("SET search_path = ''")
        row = connection.execute(_LOOK).fetchone()
        assert row is not None  # noqa: S101 - the current role always exists
        contents = tuple(r[0] for r in connection.execute(_CONTENTS))
        facts = TargetFacts(
            server_major=row[0] // 10000,
            superuser=row[1],
            roles=_names(connection, "SELECT rolname FROM pg_roles"),
            extensions_available=_names(connection, "SELECT name FROM pg_available_extensions"),
        )
    return TargetState(
        facts=facts,
        contents=contents,
        hosted=not facts.superuser and all(f"schema {s}" in contents for s in HOSTED_SCHEMAS),
        read_only=row[3],
        owner=row[5],
    )


def judge_connection(target: Target) -> None:
    """Refuse a connection on which a restore cannot hold a session.

    Raises: RefusedError for a pooler in transaction mode.
    """
    if target.port == TRANSACTION_POOLER_PORT:
        raise RefusedError(
            f"{target.label} is a transaction pooler",
            hint="use the direct host or the session pooler on port 5432",
        )


def judge_target(
    target: Target, state: TargetState, *, production: frozenset[str], confirmed: str | None
) -> None:
    """Refuse a target of the wrong kind, and production without its name said.

    Raises: RefusedError.
    """
    judge_production(target, production=production, confirmed=confirmed)
    if state.hosted:
        raise RefusedError(
            f"{target.label} is a hosted project: vendor-owned schemas, no superuser",
            hint="its services are wired to this database: restore into a new project, or bring "
            "tables back with `kulti-ops restore table`",
        )
    judge_writable(target, state)
    if not state.facts.superuser:
        raise RefusedError(
            f"{target.user} is no superuser on {target.host}",
            hint="owners, grants and extensions need one; or drill: kulti-ops restore drill",
        )


def judge_production(target: Target, *, production: frozenset[str], confirmed: str | None) -> None:
    """Refuse production without its name said.

    Raises: RefusedError.
    """
    if is_production(target, production) and confirmed != target.database:
        raise RefusedError(
            f"{target.label} is production",
            hint=f"if you are certain, say so: --confirm {target.database}",
        )


def judge_writable(target: Target, state: TargetState) -> None:
    """Refuse a standby or a read-only database.

    Raises: RefusedError.
    """
    if state.read_only:
        raise RefusedError(
            f"{target.label} is read-only or in recovery", hint="restore into a primary"
        )


def judge_empty(target: Target, state: TargetState) -> None:
    """Refuse a target that holds something.

    Raises: RefusedError naming what is there.
    """
    if state.contents:
        shown = ", ".join(state.contents[:NAMES_SHOWN])
        more = " and more" if len(state.contents) > NAMES_SHOWN else ""
        raise RefusedError(
            f"{target.label} is not empty: {shown}{more}",
            hint="restore into a new database (createdb), or see --replace",
        )


def judge_verified(manifest: Manifest, verification: Verification) -> tuple[Toc, Inventory]:
    """Refuse a backup that does not pass its verification; return what was found in it.

    Raises: RefusedError naming the worst finding.
    """
    toc, inventory = verification.toc, verification.inventory
    if verification.status is Verdict.CRIT or toc is None or inventory is None:
        bad = [r for r in verification.results if r.status is verification.status]
        worst = bad[0].summary if bad else "its contents cannot be read"
        raise RefusedError(
            f"{manifest.backup_id} does not pass its verification: {worst}",
            hint="use another backup: kulti-ops backup list",
        )
    return toc, inventory


def judge_plan(
    plan: RestorePlan, manifest: Manifest, state: TargetState, *, create_roles: bool
) -> None:
    """Refuse when the target lacks what the archive needs.

    Raises: RefusedError naming extensions, roles or versions.
    """
    if state.facts.server_major < manifest.source.server_version_num // 10000:
        raise RefusedError(
            f"the backup is of PostgreSQL {manifest.source.server_version}, "
            f"the target is {state.facts.server_major}",
            hint="restore into the same major or a newer one",
        )
    if plan.missing_extensions:
        raise RefusedError(
            f"the target's server has no extension {', '.join(plan.missing_extensions)}",
            hint="install the packages that bring them on the target's server",
        )
    if plan.missing_roles and not create_roles:
        raise RefusedError(
            f"the target lacks the roles {', '.join(plan.missing_roles)}",
            hint="add --create-roles to have them made, without passwords",
        )


def judge_source(
    source: Target | None, target: Target, manifest: Manifest, *, timeout_s: int
) -> None:
    """Refuse when the target is the database that the backup was made of.

    Raises: RefusedError. Where the source cannot be reached, its name and system
    identifier decide: a server that answers to both is taken for it.
    """
    refusal = RefusedError(
        f"{target.label} is the database that the backup was made of",
        hint="restore into another database; to replace one, see --replace",
    )
    if source is not None and source.database == target.database:
        try:
            same = is_same_database(source, target, timeout_s=timeout_s)
        except DatabaseError:
            same = False
        if same:
            raise refusal
    if _looks_like_source(target, manifest, timeout_s=timeout_s):
        raise refusal


def is_same_database(one: Target, other: Target, *, timeout_s: int) -> bool:
    """Prove whether two targets are one database: a lock taken on one shows on the other.

    Raises: DatabaseError when either cannot be reached.
    """
    number = secrets.randbits(62)
    query = "SELECT pg_try_advisory_lock(%s)"
    with (
        connect(one, application="identity", timeout_s=timeout_s) as first,
        connect(other, application="identity", timeout_s=timeout_s) as second,
        translated("proving that the target is not the source"),
    ):
        first.execute(query, (number,))
        row = second.execute(query, (number,)).fetchone()
        return row is not None and row[0] is False


def is_production(target: Target, production: frozenset[str]) -> bool:
    """Return whether host or role carry a name that the settings call production."""
    words = {target.host.lower(), *target.host.lower().split("."), *target.user.lower().split(".")}
    return bool(words & production)


def _looks_like_source(target: Target, manifest: Manifest, *, timeout_s: int) -> bool:
    source = manifest.source
    if target.database != source.database:
        return False
    if (target.host, target.port) == (source.host, source.port):
        return True
    if source.system_identifier is None:
        return False
    with connect(target, application="identity", timeout_s=timeout_s) as connection:
        try:
            with translated("system identifier"):
                row = connection.execute(
                    "SELECT system_identifier::text FROM pg_control_system()"
                ).fetchone()
        except DatabaseError:
            return False
    return row is not None and row[0] == source.system_identifier


def _names(connection: Connection, query: str) -> frozenset[str]:
    return frozenset(r[0] for r in connection.execute(query))
