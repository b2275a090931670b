"""Writing an object: small ones by one request, large ones in equal parts as they come.

Memory holds one part that fills and those under way. Nothing is visible before `commit`;
whatever ends the writer otherwise aborts the upload.
"""

from __future__ import annotations

import base64
import hashlib
import io
import secrets
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kulti_ops.errors import KultiError, NotFoundError, StorageError
from kulti_ops.progress import size
from kulti_ops.storage.s3.client import LOST_RACE, NOT_OFFERED, AnswerError
from kulti_ops.storage.s3.listing import abort_upload, uploads_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from kulti_ops.storage.s3.client import Answer, S3Client
    from kulti_ops.storage.s3.lease import Lease

# What may be under way at once: several small parts use a long line better than one.
UNDER_WAY_BYTES = 32 * 1024 * 1024
UNDER_WAY_AT_MOST = 4
_MARK = "kulti-ops-writer"  # tells our object from one that another wrote meanwhile


@dataclass(frozen=True, kw_only=True)
class Upload:
    """How one object is to be uploaded.

    `attributes` are boto3's arguments for a new object; `guard` raises when the object must
    not be published any more. `claim` is the lease of the folder, which knows the uploads that
    may be left over; without one, a large object takes one for itself.
    """

    key: str
    part_bytes: int
    max_parts: int
    attributes: dict[str, Any] = field(default_factory=dict)
    guard: Callable[[], None]
    claim: Lease | None
    take_claim: Callable[[], Lease]


