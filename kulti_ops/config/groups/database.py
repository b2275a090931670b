"""Which database, and how to reach it."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

from pydantic import Field, SecretStr

from kulti_ops.config.groups.group import Group, names


class DatabaseSettings(Group):
    """Which database, and how to reach it."""

    TITLE: ClassVar[str] = "The database"

    database_url: SecretStr | None = Field(
        None,
        validation_alias=names("DATABASE_URL"),
        description="Database to back up and to look at, as a libpq URL; overrides what follows.",
        examples=["postgresql://postgres:PASSWORD@db.PROJECT.supabase.co:5432/postgres"],
    )
    supabase_project_ref: str | None = Field(
        None,
        validation_alias=names("SUPABASE_PROJECT_REF"),
        pattern=r"^[a-z0-9]{15,30}$",
        description="Project reference: the database is then db.<ref>.supabase.co:5432.",
        examples=["abcdefghijklmnopqrst"],
    )
    supabase_db_password: SecretStr | None = Field(
        None,
        validation_alias=names("SUPABASE_DB_PASSWORD"),
        description="Password of the role postgres of that project.",
        examples=["PASSWORD"],
    )
    pooler_host: str | None = Field(
        None,
        validation_alias=names("KULTI_OPS_POOLER_HOST"),
        description="Session pooler to use instead of the direct host (machines without IPv6).",
        examples=["aws-0-eu-central-1.pooler.supabase.com"],
    )
    sslmode: str = Field(
        "verify-full",
        validation_alias=names("KULTI_OPS_SSLMODE"),
        pattern="^(verify-full|verify-ca|require)$",
        description="TLS to anything but loopback: verify-full, verify-ca or require.",
    )
    sslrootcert: str | None = Field(
        None,
        validation_alias=names("KULTI_OPS_SSLROOTCERT"),
        description="CA file for the database's certificate; `system` for the machine's own.",
        examples=["/etc/kulti-ops/prod-ca-2021.crt"],
    )
    connect_timeout_s: int = Field(
        10,
        ge=1,
        le=300,
        validation_alias=names("KULTI_OPS_CONNECT_TIMEOUT_S"),
        description="Seconds to wait for a connection.",
    )
    production_refs: str = Field(
        "",
        validation_alias=names("KULTI_OPS_PRODUCTION"),
        description="Project refs and hosts that are production, comma-separated; "
        "SUPABASE_PROJECT_REF always is.",
        examples=["abcdefghijklmnopqrst,db.kulti.example"],
    )

    @cached_property
    def production_names(self) -> frozenset[str]:
        """Project refs and hosts that are production."""
        names = {name.strip().lower() for name in self.production_refs.split(",") if name.strip()}
        if self.supabase_project_ref:
            names.add(self.supabase_project_ref)
        return frozenset(names)
