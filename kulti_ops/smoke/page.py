"""What an HTML page says about itself: its scripts, and policies in meta tags. Pure.

Reads with the standard library's tolerant parser; any text is a page.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kulti_ops.message import host_of
from kulti_ops.smoke.headers import shown
from kulti_ops.smoke.results import Judgement, Result, not_seen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kulti_ops.message import Response

CHECK = "subresource-integrity"
# Registries' suffixes of two labels that a name below is registered under; the commonest ones.
_TWO_LABEL_SUFFIXES = frozenset(
    {"co.uk", "org.uk", "ac.uk", "com.au", "net.au", "co.nz", "co.jp", "co.in", "com.br", "com.mx"}
    | {"com.cn", "com.tr", "co.za", "co.kr", "com.sg", "com.tw"}
)
# Below these everybody gets a name: the reference's list of suffixes leaves them out.
_SHARED_SUFFIXES = frozenset({"github.io", "vercel.app"})
# Subresource Integrity, section 3.5: other words in the attribute are left out by browsers.
_HASH = re.compile(r"(?:^|\s)sha(?:256|384|512)-[A-Za-z0-9+/_-]+={0,2}(?:\?\S*)?(?:\s|$)")
_WORST_LAST = (
    Result.SRI_SAME_ORIGIN,
    Result.SRI_EXTERNAL,
    Result.SRI_ALL,
    Result.SRI_MISSING,
    Result.SRI_INSECURE,
    Result.SRI_MISSING_INSECURE,
)
_REFERENCE_ORDER = (
    *(Result.SRI_SAME_ORIGIN, Result.SRI_EXTERNAL, Result.SRI_ALL),
    *(Result.SRI_INSECURE, Result.SRI_MISSING, Result.SRI_MISSING_INSECURE),
)


@dataclass(frozen=True, kw_only=True)
class Script:
    """One script element; `src` is None for an inline one."""

    src: str | None
    integrity: str | None


@dataclass(frozen=True, kw_only=True)
class Page:
    """What was found in a page."""

    scripts: tuple[Script, ...] = ()
    meta_csp: tuple[str, ...] = ()
    meta_referrer: tuple[str, ...] = ()
    title: str = ""
    stylesheets: int = 0


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.scripts: list[Script] = []
        self.metas: dict[str, list[str]] = {}
        self.title = ""
        self.stylesheets = 0
        self._in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {key: value or "" for key, value in reversed(attrs)}  # the first one counts
        if tag == "script":
            self.scripts.append(Script(src=values.get("src"), integrity=values.get("integrity")))
        elif tag == "link":
            self.stylesheets += "stylesheet" in values.get("rel", "").lower().split()
        elif tag == "meta":
            name = values.get("http-equiv") or values.get("name") or ""
            self.metas.setdefault(name.strip().lower(), []).append(values.get("content", ""))
        self._in_title = tag == "title"

    def handle_endtag(self, tag: str) -> None:
        self._in_title = self._in_title and tag != "title"

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data


def read_page(text: str) -> Page:
    """Return what a page holds; never fails, an unreadable rest is left out."""
    reader = _Reader()
    try:
        reader.feed(text)
        reader.close()
    except (AssertionError, ValueError):  # the parser's own limits on hostile markup
        pass
    return Page(
        scripts=tuple(reader.scripts),
        meta_csp=tuple(reader.metas.get("content-security-policy", ())),
        meta_referrer=tuple(reader.metas.get("referrer", ())),
        title=" ".join(reader.title.split()),
        stylesheets=reader.stylesheets,
    )


def judge_integrity(response: Response, page: Page, *, strict: bool) -> Judgement:
    """Judge whether scripts from elsewhere are pinned by their hash."""
    if response.media_type and not response.is_html:
        return Judgement(check=CHECK, result=Result.SRI_NOT_HTML, detail=response.media_type)
    if response.truncated:
        return not_seen(CHECK, "the page is longer than what was read of it")
    if not page.scripts:
        return Judgement(check=CHECK, result=Result.SRI_NO_SCRIPTS, detail="no scripts")
    sources = [script for script in page.scripts if script.src]
    found = [(_weigh(script, response.url, strict=strict), script) for script in sources]
    if not found:
        return Judgement(check=CHECK, result=Result.SRI_SAME_ORIGIN, detail="inline scripts only")
    order = _WORST_LAST if strict else _REFERENCE_ORDER
    result, worst = max(found, key=lambda pair: order.index(pair[0]))
    return Judgement(check=CHECK, result=result, detail=shown(_bare(worst.src or "")))


def _bare(src: str) -> str:
    """Return an address without its query and user, which may be secrets."""
    scheme, mark, rest = src.partition("?")[0].partition("#")[0].rpartition("//")
    host, slash, path = rest.partition("/")
    return f"{scheme}{mark}{host.rpartition('@')[2]}{slash}{path}"


def own_scripts(page: Page, url: str) -> Iterable[str]:
    """Yield the paths of scripts that the site itself serves."""
    for script in page.scripts:
        src = script.src or ""
        if src.startswith("/") and not src.startswith("//"):
            yield src
        elif host_of(src) and host_of(src) == host_of(url):
            yield urlsplit(src).path or "/"


def _weigh(script: Script, url: str, *, strict: bool) -> Result:
    src = (script.src or "").strip()
    pinned = bool(_HASH.search(script.integrity or "") if strict else script.integrity)
    is_full = src.lower().startswith(("http://", "https://"))
    without_scheme = src.startswith("//")
    suffixes = _TWO_LABEL_SUFFIXES | _SHARED_SUFFIXES if strict else _TWO_LABEL_SUFFIXES
    same_site = _site(host_of(src), suffixes) == _site(host_of(url), suffixes)
    own = not without_scheme and (not is_full or same_site)
    secure = src.lower().startswith("https://") or (
        not is_full and not without_scheme and url.startswith("https:")
    )
    if own:
        return Result.SRI_ALL if pinned and secure else Result.SRI_SAME_ORIGIN
    if pinned:
        return Result.SRI_EXTERNAL if secure else Result.SRI_INSECURE
    return Result.SRI_MISSING if secure else Result.SRI_MISSING_INSECURE


def _site(host: str, suffixes: frozenset[str]) -> str:
    """Return the name that was registered, by a rule of thumb for suffixes of two labels."""
    if not any(c.isalpha() for c in host) or ":" in host:
        return host
    labels = host.split(".")
    keep = 3 if ".".join(labels[-2:]) in suffixes else 2
    return ".".join(labels[-keep:])
