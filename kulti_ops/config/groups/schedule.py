"""When what runs by itself."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from kulti_ops.config.groups.group import Group, names


class ScheduleSettings(Group):
    """When what runs by itself."""

    TITLE: ClassVar[str] = "Schedule"

    schedule_hourly: str = Field(
        "",
        validation_alias=names("KULTI_OPS_SCHEDULE_HOURLY"),
        description="Minute of an hourly backup; like every schedule, off when empty.",
        examples=[":15"],
    )
    schedule_daily: str = Field(
        "",
        validation_alias=names("KULTI_OPS_SCHEDULE_DAILY"),
        description="Time of a daily backup.",
        examples=["03:30"],
    )
    schedule_weekly: str = Field(
        "",
        validation_alias=names("KULTI_OPS_SCHEDULE_WEEKLY"),
        description="Day and time of a weekly backup.",
        examples=["sun 02:00"],
    )
    schedule_monthly: str = Field(
        "",
        validation_alias=names("KULTI_OPS_SCHEDULE_MONTHLY"),
        description="Day of the month, 1 to 28, and time (04:30 when none is given) of a "
        "monthly backup.",
        examples=["1 04:30"],
    )
    schedule_drill: str = Field(
        "",
        validation_alias=names("KULTI_OPS_SCHEDULE_DRILL"),
        description="Backups that are also drilled: monthly, quarterly or yearly, on the first "
        "day, and time (05:30 when none is given).",
        examples=["quarterly 05:30"],
    )
    schedule_zone: str = Field(
        "UTC",
        validation_alias=names("KULTI_OPS_SCHEDULE_ZONE"),
        description="Time zone of the schedules' times.",
    )
    schedule_grace_minutes: float = Field(
        60,
        gt=0,
        le=24 * 60,
        validation_alias=names("KULTI_OPS_SCHEDULE_GRACE_MINUTES"),
        description="Minutes that a run may begin late before it counts as missed.",
    )
    schedule_max_runtime_minutes: float = Field(
        480,
        ge=1,
        le=7 * 24 * 60,
        validation_alias=names("KULTI_OPS_SCHEDULE_MAX_RUNTIME_MINUTES"),
        description="Minutes after which a run that has not ended is a failure: the longest dump, "
        "its verification, and a drill.",
    )
    schedule_verify: str = Field(
        "contents",
        validation_alias=names("KULTI_OPS_SCHEDULE_VERIFY"),
        pattern="^(contents|quick)$",
        description="How deep scheduled runs verify: contents, or quick where the key that "
        "opens encrypted backups is elsewhere.",
    )
    schedule_prune: bool = Field(
        default=False,
        validation_alias=names("KULTI_OPS_SCHEDULE_PRUNE"),
        description="Whether scheduled runs also prune: for the one machine whose credentials "
        "may delete backups.",
    )
