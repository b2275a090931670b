from __future__ import annotations

import pytest

from kulti_ops.smoke.csp import is_shared_host, nonces, parse_policies, parse_policy
from kulti_ops.smoke.csp_judge import judge_csp
from kulti_ops.smoke.results import Result


def judge(
    *values: str,
    strict: bool = False,
    https: bool = True,
    report_only: bool = False,
    meta: tuple[str, ...] = (),
    stale: frozenset[str] = frozenset(),
) -> Result:
    policies = (*parse_policies(values), *parse_policies(meta, in_meta=True))
    return judge_csp(
        policies, report_only=report_only, https=https, strict=strict, stale_nonces=stale
    ).result


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("default-src 'none'", Result.CSP_DEFAULT_NONE),
        ("DEFAULT-SRC 'NONE'; img-src 'self'", Result.CSP_DEFAULT_NONE),
        ("default-src", Result.CSP_DEFAULT_NONE),
        ("default-src 'self'", Result.CSP_NO_UNSAFE),
        ("script-src 'self'; object-src 'none'; style-src 'self'", Result.CSP_NO_UNSAFE),
        ("default-src 'self'; style-src 'unsafe-inline'", Result.CSP_UNSAFE_STYLE),
        ("script-src 'self'; object-src 'none'", Result.CSP_UNSAFE_STYLE),
        ("default-src 'self'; script-src 'self' 'unsafe-inline'", Result.CSP_UNSAFE_INLINE),
        ("default-src 'self'; script-src data:", Result.CSP_UNSAFE_INLINE),
        ("default-src 'self'; script-src https:", Result.CSP_UNSAFE_INLINE),
        ("default-src 'self'; object-src *", Result.CSP_UNSAFE_INLINE),
        ("script-src 'self'", Result.CSP_UNSAFE_INLINE),  # objects from anywhere
        ("frame-ancestors 'self'", Result.CSP_UNSAFE_INLINE),
        ("default-src 'self' 'unsafe-eval'", Result.CSP_UNSAFE_EVAL),
        ("default-src 'self'; style-src 'self' 'unsafe-eval'", Result.CSP_UNSAFE_EVAL),
        ("default-src 'self'; connect-src http://kulti.example", Result.CSP_INSECURE),
        ("default-src 'self'; script-src ftp://kulti.example", Result.CSP_INSECURE),
        ("default-src 'self'; img-src http:", Result.CSP_INSECURE_PASSIVE),
        ("default-src 'self'; default-src 'none'", Result.CSP_INVALID),
        ("default-src 'self'; report-uri /a; report-uri /b", Result.CSP_DUPLICATES),
        ("default-src 'self'; script-src 'unsafe-inline'; report-uri /a; report-uri /b",
         Result.CSP_UNSAFE_INLINE),
        ("abc", Result.CSP_INVALID),
        ("", Result.CSP_INVALID),
    ],
)  # fmt: skip
def test_csp_of_one_header_comes_to_the_named_result(value: str, result: Result) -> None:
    assert judge(value) is result


def test_csp_nonce_or_hash_cancels_unsafe_inline() -> None:
    tail = "; object-src 'none'; style-src 'self'"
    for token in ("'nonce-abc123'", "'sha256-YWJj'", "'sha512-YWJj'"):
        assert judge(f"script-src 'unsafe-inline' {token}{tail}") is Result.CSP_NO_UNSAFE
    assert judge(f"script-src 'unsafe-inline' 'sha1-YWJj'{tail}") is Result.CSP_UNSAFE_INLINE


def test_csp_strict_dynamic_switches_hosts_and_schemes_off() -> None:
    value = "script-src 'strict-dynamic' 'nonce-abc' https: http: 'self' 'unsafe-inline'"
    assert judge(f"{value}; object-src 'none'; style-src 'self'") is Result.CSP_NO_UNSAFE


def test_csp_strict_dynamic_without_nonce_or_hash_is_invalid() -> None:
    assert judge("default-src 'self'; script-src 'strict-dynamic' 'self'") is Result.CSP_INVALID


def test_csp_two_policies_are_enforced_together() -> None:
    lax, tight = "frame-ancestors 'self'", "default-src 'self'"
    assert judge(lax, tight) is Result.CSP_NO_UNSAFE
    assert judge(f"{lax}, {tight}") is Result.CSP_NO_UNSAFE
    assert judge("script-src 'unsafe-inline'", "script-src *") is Result.CSP_UNSAFE_INLINE


def test_csp_over_http_may_name_http() -> None:
    assert judge("default-src 'self' http://a.example", https=False) is Result.CSP_NO_UNSAFE


