"""Who is told about scheduled runs."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, SecretStr

from kulti_ops.config.groups.group import Folder, Group, names


class NotificationSettings(Group):
    """Who is told about scheduled runs."""

    TITLE: ClassVar[str] = "Notifications"

    ping_url: SecretStr | None = Field(
        None,
        validation_alias=names("KULTI_OPS_PING_URL"),
        description="Healthchecks-style URL: told /start, success, and /fail with the end of the "
        "log; {schedule} in it becomes the schedule's name.",
        examples=["https://HOST/ping/KEY/kulti-{schedule}"],
    )
    sentry_monitor: str | None = Field(
        None,
        validation_alias=names("KULTI_OPS_SENTRY_MONITOR"),
        pattern=r"^[a-z0-9][a-z0-9_-]{0,40}$",
        description="Sentry cron monitors in the project of KULTI_OPS_SENTRY_DSN: one per "
        "schedule, named <this>-<schedule>, made and kept up to date by the runs.",
        examples=["kulti-backup"],
    )
    textfile_dir: Folder | None = Field(
        None,
        validation_alias=names("KULTI_OPS_TEXTFILE_DIR"),
        description="Folder of Prometheus' node_exporter for metrics of the scheduled runs "
        "(mode 0644).",
        examples=["/var/lib/node_exporter/textfile"],
    )
    notify_timeout_s: float = Field(
        5,
        gt=0,
        le=60,
        validation_alias=names("KULTI_OPS_NOTIFY_TIMEOUT_S"),
        description="Seconds that a receiver of notifications may take.",
    )
