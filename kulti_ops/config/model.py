"""The settings' model: every setting with its variable, default, bounds and meaning.

Owns what a setting is and what follows from several of them; reads no file.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, AliasChoices, Field, PrivateAttr, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from kulti_ops.errors import ConfigError
from kulti_ops.platform.surface import SIZE_LIMITED

# Root's home is private, and root's servers run as another account.
ROOT_STATE = Path("/var/lib/kulti-ops")

Folder = Annotated[Path, AfterValidator(Path.expanduser)]


def _listed(text: str) -> frozenset[str]:
    return frozenset(name.strip().lower() for name in text.split(",") if name.strip())


def _names(*names: str) -> AliasChoices:
    return AliasChoices(*names)


# First field of a group -> the group's title, for the documentation.
_GROUPS = {
    "database_url": "The database",
    "storage": "Where things live",
    "s3_endpoint": "S3",
    "lock_wait_s": "Backups",
    "keep_last": "Retention and freshness",
    "schedule_hourly": "Schedule",
    "ping_url": "Notifications",
    "encrypt_to": "Encryption",
    "jobs": "Restores and objectives",
    "app_url": "Smoke tests",
    "thresholds": "Runbook",
    "sentry_dsn": "This tool's own errors",
}


class Settings(BaseSettings):
    """Every setting, with its environment variable as validation alias.

    Sizes are bytes, times carry their unit in the name. Defaults that stand for
    the platform's own thresholds come from its runbook (RTO 1 h, RPO 24 h).
    """

    model_config = SettingsConfigDict(
        extra="ignore",  # a shared .env holds the application's names too; `doctor` lists ours
        env_ignore_empty=True,
        hide_input_in_errors=True,
    )

    _files: tuple[Path, ...] = PrivateAttr(())  # the strongest last

    # the database
    database_url: SecretStr | None = Field(
        None,
        validation_alias=_names("DATABASE_URL"),
        description="Database to back up and to look at, as a libpq URL; overrides what follows.",
        examples=["postgresql://postgres:PASSWORD@db.PROJECT.supabase.co:5432/postgres"],
    )
    supabase_project_ref: str | None = Field(
        None,
        validation_alias=_names("SUPABASE_PROJECT_REF"),
        pattern=r"^[a-z0-9]{15,30}$",
        description="Project reference: the database is then db.<ref>.supabase.co:5432.",
        examples=["abcdefghijklmnopqrst"],
    )
    supabase_db_password: SecretStr | None = Field(
        None,
        validation_alias=_names("SUPABASE_DB_PASSWORD"),
        description="Password of the role postgres of that project.",
        examples=["PASSWORD"],
    )
    pooler_host: str | None = Field(
        None,
        validation_alias=_names("KULTI_OPS_POOLER_HOST"),
        description="Session pooler to use instead of the direct host (machines without IPv6).",
        examples=["aws-0-eu-central-1.pooler.supabase.com"],
    )
    sslmode: str = Field(
        "verify-full",
        validation_alias=_names("KULTI_OPS_SSLMODE"),
        pattern="^(verify-full|verify-ca|require)$",
        description="TLS to anything but loopback: verify-full, verify-ca or require.",
    )
    sslrootcert: str | None = Field(
        None,
        validation_alias=_names("KULTI_OPS_SSLROOTCERT"),
        description="CA file for the database's certificate; `system` for the machine's own.",
        examples=["/etc/kulti-ops/prod-ca-2021.crt"],
    )
    connect_timeout_s: int = Field(
        10,
        ge=1,
        le=300,
        validation_alias=_names("KULTI_OPS_CONNECT_TIMEOUT_S"),
        description="Seconds to wait for a connection.",
    )
    production_refs: str = Field(
        "",
        validation_alias=_names("KULTI_OPS_PRODUCTION"),
        description="Project refs and hosts that are production, comma-separated; "
        "SUPABASE_PROJECT_REF always is.",
        examples=["abcdefghijklmnopqrst,db.kulti.example"],
    )

    # where things live
    storage: str | None = Field(
        None,
        validation_alias=_names("KULTI_OPS_STORAGE"),
        description="Where backups live: a folder, or s3://bucket/prefix. "
        "Default: the XDG data folder.",
        examples=["s3://kulti-backups/production"],
    )
    state_dir: Folder | None = Field(
        None,
        validation_alias=_names("KULTI_OPS_STATE_DIR"),
        description="Audit log, incidents, baselines. Default: the XDG state folder.",
        examples=["/var/lib/kulti-ops"],
    )
    cache_dir: Folder | None = Field(
        None,
        validation_alias=_names("KULTI_OPS_CACHE_DIR"),
        description="Embedded server's files. Default: the XDG cache folder.",
        examples=["/var/cache/kulti-ops"],
    )
    scratch_dir: Folder | None = Field(
        None,
        validation_alias=_names("KULTI_OPS_SCRATCH_DIR"),
        description="Where drills put their scratch servers. Default: a temporary folder.",
        examples=["/srv/kulti-ops/scratch"],
    )
    pg_bin_dir: Folder | None = Field(
        None,
        validation_alias=_names("KULTI_OPS_PG_BIN_DIR"),
        description="Folder with pg_dump, pg_restore and psql to prefer.",
        examples=["/usr/lib/postgresql/17/bin"],
    )

    # S3
    s3_endpoint: str | None = Field(
        None,
        validation_alias=_names("KULTI_OPS_S3_ENDPOINT"),
        description="Address of an S3-compatible server. Default: AWS.",
        examples=["https://s3.storage.example"],
    )
    s3_region: str | None = Field(
        None,
        validation_alias=_names("KULTI_OPS_S3_REGION"),
        description="The bucket's region. Default: AWS_REGION, the profile's, or us-east-1.",
        examples=["eu-central-1"],
    )
    s3_path_style: bool | None = Field(
        None,
        validation_alias=_names("KULTI_OPS_S3_PATH_STYLE"),
        description="Whether the bucket stands in the path instead of the host name. "
        "Default: yes with an endpoint of one's own.",
        examples=["true"],
    )
    s3_allow_http: bool = Field(
        default=False,
        validation_alias=_names("KULTI_OPS_S3_ALLOW_HTTP"),
        description="Whether an endpoint on another machine may be http: backups then travel "
        "in the clear.",
    )
    aws_profile: str | None = Field(
        None,
        validation_alias=_names("AWS_PROFILE"),
        description="Profile of ~/.aws whose credentials are used.",
        examples=["kulti-backup"],
    )
    aws_access_key_id: SecretStr | None = Field(
        None,
        validation_alias=_names("AWS_ACCESS_KEY_ID"),
        description="Access key. Without one, boto3 looks where it always does.",
        examples=["KEY"],
    )
    aws_secret_access_key: SecretStr | None = Field(
        None,
        validation_alias=_names("AWS_SECRET_ACCESS_KEY"),
        description="Its secret.",
        examples=["SECRET"],
    )
    aws_session_token: SecretStr | None = Field(
        None,
        validation_alias=_names("AWS_SESSION_TOKEN"),
        description="Its session token, where it is a temporary one.",
        examples=["TOKEN"],
    )
    s3_sse: str | None = Field(
        None,
        validation_alias=_names("KULTI_OPS_S3_SSE"),
        pattern=r"^(AES256|aws:kms)$",
        description="Server-side encryption to ask for: AES256 or aws:kms.",
        examples=["aws:kms"],
    )
    s3_kms_key: str | None = Field(
        None,
        validation_alias=_names("KULTI_OPS_S3_KMS_KEY"),
        description="Key of aws:kms. Default: the account's own.",
        examples=["alias/kulti-backups"],
    )
    s3_storage_class: str | None = Field(
        None,
        validation_alias=_names("KULTI_OPS_S3_STORAGE_CLASS"),
        pattern=r"^[A-Z0-9_]+$",
        description="Storage class of new objects. Default: the bucket's.",
        examples=["STANDARD_IA"],
    )
    s3_lock_days: int = Field(
        0,
        ge=0,
        le=36_500,
        validation_alias=_names("KULTI_OPS_S3_LOCK_DAYS"),
        description="Days for which nobody may delete a new object (object lock); 0: none.",
    )
    s3_lock_mode: str = Field(
        "governance",
        validation_alias=_names("KULTI_OPS_S3_LOCK_MODE"),
        pattern="^(governance|compliance)$",
        description="Object lock: governance (some may lift it) or compliance (nobody may).",
    )
    s3_checksum: str = Field(
        "sha256",
        validation_alias=_names("KULTI_OPS_S3_CHECKSUM"),
        pattern="^(sha256|md5|crc32)$",
        description="How the server checks uploads: the signed sha-256 alone, or md5 or crc32 "
        "besides.",
    )
    s3_max_parts: int = Field(
        10_000,
        ge=1,
        le=10_000,
        validation_alias=_names("KULTI_OPS_S3_MAX_PARTS"),
        description="Parts that the provider takes per upload; some take 1000.",
    )
    s3_part_min_mib: int = Field(
        8,
        ge=5,
        le=5120,
        validation_alias=_names("KULTI_OPS_S3_PART_MIN_MIB"),
        description="Smallest part of an upload, in MiB.",
    )
    s3_part_max_mib: int = Field(
        24,
        ge=5,
        le=5120,
        validation_alias=_names("KULTI_OPS_S3_PART_MAX_MIB"),
        description="Largest part of an upload, in MiB; memory holds two to three parts.",
    )
    s3_timeout_s: float = Field(
        60,
        gt=0,
        le=3600,
        validation_alias=_names("KULTI_OPS_S3_TIMEOUT_S"),
        description="Seconds that the server may be silent during a request.",
    )
    s3_attempts: int = Field(
        5,
        ge=1,
        le=20,
        validation_alias=_names("KULTI_OPS_S3_ATTEMPTS"),
        description="How often a request is tried when the server fails or cuts it.",
    )

    # backup
    lock_wait_s: float = Field(
        30,
        gt=0,
        validation_alias=_names("KULTI_OPS_LOCK_WAIT_S"),
        description="Seconds that a backup waits for a table's lock before it names the holder.",
    )
    yield_after_s: float = Field(
        10,
        gt=0,
        validation_alias=_names("KULTI_OPS_YIELD_AFTER_S"),
        description="Seconds that somebody may wait behind a backup before the backup gives way.",
    )
    backup_attempts: int = Field(
        3,
        ge=1,
        le=20,
        validation_alias=_names("KULTI_OPS_BACKUP_ATTEMPTS"),
        description="How often a backup is begun again after it gave way or met a schema change.",
    )
    backup_timeout_s: float = Field(
        6 * 3600,
        gt=0,
        validation_alias=_names("KULTI_OPS_BACKUP_TIMEOUT_S"),
        description="Seconds after which a dump is given up: an open snapshot bloats the source.",
    )

    # retention; the defaults are the platform's: daily 7, weekly 5, monthly 12, pre-change 30 days
    keep_last: int = Field(
        0,
        ge=0,
        le=100_000,
        validation_alias=_names("KULTI_OPS_KEEP_LAST"),
        description="How many of the newest proven backups to keep, whenever they were made.",
    )
    keep_hourly: int = Field(
        0,
        ge=0,
        le=100_000,
        validation_alias=_names("KULTI_OPS_KEEP_HOURLY"),
        description="For how many hours with proven backups to keep the newest of each.",
    )
    keep_daily: int = Field(
        7,
        ge=0,
        le=100_000,
        validation_alias=_names("KULTI_OPS_KEEP_DAILY"),
        description="For how many days (UTC) with proven backups to keep the newest of each.",
    )
    keep_weekly: int = Field(
        5,
        ge=0,
        le=100_000,
        validation_alias=_names("KULTI_OPS_KEEP_WEEKLY"),
        description="For how many ISO weeks with proven backups to keep the newest of each.",
    )
    keep_monthly: int = Field(
        12,
        ge=0,
        le=100_000,
        validation_alias=_names("KULTI_OPS_KEEP_MONTHLY"),
        description="For how many months with proven backups to keep the newest of each.",
    )
    keep_yearly: int = Field(
        0,
        ge=0,
        le=100_000,
        validation_alias=_names("KULTI_OPS_KEEP_YEARLY"),
        description="For how many years with proven backups to keep the newest of each.",
    )
    keep_labels: str = Field(
        "pre-change=30d",
        validation_alias=_names("KULTI_OPS_KEEP_LABELS"),
        description="Labels whose backups are all kept for a time: LABEL=TIME, comma-separated; "
        "`*` stands for any text.",
    )
    keep_floor: int = Field(
        3,
        ge=1,
        le=100_000,
        validation_alias=_names("KULTI_OPS_KEEP_FLOOR"),
        description="How many of the newest proven backups are never removed, whatever the rest "
        "says.",
    )
    max_age_hours: float = Field(
        26,
        gt=0,
        validation_alias=_names("KULTI_OPS_MAX_AGE_HOURS"),
        description="Age of the newest proven backup from which `verify freshness` is crit: "
        "a day (the recovery point objective) and two hours for the run itself.",
    )
    drill_max_age_days: float = Field(
        100,
        gt=0,
        validation_alias=_names("KULTI_OPS_DRILL_MAX_AGE_DAYS"),
        description="The same for `verify freshness --state drilled`: a quarter and a week.",
    )
    size_shrink_percent: float = Field(
        30,
        gt=0,
        lt=100,
        validation_alias=_names("KULTI_OPS_SIZE_SHRINK_PERCENT"),
        description="By how many percent a backup may be smaller than the median of up to seven "
        "before it; a database rarely loses a third of itself on purpose.",
    )
    size_growth_percent: float = Field(
        100,
        gt=0,
        validation_alias=_names("KULTI_OPS_SIZE_GROWTH_PERCENT"),
        description="By how many percent a backup may be larger than the median of up to seven "
        "before it; twice its size at once is a new table, an import, or something running away.",
    )
    export_dir: Folder | None = Field(
        None,
        validation_alias=_names("KULTI_OPS_EXPORT_DIR"),
        description="Where `backup export` puts its files, apart from the backups. "
        "Default: the XDG data folder.",
        examples=["/var/lib/kulti-ops/exports"],
    )

    # schedule
    schedule_hourly: str = Field(
        "",
        validation_alias=_names("KULTI_OPS_SCHEDULE_HOURLY"),
        description="Minute of an hourly backup; like every schedule, off when empty.",
        examples=[":15"],
    )
    schedule_daily: str = Field(
        "",
        validation_alias=_names("KULTI_OPS_SCHEDULE_DAILY"),
        description="Time of a daily backup.",
        examples=["03:30"],
    )
    schedule_weekly: str = Field(
        "",
        validation_alias=_names("KULTI_OPS_SCHEDULE_WEEKLY"),
        description="Day and time of a weekly backup.",
        examples=["sun 02:00"],
    )
    schedule_monthly: str = Field(
        "",
        validation_alias=_names("KULTI_OPS_SCHEDULE_MONTHLY"),
        description="Day of the month, 1 to 28, and time (04:30 when none is given) of a "
        "monthly backup.",
        examples=["1 04:30"],
    )
    schedule_drill: str = Field(
        "",
        validation_alias=_names("KULTI_OPS_SCHEDULE_DRILL"),
        description="Backups that are also drilled: monthly, quarterly or yearly, on the first "
        "day, and time (05:30 when none is given).",
        examples=["quarterly 05:30"],
    )
    schedule_zone: str = Field(
        "UTC",
        validation_alias=_names("KULTI_OPS_SCHEDULE_ZONE"),
        description="Time zone of the schedules' times.",
    )
    schedule_grace_minutes: float = Field(
        60,
        gt=0,
        le=24 * 60,
        validation_alias=_names("KULTI_OPS_SCHEDULE_GRACE_MINUTES"),
        description="Minutes that a run may begin late before it counts as missed.",
    )
    schedule_max_runtime_minutes: float = Field(
        480,
        ge=1,
        le=7 * 24 * 60,
        validation_alias=_names("KULTI_OPS_SCHEDULE_MAX_RUNTIME_MINUTES"),
        description="Minutes after which a run that has not ended is a failure: the longest dump, "
        "its verification, and a drill.",
    )
    schedule_verify: str = Field(
        "contents",
        validation_alias=_names("KULTI_OPS_SCHEDULE_VERIFY"),
        pattern="^(contents|quick)$",
        description="How deep scheduled runs verify: contents, or quick where the key that "
        "opens encrypted backups is elsewhere.",
    )
    schedule_prune: bool = Field(
        default=False,
        validation_alias=_names("KULTI_OPS_SCHEDULE_PRUNE"),
        description="Whether scheduled runs also prune: for the one machine whose credentials "
        "may delete backups.",
    )

    # notifications
    ping_url: SecretStr | None = Field(
        None,
        validation_alias=_names("KULTI_OPS_PING_URL"),
        description="Healthchecks-style URL: told /start, success, and /fail with the end of the "
        "log; {schedule} in it becomes the schedule's name.",
        examples=["https://HOST/ping/KEY/kulti-{schedule}"],
    )
    sentry_monitor: str | None = Field(
        None,
        validation_alias=_names("KULTI_OPS_SENTRY_MONITOR"),
        pattern=r"^[a-z0-9][a-z0-9_-]{0,40}$",
        description="Sentry cron monitors in the project of KULTI_OPS_SENTRY_DSN: one per "
        "schedule, named <this>-<schedule>, made and kept up to date by the runs.",
        examples=["kulti-backup"],
    )
    textfile_dir: Folder | None = Field(
        None,
        validation_alias=_names("KULTI_OPS_TEXTFILE_DIR"),
        description="Folder of Prometheus' node_exporter for metrics of the scheduled runs "
        "(mode 0644).",
        examples=["/var/lib/node_exporter/textfile"],
    )
    notify_timeout_s: float = Field(
        5,
        gt=0,
        le=60,
        validation_alias=_names("KULTI_OPS_NOTIFY_TIMEOUT_S"),
        description="Seconds that a receiver of notifications may take.",
    )

    # encryption
    encrypt_to: str | None = Field(
        None,
        validation_alias=_names("KULTI_OPS_ENCRYPT_TO"),
        description="Encrypt backups to these age recipients, separated by commas, or to those in "
        "a file. Without it backups are stored as they are.",
        examples=["/etc/kulti-ops/recipients.txt"],
    )
    identity_file: Folder | None = Field(
        None,
        validation_alias=_names("KULTI_OPS_IDENTITY_FILE"),
        description="File with the private key (age or SSH) that reads encrypted backups.",
        examples=["/root/kulti-backup-key.txt"],
    )
    identity: SecretStr | None = Field(
        None,
        validation_alias=_names("KULTI_OPS_IDENTITY"),
        description="The private key itself, where there is no file for it.",
        examples=["AGE-SECRET-KEY-1…"],
    )

    # restore
    jobs: int = Field(
        2,
        ge=1,
        le=64,
        validation_alias=_names("KULTI_OPS_JOBS"),
        description="Parallel jobs of a restore.",
    )
    rto_minutes: float = Field(
        60,
        gt=0,
        validation_alias=_names("KULTI_OPS_RTO_MINUTES"),
        description="Recovery time objective, in minutes.",
    )
    rpo_hours: float = Field(
        24,
        gt=0,
        validation_alias=_names("KULTI_OPS_RPO_HOURS"),
        description="Recovery point objective, in hours.",
    )

    # smoke tests
    app_url: str | None = Field(
        None,
        validation_alias=_names("NEXT_PUBLIC_APP_URL"),
        description="The site that smoke tests look at.",
        examples=["https://kulti.example"],
    )
    private_hosts: str = Field(
        "",
        validation_alias=_names("KULTI_OPS_PRIVATE_HOSTS"),
        description="Hosts that may lead to private addresses, comma-separated.",
        examples=["staging.kulti.example"],
    )
    cafile: Folder | None = Field(
        None,
        validation_alias=_names("KULTI_OPS_CAFILE"),
        description="PEM file of a CA that smoke tests trust instead of the system's.",
        examples=["/etc/kulti-ops/ca.pem"],
    )
    http_url: str | None = Field(
        None,
        validation_alias=_names("KULTI_OPS_HTTP_URL"),
        description="The site's http side, where it is not on port 80 of the same host.",
        examples=["http://staging.kulti.example:8080"],
    )
    hms_app_secret: SecretStr | None = Field(
        None,
        validation_alias=_names("HMS_APP_SECRET"),
        description="Secret that signs the video vendor's webhooks; proves that signed ones pass.",
        examples=["SECRET"],
    )
    protection_bypass: SecretStr | None = Field(
        None,
        validation_alias=_names("VERCEL_AUTOMATION_BYPASS_SECRET"),
        description="Lets smoke tests into protected preview deployments.",
        examples=["SECRET"],
    )
    test_account_cookie: SecretStr | None = Field(
        None,
        validation_alias=_names("KULTI_OPS_TEST_ACCOUNT_COOKIE"),
        description="Cookie header of a signed-in test account, NAME=VALUE; NAME=VALUE: smoke "
        "tests then read its balance, transactions and recordings.",
        examples=["sb-PROJECT-auth-token=VALUE"],
    )
    status_pages: str = Field(
        "",
        validation_alias=_names("KULTI_OPS_STATUS_PAGES"),
        description="Vendors' status pages as name=url, comma-separated. "
        "Default: those of all six vendors.",
        examples=["supabase=https://status.supabase.com"],
    )
    page_budget_s: float = Field(
        2.0,
        gt=0,
        validation_alias=_names("KULTI_OPS_PAGE_BUDGET_S"),
        description="Seconds that a page may take (median).",
    )
    api_budget_s: float = Field(
        0.5,
        gt=0,
        validation_alias=_names("KULTI_OPS_API_BUDGET_S"),
        description="Seconds that an API answer may take (median).",
    )
    latency_samples: int = Field(
        5,
        ge=5,
        le=1000,
        validation_alias=_names("KULTI_OPS_LATENCY_SAMPLES"),
        description="How often the probe latency asks each route; from 20 on there is a p95, from "
        "100 on a p99.",
    )
    cert_warn_percent: float = Field(
        20.0,
        ge=0,
        le=100,
        validation_alias=_names("KULTI_OPS_CERT_WARN_PERCENT"),
        description="Share of a certificate's lifetime below which it is a warn, in per cent.",
    )
    cert_crit_percent: float = Field(
        10.0,
        ge=0,
        le=100,
        validation_alias=_names("KULTI_OPS_CERT_CRIT_PERCENT"),
        description="Share of a certificate's lifetime below which it is crit, in per cent.",
    )
    min_grade: str = Field(
        "B",
        validation_alias=_names("KULTI_OPS_MIN_GRADE"),
        pattern=r"^(A\+|A|A-|B\+|B|B-|C\+|C|C-|D\+|D|D-|F)$",
        description="Grade of the security headers from which smoke run is content.",
    )
    size_limited: str = Field(
        ",".join(SIZE_LIMITED),
        validation_alias=_names("KULTI_OPS_SIZE_LIMITED"),
        pattern=r"^/[^,\s]*(\s*,\s*/[^,\s]*)*$",
        description="Routes that refuse bodies of more than 10,240 characters, comma-separated.",
    )
    baseline_latency_percent: float = Field(
        50.0,
        ge=0,
        validation_alias=_names("KULTI_OPS_BASELINE_LATENCY_PERCENT"),
        description="How much slower than the baseline a route's median may be, in per cent; "
        "0.1 s more is never a finding.",
    )
    baseline_size_percent: float = Field(
        50.0,
        ge=0,
        validation_alias=_names("KULTI_OPS_BASELINE_SIZE_PERCENT"),
        description="How much larger or smaller than in the baseline a page may be, in per cent; "
        "10 kB are never a finding.",
    )
    version_header: str = Field(
        "x-kulti-version",
        validation_alias=_names("KULTI_OPS_VERSION_HEADER"),
        pattern=r"^[A-Za-z0-9-]+$",
        description="Header in which the site tells its commit, for smoke wait.",
    )
    hsts_preloaded: str = Field(
        "",
        validation_alias=_names("KULTI_OPS_HSTS_PRELOADED"),
        description="Hosts known to be on the browsers' HSTS preload list, comma-separated.",
        examples=["kulti.example"],
    )

    # runbook
    thresholds: str = Field(
        "",
        validation_alias=_names("KULTI_OPS_THRESHOLDS"),
        description="Thresholds and parameters of diagnostics: NAME.warn=N, NAME.crit=N, "
        "PARAM=VALUE, comma-separated.",
        examples=["connections.warn=70, blocking.crit=10, processing_max_hours=2"],
    )
    check_timeout_s: float = Field(
        5,
        gt=0,
        validation_alias=_names("KULTI_OPS_CHECK_TIMEOUT_S"),
        description="Seconds that the server may work on one diagnostic.",
    )
    check_deadline_s: float = Field(
        60,
        gt=0,
        validation_alias=_names("KULTI_OPS_CHECK_DEADLINE_S"),
        description="Seconds after which `runbook check` cancels what still runs.",
    )
    triage_deadline_s: float = Field(
        5,
        gt=0,
        validation_alias=_names("KULTI_OPS_TRIAGE_DEADLINE_S"),
        description="Seconds after which `runbook triage` cancels what still runs.",
    )
    accepted_file: Path | None = Field(
        None,
        validation_alias=_names("KULTI_OPS_ACCEPTED"),
        description="TOML file of further findings that are known and accepted.",
        examples=["/etc/kulti-ops/accepted.toml"],
    )
    pack_role: str | None = Field(
        None,
        validation_alias=_names("KULTI_OPS_PACK_ROLE"),
        description="Weak role for users' packs. Default: a read-only role of the platform, "
        "where we may take it.",
        examples=["kulti_reader"],
    )

    # telemetry of this tool, kept apart from the application's
    sentry_dsn: SecretStr | None = Field(
        None,
        validation_alias=_names("KULTI_OPS_SENTRY_DSN"),
        description="Sentry project for this tool's own errors; nothing is sent without it.",
        examples=["https://KEY@HOST/PROJECT"],
    )
    environment: str = Field(
        "production",
        validation_alias=_names("KULTI_OPS_ENVIRONMENT"),
        description="Environment name given to Sentry.",
    )

    @property
    def storage_url(self) -> str:
        """The storage that was configured, or the default folder."""
        return self.storage or str(_xdg("XDG_DATA_HOME", ".local/share") / "backups")

    @property
    def export_path(self) -> Path:
        """The folder for exports; a sibling of the default storage, never below it."""
        return self.export_dir or _xdg("XDG_DATA_HOME", ".local/share") / "exports"

    @property
    def state_path(self) -> Path:
        """The folder for the audit log and other state."""
        return self.state_dir or _xdg("XDG_STATE_HOME", ".local/state")

    @property
    def cache_path(self) -> Path:
        """The folder for the embedded server's files; traversable by others when root."""
        if self.cache_dir:
            return self.cache_dir
        return Path("/var/cache/kulti-ops") if _is_root() else _xdg("XDG_CACHE_HOME", ".cache")

    @property
    def scratch_path(self) -> Path:
        """The folder under which drills make their scratch servers."""
        import tempfile

        return self.scratch_dir or Path(tempfile.gettempdir()) / f"kulti-ops-scratch-{os.getuid()}"

    @property
    def sandbox_path(self) -> Path:
        """The sandbox's folder; root's default is where root's servers can go."""
        if self.state_dir is None and _is_root():
            return ROOT_STATE / "sandbox"
        return self.state_path / "sandbox"

    @property
    def sandbox_data_path(self) -> Path:
        """The folder for the data of root's sandboxes in folders that are private to root."""
        return (ROOT_STATE if _is_root() else self.state_path) / "sandbox-data"

    @cached_property
    def production_names(self) -> frozenset[str]:
        """Project refs and hosts that are production."""
        names = {name.strip().lower() for name in self.production_refs.split(",") if name.strip()}
        if self.supabase_project_ref:
            names.add(self.supabase_project_ref)
        return frozenset(names)

    @property
    def private_host_names(self) -> frozenset[str]:
        """Hosts that may lead to private addresses."""
        return _listed(self.private_hosts)

    @property
    def hsts_preloaded_hosts(self) -> frozenset[str]:
        """Hosts known to be on the HSTS preload list."""
        return _listed(self.hsts_preloaded)

    @property
    def size_limited_paths(self) -> tuple[str, ...]:
        """Routes that refuse large bodies."""
        return tuple(path.strip() for path in self.size_limited.split(","))

    def secret_values(self) -> frozenset[str]:
        """Return every secret that is set, for redaction; of a URL also the password alone."""
        fields = (getattr(self, name) for name in type(self).model_fields)
        values = {v.get_secret_value() for v in fields if isinstance(v, SecretStr)}
        values |= {os.environ[name] for name in ("PGPASSWORD",) if os.environ.get(name)}
        if self.test_account_cookie:
            cookie = self.test_account_cookie.get_secret_value()
            values |= {part.partition("=")[2].strip() for part in cookie.split(";")}
        return frozenset(values.union(*(url_passwords(value) for value in values)) - {""})


