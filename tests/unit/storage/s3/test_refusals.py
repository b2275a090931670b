"""Refusals in the words of servers, and what the user is told."""

from __future__ import annotations

import pytest

from kulti_ops.storage.s3.refusals import explain

ASKED = {"KULTI_OPS_S3_SSE": "aws:kms", "KULTI_OPS_S3_STORAGE_CLASS": "COLD"}


@pytest.mark.parametrize(
    ("code", "message", "told", "next_step"),
    [
        ("NoSuchBucket", "x", "there is no bucket the-bucket", "KULTI_OPS_STORAGE"),
        ("AccessDenied", "Access Denied", "access is denied", "rights"),
        ("ExpiredToken", "x", "have expired", "new credentials"),
        ("RequestTimeTooSkewed", "x", "clock", "timedatectl"),
        ("AuthorizationHeaderMalformed", "x", "another region", "KULTI_OPS_S3_REGION"),
        ("PermanentRedirect", "x", "another region", "KULTI_OPS_S3_REGION"),
        ("SlowDown", "x", "overloaded", "try again"),
        ("InvalidStorageClass", "x", "KULTI_OPS_S3_STORAGE_CLASS=COLD", "unset"),
        ("NotImplemented", "Server-side encryption", "KULTI_OPS_S3_SSE=aws:kms", "unset"),
        ("KMS.NotFoundException", "no key", "KULTI_OPS_S3_SSE=aws:kms", "unset"),
        ("Teapot", "short and stout", "Teapot: short and stout", ""),
        ("", "", "the server answers nothing", ""),
    ],
)
def test_refusal_is_told_with_what_to_do(
    code: str, message: str, told: str, next_step: str
) -> None:
    reason, hint = explain(code, message=message, bucket="the-bucket", asked=ASKED)
    assert told in reason
    assert next_step in hint


def test_refusal_of_a_right_names_the_right() -> None:
    said = "User: arn:aws:iam::1:user/b is not authorized to perform: s3:PutObject"
    reason, _ = explain("AccessDenied", message=said, bucket="b", asked={})
    assert "s3:PutObject" in reason


def test_refusal_of_nothing_that_was_asked_blames_nothing() -> None:
    reason, _ = explain("NotImplemented", message="no ranges", bucket="b", asked={})
    assert reason == "NotImplemented: no ranges"


def test_refusal_without_a_word_of_blame_names_everything_asked() -> None:
    reason, _ = explain("InvalidArgument", message="bad", bucket="b", asked=ASKED)
    assert all(name in reason for name in ASKED)
