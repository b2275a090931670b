"""The settings by subject, in the order of the documentation."""

from kulti_ops.config.groups.backups import BackupSettings
from kulti_ops.config.groups.database import DatabaseSettings
from kulti_ops.config.groups.encryption import EncryptionSettings
from kulti_ops.config.groups.group import Group
from kulti_ops.config.groups.notifications import NotificationSettings
from kulti_ops.config.groups.places import PlaceSettings
from kulti_ops.config.groups.restores import RestoreSettings
from kulti_ops.config.groups.retention import RetentionSettings
from kulti_ops.config.groups.runbook import RunbookSettings
from kulti_ops.config.groups.s3 import S3Settings
from kulti_ops.config.groups.schedule import ScheduleSettings
from kulti_ops.config.groups.smoke import SmokeSettings
from kulti_ops.config.groups.telemetry import TelemetrySettings

GROUPS: tuple[type[Group], ...] = (
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
)

__all__ = (
    "GROUPS",
    "BackupSettings",
    "DatabaseSettings",
    "EncryptionSettings",
    "Group",
    "NotificationSettings",
    "PlaceSettings",
    "RestoreSettings",
    "RetentionSettings",
    "RunbookSettings",
    "S3Settings",
    "ScheduleSettings",
    "SmokeSettings",
    "TelemetrySettings",
)
