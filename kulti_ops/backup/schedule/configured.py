"""The schedules that the settings name, and whether they mean the same wherever we start."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from kulti_ops.backup.schedule.spec import Name, plan_schedules
from kulti_ops.config import variable_names
from kulti_ops.cron import zone_of
from kulti_ops.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kulti_ops.backup.schedule.spec import Schedule
    from kulti_ops.config import Settings


def planned(
    settings: Settings,
    given: Mapping[str, str | None] = MappingProxyType({}),
    *,
    zone: str | None = None,
) -> tuple[Schedule, ...]:
    """Return the schedules of the settings, with those that were given in their place.

    Raises: UsageError for an option, ConfigError for a setting.
    """
    asked = {Name(name): text for name, text in given.items() if text is not None}
    configured = {name: getattr(settings, f"schedule_{name}") for name in Name}
    chosen = zone or settings.schedule_zone
    try:
        zone_of(chosen)
        return plan_schedules(configured | asked, zone=chosen)
    except UsageError as error:
        if asked or zone:
            raise
        raise ConfigError(f"KULTI_OPS_SCHEDULE_*: {error.message}", hint=error.hint) from error


def some(schedules: tuple[Schedule, ...]) -> tuple[Schedule, ...]:
    """Return the schedules.

    Raises: ConfigError when there are none.
    """
    if not schedules:
        raise ConfigError(
            "no schedule is set", hint="set KULTI_OPS_SCHEDULE_DAILY=03:30, or give --daily 03:30"
        )
    return schedules


def insist_on_a_storage(settings: Settings) -> None:
    """Refuse the default folder for a backup that nobody watches being made.

    A secret that is missing in CI is an empty variable: the backup would go away with the
    runner's disk, verified and green. Raises: ConfigError.
    """
    if settings.storage is None:
        raise ConfigError(
            "no storage is set: a scheduled backup would stay on this machine",
            hint="set KULTI_OPS_STORAGE to s3://bucket/prefix, or to a folder that is to hold it",
        )


def insist_on_whole_paths(settings: Settings) -> None:
    """Refuse settings that mean another place wherever the scheduler starts us.

    Raises: ConfigError naming the setting.
    """
    storage = settings.storage or "/"
    relative = [] if "://" in storage or storage[0] in "/~" else ["storage"]
    if settings.sslrootcert and not settings.sslrootcert.startswith(("/", "system")):
        relative.append("sslrootcert")
    relative += [
        field
        for field in type(settings).model_fields
        if isinstance(value := getattr(settings, field), Path) and not value.is_absolute()
    ]
    if relative:
        raise ConfigError(
            f"{variable_names()[relative[0]]} is a relative path: schedulers start elsewhere",
            hint="write the whole path",
        )
