"""What an S3 storage is told, and what is refused before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest

from kulti_ops.config import Settings
from kulti_ops.errors import ConfigError, RefusedError
from kulti_ops.storage import open_storage
from kulti_ops.storage.s3.options import HEADROOM, MIB, S3Options, s3_options


def settings(**values: Any) -> Settings:
    return Settings(**{"AWS_ACCESS_KEY_ID": "KEY", "AWS_SECRET_ACCESS_KEY": "hidden!", **values})


@pytest.mark.parametrize(
    ("url", "bucket", "prefix", "named"),
    [
        ("s3://bucket", "bucket", "", "s3://bucket"),
        ("s3://bucket/", "bucket", "", "s3://bucket"),
        ("s3://bucket/kulti", "bucket", "kulti/", "s3://bucket/kulti"),
        ("s3://my.bucket-1/a/b/", "my.bucket-1", "a/b/", "s3://my.bucket-1/a/b"),
    ],
)
def test_s3_url_names_bucket_and_prefix(url: str, bucket: str, prefix: str, named: str) -> None:
    options = s3_options(url, None)
    assert (options.bucket, options.prefix) == (bucket, prefix)
    assert open_storage(url).url == named


@pytest.mark.parametrize(
    "url",
    [
        "s3://",
        "s3:///x",
        "s3://b",
        "s3://bucket/../other",
        "s3://bucket/.hidden",
        "s3://bucket/a//b",
        "s3://key:secret@bucket/x",
        "s3://bucket?endpoint=",
        "s3://bucket?color=red",
        "s3://[",
        "s3://bucket?secret_access_key=x",
    ],
)
def test_s3_url_that_is_none_is_refused_without_its_secrets(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        s3_options(url, None)
    assert "secret@" not in caught.value.message
    assert ":secret" not in caught.value.message


def test_s3_largest_part_may_be_lower_than_the_smallest_that_nobody_asked_for() -> None:
    assert s3_options("s3://bucket", settings()).part_min_bytes == 12 * MIB
    options = s3_options("s3://bucket", settings(KULTI_OPS_S3_PART_MAX_MIB="10"))
    assert (options.part_min_bytes, options.part_max_bytes) == (10 * MIB, 10 * MIB)
    both = settings(KULTI_OPS_S3_PART_MAX_MIB="10", KULTI_OPS_S3_PART_MIN_MIB="12")
    with pytest.raises(ConfigError, match="is larger than"):
        s3_options("s3://bucket", both)


def test_s3_settings_reach_the_options_and_the_address_overrides_them() -> None:
    chosen = settings(
        KULTI_OPS_S3_ENDPOINT="https://one.example",
        KULTI_OPS_S3_REGION="eu-central-1",
        KULTI_OPS_S3_SSE="aws:kms",
        KULTI_OPS_S3_KMS_KEY="alias/k",
        KULTI_OPS_S3_PART_MIN_MIB="6",
    )
    options = s3_options("s3://bucket", chosen)
    assert (options.endpoint, options.region) == ("https://one.example", "eu-central-1")
    assert (options.access_key_id, options.secret_access_key) == ("KEY", "hidden!")
    assert options.encryption == {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "alias/k"}
    assert options.part_min_bytes == 6 * MIB
    other = s3_options(
        "s3://bucket?endpoint=https://two.example&profile=offsite&path_style=no", chosen
    )
    assert (other.endpoint, other.profile, other.path_style) == (
        "https://two.example",
        "offsite",
        False,
    )
    assert (other.access_key_id, other.secret_access_key) == (None, None)


def test_s3_secrets_are_neither_shown_nor_in_the_name() -> None:
    options = s3_options("s3://bucket/x?region=eu-west-1", settings())
    assert "hidden!" not in repr(options)
    assert "hidden!" in settings().secret_values()
    assert options.url == "s3://bucket/x"


@pytest.mark.parametrize(
    ("endpoint", "allowed"),
    [
        ("https://s3.example", True),
        ("http://127.0.0.1:8080", True),
        ("http://localhost:9000", True),
        ("http://[::1]:9000", True),
        ("http://s3.example", False),
        ("http://10.0.0.7:9000", False),
        ("https://key:secret@s3.example", False),
        ("ftp://s3.example", False),
        ("s3.example", False),
    ],
)
def test_s3_endpoint_in_the_clear_is_for_this_machine_only(endpoint: str, allowed: bool) -> None:  # noqa: FBT001
    chosen = settings(KULTI_OPS_S3_ENDPOINT=endpoint)
    if allowed:
        assert s3_options("s3://bucket", chosen).endpoint == endpoint
        return
    with pytest.raises(ConfigError) as caught:
        s3_options("s3://bucket", chosen)
    assert "secret" not in caught.value.message


def test_s3_endpoint_in_the_clear_may_be_allowed() -> None:
    chosen = settings(KULTI_OPS_S3_ENDPOINT="http://s3.lan", KULTI_OPS_S3_ALLOW_HTTP="true")
    assert s3_options("s3://bucket", chosen).endpoint == "http://s3.lan"


@pytest.mark.parametrize("endpoint", ["http://key:secret@s3.lan", "ftp://s3.lan", "http://[x"])
def test_s3_endpoint_that_is_none_is_refused_also_in_the_clear(endpoint: str) -> None:
    chosen = settings(KULTI_OPS_S3_ENDPOINT=endpoint, KULTI_OPS_S3_ALLOW_HTTP="true")
    with pytest.raises(ConfigError, match="no http or https address"):
        s3_options("s3://bucket", chosen)


def test_s3_settings_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ConfigError, match="KMS_KEY"):
        s3_options("s3://bucket", settings(KULTI_OPS_S3_KMS_KEY="k"))
    with pytest.raises(ConfigError, match="PART_MIN_MIB"):
        s3_options("s3://bucket", settings(KULTI_OPS_S3_PART_MIN_MIB="30"))


@pytest.mark.parametrize("max_parts", [1, 7, 1000, 10_000])
def test_s3_parts_hold_what_is_expected_or_it_is_refused(max_parts: int) -> None:
    options = S3Options(bucket="bucket", max_parts=max_parts)
    largest = options.part_max_bytes * max_parts
    sizes = {None, 0, 1, largest // HEADROOM, largest // 2, largest - 1, largest, largest + 1}
    for expected in sizes:
        if (expected or 0) > largest:
            with pytest.raises(RefusedError, match=f"{max_parts} parts"):
                options.part_bytes(expected)
            continue
        part = options.part_bytes(expected)
        assert options.part_min_bytes <= part <= options.part_max_bytes
        assert part * max_parts >= (expected or 0)
        if (expected or 0) * HEADROOM <= largest:
            assert part * max_parts >= (expected or 0) * HEADROOM
