"""Responses as values, and grading them in one word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kulti_ops.message import Response
from kulti_ops.smoke.grade import Evidence, Grade, Profile, grade
from kulti_ops.smoke.transport import Hop, WayIn

if TYPE_CHECKING:
    from kulti_ops.smoke.results import Judgement

URL = "https://kulti.example/"
TO_HTTPS = WayIn(
    hops=(Hop(url="http://kulti.example/", status=308), Hop(url=URL, status=200)),
)
HSTS = ("Strict-Transport-Security", "max-age=63072000; includeSubDomains; preload")
NOSNIFF = ("X-Content-Type-Options", "nosniff")
DENY = ("X-Frame-Options", "DENY")
PRIVATE = ("Referrer-Policy", "no-referrer")
PLATFORM = (
    HSTS,
    (
        "Content-Security-Policy",
        (
            "frame-ancestors 'self' localhost:* https://*.kulti.example https://kulti.example "
            "https://*.e2b.app https://*.vercel.app https://*.trycloudflare.com"
        ),
    ),
    NOSNIFF,
    ("X-XSS-Protection", "1; mode=block"),
    ("Referrer-Policy", "origin-when-cross-origin"),
    ("X-DNS-Prefetch-Control", "on"),
    (
        "Permissions-Policy",
        "camera=*, microphone=*, display-capture=*, geolocation=(), interest-cohort=()",
    ),
    ("X-Powered-By", "Next.js"),
)


def response(*headers: tuple[str, str], url: str = URL, body: bytes = b"") -> Response:
    """Return an HTML answer with these headers."""
    return Response(
        url=url, status=200, headers=(("Content-Type", "text/html"), *headers), body=body
    )


def graded(
    *headers: tuple[str, str], profile: Profile = Profile.OBSERVATORY, body: bytes = b""
) -> Grade:
    """Grade an https page that is reached well and answers no foreign origin."""
    page = response(*headers, body=body)
    return grade(Evidence(response=page, way_in=TO_HTTPS, cors=page), profile=profile)


def judged(found: Grade, check: str) -> Judgement:
    """Return one check's judgement."""
    return next(j for j in found.judgements if j.check == check)
