from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kulti_ops.smoke.csp import parse_policies
from kulti_ops.smoke.grade import Profile
from kulti_ops.smoke.headers import (
    judge_coep,
    judge_coop,
    judge_corp,
    judge_framing,
    judge_referrer,
    judge_sniffing,
)
from kulti_ops.smoke.results import Result
from tests.unit.smoke.support import graded, judged, response

if TYPE_CHECKING:
    from collections.abc import Callable


def framing(*headers: tuple[str, str], strict: bool = False) -> Result:
    answer = response(*headers)
    policies = parse_policies(answer.values("content-security-policy"))
    return judge_framing(answer, policies, strict=strict).result


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("DENY", Result.XFO_DENY),
        ("sameorigin", Result.XFO_DENY),
        ("ALLOW-FROM https://a.example", Result.XFO_ALLOW_FROM),
        ("ALLOWALL", Result.XFO_INVALID),
    ],
)
def test_framing_by_x_frame_options(value: str, result: Result) -> None:
    assert framing(("X-Frame-Options", value)) is result


def test_framing_without_protection_is_named() -> None:
    assert framing() is Result.XFO_ABSENT


@pytest.mark.parametrize(
    ("ancestors", "lenient", "strict"),
    [
        ("'self'", Result.XFO_BY_CSP, Result.XFO_BY_CSP),
        ("*", Result.XFO_BY_CSP, Result.XFO_CSP_TOO_BROAD),
        ("https:", Result.XFO_BY_CSP, Result.XFO_CSP_TOO_BROAD),
        ("'self' https://*.vercel.app", Result.XFO_BY_CSP, Result.XFO_SHARED_HOST),
    ],
)
def test_framing_by_csp(ancestors: str, lenient: Result, strict: Result) -> None:
    header = ("Content-Security-Policy", f"frame-ancestors {ancestors}")
    assert (framing(header), framing(header, strict=True)) == (lenient, strict)


def test_framing_contradiction_is_invalid_in_the_strict_profile() -> None:
    both = (("X-Frame-Options", "DENY"), ("X-Frame-Options", "SAMEORIGIN"))
    assert framing(*both, strict=True) is Result.XFO_INVALID


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("nosniff", Result.XCTO_NOSNIFF),
        ("NoSniff ", Result.XCTO_NOSNIFF),
        ("x", Result.XCTO_INVALID),
    ],
)
def test_sniffing_by_its_value(value: str, result: Result) -> None:
    assert judge_sniffing(response(("X-Content-Type-Options", value))).result is result


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("no-referrer", Result.REFERRER_PRIVATE),
        ("origin, strict-origin", Result.REFERRER_PRIVATE),
        ("no-referrer, unsafe-url", Result.REFERRER_UNSAFE),
        ("strict-origin, future-value", Result.REFERRER_PRIVATE),
        ("origin-when-cross-origin", Result.REFERRER_UNSAFE),
        ("whatever", Result.REFERRER_INVALID),
    ],
)
def test_referrer_last_valid_token_wins(value: str, result: Result) -> None:
    assert judge_referrer(response(("Referrer-Policy", value))).result is result


def test_referrer_meta_tag_comes_after_the_header() -> None:
    answer = response(("Referrer-Policy", "no-referrer"))
    assert judge_referrer(answer, ("unsafe-url",)).result is Result.REFERRER_UNSAFE


@pytest.mark.parametrize(
    ("judge", "name", "value", "result"),
    [
        (judge_corp, "Cross-Origin-Resource-Policy", "same-origin", Result.CORP_SAME_ORIGIN),
        (judge_corp, "Cross-Origin-Resource-Policy", "same-site", Result.CORP_SAME_SITE),
        (judge_corp, "Cross-Origin-Resource-Policy", "cross-origin", Result.CORP_CROSS_ORIGIN),
        (judge_corp, "Cross-Origin-Resource-Policy", "mine", Result.CORP_INVALID),
        (judge_coep, "Cross-Origin-Embedder-Policy", "require-corp", Result.COEP_REQUIRE_CORP),
        (judge_coep, "Cross-Origin-Embedder-Policy", 'credentialless; report-to="x"',
         Result.COEP_CREDENTIALLESS),
        (judge_coep, "Cross-Origin-Embedder-Policy", "unsafe-none", Result.COEP_UNSAFE_NONE),
        (judge_coep, "Cross-Origin-Embedder-Policy", '"require-corp"', Result.COEP_INVALID),
        (judge_coop, "Cross-Origin-Opener-Policy", "same-origin", Result.COOP_SAME_ORIGIN),
        (judge_coop, "Cross-Origin-Opener-Policy", "same-origin-allow-popups",
         Result.COOP_SAME_ORIGIN_POPUPS),
        (judge_coop, "Cross-Origin-Opener-Policy", "noopener-allow-popups",
         Result.COOP_NOOPENER_POPUPS),
        (judge_coop, "Cross-Origin-Opener-Policy", "same-origin, same-origin", Result.COOP_INVALID),
    ],
)  # fmt: skip
def test_isolation_by_its_token(
    judge: Callable[..., object], name: str, value: str, result: Result
) -> None:
    assert getattr(judge(response((name, value))), "result", None) is result


def test_isolation_header_twice_is_invalid() -> None:
    twice = (("Cross-Origin-Opener-Policy", "same-origin"),) * 2
    assert judge_coop(response(*twice)).result is Result.COOP_INVALID


def test_isolation_header_that_is_empty_is_absent() -> None:
    assert judge_coop(response(("Cross-Origin-Opener-Policy", ""))).result is Result.COOP_ABSENT


@pytest.mark.parametrize("profile", list(Profile))
def test_framing_of_a_policy_that_is_invalid_is_none(profile: Profile) -> None:
    twice = "frame-ancestors 'self'; img-src 'self'; img-src *"
    found = judged(graded(("Content-Security-Policy", twice), profile=profile), "x-frame-options")
    assert found.result is Result.XFO_ABSENT
