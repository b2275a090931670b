"""Restores, and what they are measured against."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from kulti_ops.config.groups.group import Group, names


class RestoreSettings(Group):
    """Restores, and what they are measured against."""

    TITLE: ClassVar[str] = "Restores and objectives"

    jobs: int = Field(
        2,
        ge=1,
        le=64,
        validation_alias=names("KULTI_OPS_JOBS"),
        description="Parallel jobs of a restore.",
    )
    rto_minutes: float = Field(
        60,
        gt=0,
        validation_alias=names("KULTI_OPS_RTO_MINUTES"),
        description="Recovery time objective, in minutes.",
    )
    rpo_hours: float = Field(
        24,
        gt=0,
        validation_alias=names("KULTI_OPS_RPO_HOURS"),
        description="Recovery point objective, in hours.",
    )
