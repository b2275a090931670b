"""To whom backups are encrypted, and who can read them."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, SecretStr

from kulti_ops.config.groups.group import Folder, Group, names


class EncryptionSettings(Group):
    """To whom backups are encrypted, and who can read them."""

    TITLE: ClassVar[str] = "Encryption"

    encrypt_to: str | None = Field(
        None,
        validation_alias=names("KULTI_OPS_ENCRYPT_TO"),
        description="Encrypt backups to these age recipients, separated by commas, or to those in "
        "a file. Without it backups are stored as they are.",
        examples=["/etc/kulti-ops/recipients.txt"],
    )
    identity_file: Folder | None = Field(
        None,
        validation_alias=names("KULTI_OPS_IDENTITY_FILE"),
        description="File with the private key (age or SSH) that reads encrypted backups.",
        examples=["/root/kulti-backup-key.txt"],
    )
    identity: SecretStr | None = Field(
        None,
        validation_alias=names("KULTI_OPS_IDENTITY"),
        description="The private key itself, where there is no file for it.",
        examples=["AGE-SECRET-KEY-1…"],
    )
