"""Who else gets at a bucket: asked as a stranger, and by the bucket's own settings."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

import pytest

from kulti_ops.storage.s3 import S3Storage
from tests.unit.storage.contract import KEY, put

if TYPE_CHECKING:
    from tests.s3server import S3Server

BLOCKED = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}


@pytest.fixture
def storage(moto: S3Server) -> S3Storage:
    """A storage in a bucket of its own, whose settings may be changed."""
    bucket = f"bucket-{secrets.token_hex(4)}"
    moto.boto().create_bucket(Bucket=bucket)
    return S3Storage(moto.options(bucket=bucket))


def settings_of(storage: S3Storage) -> tuple[tuple[str, ...], bool]:
    """What stands open by the settings, and whether something could not be told."""
    (exposure,) = [e for e in storage.exposures() if e.id == "public-settings"]
    return exposure.open_to, bool(exposure.unanswered)


def test_bucket_that_blocks_public_access_is_closed(moto: S3Server, storage: S3Storage) -> None:
    moto.boto().put_public_access_block(
        Bucket=storage.client.options.bucket, PublicAccessBlockConfiguration=BLOCKED
    )
    assert settings_of(storage) == ((), False)


@pytest.mark.parametrize(
    ("acl", "group"), [("public-read", "AllUsers"), ("authenticated-read", "AuthenticatedUsers")]
)
def test_bucket_with_grants_to_others_is_open(
    moto: S3Server, storage: S3Storage, acl: str, group: str
) -> None:
    moto.boto().put_bucket_acl(Bucket=storage.client.options.bucket, ACL=acl)
    open_to, _ = settings_of(storage)
    assert open_to == (f"READ is granted to {group}",)


def test_bucket_whose_policy_is_public_is_open(moto: S3Server, storage: S3Storage) -> None:
    bucket = storage.client.options.bucket
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    moto.boto().put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    open_to, unanswered = settings_of(storage)
    assert open_to == ("its policy is public",) or unanswered


def test_bucket_that_serves_strangers_is_open(moto: S3Server, storage: S3Storage) -> None:
    put(storage, KEY)
    moto.boto().put_bucket_acl(Bucket=storage.client.options.bucket, ACL="public-read")
    moto.boto().put_object_acl(
        Bucket=storage.client.options.bucket, Key=storage.client.key(KEY), ACL="public-read"
    )
    (stranger,) = [e for e in storage.exposures() if e.id == "anonymous-access"]
    assert "anybody can read backups" in stranger.open_to


def test_bucket_on_a_real_server_refuses_strangers(swift: S3Server) -> None:
    storage = S3Storage(swift.options())
    put(storage, KEY)
    stranger, by_settings = storage.exposures()
    assert (stranger.open_to, stranger.unanswered) == ((), "")
    assert by_settings.open_to == ()
    assert "does not tell" in by_settings.unanswered


def test_bucket_of_a_server_that_is_gone_is_not_called_closed() -> None:
    from tests.s3server import S3Server

    gone = S3Server(endpoint="http://127.0.0.1:9", access_key_id="x", secret_access_key="y")
    from kulti_ops.storage.s3.bucket import anonymous_access, public_settings

    client = S3Storage(gone.options(attempts=1)).client
    assert anonymous_access(client, KEY).unanswered
    assert public_settings(client).unanswered


def test_bucket_is_asked_below_the_prefix_by_strangers(swift: S3Server) -> None:
    """A policy may let everybody list just that prefix."""
    storage = S3Storage(swift.options())
    put(storage, KEY)
    asked: list[dict[str, Any]] = []
    make = storage.client.anonymous

    def watched() -> Any:
        made = make()
        made.meta.events.register(
            "provide-client-params.s3.ListObjectsV2", lambda params, **_: asked.append(params)
        )
        return made

    storage.client.anonymous = watched  # type: ignore[method-assign]
    storage.exposures()
    assert [params["Prefix"] for params in asked] == [storage.client.options.prefix]
