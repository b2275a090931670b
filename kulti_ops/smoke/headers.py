"""The headers that hold one value: framing, sniffing, referrer, isolation.

Pure, one function per header. The Content-Security-Policy is `csp`'s, HSTS and the way
to https `transport`'s, what weighs nothing `remarks`'.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kulti_ops.smoke.csp import is_broad, is_shared_host
from kulti_ops.smoke.results import Judgement, Result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kulti_ops.message import Response
    from kulti_ops.smoke.csp import Policy

_PRIVATE = ("no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin")
_LEAKY = ("origin", "origin-when-cross-origin", "unsafe-url", "no-referrer-when-downgrade")
# A structured field's token (RFC 9651), with parameters that change nothing here.
_TOKEN = re.compile(r"([A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*)(?:\s*;[\x20-\x7e]*)?")
_SHOWN = 120


def shown(value: str) -> str:
    """Return a header's value short enough to be read, without control characters."""
    clean = "".join(c if c.isprintable() else "�" for c in value)
    return clean if len(clean) <= _SHOWN else clean[: _SHOWN - 1] + "…"


def judge_framing(response: Response, policies: tuple[Policy, ...], *, strict: bool) -> Judgement:
    """Judge who may put the page into a frame: frame-ancestors, else X-Frame-Options."""
    check = "x-frame-options"
    ruling = [p for p in policies if "frame-ancestors" in p.directives]
    if ruling:
        result = Result.XFO_BY_CSP
        if strict and all(any(map(is_broad, p.sources("frame-ancestors"))) for p in ruling):
            result = Result.XFO_CSP_TOO_BROAD
        elif strict and all(any(map(is_shared_host, p.sources("frame-ancestors"))) for p in ruling):
            result = Result.XFO_SHARED_HOST
        text = " ".join(ruling[0].sources("frame-ancestors"))
        return Judgement(check=check, result=result, detail=f"frame-ancestors {shown(text)}")
    value = response.value(check)
    if value is None:
        return Judgement(check=check, result=Result.XFO_ABSENT, detail="absent")
    word = value.strip().lower()
    if word in {"deny", "sameorigin"}:
        result = Result.XFO_DENY
    elif word.startswith("allow-from"):
        result = Result.XFO_ALLOW_FROM
    else:
        result = Result.XFO_INVALID
    if strict and len(response.values(check)) > 1 and len(set(response.values(check))) > 1:
        result = Result.XFO_INVALID
    return Judgement(check=check, result=result, detail=shown(value))


def judge_sniffing(response: Response) -> Judgement:
    """Judge X-Content-Type-Options."""
    check = "x-content-type-options"
    value = response.value(check)
    if value is None:
        return Judgement(check=check, result=Result.XCTO_ABSENT, detail="absent")
    is_set = value.strip().lower() == "nosniff"
    result = Result.XCTO_NOSNIFF if is_set else Result.XCTO_INVALID
    return Judgement(check=check, result=result, detail=shown(value))


def judge_referrer(response: Response, meta: tuple[str, ...] = ()) -> Judgement:
    """Judge Referrer-Policy: the last valid token wins, a meta tag's after the header's."""
    check = "referrer-policy"
    values = (*response.values(check), *meta)
    if not values:
        return Judgement(check=check, result=Result.REFERRER_ABSENT, detail="absent")
    tokens = [token.strip().lower() for value in values for token in value.split(",")]
    valid = [token for token in tokens if token in (*_PRIVATE, *_LEAKY)]
    if not valid:
        result = Result.REFERRER_INVALID
    else:
        result = Result.REFERRER_PRIVATE if valid[-1] in _PRIVATE else Result.REFERRER_UNSAFE
    return Judgement(check=check, result=result, detail=shown(", ".join(values)))


def judge_corp(response: Response) -> Judgement:
    """Judge Cross-Origin-Resource-Policy."""
    return _one_of(
        response,
        "cross-origin-resource-policy",
        {
            "same-origin": Result.CORP_SAME_ORIGIN,
            "same-site": Result.CORP_SAME_SITE,
            "cross-origin": Result.CORP_CROSS_ORIGIN,
        },
        absent=Result.CORP_ABSENT,
        invalid=Result.CORP_INVALID,
    )


def judge_coep(response: Response) -> Judgement:
    """Judge Cross-Origin-Embedder-Policy."""
    return _one_of(
        response,
        "cross-origin-embedder-policy",
        {
            "require-corp": Result.COEP_REQUIRE_CORP,
            "credentialless": Result.COEP_CREDENTIALLESS,
            "unsafe-none": Result.COEP_UNSAFE_NONE,
        },
        absent=Result.COEP_ABSENT,
        invalid=Result.COEP_INVALID,
    )


def judge_coop(response: Response) -> Judgement:
    """Judge Cross-Origin-Opener-Policy."""
    return _one_of(
        response,
        "cross-origin-opener-policy",
        {
            "same-origin": Result.COOP_SAME_ORIGIN,
            "same-origin-allow-popups": Result.COOP_SAME_ORIGIN_POPUPS,
            "noopener-allow-popups": Result.COOP_NOOPENER_POPUPS,
            "unsafe-none": Result.COOP_UNSAFE_NONE,
        },
        absent=Result.COOP_ABSENT,
        invalid=Result.COOP_INVALID,
    )


def _one_of(
    response: Response,
    check: str,
    known: Mapping[str, Result],
    *,
    absent: Result,
    invalid: Result,
) -> Judgement:
    """Judge a header that is one token; two headers of the name are invalid."""
    values = response.values(check)
    if not values or values == ("",):
        return Judgement(check=check, result=absent, detail="absent")
    match = _TOKEN.fullmatch(values[0].strip())
    result = known.get(match[1], invalid) if match and len(values) == 1 else invalid
    return Judgement(check=check, result=result, detail=shown(", ".join(values)))