def test_csp_absent_and_report_only_are_told_apart() -> None:
    assert judge() is Result.CSP_ABSENT
    assert judge(report_only=True) is Result.CSP_REPORT_ONLY
    assert judge("default-src 'none'", report_only=True) is Result.CSP_DEFAULT_NONE


def test_csp_meta_tag_counts_without_what_only_headers_can_say() -> None:
    assert judge(meta=("default-src 'self'",)) is Result.CSP_NO_UNSAFE
    assert judge(meta=("frame-ancestors 'none'; sandbox",)) is Result.CSP_ABSENT
    policy = parse_policy("frame-ancestors 'none'; img-src *", in_meta=True)
    assert set(policy.directives) == {"img-src"}


@pytest.mark.parametrize(
    ("value", "lenient", "strict"),
    [
        ("default-src 'self'; script-src 'self'; script-src-elem 'unsafe-inline'",
         Result.CSP_NO_UNSAFE, Result.CSP_UNSAFE_INLINE),
        ("default-src 'self'; script-src-attr 'unsafe-inline'",
         Result.CSP_NO_UNSAFE, Result.CSP_UNSAFE_INLINE),
        ("default-src 'self'; style-src-attr 'unsafe-inline'",
         Result.CSP_NO_UNSAFE, Result.CSP_UNSAFE_STYLE),
        ("default-src 'self'; script-src 'unsafe-inline' 'nonce-'",
         Result.CSP_NO_UNSAFE, Result.CSP_UNSAFE_INLINE),
        ("default-src 'self'; script-src 'self' https://*.vercel.app",
         Result.CSP_NO_UNSAFE, Result.CSP_SHARED_SCRIPT_HOST),
        ("default-src 'self'; script-src x.trycloudflare.com",
         Result.CSP_NO_UNSAFE, Result.CSP_SHARED_SCRIPT_HOST),
        ("default-scr 'self'; skript-src 'self'", Result.CSP_UNSAFE_INLINE, Result.CSP_INVALID),
        ("default-src 'self' <script>", Result.CSP_NO_UNSAFE, Result.CSP_INVALID),
        ("default-src 'self'; script-src https://*:443", Result.CSP_NO_UNSAFE,
         Result.CSP_UNSAFE_INLINE),
        ("default-src 'self'; script-src https://*.com/a/", Result.CSP_NO_UNSAFE,
         Result.CSP_UNSAFE_INLINE),
        ("default-src 'self'; style-src *:*", Result.CSP_NO_UNSAFE, Result.CSP_UNSAFE_STYLE),
        ("default-src\xa0'none'", Result.CSP_DEFAULT_NONE, Result.CSP_INVALID),
        ("default-src\x0b'none'", Result.CSP_DEFAULT_NONE, Result.CSP_INVALID),
        ("default-src 'none'; img-src é.example", Result.CSP_DEFAULT_NONE, Result.CSP_INVALID),
        ("default-src 'nonce-a' 'strict-dynamic' https:", Result.CSP_NO_UNSAFE,
         Result.CSP_UNSAFE_INLINE),
        ("default-src 'nonce-a' 'strict-dynamic' http://a.example; object-src 'none'",
         Result.CSP_NO_UNSAFE, Result.CSP_INSECURE),
        ("default-src 'nonce-a' 'strict-dynamic' https:; object-src 'none'",
         Result.CSP_NO_UNSAFE, Result.CSP_UNSAFE_STYLE),
        ("default-src 'self'; img-src http:; report-uri /a; report-uri /b",
         Result.CSP_DUPLICATES, Result.CSP_INSECURE_PASSIVE),
    ],
)  # fmt: skip
def test_csp_profile_kulti_is_stricter(value: str, lenient: Result, strict: Result) -> None:
    assert (judge(value), judge(value, strict=True)) == (lenient, strict)


def test_csp_nonce_seen_twice_is_none_in_the_strict_profile() -> None:
    value = "default-src 'self'; script-src 'unsafe-inline' 'nonce-Abc'"
    stale = nonces(parse_policies([value]))
    assert stale == {"'nonce-Abc'"}
    assert judge(value, strict=True) is Result.CSP_NO_UNSAFE
    assert judge(value, strict=True, stale=stale) is Result.CSP_UNSAFE_INLINE
    assert judge(value, stale=stale) is Result.CSP_NO_UNSAFE


@pytest.mark.parametrize(
    ("source", "shared"),
    [
        ("https://*.vercel.app", True),
        ("*.vercel.app:443", True),
        ("https://kulti.vercel.app", False),
        ("https://*.kulti.vercel.app", False),
        ("abc.trycloudflare.com", True),
        ("https://notvercel.app", False),
        ("'self'", False),
    ],
)
def test_csp_shared_host_is_recognised(source: str, *, shared: bool) -> None:
    assert is_shared_host(source) is shared
