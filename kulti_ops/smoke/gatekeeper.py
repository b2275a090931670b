"""Gatekeepers: answers that come from something in front of the application. Pure.

A challenge page, a deployment's protection and "too many requests" say nothing about what
was deployed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from kulti_ops.message import host_of
from kulti_ops.smoke.page import read_page

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kulti_ops.message import Response

K = TypeVar("K")

TOO_MANY = 429
_UNAUTHORIZED = 401
_CHALLENGED = frozenset({403, TOO_MANY, 503})
_CHALLENGE_TITLES = ("security checkpoint", "just a moment", "attention required")
# Where a deployment that is protected sends a browser, and the cookie it sets before.
_LOGIN_HOST, _LOGIN_COOKIE = "vercel.com", "_vercel_sso_nonce"


def is_challenge(answer: Response) -> bool:
    """Tell whether an answer is a gatekeeper's page and not the application's."""
    if answer.value("x-vercel-mitigated") or answer.value("cf-mitigated"):
        return True
    if answer.status not in _CHALLENGED:
        return False
    title = read_page(answer.text).title.lower()
    return any(known in title for known in _CHALLENGE_TITLES)


def is_protection(page: Response) -> bool:
    """Tell whether a page is a protected deployment's own: its login, or the way there."""
    set_cookies = page.values("set-cookie")
    asks = any(value.startswith(f"{_LOGIN_COOKIE}=") for value in set_cookies)
    return host_of(page.url) == _LOGIN_HOST or (page.status == _UNAUTHORIZED and asks)


def is_kept_out(answer: Response) -> bool:
    """Tell whether an answer only says that we were not let through."""
    return answer.status == TOO_MANY or is_challenge(answer)


def let_through(answers: Iterable[tuple[K, Response]]) -> list[tuple[K, Response]]:
    """Return the answers that the application gave, with what was asked."""
    return [(asked, answer) for asked, answer in answers if not is_kept_out(answer)]
