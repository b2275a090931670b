"""What a check of a header can come to: a closed set of named results, and their weight.

The names and modifiers are those of the MDN HTTP Observatory's algorithm 6; results
marked "ours" exist in the profile kulti only. No check looks at a modifier.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Result(StrEnum):
    """Every result that a check can have."""

    NOT_SEEN = "not-seen"

    CSP_DEFAULT_NONE = "csp-implemented-with-no-unsafe-default-src-none"
    CSP_NO_UNSAFE = "csp-implemented-with-no-unsafe"
    CSP_UNSAFE_STYLE = "csp-implemented-with-unsafe-inline-in-style-src-only"
    CSP_DUPLICATES = "csp-implemented-but-duplicate-directives"
    CSP_INSECURE_PASSIVE = "csp-implemented-with-insecure-scheme-in-passive-content-only"
    CSP_UNSAFE_EVAL = "csp-implemented-with-unsafe-eval"
    CSP_UNSAFE_INLINE = "csp-implemented-with-unsafe-inline"
    CSP_INSECURE = "csp-implemented-with-insecure-scheme"
    CSP_SHARED_SCRIPT_HOST = "csp-implemented-with-shared-script-host"
    CSP_INVALID = "csp-header-invalid"
    CSP_ABSENT = "csp-not-implemented"
    CSP_REPORT_ONLY = "csp-not-implemented-but-reporting-enabled"

    HSTS_PRELOADED = "hsts-preloaded"
    HSTS_LONG = "hsts-implemented-max-age-at-least-six-months"
    HSTS_SHORT = "hsts-implemented-max-age-less-than-six-months"
    HSTS_ABSENT = "hsts-not-implemented"
    HSTS_NO_HTTPS = "hsts-not-implemented-no-https"
    HSTS_INVALID = "hsts-header-invalid"
    HSTS_BAD_CERTIFICATE = "hsts-invalid-cert"

    XFO_BY_CSP = "x-frame-options-implemented-via-csp"
    XFO_CSP_TOO_BROAD = "x-frame-options-csp-too-broad"
    XFO_SHARED_HOST = "x-frame-options-csp-with-shared-host"
    XFO_DENY = "x-frame-options-sameorigin-or-deny"
    XFO_ALLOW_FROM = "x-frame-options-allow-from-origin"
    XFO_ABSENT = "x-frame-options-not-implemented"
    XFO_INVALID = "x-frame-options-header-invalid"

    XCTO_NOSNIFF = "x-content-type-options-nosniff"
    XCTO_ABSENT = "x-content-type-options-not-implemented"
    XCTO_INVALID = "x-content-type-options-header-invalid"

    REFERRER_PRIVATE = "referrer-policy-private"
    REFERRER_ABSENT = "referrer-policy-not-implemented"
    REFERRER_UNSAFE = "referrer-policy-unsafe"
    REFERRER_INVALID = "referrer-policy-header-invalid"

    COOKIES_NONE = "cookies-not-found"
    COOKIES_ALL_FLAGS = "cookies-secure-with-httponly-sessions-and-samesite"
    COOKIES_NO_SAMESITE = "cookies-secure-with-httponly-sessions"
    COOKIES_NOT_SECURE_HSTS = "cookies-without-secure-flag-but-protected-by-hsts"
    COOKIES_NOT_SECURE = "cookies-without-secure-flag"
    COOKIES_SESSION_NOT_SECURE_HSTS = "cookies-session-without-secure-flag-but-protected-by-hsts"
    COOKIES_BAD_SAMESITE = "cookies-samesite-flag-invalid"
    COOKIES_CSRF_NO_SAMESITE = "cookies-anticsrf-without-samesite-flag"
    COOKIES_SESSION_NOT_HTTPONLY = "cookies-session-without-httponly-flag"
    COOKIES_SESSION_NOT_SECURE = "cookies-session-without-secure-flag"

    CORS_NONE = "cross-origin-resource-sharing-not-implemented"
    CORS_PUBLIC = "cross-origin-resource-sharing-implemented-with-public-access"
    CORS_RESTRICTED = "cross-origin-resource-sharing-implemented-with-restricted-access"
    CORS_UNIVERSAL = "cross-origin-resource-sharing-implemented-with-universal-access"

    REDIRECTION_TO_HTTPS = "redirection-to-https"
    REDIRECTION_NO_HTTP = "redirection-not-needed-no-http"
    REDIRECTION_PRELOADED = "redirection-all-redirects-preloaded"
    REDIRECTION_OFF_HOST = "redirection-off-host-from-http"
    REDIRECTION_HTTP_FIRST = "redirection-not-to-https-on-initial-redirection"
    REDIRECTION_NOT_TO_HTTPS = "redirection-not-to-https"
    REDIRECTION_MISSING = "redirection-missing"
    REDIRECTION_BAD_CERTIFICATE = "redirection-invalid-cert"

    SRI_ALL = "sri-implemented-and-all-scripts-loaded-securely"
    SRI_EXTERNAL = "sri-implemented-and-external-scripts-loaded-securely"
    SRI_NOT_HTML = "sri-not-implemented-response-not-html"
    SRI_NO_SCRIPTS = "sri-not-implemented-but-no-scripts-loaded"
    SRI_SAME_ORIGIN = "sri-not-implemented-but-all-scripts-loaded-from-secure-origin"
    SRI_MISSING = "sri-not-implemented-but-external-scripts-loaded-securely"
    SRI_INSECURE = "sri-implemented-but-external-scripts-not-loaded-securely"
    SRI_MISSING_INSECURE = "sri-not-implemented-and-external-scripts-not-loaded-securely"

    CORP_SAME_ORIGIN = "corp-implemented-with-same-origin"
    CORP_SAME_SITE = "corp-implemented-with-same-site"
    CORP_CROSS_ORIGIN = "corp-implemented-with-cross-origin"
    CORP_ABSENT = "corp-not-implemented"
    CORP_INVALID = "corp-header-invalid"

    COEP_REQUIRE_CORP = "coep-implemented-with-require-corp"
    COEP_CREDENTIALLESS = "coep-implemented-with-credentialless"
    COEP_UNSAFE_NONE = "coep-implemented-with-unsafe-none"
    COEP_ABSENT = "coep-not-implemented"
    COEP_INVALID = "coep-header-invalid"

    COOP_SAME_ORIGIN = "coop-implemented-with-same-origin"
    COOP_SAME_ORIGIN_POPUPS = "coop-implemented-with-same-origin-allow-popups"
    COOP_NOOPENER_POPUPS = "coop-implemented-with-noopener-allow-popups"
    COOP_UNSAFE_NONE = "coop-implemented-with-unsafe-none"
    COOP_ABSENT = "coop-not-implemented"
    COOP_INVALID = "coop-header-invalid"

    VIDEO_ALLOWED = "permissions-policy-allows-video"
    VIDEO_OPEN = "permissions-policy-open-to-everyone"
    VIDEO_DENIED = "permissions-policy-denies-video"
    PERMISSIONS_ABSENT = "permissions-policy-not-implemented"
    PERMISSIONS_INVALID = "permissions-policy-header-invalid"
    XSS_OFF = "x-xss-protection-off"
    XSS_ON = "x-xss-protection-on"
    BANNERS_NONE = "banners-none"
    BANNERS_SHOWN = "banners-shown"
    CACHE_FITS = "cache-control-fits"
    CACHE_SHARED = "cache-control-lets-others-see"
    CACHE_NOT_NEEDED = "cache-control-not-needed"


MODIFIERS: Mapping[Result, int] = MappingProxyType(
    {
        Result.CSP_DEFAULT_NONE: 10,
        Result.CSP_NO_UNSAFE: 5,
        Result.CSP_INSECURE_PASSIVE: -10,
        Result.CSP_UNSAFE_EVAL: -10,
        Result.CSP_UNSAFE_INLINE: -20,
        Result.CSP_INSECURE: -20,
        Result.CSP_SHARED_SCRIPT_HOST: -20,  # ours
        Result.CSP_INVALID: -25,
        Result.CSP_ABSENT: -25,
        Result.CSP_REPORT_ONLY: -25,
        Result.HSTS_PRELOADED: 5,
        Result.HSTS_SHORT: -10,
        Result.HSTS_ABSENT: -20,
        Result.HSTS_NO_HTTPS: -20,
        Result.HSTS_INVALID: -20,
        Result.HSTS_BAD_CERTIFICATE: -20,
        Result.XFO_BY_CSP: 5,
        Result.XFO_CSP_TOO_BROAD: -20,  # ours
        Result.XFO_DENY: 5,
        Result.XFO_ABSENT: -20,
        Result.XFO_INVALID: -20,
        Result.XCTO_ABSENT: -5,
        Result.XCTO_INVALID: -5,
        Result.REFERRER_PRIVATE: 5,
        Result.REFERRER_UNSAFE: -5,
        Result.REFERRER_INVALID: -5,
        Result.COOKIES_ALL_FLAGS: 5,
        Result.COOKIES_NOT_SECURE_HSTS: -5,
        Result.COOKIES_SESSION_NOT_SECURE_HSTS: -10,
        Result.COOKIES_NOT_SECURE: -20,
        Result.COOKIES_BAD_SAMESITE: -20,
        Result.COOKIES_CSRF_NO_SAMESITE: -20,
        Result.COOKIES_SESSION_NOT_HTTPONLY: -30,
        Result.COOKIES_SESSION_NOT_SECURE: -40,
        Result.CORS_UNIVERSAL: -50,
        Result.REDIRECTION_OFF_HOST: -5,
        Result.REDIRECTION_HTTP_FIRST: -10,
        Result.REDIRECTION_NOT_TO_HTTPS: -20,
        Result.REDIRECTION_MISSING: -20,
        Result.REDIRECTION_BAD_CERTIFICATE: -20,
        Result.SRI_ALL: 5,
        Result.SRI_EXTERNAL: 5,
        Result.SRI_MISSING: -5,
        Result.SRI_INSECURE: -20,
        Result.SRI_MISSING_INSECURE: -50,
        Result.CORP_SAME_ORIGIN: 10,
        Result.CORP_SAME_SITE: 10,
        Result.CORP_INVALID: -5,
        Result.COEP_REQUIRE_CORP: 10,
        Result.COEP_CREDENTIALLESS: 10,
        Result.COEP_INVALID: -5,
        Result.COOP_SAME_ORIGIN: 10,
        Result.COOP_SAME_ORIGIN_POPUPS: 10,
        Result.COOP_NOOPENER_POPUPS: 10,
        Result.COOP_INVALID: -5,
    }
)


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What one check came to on one response; `detail` says on what it rests."""

    check: str
    result: Result
    detail: str = ""
    notes: tuple[str, ...] = ()

    @property
    def score_modifier(self) -> int:
        """Points added to the score; results that the table does not name weigh nothing."""
        return MODIFIERS.get(self.result, 0)


def not_seen(check: str, reason: str) -> Judgement:
    """Return the judgement on what could not be looked at: it costs nothing and proves nothing."""
    return Judgement(check=check, result=Result.NOT_SEEN, detail=reason)