class S3Writer:
    """One object being written."""

    def __init__(self, client: S3Client, upload: Upload) -> None:
        self._client = client
        self._upload = upload
        self._mark = secrets.token_hex(8)
        self._buffer = io.BytesIO()  # sent as it is: boto3 would copy plain bytes
        self._size = 0
        self._upload_id = ""
        self._begun = False
        self._lease = upload.claim
        self._parts: list[Future[str]] = []
        self._failure: BaseException | None = None
        self._closed = False
        self._done = False
        at_once = UNDER_WAY_BYTES // upload.part_bytes
        self._under_way = max(1, min(at_once, UNDER_WAY_AT_MOST))
        self._slots = threading.BoundedSemaphore(self._under_way)
        self._pool: ThreadPoolExecutor | None = None

    def write(self, chunk: bytes) -> None:
        """Append; sends a part when one is full, and waits while too many are under way."""
        view = memoryview(chunk)
        while view:
            if self._closed:
                raise self._given_up()
            if self._buffer.tell() == self._upload.part_bytes:
                self._send()
            taken = self._buffer.write(view[: self._upload.part_bytes - self._buffer.tell()])
            self._size += taken
            view = view[taken:]

    def commit(self) -> None:
        """Publish the object, unless there is one, and look at it."""
        if self._upload_id:
            if self._buffer.tell():
                self._send()
            parts = [
                {"PartNumber": number, "ETag": part.result()}
                for number, part in enumerate(self._parts, 1)
            ]
            self._publish(lambda condition: self._complete(parts, condition))
            self._settle()
        else:
            self._publish(self._put)
        # one upload, taken only whole (signed digest) and only as the first, needs no second look
        if self._upload_id or self._client.creates_once is not True:
            self._look()
        self._keep()
        self._done = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closed = True
        try:
            if self._begun and not self._done:
                self._abort()
        finally:
            if self._pool is not None:
                self._pool.shutdown(wait=True, cancel_futures=True)
        if self._begun and not self._done:
            self._abort()  # a part that was under way may have come after the first
        if self._lease is not None and self._lease is not self._upload.claim:
            self._lease.release()

    def _send(self) -> None:
        """Send the buffer as the next part."""
        if not self._upload_id:
            self._begin()
        number = len(self._parts) + 1
        if number > self._upload.max_parts:
            raise StorageError(
                f"{self._upload.key} is larger than expected: {self._upload.max_parts} parts of "
                f"{size(self._upload.part_bytes)} do not hold it",
                hint="raise KULTI_OPS_S3_PART_MIN_MIB",
            )
        self._slots.acquire()
        if self._failure is not None:
            raise self._failure
        if self._closed or self._pool is None:
            raise self._given_up()
        part, self._buffer = self._buffer, io.BytesIO()
        part.seek(0)
        self._parts.append(self._pool.submit(self._send_part, number, part))

    def _begin(self) -> None:
        if self._lease is None:
            self._lease = self._upload.take_claim()
        # before the request: when its answer is lost, there may be an upload all the same
        self._begun = True
        self._lease.unsettled.add(self._mark)
        answer = self._call("create_multipart_upload", **self._described())
        self._upload_id = answer["UploadId"]
        self._pool = ThreadPoolExecutor(self._under_way, thread_name_prefix="upload")

    def _given_up(self) -> StorageError:
        return StorageError(f"{self._upload.key}: the upload was given up")

    def _send_part(self, number: int, part: io.BytesIO) -> str:
        try:
            answer = self._call(
                "upload_part",
                UploadId=self._upload_id,
                PartNumber=number,
                Body=part,
                **self._checksum(part),
            )
            part.close()  # its future lives on
            return str(answer["ETag"])
        except BaseException as error:
            self._failure = error
            raise
        finally:
            self._slots.release()

    def _put(self, condition: dict[str, str]) -> None:
        body = self._buffer
        body.seek(0)
        self._call(
            "put_object", Body=body, **self._described(), **self._checksum(body), **condition
        )

    def _complete(self, parts: list[dict[str, Any]], condition: dict[str, str]) -> None:
        self._call(
            "complete_multipart_upload",
            UploadId=self._upload_id,
            MultipartUpload={"Parts": parts},
            **condition,
        )

    def _publish(self, send: Callable[[dict[str, str]], None]) -> None:
        """Let the object appear under its key, only if there is none.

        An answer that was lost is not a failure when the object is there and is ours.
        """
        if self._client.creates_once is not True and self._head() is not None:
            raise self._taken()
        self._upload.guard()
        try:
            try:
                send({"IfNoneMatch": "*"} if self._client.creates_once is not False else {})
            except AnswerError as error:
                if error.code not in NOT_OFFERED or self._client.creates_once is not None:
                    raise
                self._client.creates_once = False
                send({})
        except (StorageError, NotFoundError) as error:
            with suppress(KultiError):
                if self._is_ours(self._head()):
                    return
            if isinstance(error, AnswerError) and error.code in LOST_RACE:
                raise self._taken() from error
            if isinstance(error, NotFoundError):
                raise StorageError(f"{self._upload.key}: the upload has vanished") from error
            raise

    def _look(self) -> None:
        """Look at what was published.

        Raises: StorageError when it is not ours or not of the size that was sent.
        """
        found = self._head()
        if not self._is_ours(found):
            raise StorageError(f"{self._upload.key}: another wrote it at the same time")
        stored = int(found["ContentLength"]) if found else -1
        if stored != self._size:
            raise StorageError(
                f"{self._upload.key}: {self._size} bytes were sent, {stored} are stored"
            )

    def _keep(self) -> None:
        """Take the object back when the right to publish it was lost while it was sent.

        Raises: what the guard raises: whoever took the lease over may have swept what belongs
        to the object.
        """
        try:
            self._upload.guard()
        except KultiError:
            with suppress(KultiError):
                if self._is_ours(self._head()):
                    self._call("delete_object")
            raise

    def _abort(self) -> None:
        """Abort the upload; when that fails its lease stays, and the next run does it."""
        key = self._upload.key
        with suppress(KultiError):
            # without an id, all of this key: whoever holds the claim is the only one who writes it
            ids = [self._upload_id] if self._upload_id else list(uploads_of(self._client, key))
            for upload_id in ids:
                abort_upload(self._client, key, upload_id)
            self._settle()

    def _settle(self) -> None:
        if self._lease is not None:
            self._lease.unsettled.discard(self._mark)

    def _head(self) -> Answer | None:
        try:
            return self._call("head_object")
        except NotFoundError:
            return None

    def _is_ours(self, found: Answer | None) -> bool:
        marks = {} if found is None else found.get("Metadata", {})
        return any(k.lower() == _MARK and v == self._mark for k, v in marks.items())

    def _taken(self) -> StorageError:
        return StorageError(f"{self._upload.key} exists already, and is never overwritten")

    def _described(self) -> dict[str, Any]:
        return {**self._upload.attributes, "Metadata": {_MARK: self._mark}}

    def _checksum(self, body: io.BytesIO) -> dict[str, str]:
        """Return what goes along besides the signed sha-256 of the body."""
        checksum = self._client.options.checksum
        if checksum == "md5" or (checksum == "sha256" and self._client.options.lock_days):
            # object lock insists on one of them
            digest = hashlib.md5(body.getbuffer(), usedforsecurity=False).digest()
            return {"ContentMD5": base64.b64encode(digest).decode()}
        return {"ChecksumAlgorithm": "CRC32"} if checksum == "crc32" else {}

    def _call(self, operation: str, **arguments: Any) -> Answer:  # noqa: ANN401 - boto3's
        return self._client.call(
            operation,
            f"write {self._upload.key}",
            Key=self._client.key(self._upload.key),
            **arguments,
        )
