"""Listings of a bucket, page by page: objects, folders, unfinished uploads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kulti_ops.errors import UnreachableError

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
    """Yield the unfinished uploads: storage key and the upload's id."""
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
        marker = {
            "KeyMarker": found["NextKeyMarker"],
            "UploadIdMarker": found["NextUploadIdMarker"],
        }
