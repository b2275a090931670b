"""Targets: databases named in full.

A target names everything explicitly, so that neither a stray PGHOST nor a service
file can turn one database into another.
"""

from __future__ import annotations

import configparser
import ipaddress
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import psycopg
from psycopg import conninfo

from kulti_ops.config import base_environment, libpq_environment, named_variable
from kulti_ops.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kulti_ops.config import Settings

TRANSACTION_POOLER_PORT = 6543  # Supabase's pooler in transaction mode
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
    if _is_misread(text):
        raise ConfigError(
            f"{origin} is no database URL: an `@` stands behind the host",
            hint="%-encode what the password holds: `@` is %40, `/` is %2F, `:` is %3A",
        )
    if "service" in params:
        params = {**_service(params.pop("service")), **params}
    return _complete(params, origin, settings)


def _is_misread(text: str) -> bool:
    """Tell whether a URL's password ends early, so that its rest is read as host and name.

    libpq ends it at the first `@` or `/`; host and name are shown, and its rest must not be.
    """
    _, is_url, rest = text.partition("://")
    authority, _, name = rest.partition("?")[0].partition("/")
    return bool(is_url) and (authority.count("@") > 1 or "@" in name)


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
