"""What the profile kulti looks at beyond the grade: it weighs nothing and can still be wrong.

Pure. A denied camera breaks every session of a video platform, so it is the one
finding here that is critical.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kulti_ops.message import REDIRECTS, origin_of
from kulti_ops.smoke.caching import is_private
from kulti_ops.smoke.headers import shown
from kulti_ops.smoke.results import Judgement, Result, not_seen

if TYPE_CHECKING:
    from kulti_ops.message import Response

VIDEO_FEATURES = ("camera", "microphone", "display-capture")
_ITEM = re.compile(
    r"""\s*([a-z*][a-z0-9_.*-]*)\s*(?:=\s*(\*|self|src|"[^"]*"|\((?:[^()"]|"[^"]*")*\)|\?[01]))?"""
    r"""\s*(?:;[^,]*)?(?:,|$)"""
)
_MEMBER = re.compile(r"""\s*(self|src|\*|none|"[^"]*")\s*""")
_VERSION = re.compile(r"\d")


def parse_permissions(value: str) -> dict[str, tuple[str, ...]] | None:
    """Return each feature's allowlist; None when browsers ignore the header as malformed.

    A structured dictionary (RFC 9651): one error makes the whole header void.
    """
    features: dict[str, tuple[str, ...]] = {}
    position = 0
    text = value.strip()
    while position < len(text):
        match = _ITEM.match(text, position)
        if match is None or match.end() == position:
            return None
        members = _members(match[2] or "")
        if members is None:
            return None
        features[match[1]] = members
        position = match.end()
    return features if not text.endswith(",") else None


def _members(text: str) -> tuple[str, ...] | None:
    inner = text[1:-1] if text.startswith("(") else text
    found = []
    position = 0
    while position < len(inner):
        match = _MEMBER.match(inner, position)
        if match is None:
            return None
        found.append(match[1].strip('"').lower())
        position = match.end()
    return tuple(found)


def judge_permissions(response: Response) -> Judgement:
    """Judge Permissions-Policy for a video platform: its own pages need camera and microphone."""
    check = "permissions-policy"
    values = response.values(check)
    if response.status in REDIRECTS or (response.media_type and not response.is_html):
        return not_seen(check, "no page: browsers obey it on pages only")
    if not values:
        detail = "absent: browsers let the page itself use camera and microphone"
        return Judgement(check=check, result=Result.PERMISSIONS_ABSENT, detail=detail)
    features = parse_permissions(", ".join(values))
    if features is None:
        detail = f"browsers ignore it: {shown(', '.join(values))}"
        return Judgement(check=check, result=Result.PERMISSIONS_INVALID, detail=detail)
    origin = origin_of(response.url)
    lists = {name: features[name] for name in VIDEO_FEATURES if name in features}
    denied = [n for n, allowed in lists.items() if not {"self", "*", origin} & set(allowed)]
    if denied:
        detail = f"{', '.join(denied)} denied to the site's own pages"
        return Judgement(check=check, result=Result.VIDEO_DENIED, detail=detail)
    opened = [n for n, allowed in lists.items() if "*" in allowed]
    if opened:
        detail = f"{', '.join(opened)} allowed to every frame"
        return Judgement(check=check, result=Result.VIDEO_OPEN, detail=detail)
    detail = "camera, microphone and display-capture are allowed to the site itself"
    return Judgement(check=check, result=Result.VIDEO_ALLOWED, detail=detail)


def judge_xss_protection(response: Response) -> Judgement:
    """Judge X-XSS-Protection: a filter that browsers gave up; absent or 0 is right."""
    value = response.value("x-xss-protection")
    is_off = value is None or value.strip() == "0"
    return Judgement(
        check="x-xss-protection",
        result=Result.XSS_OFF if is_off else Result.XSS_ON,
        detail="absent" if value is None else shown(value),
    )


def judge_banners(response: Response) -> Judgement:
    """Judge what the answer tells about the software behind it."""
    shown_names = [
        f"{name}: {shown(value)}"
        for name in ("X-Powered-By", "X-AspNet-Version", "X-Generator")
        for value in response.values(name)
    ]
    servers = [value for value in response.values("server") if _VERSION.search(value)]
    shown_names += [f"Server: {shown(value)}" for value in servers]
    return Judgement(
        check="banners",
        result=Result.BANNERS_SHOWN if shown_names else Result.BANNERS_NONE,
        detail="; ".join(shown_names) or "none",
    )


def judge_caching(response: Response, *, authenticated: bool) -> Judgement:
    """Judge whether shared caches may keep an answer that is for one person only."""
    check = "cache-control"
    if not authenticated:
        detail = "no answer for a signed-in person was looked at"
        return Judgement(check=check, result=Result.CACHE_NOT_NEEDED, detail=detail)
    value = ", ".join(response.values(check)).lower()
    fits = is_private(value)
    return Judgement(
        check=check,
        result=Result.CACHE_FITS if fits else Result.CACHE_SHARED,
        detail=shown(value) or "absent",
    )
