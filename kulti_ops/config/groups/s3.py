"""S3 storages: the endpoint, what is asked of it, sizes."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, SecretStr

from kulti_ops.config.groups.group import Group, names


class S3Settings(Group):
    """S3 storages: the endpoint, what is asked of it, sizes."""

    TITLE: ClassVar[str] = "S3"

    s3_endpoint: str | None = Field(
        None,
        validation_alias=names("KULTI_OPS_S3_ENDPOINT"),
        description="Address of an S3-compatible server. Default: AWS.",
        examples=["https://s3.storage.example"],
    )
    s3_region: str | None = Field(
        None,
        validation_alias=names("KULTI_OPS_S3_REGION"),
        description="The bucket's region. Default: AWS_REGION, the profile's, or us-east-1.",
        examples=["eu-central-1"],
    )
    s3_path_style: bool | None = Field(
        None,
        validation_alias=names("KULTI_OPS_S3_PATH_STYLE"),
        description="Whether the bucket stands in the path instead of the host name. "
        "Default: yes with an endpoint of one's own.",
        examples=["true"],
    )
    s3_allow_http: bool = Field(
        default=False,
        validation_alias=names("KULTI_OPS_S3_ALLOW_HTTP"),
        description="Whether an endpoint on another machine may be http: backups then travel "
        "in the clear.",
    )
    aws_profile: str | None = Field(
        None,
        validation_alias=names("AWS_PROFILE"),
        description="Profile of ~/.aws whose credentials are used.",
        examples=["kulti-backup"],
    )
    aws_access_key_id: SecretStr | None = Field(
        None,
        validation_alias=names("AWS_ACCESS_KEY_ID"),
        description="Access key. Without one, boto3 looks where it always does.",
        examples=["KEY"],
    )
    aws_secret_access_key: SecretStr | None = Field(
        None,
        validation_alias=names("AWS_SECRET_ACCESS_KEY"),
        description="Its secret.",
        examples=["SECRET"],
    )
    aws_session_token: SecretStr | None = Field(
        None,
        validation_alias=names("AWS_SESSION_TOKEN"),
        description="Its session token, where it is a temporary one.",
        examples=["TOKEN"],
    )
    s3_sse: str | None = Field(
        None,
        validation_alias=names("KULTI_OPS_S3_SSE"),
        pattern=r"^(AES256|aws:kms)$",
        description="Server-side encryption to ask for: AES256 or aws:kms.",
        examples=["aws:kms"],
    )
    s3_kms_key: str | None = Field(
        None,
        validation_alias=names("KULTI_OPS_S3_KMS_KEY"),
        description="Key of aws:kms. Default: the account's own.",
        examples=["alias/kulti-backups"],
    )
    s3_storage_class: str | None = Field(
        None,
        validation_alias=names("KULTI_OPS_S3_STORAGE_CLASS"),
        pattern=r"^[A-Z0-9_]+$",
        description="Storage class of new objects. Default: the bucket's.",
        examples=["STANDARD_IA"],
    )
    s3_lock_days: int = Field(
        0,
        ge=0,
        le=36_500,
        validation_alias=names("KULTI_OPS_S3_LOCK_DAYS"),
        description="Days for which nobody may delete a new object (object lock); 0: none.",
    )
    s3_lock_mode: str = Field(
        "governance",
        validation_alias=names("KULTI_OPS_S3_LOCK_MODE"),
        pattern="^(governance|compliance)$",
        description="Object lock: governance (some may lift it) or compliance (nobody may).",
    )
    s3_checksum: str = Field(
        "sha256",
        validation_alias=names("KULTI_OPS_S3_CHECKSUM"),
        pattern="^(sha256|md5|crc32)$",
        description="How the server checks uploads: the signed sha-256 alone, or md5 or crc32 "
        "besides.",
    )
    s3_max_parts: int = Field(
        10_000,
        ge=1,
        le=10_000,
        validation_alias=names("KULTI_OPS_S3_MAX_PARTS"),
        description="Parts that the provider takes per upload; some take 1000.",
    )
    s3_part_min_mib: int = Field(
        12,
        ge=5,
        le=5120,
        validation_alias=names("KULTI_OPS_S3_PART_MIN_MIB"),
        description="Smallest part of an upload, in MiB.",
    )
    s3_part_max_mib: int = Field(
        24,
        ge=5,
        le=5120,
        validation_alias=names("KULTI_OPS_S3_PART_MAX_MIB"),
        description="Largest part of an upload, in MiB; memory holds two to three parts.",
    )
    s3_timeout_s: float = Field(
        60,
        gt=0,
        le=3600,
        validation_alias=names("KULTI_OPS_S3_TIMEOUT_S"),
        description="Seconds that the server may be silent during a request.",
    )
    s3_attempts: int = Field(
        5,
        ge=1,
        le=20,
        validation_alias=names("KULTI_OPS_S3_ATTEMPTS"),
        description="How often a request is tried when the server fails or cuts it.",
    )
