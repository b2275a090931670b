"""The options that say when backups are made."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from kulti_ops.backup.schedule.spec import FORMS, Name


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
