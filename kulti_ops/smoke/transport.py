"""Strict-Transport-Security, the way from http to https, and CORS: what needs more than one look.

Pure: judges answers that others have fetched.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kulti_ops.message import host_of, origin_of
from kulti_ops.smoke.headers import shown
from kulti_ops.smoke.results import Judgement, Result

if TYPE_CHECKING:
    from kulti_ops.message import Response

# 180 days: what the reference takes for six months.
SIX_MONTHS_S = 15_552_000
# Top-level domains that browsers preload as a whole (Chromium's list, all of Google's registry).
PRELOADED_SUFFIXES = frozenset(
    {"app", "dev", "page", "new", "day", "foo", "zip", "mov", "channel", "dad", "phd", "prof"}
    | {"esq", "rsvp", "nexus", "boo", "ing", "meme", "android", "google", "chrome", "youtube"}
)
ORIGIN_PROBE = "https://kulti-ops-cors-probe.invalid"
_MAX_AGE = re.compile(r'"?(\d{1,19})"?')


@dataclass(frozen=True, kw_only=True)
class Hop:
    """One station of a redirection chain that began on http."""

    url: str
    status: int


@dataclass(frozen=True, kw_only=True)
class WayIn:
    """What http://host/ does: its stations, or that nothing listens, or a broken certificate."""

    hops: tuple[Hop, ...] = ()
    bad_certificate: bool = False


def is_preloaded(url: str, listed: frozenset[str] = frozenset()) -> bool:
    """Tell whether browsers are known to go to this host over https only.

    `listed` are hosts that the operator knows to be on the list, subdomains included.
    """
    host = host_of(url).rstrip(".")
    labels = host.split(".")
    parents = {".".join(labels[i:]) for i in range(len(labels))}
    return labels[-1] in PRELOADED_SUFFIXES or bool(parents & listed)


def judge_hsts(
    response: Response,
    *,
    strict: bool,
    bad_certificate: bool = False,
    listed: frozenset[str] = frozenset(),
) -> Judgement:
    """Judge Strict-Transport-Security as the https answer carries it."""
    values = response.values("strict-transport-security")
    if urlsplit(response.url).scheme != "https":
        result, detail = Result.HSTS_NO_HTTPS, "the answer came over http"
    elif is_preloaded(response.url, listed):
        result, detail = Result.HSTS_PRELOADED, "browsers preload this host"
    elif bad_certificate:
        result, detail = (
            Result.HSTS_BAD_CERTIFICATE,
            "browsers ignore it without a good certificate",
        )
    elif not values:
        result, detail = Result.HSTS_ABSENT, "absent"
    else:
        result, detail = _hsts_value(values, strict=strict), shown(", ".join(values))
    return Judgement(check="strict-transport-security", result=result, detail=detail)


def _hsts_value(values: tuple[str, ...], *, strict: bool) -> Result:
    value = values[0]
    if "," in value:
        return Result.HSTS_INVALID
    seconds = _max_age(value, strict=strict)
    if seconds is None:
        return Result.HSTS_INVALID
    return Result.HSTS_LONG if seconds >= SIX_MONTHS_S else Result.HSTS_SHORT


def _max_age(value: str, *, strict: bool) -> int | None:
    """Return max-age; None when it is missing, repeated or (strictly) no number.

    The reference reads a number's beginning, and one that is none counts as long enough.
    """
    given = [p.strip().lower() for p in value.split(";")]
    ages = [
        p.partition("=")[2].strip()
        for p in given
        if re.split(r"\s*=", p, maxsplit=1)[0] == "max-age"
    ]
    if strict:
        match = _MAX_AGE.fullmatch(ages[0]) if len(ages) == 1 else None
        return int(match[1]) if match else None
    plain = [p[len("max-age=") :] for p in given if p.startswith("max-age=")]
    if not plain:
        return None
    match = re.match(r"\s*([+-]?\d{1,120})", plain[-1])
    return int(match[1]) if match else SIX_MONTHS_S


def judge_redirection(way: WayIn, *, listed: frozenset[str] = frozenset()) -> Judgement:
    """Judge how http://host/ leads to https."""
    hops = way.hops
    schemes = [urlsplit(hop.url).scheme for hop in hops]
    if way.bad_certificate:
        result = Result.REDIRECTION_BAD_CERTIFICATE
    elif not hops:
        result = Result.REDIRECTION_NO_HTTP
    elif all(is_preloaded(hop.url, listed) for hop in hops):
        result = Result.REDIRECTION_PRELOADED
    elif len(hops) == 1:
        result = Result.REDIRECTION_MISSING
    elif schemes[-1] != "https":
        result = Result.REDIRECTION_NOT_TO_HTTPS
    elif schemes[1] == "http":
        result = Result.REDIRECTION_HTTP_FIRST
    elif host_of(hops[0].url) != host_of(hops[1].url):
        result = Result.REDIRECTION_OFF_HOST
    else:
        result = Result.REDIRECTION_TO_HTTPS
    detail = shown(
        " → ".join(origin_of(hop.url) + urlsplit(hop.url).path for hop in hops)
        or "nothing answers on http"
    )
    return Judgement(check="redirection", result=result, detail=detail)


def judge_cors(answer: Response) -> Judgement:
    """Judge the answer to a request from the origin `ORIGIN_PROBE`."""
    allowed = answer.value("access-control-allow-origin")
    credentials = (answer.value("access-control-allow-credentials") or "").strip().lower()
    if not allowed:
        result = Result.CORS_NONE
    elif allowed.strip() == "*":
        result = Result.CORS_PUBLIC
    elif allowed.strip() == ORIGIN_PROBE and credentials == "true":
        result = Result.CORS_UNIVERSAL
    else:
        result = Result.CORS_RESTRICTED
    detail = f"any origin gets {shown(allowed)}" if allowed else "no origin is let in"
    return Judgement(check="cross-origin-resource-sharing", result=result, detail=detail)
