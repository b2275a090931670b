"""What an S3 storage is told: bucket, endpoint, credentials, how objects are kept. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

from kulti_ops.errors import ConfigError, RefusedError
from kulti_ops.message import is_loopback_host
from kulti_ops.progress import size

if TYPE_CHECKING:
    from pydantic import SecretStr

    from kulti_ops.config import Settings

MIB = 1024 * 1024
# Dumps are mostly a quarter of what is expected at worst; parts are sized for four times as much,
# as the number of parts cannot grow once the first one is sent.
HEADROOM = 4
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}")
_PREFIX = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
_IN_URL = ("endpoint", "region", "profile", "path_style")


@dataclass(frozen=True, kw_only=True)
class S3Options:
    """One storage's settings; `prefix` is empty or ends in a slash.

    Without keys of its own the vendor's chain of credentials is used. `checksum` says what
    goes with each upload besides its signed sha-256: nothing, md5, or crc32.
    """

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str | None = None
    path_style: bool | None = None
    profile: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    sse: str | None = None
    kms_key: str | None = None
    storage_class: str | None = None
    lock_days: int = 0
    lock_mode: str = "governance"
    checksum: str = "sha256"
    max_parts: int = 10_000
    part_min_bytes: int = 12 * MIB
    part_max_bytes: int = 24 * MIB
    timeout_s: float = 60
    connect_timeout_s: float = 10
    attempts: int = 5

    @property
    def url(self) -> str:
        """How messages and manifests name it; no secrets."""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    @property
    def place(self) -> str:
        """The bucket and prefix, and the server: other endpoints have buckets of the same name."""
        return f"{self.url} at {(self.endpoint or 'AWS').rstrip('/').lower()}"

    @property
    def encryption(self) -> dict[str, str]:
        """The server-side encryption, as every upload asks for it."""
        asked: dict[str, str] = {}
        if self.sse:
            asked["ServerSideEncryption"] = self.sse
        if self.kms_key:
            asked["SSEKMSKeyId"] = self.kms_key
        return asked

    def part_bytes(self, expected_bytes: int | None) -> int:
        """Return the size of equal parts for an object that may come out this large.

        Raises: RefusedError when even the largest parts do not suffice.
        """
        expected = expected_bytes or 0
        if expected > self.part_max_bytes * self.max_parts:
            raise RefusedError(
                f"{size(expected)} do not fit into {self.max_parts} parts of "
                f"{size(self.part_max_bytes)} in {self.url}",
                hint="raise KULTI_OPS_S3_PART_MAX_MIB (memory: two to three parts), or "
                "KULTI_OPS_S3_MAX_PARTS where the provider takes more",
            )
        wanted = -(-expected * HEADROOM // self.max_parts)
        rounded = -(-wanted // MIB) * MIB
        return min(max(rounded, self.part_min_bytes), self.part_max_bytes)


def s3_options(url: str, settings: Settings | None) -> S3Options:
    """Return the options of `s3://bucket/prefix`; what stands behind `?` overrides the settings.

    Raises: ConfigError when the address or what it is combined with cannot be used.
    """
    parts = _parts(url)
    prefix = parts.path.strip("/") if parts else ""
    if (
        parts is None
        or not _BUCKET.fullmatch(parts.netloc)
        or (prefix and not _PREFIX.fullmatch(prefix))
    ):
        shown = f"{parts.hostname or ''}{parts.path}" if parts else "…"
        raise ConfigError(
            f"not a storage: s3://{shown}"[:200],
            hint="s3://bucket or s3://bucket/prefix, without credentials in it",
        )
    options = S3Options(bucket=parts.netloc, prefix=f"{prefix}/" if prefix else "")
    if settings is not None:
        options = replace(options, **_from_settings(settings))
    options = replace(options, **_from_query(parts.query))
    _judge_endpoint(options.endpoint, allow_http=settings is not None and settings.s3_allow_http)
    if options.kms_key and options.sse != "aws:kms":
        raise ConfigError(
            "KULTI_OPS_S3_KMS_KEY is set, but KULTI_OPS_S3_SSE is not aws:kms",
            hint="set KULTI_OPS_S3_SSE=aws:kms",
        )
    if options.part_min_bytes > options.part_max_bytes:
        raise ConfigError("KULTI_OPS_S3_PART_MIN_MIB is larger than KULTI_OPS_S3_PART_MAX_MIB")
    return options


def _part_min_mib(settings: Settings) -> int:
    """Return the smallest part; where nobody asked for one, a lower largest part is enough."""
    if "s3_part_min_mib" in settings.model_fields_set:
        return settings.s3_part_min_mib
    return min(settings.s3_part_min_mib, settings.s3_part_max_mib)


def _from_settings(settings: Settings) -> dict[str, Any]:
    return {
        "endpoint": settings.s3_endpoint,
        "region": settings.s3_region,
        "path_style": settings.s3_path_style,
        "profile": settings.aws_profile,
        "access_key_id": _plain(settings.aws_access_key_id),
        "secret_access_key": _plain(settings.aws_secret_access_key),
        "session_token": _plain(settings.aws_session_token),
        "sse": settings.s3_sse,
        "kms_key": settings.s3_kms_key,
        "storage_class": settings.s3_storage_class,
        "lock_days": settings.s3_lock_days,
        "lock_mode": settings.s3_lock_mode,
        "checksum": settings.s3_checksum,
        "max_parts": settings.s3_max_parts,
        "part_min_bytes": _part_min_mib(settings) * MIB,
        "part_max_bytes": settings.s3_part_max_mib * MIB,
        "timeout_s": settings.s3_timeout_s,
        "connect_timeout_s": settings.connect_timeout_s,
        "attempts": settings.s3_attempts,
    }


def _from_query(query: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in _IN_URL or not value:
            raise ConfigError(
                f"not understood in the storage's address: {name[:40]}",
                hint=f"behind the ? may stand {', '.join(_IN_URL)}",
            )
        found[name] = value if name != "path_style" else value.lower() in {"1", "true", "yes"}
    if "profile" in found:  # the profile's keys, not those of the settings
        found |= {"access_key_id": None, "secret_access_key": None, "session_token": None}
    return found


def _judge_endpoint(endpoint: str | None, *, allow_http: bool) -> None:
    """Refuse what is no endpoint, and to send backups in the clear to another machine."""
    if endpoint is None:
        return
    parts = _parts(endpoint)
    named = parts is not None and parts.scheme in {"http", "https"} and parts.hostname
    if parts is None or not named or "@" in parts.netloc:
        raise ConfigError(
            "the S3 endpoint is no http or https address",
            hint="KULTI_OPS_S3_ENDPOINT=https://host, without credentials in it",
        )
    if parts.scheme == "http" and not (allow_http or is_loopback_host(parts.hostname or "")):
        raise ConfigError(
            f"the S3 endpoint http://{parts.hostname} would get backups in the clear",
            hint="use https, or set KULTI_OPS_S3_ALLOW_HTTP=true",
        )


def _parts(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:  # brackets that hold no address
        return None


def _plain(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None
