"""Questions about the database: reached, which version, by which way, with which rights.

Looks once, in one read-only transaction that is rolled back, so that nothing stays
behind in a session that a pooler hands on to others.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from kulti_ops.backup import preflight
from kulti_ops.db import connect, is_source_named, source_target, translated
from kulti_ops.errors import ConfigError, DatabaseError, RefusedError
from kulti_ops.flows.doctor.check import Answer, CannotAskError, from_error, ok, skipped
from kulti_ops.flows.doctor.tools import PLATFORM_MAJOR
from kulti_ops.report import Verdict

if TYPE_CHECKING:
    from datetime import datetime

    from kulti_ops.backup.preflight import Survey
    from kulti_ops.config import Settings
    from kulti_ops.db import Connection, Target

APPLICATION = "doctor"
STATEMENT_TIMEOUT = "10s"
LOCK_TIMEOUT = "500ms"
SLOW_CONNECT_S = 3.0  # a connection across the world takes about one second with TLS
NAMES_SHOWN = 20
POOLER_SUFFIX = ".pooler.supabase.com"

_RIGHTS = """
SELECT r.rolsuper, r.rolbypassrls, pg_has_role(r.oid, 'pg_read_all_data', 'USAGE')
  FROM pg_catalog.pg_roles r WHERE r.rolname = current_user
"""


@dataclass(frozen=True, kw_only=True)
class Rights:
    """What the role is, as far as reading everything goes."""

    superuser: bool
    bypasses_rls: bool
    reads_all_data: bool


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What came of looking at the configured database once.

    `problem` is the answer of the check `database` where there was no connection;
    `survey_error` what kept a connected database from answering.
    """

    target: Target | None = None
    problem: Answer | None = None
    connect_s: float = 0.0
    survey: Survey | None = None
    rights: Rights | None = None
    survey_error: DatabaseError | None = None
    at: datetime | None = None

    @property
    def server_major(self) -> int | None:
        """The server's major version where it could be asked."""
        return self.survey.server_major if self.survey else None


def look(settings: Settings, *, now: datetime) -> Looked:
    """Connect to the configured database and ask it what the questions need."""
    if not is_source_named(settings):
        return Looked(problem=_not_configured())
    try:
        target = source_target(settings)
    except ConfigError as error:
        return Looked(problem=from_error(Verdict.CRIT, error))
    started = time.perf_counter()
    try:
        with connect(
            target, application=APPLICATION, timeout_s=settings.connect_timeout_s
        ) as connection:
            connect_s = time.perf_counter() - started
            return _ask(connection, target, started=started, connect_s=connect_s, now=now)
    except DatabaseError as error:
        return Looked(target=target, problem=from_error(Verdict.CRIT, error, target=target.label))


def _ask(
    connection: Connection, target: Target, *, started: float, connect_s: float, now: datetime
) -> Looked:
    try:
        with translated("looking at the database"):
            connection.execute("BEGIN READ ONLY")
            connection.execute(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}'")
            connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
            row = connection.execute(_RIGHTS).fetchone()
        at = now + timedelta(seconds=time.perf_counter() - started)
        survey = preflight.survey(connection)
        with translated("looking at the database"):
            connection.execute("ROLLBACK")
    except DatabaseError as error:
        return Looked(target=target, connect_s=connect_s, survey_error=error)
    rights = Rights(superuser=row[0], bypasses_rls=row[1], reads_all_data=row[2]) if row else None
    return Looked(target=target, connect_s=connect_s, survey=survey, rights=rights, at=at)


def database(looked: Looked) -> Answer:
    """Check that the configured database can be reached and answers."""
    if looked.problem is not None:
        return looked.problem
    target = _target(looked)
    if looked.survey_error is not None:
        return from_error(Verdict.CRIT, looked.survey_error, target=target.label)
    evidence = {"target": target.label, "connect_s": round(looked.connect_s, 3)}
    if looked.connect_s > SLOW_CONNECT_S:
        return Answer(
            status=Verdict.WARN,
            summary=f"{target.label} took {looked.connect_s:.1f} s to connect",
            next="look at the network and at the server's load: kulti-ops doctor --format json",
            evidence=evidence,
        )
    return ok(f"{target.label}, connected in {looked.connect_s * 1000:.0f} ms", **evidence)


def server_version(looked: Looked) -> Answer:
    """Check that the server is of the platform's major version, and no standby."""
    survey = _survey(looked)
    evidence = {"version": survey.server_version, "in_recovery": survey.in_recovery}
    if survey.in_recovery:
        return Answer(
            status=Verdict.WARN,
            summary=f"PostgreSQL {survey.server_version}, a standby: a long dump from it can be "
            "cancelled by recovery",
            next="point DATABASE_URL at the primary",
            evidence=evidence,
        )
    if survey.server_major != PLATFORM_MAJOR:
        return Answer(
            status=Verdict.WARN,
            summary=f"PostgreSQL {survey.server_version}; the platform runs {PLATFORM_MAJOR}",
            next="make sure that DATABASE_URL names the database you mean",
            evidence=evidence,
        )
    return ok(f"PostgreSQL {survey.server_version}", **evidence)


