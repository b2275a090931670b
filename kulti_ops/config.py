"""Settings: the only reader of the environment.

Environment first, then `--env-file`, then `.env` in the working directory. The
platform's own names are accepted where they exist; the tool's are `KULTI_OPS_*`.
"""

from __future__ import annotations

import os
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dotenv import dotenv_values
from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from kulti_ops.errors import ConfigError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "KULTI_OPS_"
LOCAL_ENV_FILE = Path(".env")
# Root's home is private, and root's servers run as another account.
ROOT_STATE = Path("/var/lib/kulti-ops")


def _names(*names: str) -> AliasChoices:
    return AliasChoices(*names)


class Settings(BaseSettings):
    """Every setting, with its environment variable as validation alias.

    Sizes are bytes, times carry their unit in the name. Defaults that stand for
    the platform's own thresholds come from its runbook (RTO 1 h, RPO 24 h).
    """

    model_config = SettingsConfigDict(
        extra="ignore", env_ignore_empty=True, hide_input_in_errors=True, populate_by_name=True
    )

    # the database
    database_url: SecretStr | None = Field(
        None,
        validation_alias=_names("DATABASE_URL"),
        description="Database to back up and to look at, as a libpq URL; overrides what follows.",
    )
    supabase_project_ref: str | None = Field(
        None,
        validation_alias=_names("SUPABASE_PROJECT_REF"),
        pattern=r"^[a-z0-9]{15,30}$",
        description="Project reference: the database is then db.<ref>.supabase.co:5432.",
    )
    supabase_db_password: SecretStr | None = Field(
        None,
        validation_alias=_names("SUPABASE_DB_PASSWORD"),
        description="Password of the role postgres of that project.",
    )
    pooler_host: str | None = Field(
        None,
        validation_alias=_names("KULTI_OPS_POOLER_HOST"),
        description="Session pooler to use instead of the direct host (machines without IPv6).",
    )
    sslmode: str = Field(
        "verify-full",
        validation_alias=_names("KULTI_OPS_SSLMODE"),
        pattern="^(verify-full|verify-ca|require)$",
        description="TLS to anything but loopback: verify-full, verify-ca or require.",
    )
    sslrootcert: str | None = Field(
        None,
        validation_alias=_names("KULTI_OPS_SSLROOTCERT"),
        description="CA file for the database's certificate; `system` for the machine's own.",
    )
    connect_timeout_s: int = Field(
        10,
        ge=1,
        le=300,
        validation_alias=_names("KULTI_OPS_CONNECT_TIMEOUT_S"),
        description="Seconds to wait for a connection.",
    )
    production_refs: str = Field(
        "",
        validation_alias=_names("KULTI_OPS_PRODUCTION"),
        description="Project refs and hosts that are production, comma-separated; "
        "SUPABASE_PROJECT_REF always is.",
    )

    # where things live
    storage: str | None = Field(
        None,
        validation_alias=_names("KULTI_OPS_STORAGE"),
        description="Where backups live: a folder. Default: the XDG data folder.",
    )
    state_dir: Path | None = Field(
        None,
        validation_alias=_names("KULTI_OPS_STATE_DIR"),
        description="Audit log, incidents, baselines. Default: the XDG state folder.",
    )
    cache_dir: Path | None = Field(
        None,
        validation_alias=_names("KULTI_OPS_CACHE_DIR"),
        description="Embedded server's files. Default: the XDG cache folder.",
    )
    scratch_dir: Path | None = Field(
        None,
        validation_alias=_names("KULTI_OPS_SCRATCH_DIR"),
        description="Where drills put their scratch servers. Default: a temporary folder.",
    )
    pg_bin_dir: Path | None = Field(
        None,
        validation_alias=_names("KULTI_OPS_PG_BIN_DIR"),
        description="Folder with pg_dump, pg_restore and psql to prefer.",
    )

    # backup
    lock_wait_s: float = Field(
        30,
        gt=0,
        validation_alias=_names("KULTI_OPS_LOCK_WAIT_S"),
        description="Seconds that a backup waits for a table's lock before it names the holder.",
    )
    yield_after_s: float = Field(
        10,
        gt=0,
        validation_alias=_names("KULTI_OPS_YIELD_AFTER_S"),
        description="Seconds that somebody may wait behind a backup before the backup gives way.",
    )
    backup_attempts: int = Field(
        3,
        ge=1,
        le=20,
        validation_alias=_names("KULTI_OPS_BACKUP_ATTEMPTS"),
        description="How often a backup is begun again after it gave way or met a schema change.",
    )
    backup_timeout_s: float = Field(
        6 * 3600,
        gt=0,
        validation_alias=_names("KULTI_OPS_BACKUP_TIMEOUT_S"),
        description="Seconds after which a dump is given up: an open snapshot bloats the source.",
    )

    # restore
    jobs: int = Field(
        2,
        ge=1,
        le=64,
        validation_alias=_names("KULTI_OPS_JOBS"),
        description="Parallel jobs of a restore.",
    )
    rto_minutes: float = Field(
        60,
        gt=0,
        validation_alias=_names("KULTI_OPS_RTO_MINUTES"),
        description="Recovery time objective, in minutes.",
    )
    rpo_hours: float = Field(
        24,
        gt=0,
        validation_alias=_names("KULTI_OPS_RPO_HOURS"),
        description="Recovery point objective, in hours.",
    )

    # smoke tests
    app_url: str | None = Field(
        None,
        validation_alias=_names("NEXT_PUBLIC_APP_URL"),
        description="The site that smoke tests look at.",
    )
    private_hosts: str = Field(
        "",
        validation_alias=_names("KULTI_OPS_PRIVATE_HOSTS"),
        description="Hosts that may lead to private addresses, comma-separated.",
    )
    cafile: Path | None = Field(
        None,
        validation_alias=_names("KULTI_OPS_CAFILE"),
        description="PEM file of a CA that smoke tests trust instead of the system's.",
    )
    hsts_preloaded: str = Field(
        "",
        validation_alias=_names("KULTI_OPS_HSTS_PRELOADED"),
        description="Hosts known to be on the browsers' HSTS preload list, comma-separated.",
    )

    # telemetry of this tool, kept apart from the application's
    sentry_dsn: SecretStr | None = Field(
        None,
        validation_alias=_names("KULTI_OPS_SENTRY_DSN"),
        description="Sentry project for this tool's own errors; nothing is sent without it.",
    )
    environment: str = Field(
        "production",
        validation_alias=_names("KULTI_OPS_ENVIRONMENT"),
        description="Environment name given to Sentry.",
    )

    @property
    def storage_url(self) -> str:
        """The storage that was configured, or the default folder."""
        return self.storage or str(_xdg("XDG_DATA_HOME", ".local/share") / "backups")

    @property
    def state_path(self) -> Path:
        """The folder for the audit log and other state."""
        return self.state_dir or _xdg("XDG_STATE_HOME", ".local/state")

    @property
    def cache_path(self) -> Path:
        """The folder for the embedded server's files; traversable by others when root."""
        if self.cache_dir:
            return self.cache_dir
        return Path("/var/cache/kulti-ops") if _is_root() else _xdg("XDG_CACHE_HOME", ".cache")

    @property
    def scratch_path(self) -> Path:
        """The folder under which drills make their scratch servers."""
        import tempfile

        return self.scratch_dir or Path(tempfile.gettempdir()) / f"kulti-ops-scratch-{os.getuid()}"

    @property
    def sandbox_path(self) -> Path:
        """The sandbox's folder; root's default is where root's servers can go."""
        if self.state_dir is None and _is_root():
            return ROOT_STATE / "sandbox"
        return self.state_path / "sandbox"

    @property
    def sandbox_data_path(self) -> Path:
        """The folder for the data of root's sandboxes in folders that are private to root."""
        return (ROOT_STATE if _is_root() else self.state_path) / "sandbox-data"

    @cached_property
    def production_names(self) -> frozenset[str]:
        """Project refs and hosts that are production."""
        names = {name.strip().lower() for name in self.production_refs.split(",") if name.strip()}
        if self.supabase_project_ref:
            names.add(self.supabase_project_ref)
        return frozenset(names)

    @property
    def private_host_names(self) -> frozenset[str]:
        """Hosts that may lead to private addresses."""
        return _listed(self.private_hosts)

    @property
    def hsts_preloaded_hosts(self) -> frozenset[str]:
        """Hosts known to be on the HSTS preload list."""
        return _listed(self.hsts_preloaded)

    def secret_values(self) -> frozenset[str]:
        """Return every secret that is set, for redaction."""
        values = (getattr(self, name) for name in type(self).model_fields)
        return frozenset(v.get_secret_value() for v in values if isinstance(v, SecretStr))


