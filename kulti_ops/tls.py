"""TLS handshakes with one server, and its certificate as a value.

Adapter over ssl and cryptography. Connects with and without verification, since a chain
that fails shows nothing of itself otherwise. Judging is `smoke`'s part.
"""

from __future__ import annotations

import socket
import ssl
import time
import warnings
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa

from kulti_ops.errors import ConfigError, OperationFailedError, RefusedError
from kulti_ops.message import is_private_address

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

TIMEOUT_S = 10.0
# OpenSSL's X509_V_FLAG_NO_CHECK_TIME: Python names no such flag.
_NO_CHECK_TIME = 0x200000
VERSIONS = (
    ssl.TLSVersion.TLSv1,
    ssl.TLSVersion.TLSv1_1,
    ssl.TLSVersion.TLSv1_2,
    ssl.TLSVersion.TLSv1_3,
)


class Support(StrEnum):
    """What is known about one protocol version."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """A server's certificate: its DNS names, and the addresses that it names as such."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    key: str
    key_bits: int
    signature_hash: str
    is_self_signed: bool
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Chain:
    """What verifying the chain came to: OpenSSL's code and words; code 0 is good."""

    code: int
    message: str


@dataclass(frozen=True, kw_only=True)
class Sight:
    """All that was seen of one server. `chain` leaves time aside, `chain_now` does not."""

    host: str
    port: int
    certificate: Certificate
    chain: Chain
    chain_now: Chain
    versions: tuple[tuple[str, Support], ...]


def look(
    host: str,
    port: int,
    *,
    cafile: Path | None = None,
    private: bool = False,
    timeout_s: float = TIMEOUT_S,
) -> Sight:
    """Look at a server's TLS with a handful of handshakes, all of them within `timeout_s`.

    `private` lets the name lead to a private address. Raises: OperationFailedError when
    it cannot be reached or speaks no TLS, RefusedError for a private address,
    ConfigError when the CA file cannot be used.
    """
    until = time.monotonic() + timeout_s
    where = _reachable(
        _Where(host=host, port=port, address=address, until=until)
        for address in _resolve(host, port, private=private)
    )
    der = _leaf(where)
    context = _verifying(cafile)
    strictly = context.verify_flags
    context.verify_flags = strictly | _NO_CHECK_TIME
    chain = _verify(where, context)
    context.verify_flags = strictly
    return Sight(
        host=host,
        port=port,
        certificate=read_certificate(der),
        chain=chain,
        chain_now=_verify(where, context),
        versions=tuple((_name(version), _offers(where, version)) for version in VERSIONS),
    )


def read_certificate(der: bytes) -> Certificate:
    """Return what a certificate says.

    Raises: OperationFailedError when it cannot be understood.
    """
    try:
        parsed = x509.load_der_x509_certificate(der)
        kind, bits = _key(parsed)
        algorithm = parsed.signature_hash_algorithm
        return Certificate(
            subject=parsed.subject.rfc4514_string(),
            issuer=parsed.issuer.rfc4514_string(),
            names=_names(parsed, x509.DNSName),
            addresses=_names(parsed, x509.IPAddress),
            not_before=parsed.not_valid_before_utc,
            not_after=parsed.not_valid_after_utc,
            key=kind,
            key_bits=bits,
            signature_hash=algorithm.name if algorithm else "none",
            is_self_signed=_is_self_signed(parsed),
        )
    except (ValueError, UnsupportedAlgorithm) as error:
        raise OperationFailedError("the server's certificate cannot be understood") from error


@dataclass(frozen=True, kw_only=True)
class _Where:
    host: str
    port: int
    address: str
    until: float

    @property
    def left_s(self) -> float:
        """Seconds that are left for all handshakes; so few that they fail, when none are."""
        return max(self.until - time.monotonic(), 0.001)

    def connect(self) -> socket.socket:
        try:
            return socket.create_connection((self.address, self.port), timeout=self.left_s)
        except OSError as error:
            reason = error.strerror or str(error)
            raise OperationFailedError(
                f"{self.host}:{self.port} cannot be reached: {reason.lower()}"
            ) from error

    def handshake(self, context: ssl.SSLContext) -> ssl.SSLSocket:
        """Return a connection; the handshake's own errors are the caller's."""
        plain = self.connect()
        plain.settimeout(self.left_s)
        try:
            return context.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise


