"""What a server's TLS comes to: chain, hostname, expiry, protocols, key. Pure."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kulti_ops.clock import iso
from kulti_ops.message import is_address
from kulti_ops.report import CheckResult, Verdict
from kulti_ops.tls import Support

if TYPE_CHECKING:
    from datetime import datetime

    from kulti_ops.tls import Certificate, Sight

# Shares of a certificate's lifetime that must be left: a 90-day one is renewed at a third.
WARN_BELOW_PERCENT = 20.0
CRIT_BELOW_PERCENT = 10.0
# NIST SP 800-57: what counts as 112 bits of security or more.
_SMALLEST_KEY = {"RSA": 2048, "DSA": 2048, "EC": 224}
_WEAK_HASHES = frozenset({"md5", "sha1"})
_OLD = ("TLSv1.0", "TLSv1.1")
_CURRENT = ("TLSv1.2", "TLSv1.3")
# OpenSSL's verification codes, in words that say what to do.
_CHAIN = {
    10: ("a certificate of the chain has expired", "renew the intermediate certificate"),
    18: ("it is self-signed", "use a certificate of a CA, or name it with --cafile"),
    19: ("its root is not trusted here", "name the CA with --cafile if it is your own"),
    20: (
        "the chain is incomplete, or its CA is not trusted here",
        "serve the intermediate certificates (fullchain.pem); --cafile for a CA of your own",
    ),
    21: (
        "the chain is incomplete: only the server's own certificate was sent",
        "serve the intermediate certificates (fullchain.pem)",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Limits:
    """When expiry is near, in per cent of the certificate's lifetime."""

    warn_percent: float = WARN_BELOW_PERCENT
    crit_percent: float = CRIT_BELOW_PERCENT


def judge_tls(sight: Sight, *, now: datetime, limits: Limits) -> tuple[CheckResult, ...]:
    """Return every check of one server."""
    return (
        _chain(sight, now=now),
        _hostname(sight.host, sight.certificate),
        judge_expiry(sight.certificate, now=now, limits=limits),
        _protocols(sight),
        _key(sight.certificate),
    )


def _chain(sight: Sight, *, now: datetime) -> CheckResult:
    """Judge the chain apart from time, which `expiry` judges for the server's own."""
    found = sight.chain
    in_time = sight.certificate.not_before <= now <= sight.certificate.not_after
    if not found.code and in_time:
        found = sight.chain_now
    if not found.code:
        text = f"trusted, issued by {sight.certificate.issuer}"
        return CheckResult(id="chain", status=Verdict.OK, summary=text)
    summary, advice = _CHAIN.get(found.code, (found.message, "renew the certificate"))
    if sight.certificate.is_self_signed:
        summary, advice = _CHAIN[18]
    return CheckResult(
        id="chain",
        status=Verdict.CRIT,
        summary=summary,
        evidence={"openssl_code": found.code, "openssl_message": found.message},
        next=advice,
    )


def _hostname(host: str, certificate: Certificate) -> CheckResult:
    names = (*certificate.names, *certificate.addresses)
    if covers(certificate, host):
        return CheckResult(id="hostname", status=Verdict.OK, summary=f"it names {host}")
    listed = ", ".join(names[:5]) or "no name at all"
    return CheckResult(
        id="hostname",
        status=Verdict.CRIT,
        summary=f"it is not for {host}, but for {listed}",
        evidence={"names": names},
        next=f"get a certificate that names {host}",
    )


def covers(certificate: Certificate, host: str) -> bool:
    """Tell whether a certificate is for a host; an address must be named as one (RFC 6125)."""
    names = certificate.addresses if is_address(host) else certificate.names
    return any(matches(host, name) for name in names)


def matches(host: str, name: str) -> bool:
    """Tell whether a certificate's name covers a host: a wildcard stands for one label."""
    host, name = _in_ascii(host.lower().rstrip(".")), name.lower().rstrip(".")
    try:
        return ipaddress.ip_address(host) == ipaddress.ip_address(name)
    except ValueError:
        pass
    if name.startswith("*."):
        label, dot, rest = host.partition(".")
        return bool(label and dot) and rest == name[2:] and "." in rest and not is_address(host)
    return host == name


def _in_ascii(host: str) -> str:
    try:
        return host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        return host


def judge_expiry(certificate: Certificate, *, now: datetime, limits: Limits) -> CheckResult:
    """Judge how much of a certificate's lifetime is left."""
    begin, end = certificate.not_before, certificate.not_after
    lifetime_s = max((end - begin).total_seconds(), 1.0)
    left_s = (end - now).total_seconds()
    percent = left_s / lifetime_s * 100
    days = left_s / 86400
    if now < begin:
        status, summary = Verdict.CRIT, f"not valid before {iso(begin)}"
    elif left_s <= 0:
        status, summary = Verdict.CRIT, f"expired {-days:.1f} days ago"
    else:
        near = Verdict.CRIT if percent < limits.crit_percent else Verdict.WARN
        status = Verdict.OK if percent >= limits.warn_percent else near
        summary = f"{days:.0f} days left, {percent:.0f} % of its lifetime"
    return CheckResult(
        id="expiry",
        status=status,
        summary=summary,
        evidence={"not_before": begin, "not_after": end, "left_percent": round(percent, 1)},
        next=None if status is Verdict.OK else "renew it, and find out why that did not happen",
    )


def _protocols(sight: Sight) -> CheckResult:
    versions = dict(sight.versions)
    evidence = {name: str(support) for name, support in versions.items()}
    old = [name for name in _OLD if versions[name] is Support.ACCEPTED]
    untold = [name for name in _OLD if versions[name] is Support.UNKNOWN]
    current = [name for name in _CURRENT if versions[name] is Support.ACCEPTED]
    if not current:
        status, summary = Verdict.CRIT, "neither TLS 1.2 nor 1.3 is accepted"
    elif old:
        status, summary = Verdict.WARN, f"{' and '.join(old)} are still accepted"
    elif untold:
        status = Verdict.UNKNOWN
        summary = f"the local OpenSSL cannot offer {' and '.join(untold)}"
    else:
        status, summary = Verdict.OK, f"{' and '.join(current)} only"
    return CheckResult(
        id="protocols",
        status=status,
        summary=summary,
        evidence=evidence,
        next="accept TLS 1.2 and 1.3 only" if status in {Verdict.CRIT, Verdict.WARN} else None,
    )


def _key(certificate: Certificate) -> CheckResult:
    text = (
        f"{certificate.key} {certificate.key_bits} bits, signed with {certificate.signature_hash}"
    )
    small = certificate.key_bits < _SMALLEST_KEY.get(certificate.key, 0)
    weak = certificate.signature_hash in _WEAK_HASHES and not certificate.is_self_signed
    return CheckResult(
        id="key",
        status=Verdict.CRIT if small or weak else Verdict.OK,
        summary=f"{text}: too weak" if small or weak else text,
        evidence={"key": certificate.key, "bits": certificate.key_bits},
        next="get a certificate with RSA 2048 or EC 256 bits" if small or weak else None,
    )