def connection_kind(looked: Looked) -> Answer:
    """Check that the way fits a backup: no transaction pooler, a checked certificate."""
    target = _target(looked)
    mode = target.params.get("sslmode", "")
    evidence = {"host": target.host, "port": target.port, "sslmode": mode}
    try:
        preflight.judge_connection(target)
    except RefusedError as error:
        return from_error(Verdict.CRIT, error, **evidence)
    kind = _kind(target)
    if target.is_local:
        return ok(kind, kind=kind, **evidence)
    if mode == "require":
        return Answer(
            status=Verdict.WARN,
            summary=f"{kind}, sslmode=require: encrypted, but it may be anyone's server",
            next="set KULTI_OPS_SSLMODE=verify-full and KULTI_OPS_SSLROOTCERT to the project's "
            "CA file; take sslmode out of the URL",
            evidence={"kind": kind, **evidence},
        )
    return ok(f"{kind}, sslmode={mode}", kind=kind, **evidence)


def role_rights(looked: Looked) -> Answer:
    """Check that the role can read everything that a backup must hold."""
    survey, rights = _survey(looked), looked.rights
    evidence = {
        "superuser": bool(rights and rights.superuser),
        "bypasses_rls": bool(rights and rights.bypasses_rls),
        "reads_all_data": bool(rights and rights.reads_all_data),
        "unreadable": len(survey.unreadable),
        "rls_hides_rows_of": len(survey.hidden_rows),
        "unreadable_large_objects": survey.unreadable_large_objects,
    }
    names = {
        "unreadable": survey.unreadable,
        "RLS hides rows": survey.hidden_rows,
        "left out": survey.vendors,
    }
    rows = tuple(
        {"relation": name, "problem": problem}
        for problem, found in names.items()
        for name in found[:NAMES_SHOWN]
    )
    user = _target(looked).user
    try:
        preflight.judge_rights(survey, large_objects=True)
    except RefusedError as error:
        return Answer(
            status=Verdict.CRIT,
            summary=f"{user}: {error.message}",
            next=error.hint,
            evidence=evidence,
            rows=rows,
        )
    if survey.vendors:
        return Answer(
            status=Verdict.WARN,
            summary=f"{user} may not read {len(survey.vendors)} relations of the vendor: a backup "
            f"leaves them out ({', '.join(survey.vendors[:3])} …)",
            next="GRANT pg_read_all_data to the role, or accept it: the manifest names them",
            evidence=evidence,
            rows=rows,
        )
    return ok(f"{user} reads every table, row and large object ({_why(rights)})", **evidence)


def clock(looked: Looked) -> Answer:
    """Check that this machine's clock and the database's agree."""
    survey = _survey(looked)
    assert looked.at is not None  # noqa: S101 - set together with the survey
    skew_s = round((looked.at - survey.server_now).total_seconds(), 1)
    warning = preflight.clock_warning(survey, now=looked.at)
    if warning is not None:
        return Answer(
            status=Verdict.WARN,
            summary=warning,
            next="timedatectl status",
            evidence={"skew_s": skew_s},
        )
    return ok(f"{abs(skew_s):.1f} s from the database's", skew_s=skew_s)


def _kind(target: Target) -> str:
    if target.host.startswith("/"):
        return "a local socket"
    if target.is_local:
        return "a loopback address"
    if target.host.endswith(POOLER_SUFFIX):
        return "the session pooler"
    return "a direct connection"


def _why(rights: Rights | None) -> str:
    if rights is None:
        return "its rights are unknown"
    words = {
        "superuser": rights.superuser,
        "BYPASSRLS": rights.bypasses_rls,
        "pg_read_all_data": rights.reads_all_data and not rights.superuser,
    }
    return ", ".join(word for word, holds in words.items() if holds) or "by owning them"


def _not_configured() -> Answer:
    return Answer(
        status=Verdict.UNKNOWN,
        summary="no database is configured",
        next="set DATABASE_URL, or SUPABASE_PROJECT_REF and SUPABASE_DB_PASSWORD; "
        "to try things out: kulti-ops sandbox start",
    )


def _target(looked: Looked) -> Target:
    """Return the target; without one the question cannot be asked."""
    if looked.target is None:
        raise CannotAskError(_without(looked))
    return looked.target


def _survey(looked: Looked) -> Survey:
    """Return what the database said; if it said nothing, the question cannot be asked."""
    if looked.survey is None:
        raise CannotAskError(_without(looked))
    return looked.survey


def _without(looked: Looked) -> Answer:
    if looked.problem is not None and looked.problem.status is Verdict.UNKNOWN:
        return skipped("no database is configured")
    return Answer(status=Verdict.UNKNOWN, summary="the database could not be asked: see `database`")
