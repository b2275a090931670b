"""Certificates made for a test: a CA of its own, and whatever is wrong with what it signs."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from pathlib import Path

    Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Issued:
    """A certificate with its key, and the certificates that lead to its root."""

    certificate: x509.Certificate
    key: Key
    chain: tuple[x509.Certificate, ...] = ()

    def pem(self) -> bytes:
        """Return the certificate and its chain."""
        every = (self.certificate, *self.chain)
        return b"".join(c.public_bytes(serialization.Encoding.PEM) for c in every)

    def key_pem(self) -> bytes:
        """Return the private key."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def context(self, folder: Path) -> ssl.SSLContext:
        """Return a server's settings with this certificate."""
        path = folder / f"{self.certificate.serial_number:x}.pem"
        path.write_bytes(self.key_pem() + self.pem())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.load_cert_chain(path)
        return context


def make_ca(name: str = "Test root") -> Issued:
    """Return a self-signed root."""
    return issue(None, name, ca=True)


def issue(
    issuer: Issued | None,
    name: str,
    *,
    names: tuple[str, ...] = ("localhost", "127.0.0.1"),
    begin: timedelta = -30 * DAY,
    end: timedelta = 60 * DAY,
    ca: bool = False,
    key: Key | None = None,
    with_chain: bool = True,
) -> Issued:
    """Return a certificate; dates are counted from now, no issuer means self-signed."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begin)
        .not_valid_after(now + end)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if issuer:
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
        builder = builder.add_extension(authority, critical=False)
    if not ca and names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_general(n) for n in names]), critical=False
        )
    signer = issuer.key if issuer else key
    above: tuple[x509.Certificate, ...] = ()
    if issuer and with_chain and issuer.certificate.subject != issuer.certificate.issuer:
        above = (issuer.certificate, *issuer.chain)
    return Issued(certificate=builder.sign(signer, hashes.SHA256()), key=key, chain=above)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
