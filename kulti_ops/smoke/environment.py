"""The application's environment variables: there, well-formed, not mixed up, not exposed.

Pure. Summaries name variables and rules, never a value or a part of one.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from kulti_ops.message import is_address, is_loopback_host, is_private_address
from kulti_ops.report import CheckResult, Verdict
from kulti_ops.smoke.variables import PAIRS, SECRETS, VARIABLES, Need, Variable, url_fault

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class _Setting:
    """The variables together, and what they say about where they are used."""

    values: Mapping[str, str]
    production: bool
    now: datetime


_PLACEHOLDER = re.compile(
    r"(?:your[_-].*|<.*>|\.{3}.*|x{3,}|change[_-]?me.*|replace[_-]?me.*|todo|dummy|placeholder.*"
    r"|.*your[_-](?:key|token|secret|project|password|app).*|insert[_-].*|sk-ant-(?:\.{3}|x+))",
    re.IGNORECASE,
)
_SECRET_NAME = re.compile(r"SECRET|SERVICE_ROLE|PASSWORD|PRIVATE|ACCESS_KEY|_TOKEN$|_API_KEY$")
_SECRET_VALUE = re.compile(r"(?:sk-ant-|sbp_|sb_secret_|ghp_|sk_live_).+")
_QUOTED = re.compile(r"""(["'`]).*\1""")
# Shorter values stand in ordinary words.
_SHORTEST_SECRET = 8
_JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")


_KEYS = {
    "NEXT_PUBLIC_SUPABASE_ANON_KEY": ("anon", "sb_publishable_"),
    "SUPABASE_SERVICE_ROLE_KEY": ("service_role", "sb_secret_"),
}


def judge_environment(values: Mapping[str, str], *, now: datetime) -> tuple[CheckResult, ...]:
    """Return a check per variable, then those over several.

    Anything but NODE_ENV=development or test is held to what production needs.
    """
    production = values.get("NODE_ENV", "") not in {"development", "test"}
    setting = _Setting(values=values, production=production, now=now)
    return (
        *(_variable(variable, setting) for variable in VARIABLES),
        _pairs(setting),
        _public_secrets(setting),
        _same_secret(setting),
    )


def judge_file(repeated: tuple[str, ...], unreadable_lines: tuple[int, ...]) -> CheckResult:
    """Return whether a file of variables reads as it was meant."""
    if unreadable_lines:
        lines = ", ".join(map(str, unreadable_lines[:5]))
        text = f"from line {lines} on it cannot be read: does a quote not end?"
        return _result("file", Verdict.CRIT, text)
    if repeated:
        text = f"{', '.join(repeated)} more than once: the last one counts"
        return _result("file", Verdict.WARN, text)
    return _result("file", Verdict.OK, "every line can be read, no name stands twice")


def _variable(variable: Variable, setting: _Setting) -> CheckResult:
    value = setting.values.get(variable.name, "")
    if not value.strip():
        return _absent(variable, setting)
    if _PLACEHOLDER.fullmatch(value.strip()):
        vital = variable.need is not Need.OPTIONAL
        status = Verdict.CRIT if vital else Verdict.WARN
        return _result(variable.name, status, "a placeholder stands in its place")
    special = _written_wrong(value) or _special(variable.name, value, setting)
    if special:
        return _result(variable.name, Verdict.CRIT, special)
    fault = variable.fault(value)
    if fault:
        status = Verdict.WARN if variable.lenient else Verdict.CRIT
        return _result(variable.name, status, fault)
    return _result(variable.name, Verdict.OK, "set and well-formed")


def _written_wrong(value: str) -> str:
    """Return what stands around or in a value that was hardly meant to be part of it."""
    if value != value.strip():
        return "white space around its value"
    if not value.isprintable():
        return "a line break or control character in it"
    return "quotes around its value are part of it" if _QUOTED.fullmatch(value) else ""


def _absent(variable: Variable, setting: _Setting) -> CheckResult:
    if variable.need is Need.REQUIRED:
        return _result(variable.name, Verdict.CRIT, "missing: the platform needs it")
    if variable.need is Need.PRODUCTION and setting.production:
        text = "missing: in production rate limits need it"
        return _result(variable.name, Verdict.CRIT, text)
    if variable.need is Need.RECOMMENDED and setting.production:
        return _result(variable.name, Verdict.WARN, "missing: errors are not reported")
    return _result(variable.name, Verdict.SKIPPED, f"not set; {variable.need}")


def _special(name: str, value: str, setting: _Setting) -> str:
    """Return what is wrong with a value beyond its form."""
    if name in _KEYS:
        return _key_fault(name, value, setting)
    if name in {"NEXT_PUBLIC_APP_URL", "NEXT_PUBLIC_SUPABASE_URL"} and setting.production:
        return url_fault(value) or _production_fault(value)
    if name == "SUPABASE_ACCESS_TOKEN" and setting.values.get("VERCEL"):
        return "it reaches every project of the account and must not be on Vercel"
    return ""


def _production_fault(value: str) -> str:
    host = (urlsplit(value).hostname or "").lower()
    if is_loopback_host(host) or host.endswith(".localhost"):
        return "localhost in production"
    if is_address(host) and is_private_address(host):
        return "a private address in production"
    return "" if value.startswith("https://") else "not https in production"


def _key_fault(name: str, value: str, setting: _Setting) -> str:
    role, prefix = _KEYS[name]
    if value.startswith(prefix):
        return ""
    if value.startswith(tuple(p for _, p in _KEYS.values())):
        return "the other kind of key: swapped"
    claims = jwt_claims(value)
    return "no JWT" if claims is None else _claims_fault(claims, role, setting)


def _claims_fault(claims: Mapping[str, Any], role: str, setting: _Setting) -> str:
    if claims.get("role") in {r for r, _ in _KEYS.values()} - {role}:
        return "the other role's key: swapped"
    if claims.get("role") != role:
        return f"its role is not {role}"
    expires = claims.get("exp")
    if expires is not None and type(expires) not in {int, float}:
        return "its expiry is no date"
    if expires is not None and _moment(expires) <= setting.now:
        return "expired"
    return _project_fault(claims, setting)


def _project_fault(claims: Mapping[str, Any], setting: _Setting) -> str:
    host = _host(setting.values.get("NEXT_PUBLIC_SUPABASE_URL", ""))
    ref = claims.get("ref")
    hosted = host.endswith(".supabase.co")
    if hosted and isinstance(ref, str) and ref != host.removesuffix(".supabase.co"):
        return "it belongs to another project than NEXT_PUBLIC_SUPABASE_URL"
    return ""


def _host(url: str) -> str:
    return "" if url_fault(url) else (urlsplit(url).hostname or "").lower()


def _moment(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.max.replace(tzinfo=UTC)


def jwt_claims(value: str) -> dict[str, Any] | None:
    """Return what a JWT claims, unverified; None when it is none."""
    if not _JWT.fullmatch(value):
        return None
    body = value.split(".")[1]
    try:
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return None
    return claims if isinstance(claims, dict) else None


def _pairs(setting: _Setting) -> CheckResult:
    halves = [
        pair for pair in PAIRS if len({bool(setting.values.get(n, "").strip()) for n in pair}) > 1
    ]
    if not halves:
        return _result("pairs", Verdict.OK, "set together or not at all")
    text = "; ".join(f"only one of {' and '.join(pair)}" for pair in halves)
    return _result("pairs", Verdict.CRIT, text)


def _public_secrets(setting: _Setting) -> CheckResult:
    """Find secrets in what is built into every browser's copy of the application."""
    secrets = {setting.values.get(name, "").strip() for name in SECRETS}
    known = [secret for secret in secrets if len(secret) >= _SHORTEST_SECRET]
    public = {n: v for n, v in setting.values.items() if n.startswith("NEXT_PUBLIC_") and v}
    anon = "NEXT_PUBLIC_SUPABASE_ANON_KEY"
    exposed = [
        name
        for name, value in public.items()
        if any(secret in value for secret in known)
        or _SECRET_VALUE.fullmatch(value)
        or (jwt_claims(value) or {}).get("role") == "service_role"
        or (name != anon and _SECRET_NAME.search(name))
    ]
    if not exposed:
        return _result("public-secrets", Verdict.OK, "no secret under NEXT_PUBLIC_")
    return CheckResult(
        id="public-secrets",
        status=Verdict.CRIT,
        summary=f"every visitor can read {', '.join(sorted(exposed))}",
        rows=tuple({"variable": name} for name in sorted(exposed)),
        next="take NEXT_PUBLIC_ off, build again, and replace the secret: it is known",
    )


def _same_secret(setting: _Setting) -> CheckResult:
    groups: dict[str, list[str]] = {}
    for name in SECRETS:
        if value := setting.values.get(name, "").strip():
            groups.setdefault(value, []).append(name)
    twice = [names for names in groups.values() if len(names) > 1]
    if not twice:
        return _result("same-secret", Verdict.OK, "every secret is its own")
    text = "; ".join(f"{' and '.join(names)} are the same" for names in twice)
    return _result("same-secret", Verdict.WARN, text)


def _result(name: str, status: Verdict, summary: str) -> CheckResult:
    bad = status in {Verdict.CRIT, Verdict.WARN}
    return CheckResult(
        id=name,
        status=status,
        summary=summary,
        next="see docs/reference/env.md" if bad else None,
    )
