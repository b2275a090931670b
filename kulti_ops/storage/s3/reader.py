"""Reading an object as a stream that goes on after a cut connection and never ends early."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from kulti_ops.errors import NotFoundError, UnreachableError
from kulti_ops.storage.s3.client import LOST_RACE, AnswerError

if TYPE_CHECKING:
    from kulti_ops.storage.s3.client import Answer, S3Client

CHUNK_BYTES = 1024 * 1024


class S3Reader(io.RawIOBase):
    """One object from its start; every byte of it, or an error.

    After a cut the rest of the very same object is asked for (If-Match). As many cuts in
    a row without a new byte as requests have attempts end it.
    """

    def __init__(self, client: S3Client, key: str) -> None:
        super().__init__()
        self._client = client
        self._key = key
        self._at = 0
        self._barren = 0  # cuts in a row that brought nothing new
        answer = self._open()
        self.size_bytes = int(answer["ContentLength"])
        self._etag = answer.get("ETag")
        self._body: Any = answer["Body"]

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """Read up to `size` bytes, all without one; empty only at the object's true end."""
        if size is None or size < 0:
            return self.readall()
        while self._at < self.size_bytes and size:
            wanted = min(size, self.size_bytes - self._at)
            if data := self._read_some(wanted):
                self._at += len(data)
                self._barren = 0
                return data
            self._resume()
        return b""

    def readall(self) -> bytes:
        """Read to the end."""
        return b"".join(iter(lambda: self.read(CHUNK_BYTES), b""))

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401 - whatever takes bytes
        """Read into a buffer; 0 at the end."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Give the connection back; one with unread bytes is cut."""
        body = self.__dict__.get("_body")
        if body is not None:
            body.close()
        super().close()

    def _read_some(self, wanted: int) -> bytes:
        """Return some bytes, none when the connection was cut."""
        try:
            with self._client.translated(f"read {self._key}"):
                data: bytes = self._body.read(wanted)
        except UnreachableError:
            return b""
        return data

    def _resume(self) -> None:
        """Ask for the rest.

        Raises: UnreachableError when nothing more comes, or it is another object now.
        """
        self._body.close()
        self._barren += 1
        if self._barren > self._client.options.attempts:
            raise UnreachableError(
                f"cannot read {self._key}: only {self._at} of {self.size_bytes} bytes came",
                hint="try again; the connection to the storage is cut again and again",
            )
        try:
            answer = self._open(Range=f"bytes={self._at}-", IfMatch=self._etag)
        except (AnswerError, NotFoundError) as error:
            if isinstance(error, AnswerError) and error.code not in LOST_RACE:
                raise
            raise UnreachableError(
                f"cannot read {self._key}: it was replaced or removed while it was read"
            ) from error
        if int(answer["ContentLength"]) != self.size_bytes - self._at:
            raise UnreachableError(f"cannot read {self._key}: the server does not do ranges")
        self._body = answer["Body"]

    def _open(self, **arguments: Any) -> Answer:  # noqa: ANN401 - boto3's
        return self._client.call(
            "get_object", f"read {self._key}", Key=self._client.key(self._key), **arguments
        )
