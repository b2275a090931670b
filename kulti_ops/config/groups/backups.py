"""Making backups."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from kulti_ops.config.groups.group import Group, names


class BackupSettings(Group):
    """Making backups."""

    TITLE: ClassVar[str] = "Backups"

    lock_wait_s: float = Field(
        30,
        gt=0,
        validation_alias=names("KULTI_OPS_LOCK_WAIT_S"),
        description="Seconds that a backup waits for a table's lock before it names the holder.",
    )
    yield_after_s: float = Field(
        10,
        gt=0,
        validation_alias=names("KULTI_OPS_YIELD_AFTER_S"),
        description="Seconds that somebody may wait behind a backup before the backup gives way.",
    )
    backup_attempts: int = Field(
        3,
        ge=1,
        le=20,
        validation_alias=names("KULTI_OPS_BACKUP_ATTEMPTS"),
        description="How often a backup is begun again after it gave way or met a schema change.",
    )
    backup_timeout_s: float = Field(
        6 * 3600,
        gt=0,
        validation_alias=names("KULTI_OPS_BACKUP_TIMEOUT_S"),
        description="Seconds after which a dump is given up: an open snapshot bloats the source.",
    )
    spool_after_s: float = Field(
        600,
        ge=0,
        validation_alias=names("KULTI_OPS_SPOOL_AFTER_S"),
        description="Seconds that an S3 storage may keep a dump waiting in all; what comes then is"
        " spooled to the scratch folder, so that the snapshot can end. 0: wait for the storage.",
    )
