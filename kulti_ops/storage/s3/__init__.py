"""Backups in an S3 bucket: streamed uploads, leases instead of file locks.

What is not a backup's lies below `.kulti/`: `claims/` (folders being written), `locks/`,
and probes. Every listing passes over it.
"""

from __future__ import annotations

import secrets
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from kulti_ops.errors import (
    ConfigError,
    NotFoundError,
    RefusedError,
    StorageError,
    UnreachableError,
)
from kulti_ops.storage import HELD_FOR_GOOD, ObjectInfo, Unfinished, valid_key
from kulti_ops.storage.s3.client import LOST_RACE, NOT_OFFERED, AnswerError, S3Client
from kulti_ops.storage.s3.lease import HeldError, Lease, LeaseTimes, look
from kulti_ops.storage.s3.reader import S3Reader
from kulti_ops.storage.s3.writer import S3Writer, Upload

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from kulti_ops.storage.s3.client import Answer
    from kulti_ops.storage.s3.options import S3Options

OWN = ".kulti/"
CLAIMS = f"{OWN}claims/"
LOCKS = f"{OWN}locks/"
PROBES = f"{OWN}probe-"
READS_AT_ONCE = 16
# How servers say that an object or a bucket has no lock.
NO_LOCK = frozenset(
    {
        "NoSuchObjectLockConfiguration",
        "ObjectLockConfigurationNotFoundError",
        "InvalidRequest",
        "InvalidArgument",
    }
)
_DENIED = frozenset({"AccessDenied", "403", "AllAccessDisabled"})


