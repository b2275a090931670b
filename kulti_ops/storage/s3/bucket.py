"""What a bucket is like: what it honours, keeps, locks, and whom it lets in."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from kulti_ops.errors import ConfigError, NotFoundError, UnreachableError
from kulti_ops.storage import Exposure
from kulti_ops.storage.s3.client import LOST_RACE, NOT_OFFERED, AnswerError

if TYPE_CHECKING:
    from datetime import datetime

    from kulti_ops.storage.s3.client import Answer, S3Client

# How servers say that an object or a bucket has no lock, policy, or block.
_NONE_SET = frozenset(
    {
        "NoSuchObjectLockConfiguration",
        "ObjectLockConfigurationNotFoundError",
        "NoSuchBucketPolicy",
        "NoSuchPublicAccessBlockConfiguration",
        "InvalidRequest",
        "InvalidArgument",
    }
)
# A stranger who gets any other answer than these got nothing; which one differs by server.
_BAD_REQUEST, _SERVER_FAILED = 400, 500
_LATER = frozenset({404, 408, 429})
_EVERYBODY = ("AllUsers", "AuthenticatedUsers")


def prove(client: S3Client, key: str) -> datetime:
    """Write and remove an object, learn what uploads may be made to depend on; the server's time.

    Raises: ConfigError when the server passes over something that the settings ask for.
    """
    options = client.options
    key = f"{key}{secrets.token_hex(8)}"
    answer = _put(client, key)
    try:
        if options.sse and answer.get("ServerSideEncryption") != options.sse:
            raise ConfigError(
                f"{options.url}: the server passes over KULTI_OPS_S3_SSE={options.sse}",
                hint="choose a server that encrypts, or unset it and encrypt with age",
            )
        client.creates_once = _honours(client, key, IfNoneMatch="*")
        client.replaces_known = _honours(client, key, IfMatch='"no such tag"')
    finally:
        client.call("delete_object", f"remove from {options.url}", Key=client.key(key))
    if options.lock_days and not has_object_lock(client):
        raise ConfigError(
            f"KULTI_OPS_S3_LOCK_DAYS is set, but {options.url} has no object lock",
            hint="create the bucket with object lock, or unset it",
        )
    return answer.date


def has_object_lock(client: S3Client) -> bool:
    """Return whether objects of this bucket can be locked."""
    found = ask(client, "get_object_lock_configuration", f"ask {client.options.url} for its lock")
    return bool(found.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") == "Enabled")


def lock_of(client: S3Client, key: str) -> dict[str, Any]:
    """Return an object's retention and legal hold in the words of HEAD; empty for none."""
    doing, where = f"look at the lock of {key}", {"Key": client.key(key)}
    kept = ask(client, "get_object_retention", doing, **where).get("Retention", {})
    hold = ask(client, "get_object_legal_hold", doing, **where).get("LegalHold", {})
    return {
        "ObjectLockRetainUntilDate": kept.get("RetainUntilDate"),
        "ObjectLockLegalHoldStatus": hold.get("Status"),
    }


def versioning(client: S3Client) -> str:
    """Return `Enabled`, `Suspended`, or nothing for a bucket that never had versions."""
    found = ask(client, "get_bucket_versioning", f"ask {client.options.url} for versions")
    return str(found.get("Status") or "")


def ask(client: S3Client, operation: str, doing: str, **where: str) -> dict[str, Any]:
    """Ask for something that not every bucket has; empty where there is none.

    Raises: UnreachableError when it cannot be told, as without the right to ask.
    """
    try:
        return client.call(operation, doing, **where)
    except NotFoundError:
        return {}
    except AnswerError as error:
        if error.code in NOT_OFFERED | _NONE_SET:
            return {}
        raise


def anonymous_access(client: S3Client, key: str | None) -> Exposure:
    """Ask without any credentials for the listing, and for an object of a backup."""
    boto, bucket = client.anonymous(), client.options.bucket
    asked: dict[str, tuple[str, dict[str, Any]]] = {
        # below the prefix: a policy may let everybody list just that
        "anybody can list it": (
            "list_objects_v2",
            {"Prefix": client.options.prefix, "MaxKeys": 1},
        ),
    }
    if key is not None:
        asked["anybody can read backups"] = ("head_object", {"Key": client.key(key)})
    found, unanswered = [], ""
    for what, (operation, arguments) in asked.items():
        try:
            with client.translated("ask as a stranger"):
                getattr(boto, operation)(Bucket=bucket, **arguments)
        except AnswerError as error:
            if (
                not _BAD_REQUEST <= error.http_status < _SERVER_FAILED
                or error.http_status in _LATER
            ):
                unanswered = error.message
        except (UnreachableError, NotFoundError) as error:
            unanswered = error.message
        else:
            found.append(what)
    return Exposure(
        id="anonymous-access",
        good="requests without credentials are refused",
        open_to=tuple(found),
        unanswered=unanswered,
    )


def public_settings(client: S3Client) -> Exposure:
    """Read what the bucket's own settings say: access block, policy, grants."""
    url, found = client.options.url, list[str]()
    refused = []
    for read in (_block, _policy, _grants):
        try:
            answer = read(client, url)
        except UnreachableError as error:
            refused.append(error.message)
            continue
        if answer is None:
            refused.append(f"the server does not tell its {read.__name__.lstrip('_')}")
        elif read is _block and not answer:
            return Exposure(id="public-settings", good=f"{url} blocks public access")
        elif read is not _block:
            found += answer
    return Exposure(
        id="public-settings",
        good="neither policy nor grants let others in",
        open_to=tuple(found),
        unanswered="; ".join(refused),
    )


def _block(client: S3Client, url: str) -> list[str] | None:
    """Return nothing when public access is blocked in every way."""
    try:
        found = client.call("get_public_access_block", f"ask {url} for its access block")
    except AnswerError as error:
        if error.code in NOT_OFFERED | _NONE_SET:
            return ["not blocked"]
        raise
    block = found.get("PublicAccessBlockConfiguration", {})
    names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    return [] if all(block.get(name) is True for name in names) else ["not blocked"]


def _policy(client: S3Client, url: str) -> list[str] | None:
    try:
        found = client.call("get_bucket_policy_status", f"ask {url} for its policy")
    except AnswerError as error:
        if error.code == "NoSuchBucketPolicy":
            return []
        if error.code in NOT_OFFERED:
            return None
        raise
    public = found.get("PolicyStatus", {}).get("IsPublic")
    if public is None:
        return None
    return ["its policy is public"] if public else []


def _grants(client: S3Client, url: str) -> list[str] | None:
    try:
        found = client.call("get_bucket_acl", f"ask {url} for its grants")
    except AnswerError as error:
        if error.code == "AccessControlListNotSupported":
            return []
        if error.code in NOT_OFFERED:
            return None
        raise
    return [
        f"{grant.get('Permission')} is granted to {group}"
        for grant in found.get("Grants", ())
        for group in _EVERYBODY
        if str(grant.get("Grantee", {}).get("URI", "")).endswith(f"/{group}")
    ]


def _put(client: S3Client, key: str, **condition: str) -> Answer:
    return client.call(
        "put_object",
        f"write to {client.options.url}",
        Key=client.key(key),
        Body=b"",
        **client.options.encryption,
        **condition,
    )


def _honours(client: S3Client, key: str, **condition: str) -> bool:
    """Return whether a server refuses to write over an object on this condition."""
    try:
        _put(client, key, **condition)
    except AnswerError as error:
        if error.code in LOST_RACE:
            return True
        if error.code in NOT_OFFERED | _NONE_SET:
            return False
        raise
    return False