def _listed(text: str) -> frozenset[str]:
    return frozenset(name.strip().lower() for name in text.split(",") if name.strip())


def load_settings(*, env_file: Path | None = None) -> Settings:
    """Read the settings.

    Raises: ConfigError when a value cannot be used or `env_file` cannot be read.
    """
    files = _env_files(env_file)
    try:
        return Settings(_env_file=files)  # type: ignore[call-arg]
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        raise ConfigError(
            f"{name} cannot be used: {first['msg'].lower()}",
            hint="see .env.example for its meaning and form",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the settings file: {error}") from error


def variable_names() -> dict[str, str]:
    """Return each field's environment variable, in the model's order: field name -> variable."""
    names = {}
    for field, info in Settings.model_fields.items():
        alias = info.validation_alias
        names[field] = str(alias.choices[0]) if isinstance(alias, AliasChoices) else field
    return names


def unknown_names(
    *, env_file: Path | None = None, environ: Mapping[str, str] = os.environ
) -> tuple[str, ...]:
    """Return `KULTI_OPS_*` names that are set somewhere and mean nothing: typing errors."""
    known = set(variable_names().values())
    given = set(environ)
    for file in _env_files(env_file):
        given |= set(dotenv_values(file))
    return tuple(sorted(n for n in given if n.startswith(PREFIX) and n not in known))


def libpq_environment() -> dict[str, str]:
    """Return libpq's own variables (PGSERVICE, PGPASSFILE, …) that are set."""
    return {key: value for key, value in os.environ.items() if key.startswith("PG") and value}


def named_variable(name: str) -> str | None:
    """Return one variable by name, for targets given as `env:NAME`."""
    return os.environ.get(name) or dotenv_values(LOCAL_ENV_FILE).get(name)


def variables_of(file: Path | None) -> dict[str, str]:
    """Return the variables of a file as they stand there, or of the environment.

    Raises: NotFoundError when the file cannot be read.
    """
    if file is None:
        return dict(os.environ)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8"
        raise NotFoundError(f"cannot read {file}: {reason.lower()}") from error
    found = dotenv_values(stream=StringIO(text), interpolate=False)
    return {name: value or "" for name, value in found.items()}


def base_environment() -> dict[str, str]:
    """Return what child processes inherit: no libpq variables, no settings, no secrets."""
    kept = (
        "PATH",
        "HOME",
        "TMPDIR",
        "TZ",
        "LANG",
        "LD_LIBRARY_PATH",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
    )
    return {"LC_ALL": "C", **{key: os.environ[key] for key in kept if key in os.environ}}


def search_path() -> str:
    """Return PATH."""
    return os.environ.get("PATH", os.defpath)


def exposed_env_files(env_file: Path | None = None) -> tuple[Path, ...]:
    """Return settings files that others can read."""
    return tuple(f for f in _env_files(env_file) if f.stat().st_mode & 0o077)


def _env_files(env_file: Path | None) -> tuple[Path, ...]:
    """Return the files to read, the strongest last."""
    files = (LOCAL_ENV_FILE,) if LOCAL_ENV_FILE.is_file() else ()
    if env_file is None:
        return files
    if not env_file.is_file():
        raise ConfigError(f"no settings file {env_file}", hint="check --env-file")
    return (*files, env_file)


def _xdg(variable: str, default: str) -> Path:
    base = os.environ.get(variable)
    return (Path(base) if base else Path.home() / default) / "kulti-ops"


def _is_root() -> bool:
    return os.geteuid() == 0


def describe() -> list[dict[str, Any]]:
    """Return every setting for documentation: variable, default, description, secret or not."""
    rows = []
    for field, info in Settings.model_fields.items():
        rows.append(
            {
                "variable": variable_names()[field],
                "default": info.default,
                "description": info.description or "",
                "secret": "SecretStr" in str(info.annotation),
            }
        )
    return rows
