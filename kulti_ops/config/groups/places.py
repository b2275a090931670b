"""Where things live on this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from kulti_ops.config.groups.group import ROOT_STATE, Folder, Group, is_root, names, xdg


class PlaceSettings(Group):
    """Where things live on this machine."""

    TITLE: ClassVar[str] = "Where things live"

    storage: str | None = Field(
        None,
        validation_alias=names("KULTI_OPS_STORAGE"),
        description="Where backups live: a folder, or s3://bucket/prefix. "
        "Default: the XDG data folder.",
        examples=["s3://kulti-backups/production"],
    )
    state_dir: Folder | None = Field(
        None,
        validation_alias=names("KULTI_OPS_STATE_DIR"),
        description="Audit log, incidents, baselines. Default: the XDG state folder.",
        examples=["/var/lib/kulti-ops"],
    )
    cache_dir: Folder | None = Field(
        None,
        validation_alias=names("KULTI_OPS_CACHE_DIR"),
        description="Embedded server's files. Default: the XDG cache folder.",
        examples=["/var/cache/kulti-ops"],
    )
    scratch_dir: Folder | None = Field(
        None,
        validation_alias=names("KULTI_OPS_SCRATCH_DIR"),
        description="Where drills put their scratch servers. Default: a temporary folder.",
        examples=["/srv/kulti-ops/scratch"],
    )
    pg_bin_dir: Folder | None = Field(
        None,
        validation_alias=names("KULTI_OPS_PG_BIN_DIR"),
        description="Folder with pg_dump, pg_restore and psql to prefer.",
        examples=["/usr/lib/postgresql/17/bin"],
    )

    @property
    def storage_url(self) -> str:
        """The storage that was configured, or the default folder."""
        return self.storage or str(xdg("XDG_DATA_HOME", ".local/share") / "backups")

    @property
    def state_path(self) -> Path:
        """The folder for the audit log and other state."""
        return self.state_dir or xdg("XDG_STATE_HOME", ".local/state")

    @property
    def cache_path(self) -> Path:
        """The folder for the embedded server's files; traversable by others when root."""
        if self.cache_dir:
            return self.cache_dir
        return Path("/var/cache/kulti-ops") if is_root() else xdg("XDG_CACHE_HOME", ".cache")

    @property
    def scratch_path(self) -> Path:
        """The folder under which drills make their scratch servers."""
        import tempfile

        return self.scratch_dir or Path(tempfile.gettempdir()) / f"kulti-ops-scratch-{os.getuid()}"

    @property
    def sandbox_path(self) -> Path:
        """The sandbox's folder; root's default is where root's servers can go."""
        if self.state_dir is None and is_root():
            return ROOT_STATE / "sandbox"
        return self.state_path / "sandbox"

    @property
    def sandbox_data_path(self) -> Path:
        """The folder for the data of root's sandboxes in folders that are private to root."""
        return (ROOT_STATE if is_root() else self.state_path) / "sandbox-data"