def variable_names() -> dict[str, str]:
    """Return each field's environment variable, in the model's order: field name -> variable."""
    names = {}
    for field, info in Settings.model_fields.items():
        alias = info.validation_alias
        names[field] = str(alias.choices[0]) if isinstance(alias, AliasChoices) else field
    return names


@dataclass(frozen=True, kw_only=True)
class SettingInfo:
    """One setting as the documentation shows it; `default` is None where there is none."""

    variable: str
    group: str
    description: str
    default: str | None
    example: str
    secret: bool


def describe() -> tuple[SettingInfo, ...]:
    """Return every setting in the model's order."""
    described = []
    group = ""
    for field, info in Settings.model_fields.items():
        group = _GROUPS.get(field, group)
        default = None if info.default in (None, "") else f"{info.default}"
        described.append(
            SettingInfo(
                variable=variable_names()[field],
                group=group,
                description=info.description or "",
                default=default,
                example=default or str((info.examples or [""])[0]),
                secret="SecretStr" in str(info.annotation),
            )
        )
    return tuple(described)


def url_passwords(text: str) -> frozenset[str]:
    """Return the password of a URL, as it is written and as it is meant."""
    try:
        password = urlsplit(text).password if "://" in text else None
    except ValueError:
        return frozenset()
    return frozenset({password, unquote(password)}) if password else frozenset()


def _xdg(variable: str, default: str) -> Path:
    base = os.environ.get(variable)
    try:
        return (Path(base) if base else Path.home() / default) / "kulti-ops"
    except RuntimeError as error:  # no HOME, and the account has no entry
        raise ConfigError(
            "this account has no home folder", hint=f"set HOME, {variable}, or KULTI_OPS_*_DIR"
        ) from error


def _is_root() -> bool:
    return os.geteuid() == 0
