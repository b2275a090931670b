"""Failures of an exchange: a kind each, and what foreign exceptions mean."""

from __future__ import annotations

import socket
import ssl
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import aiohttp

from kulti_ops.errors import OperationFailedError
from kulti_ops.message import origin_of

if TYPE_CHECKING:
    from collections.abc import Iterator


class Failure(StrEnum):
    """Why an exchange failed."""

    INVALID_URL = "invalid-url"
    DNS = "dns"
    PRIVATE_ADDRESS = "private-address"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    CERTIFICATE = "certificate"
    TLS = "tls"
    TIMEOUT = "timeout"
    RESET = "reset"
    PROTOCOL = "protocol"
    REDIRECTS = "redirects"


class ExchangeError(OperationFailedError):
    """One exchange failed; `failure` says how. The message names the origin, never the query.

    `redirects` is how many answers had led on before, when redirects were followed.
    """

    def __init__(self, failure: Failure, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.failure = failure
        self.redirects = 0


class PrivateAddressError(OSError):
    """A name leads to a private address."""


def failed(failure: Failure, url: str, what: str) -> ExchangeError:
    """Return a failure that names the origin it happened on."""
    message = f"{origin_of(url) or 'the URL'}: {what}"
    return ExchangeError(failure, message, hint=_HINTS.get(failure, ""))


def translate(error: Exception, url: str) -> ExchangeError:
    """Return what a foreign exception means."""
    if isinstance(error, ExchangeError):
        return error
    for cause in _causes(error):
        for kinds, failure, what in _MEANINGS:
            if isinstance(cause, kinds):
                detail = getattr(cause, "verify_message", "")
                text = f"{what}: {detail}" if detail else what
                return failed(failure, url, text)
    return failed(Failure.PROTOCOL, url, f"no HTTP ({type(error).__name__})")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and what it wraps, the innermost first."""
    chain: list[BaseException] = []
    while error is not None and error not in chain:
        chain.append(error)
        wrapped = getattr(error, "os_error", None) or getattr(error, "certificate_error", None)
        error = wrapped or error.__cause__ or error.__context__
    yield from reversed(chain)


_MEANINGS: tuple[tuple[Any, Failure, str], ...] = (
    (PrivateAddressError, Failure.PRIVATE_ADDRESS, "it leads to a private address"),
    (ssl.SSLCertVerificationError, Failure.CERTIFICATE, "its certificate is refused"),
    (ssl.CertificateError, Failure.CERTIFICATE, "its certificate is refused"),
    (ssl.SSLError, Failure.TLS, "the TLS handshake failed"),
    (socket.gaierror, Failure.DNS, "the name is not known"),
    (ConnectionRefusedError, Failure.REFUSED, "the connection was refused"),
    (ConnectionResetError, Failure.RESET, "the connection was reset"),
    (BrokenPipeError, Failure.RESET, "the connection was reset"),
    (aiohttp.ServerDisconnectedError, Failure.RESET, "the server hung up without an answer"),
    (aiohttp.ClientPayloadError, Failure.RESET, "the answer broke off"),
    (aiohttp.InvalidURL, Failure.INVALID_URL, "the URL cannot be understood"),
    (aiohttp.ClientResponseError, Failure.PROTOCOL, "the answer is no valid HTTP"),
    (aiohttp.ClientConnectorDNSError, Failure.DNS, "the name is not known"),
    (OSError, Failure.UNREACHABLE, "it cannot be reached"),
)
_HINTS = {
    Failure.DNS: "check how the URL is spelt; dig HOST shows what the domain's DNS says",
    Failure.PRIVATE_ADDRESS: "name the host in KULTI_OPS_PRIVATE_HOSTS to allow it",
    Failure.CERTIFICATE: "kulti-ops smoke tls HOST says what is wrong with it; "
    "--cafile names a CA of your own",
}
