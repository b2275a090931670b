"""What is kept, and when its age or size is a finding.

The defaults are the platform's: daily 7, weekly 5, monthly 12, pre-change 30 days.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from kulti_ops.config.groups.group import Folder, Group, names, xdg

if TYPE_CHECKING:
    from pathlib import Path


class RetentionSettings(Group):
    """What is kept, and when its age or size is a finding."""

    TITLE: ClassVar[str] = "Retention and freshness"

    keep_last: int = Field(
        0,
        ge=0,
        le=100_000,
        validation_alias=names("KULTI_OPS_KEEP_LAST"),
        description="How many of the newest proven backups to keep, whenever they were made.",
    )
    keep_hourly: int = Field(
        0,
        ge=0,
        le=100_000,
        validation_alias=names("KULTI_OPS_KEEP_HOURLY"),
        description="For how many hours with proven backups to keep the newest of each.",
    )
    keep_daily: int = Field(
        7,
        ge=0,
        le=100_000,
        validation_alias=names("KULTI_OPS_KEEP_DAILY"),
        description="For how many days (UTC) with proven backups to keep the newest of each.",
    )
    keep_weekly: int = Field(
        5,
        ge=0,
        le=100_000,
        validation_alias=names("KULTI_OPS_KEEP_WEEKLY"),
        description="For how many ISO weeks with proven backups to keep the newest of each.",
    )
    keep_monthly: int = Field(
        12,
        ge=0,
        le=100_000,
        validation_alias=names("KULTI_OPS_KEEP_MONTHLY"),
        description="For how many months with proven backups to keep the newest of each.",
    )
    keep_yearly: int = Field(
        0,
        ge=0,
        le=100_000,
        validation_alias=names("KULTI_OPS_KEEP_YEARLY"),
        description="For how many years with proven backups to keep the newest of each.",
    )
    keep_labels: str = Field(
        "pre-change=30d",
        validation_alias=names("KULTI_OPS_KEEP_LABELS"),
        description="Labels whose backups are all kept for a time: LABEL=TIME, comma-separated; "
        "`*` stands for any text.",
    )
    keep_floor: int = Field(
        3,
        ge=1,
        le=100_000,
        validation_alias=names("KULTI_OPS_KEEP_FLOOR"),
        description="How many of the newest proven backups are never removed, whatever the rest "
        "says.",
    )
    max_age_hours: float = Field(
        26,
        gt=0,
        validation_alias=names("KULTI_OPS_MAX_AGE_HOURS"),
        description="Age of the newest proven backup from which `verify freshness` is crit: "
        "a day (the recovery point objective) and two hours for the run itself.",
    )
    drill_max_age_days: float = Field(
        100,
        gt=0,
        validation_alias=names("KULTI_OPS_DRILL_MAX_AGE_DAYS"),
        description="The same for `verify freshness --state drilled`: a quarter and a week.",
    )
    size_shrink_percent: float = Field(
        30,
        gt=0,
        lt=100,
        validation_alias=names("KULTI_OPS_SIZE_SHRINK_PERCENT"),
        description="By how many percent a backup may be smaller than the median of up to seven "
        "before it; a database rarely loses a third of itself on purpose.",
    )
    size_growth_percent: float = Field(
        100,
        gt=0,
        validation_alias=names("KULTI_OPS_SIZE_GROWTH_PERCENT"),
        description="By how many percent a backup may be larger than the median of up to seven "
        "before it; twice its size at once is a new table, an import, or something running away.",
    )
    export_dir: Folder | None = Field(
        None,
        validation_alias=names("KULTI_OPS_EXPORT_DIR"),
        description="Where `backup export` puts its files, apart from the backups. "
        "Default: the XDG data folder.",
        examples=["/var/lib/kulti-ops/exports"],
    )

    @property
    def export_path(self) -> Path:
        """The folder for exports; a sibling of the default storage, never below it."""
        return self.export_dir or xdg("XDG_DATA_HOME", ".local/share") / "exports"
