"""The stand-in's certificates: a CA of its own, a good one, and two that are not.

Nothing outside the sandbox's folder comes to trust the CA.
"""

from __future__ import annotations

import ipaddress
from datetime import timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

CA_FILE = "ca.pem"
GOOD, EXPIRED, WRONG_HOST = "good", "expired", "wrong-host"
_HERE = ("localhost", "127.0.0.1")
_ELSEWHERE = ("kulti.example",)
_DAY = timedelta(days=1)


def make_certificates(folder: Path, *, now: datetime) -> None:
    """Write ca.pem and a PEM file with key and certificate for each kind."""
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca = _sign(
        "kulti-ops sandbox CA", ca_key, None, names=(), begin=now - _DAY, end=now + 3650 * _DAY
    )
    (folder / CA_FILE).write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    kinds = (
        (GOOD, _HERE, now - _DAY, now + 825 * _DAY),
        (EXPIRED, _HERE, now - 90 * _DAY, now - _DAY),
        (WRONG_HOST, _ELSEWHERE, now - _DAY, now + 825 * _DAY),
    )
    for kind, names, begin, end in kinds:
        key = ec.generate_private_key(ec.SECP256R1())
        found = _sign(names[0], key, (ca, ca_key), names=names, begin=begin, end=end)
        path = certificate_file(folder, kind)
        path.touch(mode=0o600)
        path.write_bytes(_key_pem(key) + found.public_bytes(serialization.Encoding.PEM))


def certificate_file(folder: Path, kind: str) -> Path:
    """Return the file of one kind."""
    return folder / f"{kind}.pem"


def _sign(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None,
    *,
    names: tuple[str, ...],
    begin: datetime,
    end: datetime,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = issuer[1] if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    if names:
        general = [_general(n) for n in names]
        builder = builder.add_extension(x509.SubjectAlternativeName(general), critical=False)
    return builder.sign(signer, hashes.SHA256())


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
