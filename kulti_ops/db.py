"""Databases: targets, connections, and psycopg's exceptions translated once.

Adapter over psycopg. A target names everything explicitly, so that neither a
stray PGHOST nor a service file can turn one database into another. Messages
never carry the server's DETAIL or CONTEXT, which hold row data.
"""

from __future__ import annotations

import configparser
import ipaddress
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

import psycopg
from psycopg import conninfo, sql

from kulti_ops.config import base_environment, libpq_environment, named_variable
from kulti_ops.errors import ConfigError, DatabaseError
from kulti_ops.redact import redact_server

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kulti_ops.config import Settings

Connection = psycopg.Connection[Any]

# `sql` composes statements from quoted parts, for whoever needs it.
__all__ = (
    "KEEPALIVE",
    "TRANSACTION_POOLER_PORT",
    "Connection",
    "Target",
    "connect",
    "database_error",
    "is_source_named",
    "parse_target",
    "source_target",
    "sql",
    "translated",
)

TRANSACTION_POOLER_PORT = 6543  # Supabase's pooler in transaction mode
KEEPALIVE = MappingProxyType(
    {"keepalives": 1, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
)
# What libpq would take from its environment or a service for keywords that a target lacks, and
# so end at another server.
_PINNED = MappingProxyType({"hostaddr": "", "target_session_attrs": "any"})
_VARIABLES = MappingProxyType(
    {
        "host": "PGHOST",
        "hostaddr": "PGHOSTADDR",
        "port": "PGPORT",
        "dbname": "PGDATABASE",
        "user": "PGUSER",
        "password": "PGPASSWORD",
        "passfile": "PGPASSFILE",
        "options": "PGOPTIONS",
        "sslmode": "PGSSLMODE",
        "sslrootcert": "PGSSLROOTCERT",
        "sslcert": "PGSSLCERT",
        "sslkey": "PGSSLKEY",
        "channel_binding": "PGCHANNELBINDING",
    }
)
_READABLE = MappingProxyType({"DateStyle": "ISO", "IntervalStyle": "postgres"})
_CREDENTIALS = ("password", "passfile", "sslrootcert", "sslcert", "sslkey")
_WEAK_TLS = frozenset({"disable", "allow", "prefer"})


@dataclass(frozen=True, kw_only=True)
class Target:
    """One database, named in full; `params` are libpq's keywords."""

    params: Mapping[str, str]
    origin: str

    @property
    def host(self) -> str:
        """The host as it was given; a socket folder starts with `/`."""
        return self.params["host"]

    @property
    def port(self) -> int:
        """The port."""
        return int(self.params["port"])

    @property
    def user(self) -> str:
        """The role."""
        return self.params["user"]

    @property
    def database(self) -> str:
        """The database's name."""
        return self.params["dbname"]

    @property
    def label(self) -> str:
        """The target as people name it, without secrets: user@host:port/database."""
        return f"{self.user}@{self.host}:{self.port}/{self.database}"

    @property
    def is_local(self) -> bool:
        """Whether it is a socket or a loopback address."""
        return self.host.startswith("/") or _is_loopback(self.host)

    @property
    def secret(self) -> str:
        """The password, or nothing."""
        return self.params.get("password", "")

    def with_database(self, name: str) -> Target:
        """Return the same server and role with another database."""
        return replace(self, params=MappingProxyType({**self.params, "dbname": name}))

    def environment(self) -> dict[str, str]:
        """Return a child tool's whole environment for this target; nothing goes to argv."""
        named = {_VARIABLES[k]: v for k, v in self.params.items() if k in _VARIABLES and v}
        return {**base_environment(), "PGCONNECT_TIMEOUT": "15", **named}


def is_source_named(settings: Settings) -> bool:
    """Return whether the settings name a database at all."""
    named = settings.database_url is not None or settings.supabase_project_ref
    return bool(named or {"PGHOST", "PGSERVICE"} & libpq_environment().keys())


def source_target(settings: Settings) -> Target:
    """Return the database that the settings name.

    Raises: ConfigError when none is named.
    """
    if settings.database_url is not None:
        return _from_conninfo(settings.database_url.get_secret_value(), "DATABASE_URL", settings)
    if settings.supabase_project_ref:
        return _supabase(settings)
    variables = libpq_environment()
    if "PGHOST" in variables or "PGSERVICE" in variables:
        params = {k: variables[v] for k, v in _VARIABLES.items() if v in variables}
        if "PGSERVICE" in variables:
            params = {**_service(variables["PGSERVICE"]), **params}
        return _complete(params, "libpq's environment", settings)
    raise ConfigError(
        "no database is configured",
        hint="set DATABASE_URL, or SUPABASE_PROJECT_REF and SUPABASE_DB_PASSWORD",
    )


def parse_target(text: str, settings: Settings) -> Target:
    """Return the database that `env:NAME`, `service:NAME` or a URL names.

    Raises: ConfigError when it names none, without echoing what was given.
    """
    if text.startswith("env:"):
        name = text.removeprefix("env:")
        value = named_variable(name, settings)
        if not value:
            raise ConfigError(f"target {text}: the variable {name} is not set")
        return _from_conninfo(value, f"env:{name}", settings)
    if text.startswith("service:"):
        return _complete(_service(text.removeprefix("service:")), text, settings)
    if "://" not in text and "=" not in text:
        raise ConfigError(
            "the target is neither env:NAME, service:NAME nor a URL",
            hint="for example --target env:RESTORE_DATABASE_URL",
        )
    return _from_conninfo(text, "the URL given", settings)


def own_target(url: str, origin: str) -> Target:
    """Return the database of a server that we run ourselves, by the URL it gave us.

    Such a server listens on loopback or a socket only and speaks no TLS.
    """
    given = {key: str(value) for key, value in conninfo.conninfo_to_dict(url).items()}
    fixed = {"port": "5432", "options": "", "channel_binding": "prefer", "sslmode": "disable"}
    return Target(params=MappingProxyType({**fixed, **given}), origin=origin)


def connect(target: Target, *, application: str, timeout_s: int = 10) -> Connection:
    """Open a connection in autocommit mode that never uses named prepared statements.

    Raises: DatabaseError with the cause in one line.
    """
    try:
        connection = psycopg.connect(
            **cast("dict[str, Any]", {**_PINNED, **target.params, **KEEPALIVE}),
            autocommit=True,
            prepare_threshold=None,
            connect_timeout=timeout_s,
            application_name=f"kulti-ops {application}",
            client_encoding="utf8",
        )
        _make_times_readable(connection)
    except psycopg.Error as error:
        raise _connect_error(target, error) from None
    return connection


def _make_times_readable(connection: Connection) -> None:
    """Set what role or database may have set otherwise and psycopg cannot read.

    The server reports these settings by itself: most connections need no round trip.
    """
    for name, wanted in _READABLE.items():
        if not (connection.info.parameter_status(name) or wanted).startswith(wanted):
            connection.execute(sql.SQL("SET {} = {}").format(sql.Identifier(name), wanted))


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn psycopg's exceptions into `DatabaseError`: primary message and SQLSTATE only."""
    try:
        yield
    except psycopg.Error as error:
        raise database_error(what, error) from None


def database_error(what: str, error: psycopg.Error) -> DatabaseError:
    """Return the error for `what` went wrong, without row data."""
    primary = error.diag.message_primary
    if primary is None and isinstance(error, psycopg.OperationalError):
        primary = "the connection was lost"
    primary = redact_server(primary or type(error).__name__)
    code = f" ({error.sqlstate})" if error.sqlstate else ""
    return DatabaseError(f"{what}: {primary}{code}", sqlstate=error.sqlstate, primary=primary)


def _supabase(settings: Settings) -> Target:
    ref = settings.supabase_project_ref
    if settings.supabase_db_password is None:
        raise ConfigError(
            "SUPABASE_PROJECT_REF is set, SUPABASE_DB_PASSWORD is not",
            hint="set both, or DATABASE_URL",
        )
    params = {
        "host": settings.pooler_host or f"db.{ref}.supabase.co",
        "port": "5432",
        "user": "postgres" if settings.pooler_host is None else f"postgres.{ref}",
        "password": settings.supabase_db_password.get_secret_value(),
        "dbname": "postgres",
    }
    return _complete(params, "SUPABASE_PROJECT_REF", settings)


def _from_conninfo(text: str, origin: str, settings: Settings) -> Target:
    try:
        params = {key: str(value) for key, value in conninfo.conninfo_to_dict(text).items()}
    except psycopg.Error:
        raise ConfigError(
            f"{origin} is no database URL",
            hint="the form is postgresql://USER:PASSWORD@HOST:PORT/DATABASE, specials %-encoded",
        ) from None
    if "service" in params:
        params = {**_service(params.pop("service")), **params}
    return _complete(params, origin, settings)


def _service(name: str) -> dict[str, str]:
    variables = libpq_environment()
    files = [
        Path(variables.get("PGSERVICEFILE", str(Path.home() / ".pg_service.conf"))),
        Path(variables.get("PGSYSCONFDIR", "/etc/postgresql-common")) / "pg_service.conf",
    ]
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read(files)
    except configparser.Error:
        raise ConfigError(f"the service file cannot be parsed: {files[0]}") from None
    if not parser.has_section(name):
        raise ConfigError(f"no service {name!r} in {files[0]}")
    return dict(parser.items(name))


def _complete(params: Mapping[str, str], origin: str, settings: Settings) -> Target:
    """Fill in what is missing and decide on TLS; every keyword that matters is explicit."""
    for needed, word in (("host", "host"), ("user", "role"), ("dbname", "database")):
        if not params.get(needed):
            raise ConfigError(f"{origin} names no {word}")
    variables = libpq_environment()
    full = {key: variables[_VARIABLES[key]] for key in _CREDENTIALS if _VARIABLES[key] in variables}
    full |= {"port": "5432", "options": "", "channel_binding": "prefer", **params}
    local = full["host"].startswith("/") or _is_loopback(full["host"])
    if not full["port"].isdigit():
        raise ConfigError(f"{origin}: the port is no number")
    full |= _tls(full, origin, settings, local=local)
    return Target(params=MappingProxyType(full), origin=origin)


def _tls(
    params: Mapping[str, str], origin: str, settings: Settings, *, local: bool
) -> dict[str, str]:
    mode = params.get("sslmode")
    if local:
        return {"sslmode": mode or "prefer"}
    if mode in _WEAK_TLS:
        raise ConfigError(
            f"{origin} asks for sslmode={mode}, which sends the password to whoever answers",
            hint="use verify-full and a CA file (KULTI_OPS_SSLROOTCERT), or at least require",
        )
    mode = mode or settings.sslmode
    root = params.get("sslrootcert") or settings.sslrootcert
    if root is None and mode.startswith("verify") and not _default_root().exists():
        root = "system"
    return {"sslmode": mode, **({"sslrootcert": root} if root else {})}


def _default_root() -> Path:
    return Path.home() / ".postgresql" / "root.crt"


def _is_loopback(host: str) -> bool:
    for name in host.split(","):
        if name == "localhost":
            continue
        try:
            if not ipaddress.ip_address(name).is_loopback:
                return False
        except ValueError:
            return False
    return True


# what libpq says -> (cause, what we say, what to do); the first that is found applies
_CONNECT_CAUSES = (
    (
        "password authentication failed",
        "password",
        "the password is wrong for role {user}",
        "check the password in your settings; special characters in a URL must be %-encoded",
    ),
    (
        "no password supplied",
        "password",
        "no password was given for role {user}",
        "set it in your settings",
    ),
    (
        "Tenant or user not found",
        "pooler-tenant",
        "the pooler knows no {user}",
        "the role is postgres.<ref>; a paused project is unknown to the pooler too",
    ),
    (
        "max clients reached",
        "pooler-full",
        "the pooler takes no more clients",
        "end idle clients, raise the pool size, or use the direct host",
    ),
    (
        "MaxClientsInSessionMode",
        "pooler-full",
        "the pooler takes no more clients",
        "end idle clients, raise the pool size, or use the direct host",
    ),
    (
        "no more connections allowed",
        "pooler-full",
        "the pooler takes no more clients",
        "end idle clients, or raise its max_client_conn",
    ),
    (
        "no pg_hba.conf entry",
        "not-admitted",
        "{host} does not admit this machine as {user}",
        "check the project's network restrictions and that TLS is on",
    ),
    (
        "is not permitted to log in",
        "not-admitted",
        "role {user} may not log in",
        "use another role",
    ),
    (
        "not currently accepting connections",
        "not-admitted",
        "database {database} accepts no connections",
        "somebody set ALLOW_CONNECTIONS to false, or it is being dropped",
    ),
    (
        "does not match host name",
        "tls",
        "the certificate is not for {host}",
        "use the name that the certificate has",
    ),
    (
        "does not exist",
        "names",
        "no database {database} or no role {user}",
        "check the names in the URL",
    ),
    (
        "Network is unreachable",
        "no-route",
        "no route to {host}",
        "direct Supabase hosts are IPv6-only: use the session pooler (KULTI_OPS_POOLER_HOST)",
    ),
    (
        "Connection refused",
        "refused",
        "nothing listens at {host}:{port}",
        "is the server up, the port right?",
    ),
    (
        "could not translate host name",
        "dns",
        "the host {host} is unknown",
        "check the host and the DNS; a paused project has no host",
    ),
    (
        "failed to resolve host",
        "dns",
        "the host {host} is unknown",
        "check the host and the DNS; a paused project has no host",
    ),
    ("No such file or directory", "refused", "no socket in {host}", "is the server up?"),
    (
        "too many clients",
        "connections-full",
        "the server has no free connection: too many clients",
        "end idle connections, or wait; a superuser still gets in",
    ),
    (
        "remaining connection slots",
        "connections-full",
        "the server has no free connection: the rest is reserved for superusers",
        "end idle connections, or wait; a superuser still gets in",
    ),
    (
        "too many connections for",
        "connections-full",
        "the role or database has used up its own limit of connections",
        "end idle connections, or raise its CONNECTION LIMIT",
    ),
    (
        "root certificate file",
        "tls",
        "the CA file for TLS is missing",
        "set KULTI_OPS_SSLROOTCERT to the project's CA file",
    ),
    (
        "certificate verify failed",
        "tls",
        "the certificate of {host} is not trusted",
        "set KULTI_OPS_SSLROOTCERT to the project's CA file",
    ),
    (
        "server does not support SSL",
        "tls",
        "{host} offers no TLS",
        "is this the database you mean?",
    ),
    ("SSL error", "tls", "the TLS handshake with {host} failed", "is this the database's port?"),
    (
        "starting up",
        "starting",
        "the server is starting up",
        "try again in a few seconds",
    ),
    (
        "in recovery mode",
        "recovery",
        "the server recovers from a crash",
        "wait: it replays its log; look for what crashed it afterwards",
    ),
    (
        "not yet accepting connections",
        "recovery",
        "the server is in recovery and takes no connections yet",
        "wait until it has caught up",
    ),
    ("shutting down", "stopping", "the server is shutting down", ""),
    (
        "timeout expired",
        "timeout",
        "no answer from {host}:{port} in time",
        "check network and firewall",
    ),
    (
        "Connection timed out",
        "timeout",
        "no answer from {host}:{port} in time",
        "check network and firewall",
    ),
    (
        "server closed the connection unexpectedly",
        "closed",
        "{host}:{port} closed the connection at once",
        "is this the database's port? a crashing server or a full pooler does this too",
    ),
)


def _connect_error(target: Target, error: psycopg.Error) -> DatabaseError:
    text = str(error)
    names = {
        "user": target.user,
        "host": target.host,
        "port": str(target.port),
        "database": target.database,
    }
    for needle, cause, message, hint in _CONNECT_CAUSES:
        if needle in text:
            return DatabaseError(
                f"cannot connect to {target.label}: {message.format(**names)}",
                hint=hint,
                sqlstate=error.sqlstate,
                cause=cause,
            )
    line = next((part.strip() for part in reversed(text.splitlines()) if part.strip()), "")
    return DatabaseError(
        f"cannot connect to {target.label}: {line or type(error).__name__}", sqlstate=error.sqlstate
    )
