"""The application's variables: which there are, how much each is needed, which form it has. Values.

docs/reference/env.md and the platform's own documents name these.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable


class Need(StrEnum):
    """Whether the platform runs without it."""

    REQUIRED = "required"
    PRODUCTION = "needed in production"
    RECOMMENDED = "recommended"
    OPTIONAL = "optional"


@dataclass(frozen=True, kw_only=True)
class Variable:
    """One variable. `fault` returns what is wrong with a value, or nothing.

    `lenient` says that the form is usual, not certain: a departure is a warn.
    """

    name: str
    need: Need
    fault: Callable[[str], str]
    secret: bool = False
    lenient: bool = False


def _matches(pattern: str, text: str) -> Callable[[str], str]:
    form = re.compile(pattern)
    return lambda value: "" if form.fullmatch(value) else text


def _opaque(value: str) -> str:
    return "shorter than 8 characters" if len(value) < 8 else ""  # noqa: PLR2004 - no key is


def url_fault(value: str) -> str:
    """Return why a text is no http or https URL without credentials; empty when it is one."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return "no URL"
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return "no URL"
    return "a user or password in the URL" if parts.username or parts.password else ""


def _https_url(value: str) -> str:
    return url_fault(value) or ("" if value.startswith("https://") else "not https")


def _any(_value: str) -> str:
    return ""


_HEX24 = _matches(r"[0-9a-f]{24}", "not 24 hexadecimal digits")
_ACCESS_TOKEN = _matches(r"sbp_\w{20,}", "not of the form sbp_…")
_INTEGER = _matches(r"[1-9]\d{0,6}", "no positive integer")

VARIABLES = (
    Variable(name="NEXT_PUBLIC_SUPABASE_URL", need=Need.REQUIRED, fault=url_fault),
    Variable(name="NEXT_PUBLIC_SUPABASE_ANON_KEY", need=Need.REQUIRED, fault=_any),
    Variable(name="SUPABASE_SERVICE_ROLE_KEY", need=Need.REQUIRED, fault=_any, secret=True),
    Variable(name="NEXT_PUBLIC_HMS_APP_ID", need=Need.REQUIRED, fault=_HEX24, lenient=True),
    Variable(name="HMS_APP_ACCESS_KEY", need=Need.REQUIRED, fault=_opaque, secret=True),
    Variable(name="HMS_APP_SECRET", need=Need.REQUIRED, fault=_opaque, secret=True),
    Variable(name="HMS_TEMPLATE_ID", need=Need.REQUIRED, fault=_HEX24, lenient=True),
    Variable(
        name="ANTHROPIC_API_KEY",
        need=Need.REQUIRED,
        fault=_matches(r"sk-ant-.{8,}", "not of the form sk-ant-…"),
        secret=True,
    ),
    Variable(name="NEXT_PUBLIC_APP_URL", need=Need.REQUIRED, fault=url_fault),
    Variable(
        name="NODE_ENV",
        need=Need.REQUIRED,
        fault=_matches("development|production|staging|test", "neither development nor production"),
    ),
    Variable(name="UPSTASH_REDIS_REST_URL", need=Need.PRODUCTION, fault=_https_url),
    Variable(name="UPSTASH_REDIS_REST_TOKEN", need=Need.PRODUCTION, fault=_opaque, secret=True),
    Variable(
        name="NEXT_PUBLIC_SENTRY_DSN",
        need=Need.RECOMMENDED,
        fault=_matches(r"https://\w+@[\w.-]+/\d+", "not of the form https://key@host/id"),
    ),
    Variable(name="SUPABASE_ACCESS_TOKEN", need=Need.OPTIONAL, fault=_ACCESS_TOKEN, secret=True),
    Variable(
        name="SUPABASE_PROJECT_REF",
        need=Need.OPTIONAL,
        fault=_matches("[a-z]{20}", "not 20 lower-case letters"),
        lenient=True,
    ),
    Variable(name="SUPABASE_DB_PASSWORD", need=Need.OPTIONAL, fault=_opaque, secret=True),
    Variable(name="HLS_THRESHOLD", need=Need.OPTIONAL, fault=_INTEGER),
    Variable(name="HMS_MANAGEMENT_TOKEN", need=Need.OPTIONAL, fault=_opaque, secret=True),
    Variable(name="HMS_WEBHOOK_SECRET", need=Need.OPTIONAL, fault=_opaque, secret=True),
    Variable(
        name="TWILIO_ACCOUNT_SID",
        need=Need.OPTIONAL,
        fault=_matches("AC[0-9a-f]{32}", "not of the form AC…"),
    ),
    Variable(name="TWILIO_AUTH_TOKEN", need=Need.OPTIONAL, fault=_opaque, secret=True),
    Variable(
        name="TWILIO_PHONE_NUMBER",
        need=Need.OPTIONAL,
        fault=_matches(r"\+\d{7,15}", "not of the form +…"),
    ),
    Variable(name="X_CLIENT_ID", need=Need.OPTIONAL, fault=_any),
    Variable(name="X_CLIENT_SECRET", need=Need.OPTIONAL, fault=_opaque, secret=True),
    Variable(name="X_REDIRECT_URI", need=Need.OPTIONAL, fault=url_fault),
    Variable(name="GEMINI_API_KEY", need=Need.OPTIONAL, fault=_opaque, secret=True),
    Variable(name="KULTI_STATE_SERVER", need=Need.OPTIONAL, fault=_any),
    Variable(name="AI_API_KEY", need=Need.OPTIONAL, fault=_opaque, secret=True),
    Variable(name="NEX_STREAM_API_KEY", need=Need.OPTIONAL, fault=_opaque, secret=True),
)
SECRETS = tuple(variable.name for variable in VARIABLES if variable.secret)
PAIRS = (
    ("UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN"),
    ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"),
    ("X_CLIENT_ID", "X_CLIENT_SECRET"),
)
