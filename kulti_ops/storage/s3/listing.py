"""Listings of a bucket, page by page: objects, folders, unfinished uploads and their end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kulti_ops.errors import NotFoundError, UnreachableError
from kulti_ops.storage.s3.client import AnswerError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kulti_ops.storage.s3.client import Answer, S3Client


def page(client: S3Client, prefix: str = "", **arguments: Any) -> Answer:  # noqa: ANN401 - boto3's
    """Return one page of the objects whose storage keys begin with `prefix`."""
    return client.call(
        "list_objects_v2",
        f"list {client.options.url}",
        Prefix=client.key(prefix),
        **arguments,
    )


def pages(client: S3Client, prefix: str = "", **arguments: Any) -> Iterator[Answer]:  # noqa: ANN401
    """Yield every page.

    Raises: UnreachableError, also when a listing stops short: half of one is none.
    """
    while True:
        found = page(client, prefix, **arguments)
        yield found
        if not found.get("IsTruncated"):
            return
        token = found.get("NextContinuationToken")
        if not token or token == arguments.get("ContinuationToken"):
            raise UnreachableError(f"cannot list {client.options.url}: the listing does not go on")
        arguments["ContinuationToken"] = token


def objects(client: S3Client, prefix: str = "") -> Iterator[tuple[str, dict[str, Any], Answer]]:
    """Yield each object's storage key, what the listing says of it, and its page."""
    for found in pages(client, prefix):
        for entry in found.get("Contents", ()):
            yield client.own_key(entry["Key"]), entry, found


def uploads(client: S3Client, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the unfinished uploads: storage key and the upload's id.

    Raises: UnreachableError, also when a listing stops short.
    """
    marker: dict[str, str] = {}
    while True:
        found = client.call(
            "list_multipart_uploads",
            f"list the uploads in {client.options.url}",
            Prefix=client.key(prefix),
            **marker,
        )
        for entry in found.get("Uploads", ()):
            yield client.own_key(entry["Key"]), entry["UploadId"]
        if not found.get("IsTruncated"):
            return
        following = {
            "KeyMarker": found.get("NextKeyMarker", ""),
            "UploadIdMarker": found.get("NextUploadIdMarker", ""),
        }
        if not following["KeyMarker"] or following == marker:
            raise UnreachableError(f"cannot list {client.options.url}: the listing does not go on")
        marker = following


def uploads_of(client: S3Client, key: str) -> Iterator[str]:
    """Yield the ids of the unfinished uploads of one key."""
    return (upload_id for found, upload_id in uploads(client, key) if found == key)


def abort_upload(client: S3Client, key: str, upload_id: str) -> None:
    """Abort an upload; one that is gone already is no error."""
    try:
        client.call(
            "abort_multipart_upload",
            f"abort the upload of {key}",
            Key=client.key(key),
            UploadId=upload_id,
        )
    except NotFoundError:
        return
    except AnswerError as error:
        if error.code != "NoSuchUpload":
            raise
