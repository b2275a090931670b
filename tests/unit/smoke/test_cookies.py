from __future__ import annotations

import pytest

from kulti_ops.smoke.cookies import judge_cookies
from kulti_ops.smoke.results import Result


@pytest.mark.parametrize(
    ("cookies", "hsts", "result"),
    [
        ([], True, Result.COOKIES_NONE),
        (["garbage"], True, Result.COOKIES_NONE),
        (["heroku-session-affinity=x"], True, Result.COOKIES_NONE),
        (["a=1; Secure; HttpOnly; SameSite=Lax"], True, Result.COOKIES_ALL_FLAGS),
        (["a=1; Secure; HttpOnly"], True, Result.COOKIES_NO_SAMESITE),
        (["a=1; SameSite=Lax"], True, Result.COOKIES_NOT_SECURE_HSTS),
        (["a=1; SameSite=Lax"], False, Result.COOKIES_NOT_SECURE),
        (["sessionid=1; HttpOnly; SameSite=Lax"], True, Result.COOKIES_SESSION_NOT_SECURE_HSTS),
        (["sessionid=1; HttpOnly; SameSite=Lax"], False, Result.COOKIES_SESSION_NOT_SECURE),
        (["a=1; Secure; SameSite=Sometimes"], True, Result.COOKIES_BAD_SAMESITE),
        (["a=1; Secure; SameSite"], True, Result.COOKIES_BAD_SAMESITE),
        (["a=1; SameSite=None"], True, Result.COOKIES_BAD_SAMESITE),
        (["csrftoken=1; Secure"], True, Result.COOKIES_CSRF_NO_SAMESITE),
        (["login=1; Secure; SameSite=Lax"], True, Result.COOKIES_SESSION_NOT_HTTPONLY),
        (["a=1; Secure; SameSite=Lax", "sess=1; Secure"], True,
         Result.COOKIES_SESSION_NOT_HTTPONLY),
    ],
)  # fmt: skip
def test_cookies_worst_one_counts(cookies: list[str], *, hsts: bool, result: Result) -> None:
    assert judge_cookies(cookies, hsts=hsts).result is result


def test_cookies_value_is_never_shown() -> None:
    assert "canary" not in str(judge_cookies(["login=canary"], hsts=True))
