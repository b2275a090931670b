"""The S3 client: made when first used, every answer checked, every error one clear line.

Adapter over boto3. Nothing else in the package sees its exceptions. A server's refusal
says nothing about what is stored, so all of them are `UnreachableError`; only a key that
does not exist is `NotFoundError`.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from kulti_ops import __version__
from kulti_ops.errors import ConfigError, NotFoundError, UnreachableError
from kulti_ops.storage.s3.refusals import explain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from kulti_ops.storage.s3.options import S3Options

POOL_CONNECTIONS = 32
MISSING = frozenset({"NoSuchKey", "404", "NotFound"})
# A request of ours or of another lost a race for a key.
LOST_RACE = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict", "409"})
NOT_OFFERED = frozenset({"NotImplemented", "501", "MethodNotAllowed", "405"})

# What botocore calls what went wrong between here and there.
_ON_THE_WIRE = {
    "ConnectTimeoutError": "the connection timed out",
    "ReadTimeoutError": "the server did not answer in time",
    "EndpointConnectionError": "the server cannot be reached",
    "ConnectionClosedError": "the server cut the connection",
    "SSLError": "its certificate is not trusted (AWS_CA_BUNDLE names a CA file)",
    "ProxyConnectionError": "the proxy cannot be reached",
    "ResponseStreamingError": "the server cut the connection",
    "IncompleteReadError": "the server cut the connection",
}


class AnswerError(UnreachableError):
    """The server said no; `code` is its word for why, `http_status` its number."""

    def __init__(self, message: str, *, hint: str, code: str, http_status: int = 0) -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.http_status = http_status


class Answer(dict[str, Any]):
    """A response with the server's own time."""

    @property
    def date(self) -> datetime:
        """The server's clock when it answered.

        Raises: UnreachableError when it does not say: then no lease can be judged.
        """
        text = self["ResponseMetadata"]["HTTPHeaders"].get("date", "")
        try:
            return parsedate_to_datetime(text)
        except (TypeError, ValueError) as error:
            raise UnreachableError("the S3 server sends no Date header") from error


class S3Client:
    """One bucket below one prefix; safe to use from several threads.

    `creates_once` and `replaces_known` say whether the server honours If-None-Match and
    If-Match on uploads; None as long as that is not known.
    """

    def __init__(self, options: S3Options) -> None:
        self.options = options
        self.creates_once: bool | None = None
        self.replaces_known: bool | None = None
        self._making = threading.Lock()

    def call(self, operation: str, doing: str, **arguments: Any) -> Answer:  # noqa: ANN401 - boto3's
        """Send one request on the bucket; `doing` completes "cannot …" in messages.

        Raises: AnswerError, UnreachableError, NotFoundError for a missing key, ConfigError
        for credentials that are none.
        """
        with self.translated(doing):
            method = getattr(self._boto, operation)
            return Answer(method(Bucket=self.options.bucket, **arguments))

    def key(self, key: str) -> str:
        """Return where a storage's key is in the bucket."""
        return self.options.prefix + key

    def own_key(self, key: str) -> str:
        """Return the storage's key of one in the bucket."""
        return key.removeprefix(self.options.prefix)

    def anonymous(self) -> Any:  # noqa: ANN401 - boto3's client
        """Return a client that signs nothing: how anybody on the network sees the bucket."""
        from botocore import UNSIGNED

        return self._make(signature_version=UNSIGNED)

    @contextmanager
    def translated(self, doing: str) -> Iterator[None]:
        """Turn boto3's exceptions into ours."""
        from botocore.exceptions import (
            BotoCoreError,
            ClientError,
            NoCredentialsError,
            PartialCredentialsError,
            ProfileNotFound,
        )
        from urllib3.exceptions import HTTPError

        try:
            yield
        except ClientError as error:
            raise self._refused(doing, error) from error
        except (NoCredentialsError, PartialCredentialsError, ProfileNotFound) as error:
            raise ConfigError(
                f"no usable credentials for {self.options.url}: {_first_line(error)}",
                hint="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
            ) from error
        except (BotoCoreError, HTTPError) as error:  # a body's TLS errors come untranslated
            what = _ON_THE_WIRE.get(type(error).__name__)
            raise UnreachableError(
                f"cannot {doing}: {what or _first_line(error)} ({self._where})",
                hint="check KULTI_OPS_S3_ENDPOINT, the network and the provider's status",
            ) from error

    @property
    def _where(self) -> str:
        return self.options.endpoint or f"S3 in {self.options.region or 'the default region'}"

    def _refused(self, doing: str, error: Any) -> UnreachableError | NotFoundError:  # noqa: ANN401
        found = error.response.get("Error", {})
        code = str(found.get("Code") or "")
        if code in MISSING:
            return NotFoundError(f"cannot {doing}: it does not exist")
        reason, hint = explain(
            code,
            message=str(found.get("Message") or ""),
            bucket=self.options.bucket,
            asked=self._asked,
        )
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0)
        return AnswerError(f"cannot {doing}: {reason}", hint=hint, code=code, http_status=status)

    @property
    def _asked(self) -> dict[str, str]:
        """What uploads ask for that a server may refuse, by its setting."""
        options = self.options
        asked = {
            "KULTI_OPS_S3_SSE": options.sse or "",
            "KULTI_OPS_S3_KMS_KEY": options.kms_key or "",
            "KULTI_OPS_S3_STORAGE_CLASS": options.storage_class or "",
            "KULTI_OPS_S3_LOCK_DAYS": str(options.lock_days) if options.lock_days else "",
            "KULTI_OPS_S3_CHECKSUM": options.checksum if options.checksum != "sha256" else "",
        }
        return {name: value for name, value in asked.items() if value}

    @property
    def _boto(self) -> Any:  # noqa: ANN401 - boto3's client
        with self._making:
            return self._made

    @cached_property
    def _made(self) -> Any:  # noqa: ANN401 - boto3's client
        return self._make()

    def _make(self, **config: Any) -> Any:  # noqa: ANN401 - boto3's client
        import boto3
        from botocore.config import Config

        options = self.options
        session = boto3.session.Session(
            profile_name=options.profile if not options.access_key_id else None,
            aws_access_key_id=options.access_key_id,
            aws_secret_access_key=options.secret_access_key,
            aws_session_token=options.session_token,
        )
        region = options.region or session.region_name or "us-east-1"
        style = {None: "auto", True: "path", False: "virtual"}[options.path_style]
        if options.path_style is None and options.endpoint:
            style = "path"  # what every compatible server understands
        addressing: Any = {"addressing_style": style, "payload_signing_enabled": True}
        return session.client(
            "s3",
            region_name=region,
            endpoint_url=options.endpoint,
            config=Config(
                connect_timeout=options.connect_timeout_s,
                read_timeout=options.timeout_s,
                retries={"mode": "standard", "total_max_attempts": options.attempts},
                max_pool_connections=POOL_CONNECTIONS,
                tcp_keepalive=True,
                user_agent_extra=f"kulti-ops/{__version__}",
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                s3=addressing,
                **config,
            ),
        )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