def _reachable(places: Iterable[_Where]) -> _Where:
    """Return the first address that takes connections, for every handshake; else the last."""
    *others, last = places
    for where in others:
        with suppress(OperationFailedError), where.connect():
            return where
    return last


def _resolve(host: str, port: int, *, private: bool) -> tuple[str, ...]:
    """Return the host's addresses; without leave, none may be private."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise OperationFailedError(f"the name {host} is not known") from error
    addresses = tuple(str(info[4][0]) for info in found)
    if not private and any(map(is_private_address, addresses)):
        raise RefusedError(
            f"{host} leads to a private address",
            hint="name the host in KULTI_OPS_PRIVATE_HOSTS to allow it",
        )
    return addresses


def _leaf(where: _Where) -> bytes:
    context = _unverified()
    try:
        with where.handshake(context) as connection:
            der = connection.getpeercert(binary_form=True)
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or "no answer"
        raise OperationFailedError(
            f"{where.host}:{where.port} speaks no TLS: {str(reason).lower().replace('_', ' ')}"
        ) from error
    if der is None:
        raise OperationFailedError(f"{where.host}:{where.port} shows no certificate")
    return der


def _verifying(cafile: Path | None) -> ssl.SSLContext:
    """Return settings that verify the chain and leave the name aside.

    Raises: ConfigError when the CA file cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    _allow_old(context)
    try:
        if cafile is None:
            context.load_default_certs()
        else:
            context.load_verify_locations(cafile=cafile)
    except OSError as error:
        raise ConfigError(
            f"the CA file {cafile} cannot be used", hint="it must hold PEM certificates"
        ) from error
    return context


def _verify(where: _Where, context: ssl.SSLContext) -> Chain:
    try:
        with where.handshake(context):
            return Chain(code=0, message="")
    except ssl.SSLCertVerificationError as error:
        return Chain(code=error.verify_code, message=error.verify_message)
    except OSError as error:
        raise OperationFailedError(
            f"{where.host}:{where.port} broke off the second handshake"
        ) from error


def _offers(where: _Where, version: ssl.TLSVersion) -> Support:
    """Return whether the server accepts a version; unknown where we can't offer it."""
    context = _unverified()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # asking is the point
        context.minimum_version = version
        context.maximum_version = version
    if not _can_offer(context):
        return Support.UNKNOWN
    try:
        with where.handshake(context):
            return Support.ACCEPTED
    except (TimeoutError, OperationFailedError):
        return Support.UNKNOWN
    except OSError:
        return Support.REFUSED


def _can_offer(context: ssl.SSLContext) -> bool:
    """Tell whether the local OpenSSL makes a first message with these settings."""
    ours = context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="localhost")
    try:
        ours.do_handshake()
    except ssl.SSLWantReadError:
        return True
    except ssl.SSLError:
        return False
    return True


def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    _allow_old(context)
    return context


def _allow_old(context: ssl.SSLContext) -> None:
    """Let old protocols and small keys through, so that they can be seen and named."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with suppress(ssl.SSLError):
        context.set_ciphers("DEFAULT:@SECLEVEL=0")


def _name(version: ssl.TLSVersion) -> str:
    return {"TLSv1": "TLSv1.0"}.get(version.name, version.name.replace("_", "."))


def _names(parsed: x509.Certificate, kind: type[x509.DNSName | x509.IPAddress]) -> tuple[str, ...]:
    try:
        extension = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    return tuple(map(str, extension.value.get_values_for_type(kind)))


def _key(parsed: x509.Certificate) -> tuple[str, int]:
    key = parsed.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return "RSA", key.key_size
    if isinstance(key, ec.EllipticCurvePublicKey):
        return "EC", key.curve.key_size
    if isinstance(key, dsa.DSAPublicKey):
        return "DSA", key.key_size
    return type(key).__name__.strip("_").removesuffix("PublicKey"), 256


def _is_self_signed(parsed: x509.Certificate) -> bool:
    if parsed.subject != parsed.issuer:
        return False
    try:
        parsed.verify_directly_issued_by(parsed)
    except (InvalidSignature, TypeError, ValueError, UnsupportedAlgorithm):
        return False
    return True
