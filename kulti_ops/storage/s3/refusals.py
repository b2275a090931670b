"""What S3's error codes mean to the one who has to mend it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST = 200
_KEYS = "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_PROFILE"
_RIGHTS = "docs/how-to/back-up-to-s3.md lists the rights that each command needs"
_RENEW = "get new credentials, for example by `aws sso login`"
_REGION = "set KULTI_OPS_S3_REGION to the bucket's region"
_LATER = "try again; if it stays, look at the provider's status page"

# code -> (what it means, what to do); {bucket} is filled in.
_MEANINGS: Mapping[str, tuple[str, str]] = {
    "NoSuchBucket": (
        "there is no bucket {bucket}",
        "create it, or set KULTI_OPS_STORAGE to another one",
    ),
    "AccessDenied": ("access is denied", _RIGHTS),
    "AllAccessDisabled": ("access is denied", _RIGHTS),
    "403": ("access is denied", _RIGHTS),
    "InvalidAccessKeyId": ("the access key is not known to the server", _KEYS),
    "SignatureDoesNotMatch": ("the secret key is not the access key's", _KEYS),
    "InvalidToken": ("the session token is not valid", _RENEW),
    "ExpiredToken": ("the credentials have expired", _RENEW),
    "ExpiredTokenException": ("the credentials have expired", _RENEW),
    "TokenRefreshRequired": ("the credentials have expired", _RENEW),
    "RequestTimeTooSkewed": (
        "this machine's clock is too far from the server's",
        "mend the time service here (timedatectl), then run it again",
    ),
    "RequestExpired": (
        "this machine's clock is too far from the server's",
        "mend the time service here (timedatectl), then run it again",
    ),
    "PermanentRedirect": ("the bucket {bucket} is in another region", _REGION),
    "301": ("the bucket {bucket} is in another region", _REGION),
    "AuthorizationHeaderMalformed": ("the bucket {bucket} is in another region", _REGION),
    "IllegalLocationConstraintException": ("the bucket {bucket} is in another region", _REGION),
    "InvalidObjectState": (
        "it is in an archive class and cannot be read at once",
        "restore it from the archive first, and choose another KULTI_OPS_S3_STORAGE_CLASS",
    ),
    "EntityTooLarge": (
        "the server takes no object of this size",
        "lower KULTI_OPS_S3_PART_MAX_MIB or ask the provider for its limits",
    ),
    "EntityTooSmall": (
        "the server wants larger parts",
        "raise KULTI_OPS_S3_PART_MIN_MIB",
    ),
    "QuotaExceeded": ("the bucket's quota is used up", "free space there, or raise the quota"),
    "BadDigest": ("what arrived is not what was sent", _LATER),
    "XAmzContentSHA256Mismatch": ("what arrived is not what was sent", _LATER),
    "InternalError": ("the server failed", _LATER),
    "500": ("the server failed", _LATER),
    "ServiceUnavailable": ("the server is overloaded or down", _LATER),
    "503": ("the server is overloaded or down", _LATER),
    "SlowDown": ("the server is overloaded or down", _LATER),
    "RequestTimeout": ("the upload was too slow for the server", _LATER),
    "MethodNotAllowed": ("an object lock, or the server, forbids it", _RIGHTS),
}
# Codes by which servers refuse something that an upload asked for.
_REFUSED_WISH = (
    "NotImplemented",
    "InvalidArgument",
    "InvalidRequest",
    "InvalidStorageClass",
    "501",
)
_WISH_WORDS = {
    "KULTI_OPS_S3_KMS_KEY": ("kms",),
    "KULTI_OPS_S3_SSE": ("encrypt", "sse"),
    "KULTI_OPS_S3_STORAGE_CLASS": ("storage class", "storageclass"),
    "KULTI_OPS_S3_LOCK_DAYS": ("lock", "retention", "retain"),
    "KULTI_OPS_S3_CHECKSUM": ("checksum", "digest", "md5", "crc"),
}


def explain(code: str, *, message: str, bucket: str, asked: Mapping[str, str]) -> tuple[str, str]:
    """Return what a refusal means and what to do next.

    `asked` are the settings that uploads depend on: a server that does not offer one
    refuses the upload in words of its own.
    """
    if code in _REFUSED_WISH or code.startswith("KMS"):
        blamed = _blamed(f"{code} {message}".lower(), asked)
        if blamed:
            wishes = ", ".join(f"{name}={asked[name]}" for name in blamed)
            return f"the server refuses {wishes} ({_short(code, message)})", (
                "unset it, or choose what this server offers"
            )
    if code in _MEANINGS:
        meaning, hint = _MEANINGS[code]
        said = f": {message[:_LONGEST]}" if code == "AccessDenied" and " is not " in message else ""
        return meaning.format(bucket=bucket) + said, hint
    return _short(code, message), ""


def _blamed(text: str, asked: Mapping[str, str]) -> tuple[str, ...]:
    named = tuple(
        name
        for name, words in _WISH_WORDS.items()
        if name in asked and any(w in text for w in words)
    )
    return named[:1] or tuple(asked)


def _short(code: str, message: str) -> str:
    return f"{code}: {message[:_LONGEST]}" if message else f"the server answers {code or 'nothing'}"
