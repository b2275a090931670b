"""This tool's own errors, kept apart from the application's."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, SecretStr

from kulti_ops.config.groups.group import Group, names


class TelemetrySettings(Group):
    """This tool's own errors, kept apart from the application's."""

    TITLE: ClassVar[str] = "This tool's own errors"

    sentry_dsn: SecretStr | None = Field(
        None,
        validation_alias=names("KULTI_OPS_SENTRY_DSN"),
        description="Sentry project for this tool's own errors; nothing is sent without it.",
        examples=["https://KEY@HOST/PROJECT"],
    )
    environment: str = Field(
        "production",
        validation_alias=names("KULTI_OPS_ENVIRONMENT"),
        description="Environment name given to Sentry.",
    )
