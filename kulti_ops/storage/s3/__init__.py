"""Backups in an S3 bucket: streamed uploads, leases instead of file locks.

What is not a backup's lies below `.kulti/`: `claims/` (folders being written), `locks/`,
and probes. Every listing passes over it.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from kulti_ops.background import begin
from kulti_ops.errors import NotFoundError, RefusedError, StorageError
from kulti_ops.storage import (
    HELD_FOR_GOOD,
    Exposure,
    ObjectInfo,
    Unfinished,
    read_each,
    valid_key,
)
from kulti_ops.storage.s3 import bucket
from kulti_ops.storage.s3.client import AnswerError, S3Client
from kulti_ops.storage.s3.lease import HeldError, Lease, LeaseTimes, look
from kulti_ops.storage.s3.listing import abort_upload, objects, page, pages, uploads
from kulti_ops.storage.s3.reader import S3Reader
from kulti_ops.storage.s3.writer import S3Writer, Upload

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future
    from datetime import datetime

    from kulti_ops.errors import KultiError
    from kulti_ops.storage.s3.options import S3Options

OWN = ".kulti/"
CLAIMS = f"{OWN}claims/"
LOCKS = f"{OWN}locks/"
PROBES = f"{OWN}probe-"
READS_AT_ONCE = 16
_DENIED = frozenset({"AccessDenied", "403", "AllAccessDisabled"})


class S3Storage:
    """A bucket, or what lies below a prefix of it."""

    reads_at_once = READS_AT_ONCE
    elsewhere = True

    def __init__(self, options: S3Options, *, times: LeaseTimes | None = None) -> None:
        self.client = S3Client(options)
        self._times = times or LeaseTimes()
        self._claims: dict[str, Lease] = {}
        self._locks: dict[str, Lease] = {}
        self._releasing: list[Future[None]] = []
        self._server_now: datetime | None = None

    @property
    def url(self) -> str:
        """The bucket and the prefix."""
        return self.client.options.url

    @property
    def place(self) -> str:
        """The bucket, the prefix, and the server."""
        return self.client.options.place

    def prepare(self) -> None:
        """Prove that objects can be written and removed, and learn what the server honours.

        Raises: ConfigError when it passes over something that was asked of it.
        """
        self._server_now = bucket.prove(self.client, PROBES)

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

    def read_all(self, folder: str, *, limit_bytes: int) -> Iterator[bytes | KultiError]:
        """Yield every object below a folder, or why it is not to be had."""
        return read_each(self, folder, limit_bytes=limit_bytes)

    def info(self, key: str) -> ObjectInfo | None:
        """Return an object's size.

        An answer to HEAD has no words: where it is a no, a listing tells which one.
        """
        doing = f"look at {valid_key(key)}"
        try:
            found = self.client.call("head_object", doing, Key=self.client.key(key))
        except NotFoundError:
            page(self.client, key, MaxKeys=1)  # raises when the bucket is not there
            return None
        except AnswerError as error:
            if error.code.isdigit():
                page(self.client, key, MaxKeys=1)
            raise
        return ObjectInfo(key=key, size_bytes=int(found["ContentLength"]))

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Yield the objects below a folder."""
        below = f"{valid_key(prefix)}/" if prefix else ""
        for key, found, _ in objects(self.client, below):
            if not any(part.startswith(".") for part in key.split("/")) and key[-1:] != "/":
                yield ObjectInfo(key=key, size_bytes=int(found["Size"]))

    def folders(self) -> tuple[str, ...]:
        """Return the names of the prefix's folders."""
        names = {
            self.client.own_key(found["Prefix"]).rstrip("/")
            for listed in pages(self.client, Delimiter="/")
            for found in listed.get("CommonPrefixes", ())
        }
        return tuple(sorted(name for name in names if name and not name.startswith(".")))

    def folders_with(self, name: str) -> dict[str, bool]:
        """Return the prefix's folders, and whether each has an object of this name: one listing."""
        found: dict[str, bool] = {}
        for key, _, _ in objects(self.client):
            folder, inside, rest = key.partition("/")
            if inside and folder and not folder.startswith("."):
                found[folder] = found.get(folder, False) or rest == name
        return found

    def delete(self, key: str) -> None:
        """Remove an object, unless a lease was lost: what is there may be another's by now."""
        self._check_leases()
        self._remove(valid_key(key))

    def locked_until(self, key: str) -> datetime | None:
        """Return until when an object lock keeps an object."""
        doing, where = f"look at the lock of {valid_key(key)}", {"Key": self.client.key(key)}
        try:
            found: dict[str, Any] = self.client.call("head_object", doing, **where)
        except NotFoundError:
            return None
        if not found.get("ObjectLockMode") and self._has_object_lock:
            # without the right to see it, a lock is merely left out of the answer to HEAD
            found = bucket.lock_of(self.client, key)
        if found.get("ObjectLockLegalHoldStatus") == "ON":
            return HELD_FOR_GOOD
        until: datetime | None = found.get("ObjectLockRetainUntilDate")
        return until

    def keeps_versions(self) -> bool:
        """Return whether the bucket keeps, or has kept, older versions."""
        return bool(self.versions)

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
            self._release(lease)

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
            # also what no key of ours would be: it would keep the folder for ever
            for key, _, _ in tuple(objects(self.client, f"{folder}/")):
                lease.check()
                self._remove(key)
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
            for key, found, listed in objects(self.client, OWN):
                self._tidy(key, age_s=(listed.date - found["LastModified"]).total_seconds())

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
            self._release(lease)

    def free_bytes(self) -> None:
        """There is no such limit."""
        return

    def local_path(self, key: str) -> None:
        """There are no local files."""
        valid_key(key)

    def unfinished(self) -> tuple[Unfinished, ...]:
        """Return the folders that are claimed, and uploads neither completed nor aborted."""
        claims = {}
        for key, _, _ in objects(self.client, CLAIMS):
            if (holder := look(self.client, key)) is not None:
                text = "" if holder.dead(self._times) else holder.text
                claims[key.removeprefix(CLAIMS)] = text
        begun = [Unfinished(key=f"{folder}/.claim", holder=text) for folder, text in claims.items()]
        for key, _ in uploads(self.client):
            folder = key.split("/")[0]
            ours = folder in claims
            begun.append(Unfinished(key=key, holder=claims.get(folder, ""), ours=ours))
        return tuple(begun)

    def exposures(self) -> tuple[Exposure, ...]:
        """Ask as a stranger, and ask the bucket's settings."""
        some = next(self.list(), None)
        return (
            bucket.anonymous_access(self.client, some.key if some else None),
            bucket.public_settings(self.client),
        )

    def _attributes(self) -> dict[str, Any]:
        """Return how an object of a backup is to be kept."""
        options = self.client.options
        attributes: dict[str, Any] = dict(options.encryption)
        if options.storage_class:
            attributes["StorageClass"] = options.storage_class
        if options.lock_days:
            until = self.server_time() + timedelta(days=options.lock_days)
            attributes["ObjectLockMode"] = options.lock_mode.upper()
            attributes["ObjectLockRetainUntilDate"] = until
        return attributes

    @property
    def versions(self) -> str:
        """Whether removed objects stay: `Enabled`, `Suspended`, or nothing."""
        return bucket.versioning(self.client)

    def server_time(self) -> datetime:
        """Return the server's clock, as of `prepare` or of the first question."""
        if self._server_now is None:
            self._server_now = page(self.client, MaxKeys=1).date
        return self._server_now

    @cached_property
    def _has_object_lock(self) -> bool:
        return bucket.has_object_lock(self.client)

    def _remove(self, key: str) -> None:
        self.client.call("delete_object", f"remove {key}", Key=self.client.key(key))

    def _check_leases(self) -> None:
        for lease in (*self._claims.values(), *self._locks.values()):
            lease.check()

    def _release(self, lease: Lease) -> None:
        """Give up a lease; while others are held, without waiting: the last one waits for all."""
        self._releasing.append(begin(lease.release, name="release"))
        if not self._claims and not self._locks:
            while self._releasing:
                self._releasing.pop().result()

    def _take_claim(self, folder: str) -> Lease:
        lease = Lease(self.client, CLAIMS + folder, times=self._times)
        lease.take()
        return lease

    def _tidy(self, key: str, *, age_s: float) -> None:
        if key.startswith(PROBES) and age_s > self._times.stale_s:
            self._remove(key)
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
        for key, upload_id in uploads(self.client, f"{folder}/"):
            abort_upload(self.client, key, upload_id)
