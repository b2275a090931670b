"""Diagnostics and triage."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - pydantic reads the annotation
from typing import ClassVar

from pydantic import Field

from kulti_ops.config.groups.group import Group, names


class RunbookSettings(Group):
    """Diagnostics and triage."""

    TITLE: ClassVar[str] = "Runbook"

    thresholds: str = Field(
        "",
        validation_alias=names("KULTI_OPS_THRESHOLDS"),
        description="Thresholds and parameters of diagnostics: NAME.warn=N, NAME.crit=N, "
        "PARAM=VALUE, comma-separated.",
        examples=["connections.warn=70, blocking.crit=10, processing_max_hours=2"],
    )
    check_timeout_s: float = Field(
        5,
        gt=0,
        validation_alias=names("KULTI_OPS_CHECK_TIMEOUT_S"),
        description="Seconds that the server may work on one diagnostic.",
    )
    check_deadline_s: float = Field(
        60,
        gt=0,
        validation_alias=names("KULTI_OPS_CHECK_DEADLINE_S"),
        description="Seconds after which `runbook check` cancels what still runs.",
    )
    triage_deadline_s: float = Field(
        5,
        gt=0,
        validation_alias=names("KULTI_OPS_TRIAGE_DEADLINE_S"),
        description="Seconds after which `runbook triage` cancels what still runs.",
    )
    accepted_file: Path | None = Field(
        None,
        validation_alias=names("KULTI_OPS_ACCEPTED"),
        description="TOML file of further findings that are known and accepted.",
        examples=["/etc/kulti-ops/accepted.toml"],
    )
    pack_role: str | None = Field(
        None,
        validation_alias=names("KULTI_OPS_PACK_ROLE"),
        description="Weak role for users' packs. Default: supabase_read_only_user, service_role or "
        "pg_read_all_data, the first that we may take.",
        examples=["kulti_reader"],
    )
