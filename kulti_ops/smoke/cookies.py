"""Cookies: what the Set-Cookie headers of a response come to; the worst one counts. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kulti_ops.smoke.headers import shown
from kulti_ops.smoke.results import Judgement, Result

if TYPE_CHECKING:
    from collections.abc import Iterable

CHECK = "cookies"
# Set by Heroku's router without flags, and out of the application's hands.
_IGNORED = frozenset({"heroku-session-affinity"})
_WORST_LAST = (
    Result.COOKIES_ALL_FLAGS,
    Result.COOKIES_NO_SAMESITE,
    Result.COOKIES_NOT_SECURE_HSTS,
    Result.COOKIES_NOT_SECURE,
    Result.COOKIES_SESSION_NOT_SECURE_HSTS,
    Result.COOKIES_BAD_SAMESITE,
    Result.COOKIES_CSRF_NO_SAMESITE,
    Result.COOKIES_SESSION_NOT_HTTPONLY,
    Result.COOKIES_SESSION_NOT_SECURE,
)


@dataclass(frozen=True, kw_only=True)
class Cookie:
    """A cookie's name and flags; its value is a secret and is not kept."""

    name: str
    secure: bool
    http_only: bool
    same_site: str | None

    @property
    def is_session(self) -> bool:
        """Whether its name says that it stands for somebody who signed in."""
        return any(word in self.name.lower() for word in ("sess", "login"))


def parse_cookie(text: str) -> Cookie | None:
    """Return one Set-Cookie value; None when it has no name."""
    first, *attributes = text.split(";")
    name, has_value, _ = first.partition("=")
    if not has_value or not name.strip():
        return None
    flags = {}
    for attribute in attributes:
        key, _, value = attribute.partition("=")
        flags[key.strip().lower()] = value.strip().lower()
    return Cookie(
        name=name.strip(),
        secure="secure" in flags,
        http_only="httponly" in flags,
        same_site=flags.get("samesite"),
    )


def judge_cookies(values: Iterable[str], *, hsts: bool) -> Judgement:
    """Judge Set-Cookie values; `hsts` says that browsers come over https only."""
    parsed = [cookie for value in values if (cookie := parse_cookie(value)) is not None]
    cookies = [cookie for cookie in parsed if cookie.name not in _IGNORED]
    if not cookies:
        return Judgement(check=CHECK, result=Result.COOKIES_NONE, detail="none are set")
    found = [(result, cookie) for cookie in cookies for result in _faults(cookie, hsts=hsts)]
    result, worst = max(found, key=lambda pair: _WORST_LAST.index(pair[0]))
    return Judgement(check=CHECK, result=result, detail=shown(f"{worst.name}"))


def _faults(cookie: Cookie, *, hsts: bool) -> Iterable[Result]:
    yield Result.COOKIES_ALL_FLAGS if cookie.same_site else Result.COOKIES_NO_SAMESITE
    unsafe_none = cookie.same_site == "none" and not cookie.secure
    if unsafe_none or cookie.same_site not in {None, "lax", "strict", "none"}:
        yield Result.COOKIES_BAD_SAMESITE
    if not cookie.secure:
        yield Result.COOKIES_NOT_SECURE_HSTS if hsts else Result.COOKIES_NOT_SECURE
        if cookie.is_session:
            yield (
                Result.COOKIES_SESSION_NOT_SECURE_HSTS
                if hsts
                else Result.COOKIES_SESSION_NOT_SECURE
            )
    if "csrf" in cookie.name.lower() and not cookie.same_site:
        yield Result.COOKIES_CSRF_NO_SAMESITE
    if cookie.is_session and not cookie.http_only:
        yield Result.COOKIES_SESSION_NOT_HTTPONLY
