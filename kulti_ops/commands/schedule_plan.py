"""The schedules that a command works with: options over settings, and whole paths."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kulti_ops.backup.schedule.spec import FORMS, Name, plan_schedules
from kulti_ops.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from kulti_ops.backup.schedule.spec import Schedule
    from kulti_ops.config import Settings


def _time_option(name: Name) -> Any:  # noqa: ANN401 - what typer calls an option
    return typer.Option(
        f"--{name}", help=f"{FORMS[name]}; off for none.", show_default="from the settings"
    )


HourlyOption = Annotated[str | None, _time_option(Name.HOURLY)]
DailyOption = Annotated[str | None, _time_option(Name.DAILY)]
WeeklyOption = Annotated[str | None, _time_option(Name.WEEKLY)]
MonthlyOption = Annotated[str | None, _time_option(Name.MONTHLY)]
DrillOption = Annotated[str | None, _time_option(Name.DRILL)]
ZoneOption = Annotated[
    str | None,
    typer.Option("--zone", help="Time zone of the times.", show_default="from the settings"),
]


def planned(
    settings: Settings, given: dict[str, str | None], *, zone: str | None
) -> tuple[Schedule, ...]:
    """Return the schedules of the settings, with those of the options in their place.

    Raises: UsageError for an option, ConfigError for a setting.
    """
    from kulti_ops.cron import zone_of

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


def insist_on_whole_paths(settings: Settings) -> None:
    """Refuse settings that mean another place wherever the scheduler starts us.

    Raises: ConfigError naming the setting.
    """
    from kulti_ops.config import variable_names

    storage = settings.storage or "/"
    relative = [] if "://" in storage or storage[0] in "/~" else ["storage"]
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
