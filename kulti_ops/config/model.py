"""The settings' model: the groups put together, and what is known about them.

What a setting is stands in its group; this module reads no file.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from pydantic import AliasChoices, PrivateAttr, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from kulti_ops.config.groups import (
    GROUPS,
    BackupSettings,
    DatabaseSettings,
    EncryptionSettings,
    NotificationSettings,
    PlaceSettings,
    RestoreSettings,
    RetentionSettings,
    RunbookSettings,
    S3Settings,
    ScheduleSettings,
    SmokeSettings,
    TelemetrySettings,
)

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic.fields import FieldInfo


class Settings(
    DatabaseSettings,
    PlaceSettings,
    S3Settings,
    BackupSettings,
    RetentionSettings,
    ScheduleSettings,
    NotificationSettings,
    EncryptionSettings,
    RestoreSettings,
    SmokeSettings,
    RunbookSettings,
    TelemetrySettings,
    BaseSettings,
):
    """Every setting, with its environment variable as validation alias.

    Sizes are bytes, times carry their unit in the name. Defaults that stand for
    the platform's own thresholds come from its runbook (RTO 1 h, RPO 24 h).
    """

    model_config = SettingsConfigDict(
        extra="ignore",  # a shared .env holds the application's names too; `doctor` lists ours
        env_ignore_empty=True,
        hide_input_in_errors=True,
        defer_build=False,
    )

    _files: tuple[Path, ...] = PrivateAttr(())  # the strongest last

    def secret_values(self) -> frozenset[str]:
        """Return every secret that is set, for redaction; of a URL also the password alone."""
        fields = (getattr(self, name) for name in type(self).model_fields)
        values = {v.get_secret_value() for v in fields if isinstance(v, SecretStr)}
        values |= {os.environ[name] for name in ("PGPASSWORD",) if os.environ.get(name)}
        if self.test_account_cookie:
            cookie = self.test_account_cookie.get_secret_value()
            values |= {part.partition("=")[2].strip() for part in cookie.split(";")}
        return frozenset(values.union(*(url_passwords(value) for value in values)) - {""})


def variable_names() -> dict[str, str]:
    """Return field name -> environment variable, group by group."""
    names = {}
    for field in (field for group in GROUPS for field in group.model_fields):
        alias = Settings.model_fields[field].validation_alias
        names[field] = str(alias.choices[0]) if isinstance(alias, AliasChoices) else field
    return names


@dataclass(frozen=True, kw_only=True)
class SettingInfo:
    """One setting as the documentation shows it; `default` is None where there is none."""

    variable: str
    group: str
    description: str
    default: str | None
    example: str
    secret: bool


def describe() -> tuple[SettingInfo, ...]:
    """Return every setting, group by group."""
    variables = variable_names()
    return tuple(
        _info(variables[field], Settings.model_fields[field], group=group.TITLE)
        for group in GROUPS
        for field in group.model_fields
    )


def _info(variable: str, field: FieldInfo, *, group: str) -> SettingInfo:
    default = None if field.default in (None, "") else f"{field.default}"
    return SettingInfo(
        variable=variable,
        group=group,
        description=field.description or "",
        default=default,
        example=default or str((field.examples or [""])[0]),
        secret="SecretStr" in str(field.annotation),
    )


def url_passwords(text: str) -> frozenset[str]:
    """Return the password of a URL, as it is written and as it is meant."""
    try:
        password = urlsplit(text).password if "://" in text else None
    except ValueError:
        return frozenset()
    return frozenset({password, unquote(password)}) if password else frozenset()
