from __future__ import annotations

import pytest

from kulti_ops.message import Response
from kulti_ops.smoke.remarks import (
    judge_banners,
    judge_caching,
    judge_permissions,
    judge_xss_protection,
    parse_permissions,
)
from kulti_ops.smoke.results import Result
from tests.unit.smoke.support import URL, response


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("camera=(self), microphone=(self), display-capture=(self)", Result.VIDEO_ALLOWED),
        ("camera=self, geolocation=()", Result.VIDEO_ALLOWED),
        ('camera=("https://kulti.example")', Result.VIDEO_ALLOWED),
        ("camera=*, microphone=(self)", Result.VIDEO_OPEN),
        ("camera=()", Result.VIDEO_DENIED),
        ('microphone=("https://other.example")', Result.VIDEO_DENIED),
        ("camera=*, display-capture=()", Result.VIDEO_DENIED),
        ("camera 'self'", Result.PERMISSIONS_INVALID),
        ("camera=(self),", Result.PERMISSIONS_INVALID),
        ("camera=(self", Result.PERMISSIONS_INVALID),
        ("geolocation=()", Result.VIDEO_ALLOWED),
    ],
)
def test_permissions_by_what_a_video_site_needs(value: str, result: Result) -> None:
    assert judge_permissions(response(("Permissions-Policy", value))).result is result


def test_permissions_of_what_is_no_page_break_nothing() -> None:
    denied = (("Permissions-Policy", "camera=()"),)
    answer = Response(url=URL, status=200, headers=(("Content-Type", "application/json"), *denied))
    assert judge_permissions(answer).result is Result.NOT_SEEN
    away = Response(url=URL, status=307, headers=denied)
    assert judge_permissions(away).result is Result.NOT_SEEN


def test_permissions_absent_leaves_video_working() -> None:
    assert judge_permissions(response()).result is Result.PERMISSIONS_ABSENT


def test_permissions_of_two_headers_are_one_dictionary() -> None:
    headers = (("Permissions-Policy", "camera=(self)"), ("Permissions-Policy", "microphone=()"))
    assert judge_permissions(response(*headers)).result is Result.VIDEO_DENIED


def test_permissions_last_entry_of_a_name_counts() -> None:
    assert parse_permissions("camera=(), camera=(self)") == {"camera": ("self",)}


@pytest.mark.parametrize(("value", "result"), [("0", Result.XSS_OFF), ("1", Result.XSS_ON)])
def test_xss_protection_should_be_off(value: str, result: Result) -> None:
    assert judge_xss_protection(response(("X-XSS-Protection", value))).result is result
    assert judge_xss_protection(response()).result is Result.XSS_OFF


@pytest.mark.parametrize(
    ("header", "result"),
    [
        (("X-Powered-By", "Next.js"), Result.BANNERS_SHOWN),
        (("Server", "nginx/1.25.3"), Result.BANNERS_SHOWN),
        (("Server", "Vercel"), Result.BANNERS_NONE),
    ],
)
def test_banners_tell_software(header: tuple[str, str], result: Result) -> None:
    assert judge_banners(response(header)).result is result


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("private, max-age=60", Result.CACHE_FITS),
        ("no-store", Result.CACHE_FITS),
        ("public, no-cache", Result.CACHE_SHARED),
        ("max-age=60", Result.CACHE_SHARED),
        ("", Result.CACHE_SHARED),
    ],
)
def test_caching_of_a_personal_answer(value: str, result: Result) -> None:
    answer = response(("Cache-Control", value))
    assert judge_caching(answer, authenticated=True).result is result
    assert judge_caching(answer, authenticated=False).result is Result.CACHE_NOT_NEEDED