class S3Storage:
    """A bucket, or what lies below a prefix of it."""

    reads_at_once = READS_AT_ONCE

    def __init__(self, options: S3Options, *, times: LeaseTimes | None = None) -> None:
        self.client = S3Client(options)
        self._times = times or LeaseTimes()
        self._claims: dict[str, Lease] = {}
        self._locks: dict[str, Lease] = {}
        self._server_now: datetime | None = None

    @property
    def url(self) -> str:
        """The bucket and the prefix."""
        return self.client.options.url

    def prepare(self) -> None:
        """Prove that objects can be written and removed, and learn what the server honours.

        Raises: ConfigError when it passes over something that was asked of it.
        """
        options, key = self.client.options, f"{PROBES}{secrets.token_hex(8)}"
        answer = self._put_probe(key)
        self._server_now = answer.date
        try:
            if options.sse and answer.get("ServerSideEncryption") != options.sse:
                raise ConfigError(
                    f"{self.url}: the server passes over KULTI_OPS_S3_SSE={options.sse}",
                    hint="choose a server that encrypts, or unset it and encrypt with age",
                )
            self.client.creates_once = self._honours(key, IfNoneMatch="*")
            self.client.replaces_known = self._honours(key, IfMatch='"no such tag"')
        finally:
            self.client.call("delete_object", f"remove from {self.url}", Key=self.client.key(key))
        if options.lock_days:
            self._prove_object_lock()

    def writer(self, key: str, *, expected_bytes: int | None = None) -> S3Writer:
        """Begin an object that must not exist yet; parts are sized by what is expected."""
        folder = valid_key(key).split("/")[0]
        options = self.client.options
        return S3Writer(
            self.client,
            Upload(
                key=key,
                part_bytes=options.part_bytes(expected_bytes),
                max_parts=options.max_parts,
                attributes=self._attributes(),
                guard=self._check_leases,
                claim=self._claims.get(folder),
                take_claim=lambda: self._take_claim(folder),
            ),
        )

    def reader(self, key: str) -> BinaryIO:
        """Open an object for reading; a cut connection is taken up again."""
        return cast("BinaryIO", S3Reader(self.client, valid_key(key)))

    def read_small(self, key: str, *, limit_bytes: int) -> bytes:
        """Return a whole small object."""
        with S3Reader(self.client, valid_key(key)) as reader:
            if reader.size_bytes > limit_bytes:
                raise StorageError(f"{key} is larger than {limit_bytes} bytes")
            return reader.readall()

    def info(self, key: str) -> ObjectInfo | None:
        """Return an object's size.

        An answer to HEAD has no words: where it is a no, a listing tells which one.
        """
        doing = f"look at {valid_key(key)}"
        try:
            found = self.client.call("head_object", doing, Key=self.client.key(key))
        except NotFoundError:
            self._page(key, MaxKeys=1)  # raises when the bucket is not there
            return None
        except AnswerError as error:
            if error.code.isdigit():
                self._page(key, MaxKeys=1)
            raise
        return ObjectInfo(key=key, size_bytes=int(found["ContentLength"]))

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Yield the objects below a folder."""
        below = f"{valid_key(prefix)}/" if prefix else ""
        for page in self._pages(below):
            for found in page.get("Contents", ()):
                key = found["Key"].removeprefix(self.client.options.prefix)
                if not any(part.startswith(".") for part in key.split("/")) and key[-1:] != "/":
                    yield ObjectInfo(key=key, size_bytes=int(found["Size"]))

    def folders(self) -> tuple[str, ...]:
        """Return the names of the prefix's folders."""
        names = {
            found["Prefix"].removeprefix(self.client.options.prefix).rstrip("/")
            for page in self._pages("", Delimiter="/")
            for found in page.get("CommonPrefixes", ())
        }
        return tuple(sorted(name for name in names if name and not name.startswith(".")))

    def delete(self, key: str) -> None:
        """Remove an object."""
        self.client.call("delete_object", f"remove {valid_key(key)}", Key=self.client.key(key))

    def locked_until(self, key: str) -> datetime | None:
        """Return until when an object lock keeps an object."""
        doing, where = f"look at the lock of {valid_key(key)}", {"Key": self.client.key(key)}
        hold = self._unlocked_if_none("get_object_legal_hold", doing, **where)
        if hold.get("LegalHold", {}).get("Status") == "ON":
            return HELD_FOR_GOOD
        found = self._unlocked_if_none("get_object_retention", doing, **where)
        until: datetime | None = found.get("Retention", {}).get("RetainUntilDate")
        return until

    def keeps_versions(self) -> bool:
        """Return whether the bucket keeps, or has kept, older versions."""
        return bool(self.versioning())

    def versioning(self) -> str:
        """Return `Enabled`, `Suspended`, or nothing for a bucket that never had versions."""
        try:
            found = self.client.call("get_bucket_versioning", f"ask {self.url} for versions")
        except AnswerError as error:
            if error.code in NOT_OFFERED:
                return ""
            raise
        return str(found.get("Status") or "")

    @contextmanager
    def claim(self, folder: str) -> Iterator[None]:
        """Hold a new folder by a lease; other hosts leave it and its uploads alone."""
        valid_key(folder)
        try:
            lease = self._take_claim(folder)
        except HeldError as error:
            raise StorageError(f"{folder} is being written by {error.message}") from error
        self._claims[folder] = lease
        try:
            if next(self.list(folder), None) is not None:
                raise StorageError(f"{folder} exists already in {self.url}")
            yield
        finally:
            del self._claims[folder]
            lease.release()

    def sweep(self, folder: str, *, unless: str | None = None) -> bool:
        """Remove a folder whose writer is dead, its uploads too."""
        valid_key(folder)
        try:
            lease = self._take_claim(folder)
        except HeldError:
            return False
        try:
            # only now: whoever finished it meanwhile has given up the claim behind `unless`
            if unless is not None and self.info(f"{folder}/{unless}") is not None:
                return False
            self._abort_uploads(folder)
            for found in tuple(self.list(folder)):
                self.delete(found.key)
        except AnswerError as error:
            if error.code in _DENIED:
                return False  # these credentials may not remove: `verify storage` shows it
            raise
        finally:
            lease.release()
        return True

    def tidy(self) -> None:
        """Abort what dead writers were uploading, and remove their claims and probes."""
        with suppress(AnswerError):
            for page in self._pages(OWN):
                for found in page.get("Contents", ()):
                    self._tidy(found["Key"].removeprefix(self.client.options.prefix), found, page)

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold a named lease."""
        lease = Lease(self.client, LOCKS + valid_key(name), times=self._times)
        try:
            lease.take()
        except HeldError as error:
            raise RefusedError(
                f"another run holds the lock {name}: {error.message}",
                hint=f"wait for it to end; a dead holder's is taken over "
                f"{self._times.stale_s:.0f} s after it was last heard of",
            ) from error
        self._locks[name] = lease
        try:
            yield
        finally:
            del self._locks[name]
            lease.release()

    def free_bytes(self) -> None:
        """There is no such limit."""
        return

    def local_path(self, key: str) -> None:
        """There are no local files."""
        valid_key(key)

    def unfinished(self) -> tuple[Unfinished, ...]:
        """Return the uploads that were begun and neither completed nor aborted."""
        held: dict[str, str] = {}
        found = []
        for key, _upload_id in self._uploads(""):
            folder = key.split("/")[0]
            if folder not in held:
                holder = look(self.client, CLAIMS + folder)
                held[folder] = "" if holder is None else holder.text
                if holder is not None and holder.dead(self._times):
                    held[folder] = "dead"
            found.append(
                Unfinished(
                    key=key,
                    holder=held[folder] if held[folder] != "dead" else "",
                    ours=bool(held[folder]),
                )
            )
        return tuple(found)

    def _unlocked_if_none(self, operation: str, doing: str, **where: str) -> dict[str, Any]:
        """Ask for one kind of lock; nothing where the object, bucket or server has none."""
        try:
            return self.client.call(operation, doing, **where)
        except NotFoundError:
            return {}
        except AnswerError as error:
            if error.code in NOT_OFFERED | NO_LOCK:
                return {}
            raise

    def _attributes(self) -> dict[str, Any]:
        """Return how an object of a backup is to be kept."""
        options = self.client.options
        attributes: dict[str, Any] = dict(options.encryption)
        if options.storage_class:
            attributes["StorageClass"] = options.storage_class
        if options.lock_days:
            until = self._server_time() + timedelta(days=options.lock_days)
            attributes["ObjectLockMode"] = options.lock_mode.upper()
            attributes["ObjectLockRetainUntilDate"] = until
        return attributes

    def _server_time(self) -> datetime:
        if self._server_now is None:
            self._server_now = self._page("", MaxKeys=1).date
        return self._server_now

    def _put_probe(self, key: str, **condition: str) -> Answer:
        return self.client.call(
            "put_object",
            f"write to {self.url}",
            Key=self.client.key(key),
            Body=b"",
            **self.client.options.encryption,
            **condition,
        )

    def _honours(self, key: str, **condition: str) -> bool:
        """Return whether a server refuses to write over an object on this condition."""
        try:
            self._put_probe(key, **condition)
        except AnswerError as error:
            if error.code in LOST_RACE:
                return True
            if error.code in NOT_OFFERED or error.code in {"InvalidArgument", "InvalidRequest"}:
                return False
            raise
        return False

    def _prove_object_lock(self) -> None:
        try:
            answer = self.client.call("get_object_lock_configuration", "ask for the object lock")
        except AnswerError as error:
            if error.code in _DENIED:
                raise
            answer = None
        kept = answer["ObjectLockConfiguration"] if answer else {}
        if kept.get("ObjectLockEnabled") != "Enabled":
            raise ConfigError(
                f"KULTI_OPS_S3_LOCK_DAYS is set, but {self.url} has no object lock",
                hint="create the bucket with object lock, or unset it",
            )

    def _check_leases(self) -> None:
        for lease in (*self._claims.values(), *self._locks.values()):
            lease.check()

    def _take_claim(self, folder: str) -> Lease:
        lease = Lease(self.client, CLAIMS + folder, times=self._times)
        lease.take()
        return lease

    def _tidy(self, key: str, found: dict[str, Any], page: Answer) -> None:
        age_s = (page.date - found["LastModified"]).total_seconds()
        if key.startswith(PROBES) and age_s > self._times.stale_s:
            self.client.call("delete_object", f"remove {key}", Key=self.client.key(key))
        if key.startswith(CLAIMS):
            folder = key.removeprefix(CLAIMS)
            holder = look(self.client, key)
            if holder is None or not holder.dead(self._times):
                return
            with suppress(HeldError):
                lease = self._take_claim(folder)
                try:
                    self._abort_uploads(folder)
                finally:
                    lease.release()

    def _abort_uploads(self, folder: str) -> None:
        for key, upload_id in self._uploads(f"{folder}/"):
            try:
                self.client.call(
                    "abort_multipart_upload",
                    f"abort the upload of {key}",
                    Key=self.client.key(key),
                    UploadId=upload_id,
                )
            except AnswerError as error:
                if error.code != "NoSuchUpload":
                    raise

    def _uploads(self, prefix: str) -> Iterator[tuple[str, str]]:
        """Yield the unfinished uploads: key and upload's id."""
        marker: dict[str, str] = {}
        while True:
            page = self.client.call(
                "list_multipart_uploads",
                f"list the uploads in {self.url}",
                Prefix=self.client.key(prefix),
                **marker,
            )
            for found in page.get("Uploads", ()):
                yield found["Key"].removeprefix(self.client.options.prefix), found["UploadId"]
            if not page.get("IsTruncated"):
                return
            marker = {
                "KeyMarker": page["NextKeyMarker"],
                "UploadIdMarker": page["NextUploadIdMarker"],
            }

    def _pages(self, prefix: str, **arguments: Any) -> Iterator[Answer]:  # noqa: ANN401 - boto3's
        while True:
            page = self._page(prefix, **arguments)
            yield page
            if not page.get("IsTruncated"):
                return
            token = page.get("NextContinuationToken")
            if not token or token == arguments.get("ContinuationToken"):
                raise UnreachableError(f"cannot list {self.url}: the listing does not go on")
            arguments["ContinuationToken"] = token

    def _page(self, prefix: str, **arguments: Any) -> Answer:  # noqa: ANN401 - boto3's
        return self.client.call(
            "list_objects_v2",
            f"list {self.url}",
            Prefix=self.client.key(prefix),
            **arguments,
        )
