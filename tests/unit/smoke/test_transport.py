from __future__ import annotations

import pytest

from kulti_ops.message import Response
from kulti_ops.smoke.results import Result
from kulti_ops.smoke.transport import (
    ORIGIN_PROBE,
    Hop,
    WayIn,
    judge_cors,
    judge_hsts,
    judge_redirection,
)
from tests.unit.smoke.support import response


def hsts(value: str, *, strict: bool = False) -> Result:
    return judge_hsts(response(("Strict-Transport-Security", value)), strict=strict).result


@pytest.mark.parametrize(
    ("value", "lenient", "strict"),
    [
        ("max-age=63072000; includeSubDomains", Result.HSTS_LONG, Result.HSTS_LONG),
        ("max-age=15552000", Result.HSTS_LONG, Result.HSTS_LONG),
        ("max-age=15551999", Result.HSTS_SHORT, Result.HSTS_SHORT),
        ("MAX-AGE=0", Result.HSTS_SHORT, Result.HSTS_SHORT),
        ("includeSubDomains", Result.HSTS_INVALID, Result.HSTS_INVALID),
        ("max-age=1, max-age=63072000", Result.HSTS_INVALID, Result.HSTS_INVALID),
        ("max-age=abc", Result.HSTS_LONG, Result.HSTS_INVALID),
        ("max-age=63072000x", Result.HSTS_LONG, Result.HSTS_INVALID),
        ("max-age=63072000; max-age=1", Result.HSTS_SHORT, Result.HSTS_INVALID),
        ("", Result.HSTS_INVALID, Result.HSTS_INVALID),
    ],
)
def test_hsts_by_its_max_age(value: str, lenient: Result, strict: Result) -> None:
    assert (hsts(value), hsts(value, strict=True)) == (lenient, strict)


def test_hsts_over_http_or_with_a_bad_certificate_is_none() -> None:
    header = ("Strict-Transport-Security", "max-age=63072000")
    over_http = response(header, url="http://kulti.example/")
    assert judge_hsts(over_http, strict=True).result is Result.HSTS_NO_HTTPS
    bad = judge_hsts(response(header), strict=True, bad_certificate=True)
    assert bad.result is Result.HSTS_BAD_CERTIFICATE
    assert judge_hsts(response(), strict=True).result is Result.HSTS_ABSENT


def test_hsts_preloaded_hosts_are_those_known() -> None:
    app = response(url="https://kulti.vercel.app/")
    assert judge_hsts(app, strict=True).result is Result.HSTS_PRELOADED
    listed = judge_hsts(response(), strict=True, listed=frozenset({"kulti.example"}))
    assert listed.result is Result.HSTS_PRELOADED


@pytest.mark.parametrize(
    ("urls", "result"),
    [
        ((), Result.REDIRECTION_NO_HTTP),
        (("http://a.example/",), Result.REDIRECTION_MISSING),
        (("http://a.example/", "https://a.example/"), Result.REDIRECTION_TO_HTTPS),
        (("http://a.example/", "https://b.example/"), Result.REDIRECTION_OFF_HOST),
        (("http://a.example/", "http://b.example/", "https://b.example/"),
         Result.REDIRECTION_HTTP_FIRST),
        (("http://a.example/", "https://a.example/", "http://a.example/x"),
         Result.REDIRECTION_NOT_TO_HTTPS),
        (("http://a.dev/", "https://b.app/"), Result.REDIRECTION_PRELOADED),
    ],
)  # fmt: skip
def test_redirection_by_its_stations(urls: tuple[str, ...], result: Result) -> None:
    way = WayIn(hops=tuple(Hop(url=url, status=308) for url in urls))
    assert judge_redirection(way).result is result


def test_redirection_to_a_bad_certificate_is_named() -> None:
    found = judge_redirection(WayIn(bad_certificate=True))
    assert found.result is Result.REDIRECTION_BAD_CERTIFICATE


def test_redirection_detail_holds_no_query() -> None:
    hops = (Hop(url="http://a.example/?token=secret1", status=308),)
    assert "secret1" not in judge_redirection(WayIn(hops=hops)).detail


@pytest.mark.parametrize(
    ("headers", "result"),
    [
        ({}, Result.CORS_NONE),
        ({"Access-Control-Allow-Origin": "*"}, Result.CORS_PUBLIC),
        ({"Access-Control-Allow-Origin": "https://kulti.example"}, Result.CORS_RESTRICTED),
        ({"Access-Control-Allow-Origin": ORIGIN_PROBE}, Result.CORS_RESTRICTED),
        ({"Access-Control-Allow-Origin": ORIGIN_PROBE, "Access-Control-Allow-Credentials": "true"},
         Result.CORS_UNIVERSAL),
    ],
)  # fmt: skip
def test_cors_by_what_a_stranger_gets(headers: dict[str, str], result: Result) -> None:
    answer = Response(url="https://kulti.example/", status=200, headers=tuple(headers.items()))
    assert judge_cors(answer).result is result
