"""Content-Security-Policy: the parser, and what one source admits. Pure; `csp_judge` judges."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

REPORT_DIRECTIVES = frozenset({"report-uri", "report-to"})
NOT_IN_META = frozenset({"frame-ancestors", "report-uri", "sandbox"})
BROAD = frozenset(
    {"ftp:", "http:", "https:", "*", "http://*", "http://*.*", "https://*", "https://*.*"}
)
_ANYTHING = ("*",)
# `*` with a port or a path, and a wildcard for a whole top-level domain, admit every host too.
_EVERY_HOST = re.compile(
    r"(?:[a-z][a-z0-9+.-]*://)?\*(?:\.\*)?(?:\.[a-z]{2,})?(?::(?:\d+|\*))?(?:/\S*)?"
)
# CSP level 3, section 2.2.1: a directive with any other character is not read.
_READABLE = re.compile(r"[\t\n\f\r -~]*")
# Fallbacks of CSP level 3, section 6.8.
_FALLBACKS = {
    "script-src-elem": ("script-src", "default-src"),
    "script-src-attr": ("script-src", "default-src"),
    "style-src-elem": ("style-src", "default-src"),
    "style-src-attr": ("style-src", "default-src"),
    "frame-src": ("child-src", "default-src"),
    "worker-src": ("child-src", "script-src", "default-src"),
    "frame-ancestors": (),
    "base-uri": (),
    "form-action": (),
}
KNOWN = frozenset(
    {
        *_FALLBACKS,
        *NOT_IN_META,
        *REPORT_DIRECTIVES,
        *("default-src", "script-src", "style-src", "object-src", "img-src", "media-src"),
        *(
            "connect-src",
            "font-src",
            "child-src",
            "manifest-src",
            "prefetch-src",
            "fenced-frame-src",
        ),
        *("require-trusted-types-for", "trusted-types", "upgrade-insecure-requests"),
        *("block-all-mixed-content", "plugin-types", "require-sri-for", "navigate-to"),
    }
)
# Hosts under which anybody can have a name. Tunnels hand theirs on to the next user.
SHARED_SUFFIXES = (
    *("vercel.app", "netlify.app", "pages.dev", "workers.dev", "herokuapp.com", "github.io"),
    *("onrender.com", "fly.dev", "surge.sh", "web.app", "firebaseapp.com", "e2b.app"),
)
TUNNEL_SUFFIXES = ("trycloudflare.com", "ngrok.io", "ngrok-free.app", "ngrok.app", "loca.lt")

_BASE64 = r"[a-z0-9+/_-]+={0,2}"
NONCE_OR_HASH = re.compile(rf"'(?:nonce-{_BASE64}|sha(?:256|384|512)-{_BASE64})'", re.IGNORECASE)
_KEYWORD = re.compile(
    r"'(?:none|self|unsafe-inline|unsafe-eval|unsafe-hashes|strict-dynamic|report-sample"
    r"|wasm-unsafe-eval|inline-speculation-rules|unsafe-allow-redirects)'"
)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:")
_HOST = re.compile(
    r"(?:[a-z][a-z0-9+.-]*://)?(?:\*|(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?|\[[0-9a-f:.]+\])"
    r"(?::(?:\d+|\*))?(?:/[^\s;,]*)?"
)


@dataclass(frozen=True, kw_only=True)
class Policy:
    """One policy: directives by name (lower case), their sources as written.

    `is_readable` is false when it has characters that no browser reads.
    """

    directives: dict[str, tuple[str, ...]]
    duplicates: frozenset[str]
    length: int
    in_meta: bool = False
    is_readable: bool = True

    def sources(self, name: str) -> tuple[str, ...]:
        """Return the sources in force for a directive, in lower case; `*` when nothing rules it."""
        for candidate in (name, *_FALLBACKS.get(name, ("default-src",))):
            if candidate in self.directives:
                given = tuple(source.lower() for source in self.directives[candidate])
                return given or ("'none'",)
        return _ANYTHING

    def raw_sources(self) -> frozenset[str]:
        """Return every source as it was written: nonces are case-sensitive."""
        return frozenset(s for sources in self.directives.values() for s in sources)


def parse_policies(values: Iterable[str], *, in_meta: bool = False) -> tuple[Policy, ...]:
    """Return the policies in header values or meta tags; a comma separates policies."""
    return tuple(
        parse_policy(part, in_meta=in_meta) for value in values for part in value.split(",")
    )


def parse_policy(text: str, *, in_meta: bool = False) -> Policy:
    """Return one policy; the first of duplicate directives counts, as in browsers."""
    directives: dict[str, tuple[str, ...]] = {}
    duplicates = set()
    for part in text.split(";"):
        words = part.split()
        if not words:
            continue
        name = words[0].lower()
        if name in directives:
            duplicates.add(name)
        elif not (in_meta and name in NOT_IN_META):
            directives[name] = tuple(words[1:])
    return Policy(
        directives=directives,
        duplicates=frozenset(duplicates),
        length=len(text.strip()),
        in_meta=in_meta,
        is_readable=bool(_READABLE.fullmatch(text)),
    )


def nonces(policies: Iterable[Policy]) -> frozenset[str]:
    """Return the nonces of policies, as written."""
    every = (source for policy in policies for source in policy.raw_sources())
    return frozenset(source for source in every if source.lower().startswith("'nonce-"))


def is_shared_host(source: str) -> bool:
    """Tell whether a source admits a host that anybody can have."""
    host = source.lower().partition("://")[2] or source.lower()
    host = re.split(r"[:/]", host, maxsplit=1)[0]
    name = host.removeprefix("*.")
    if any(name == suffix or name.endswith(f".{suffix}") for suffix in TUNNEL_SUFFIXES):
        return True
    return host.startswith("*.") and name in SHARED_SUFFIXES


def is_broad(source: str) -> bool:
    """Tell whether a source admits every host of a scheme, or of a top-level domain."""
    return source.lower() in BROAD or bool(_EVERY_HOST.fullmatch(source.lower()))


def is_source(source: str) -> bool:
    """Tell whether browsers understand a source expression."""
    if source.startswith("'"):
        known = _KEYWORD.fullmatch(source) or NONCE_OR_HASH.fullmatch(source)
        return bool(known) or source == "'nonce-'"  # no nonce, and judged as none
    return bool(_SCHEME.fullmatch(source) or _HOST.fullmatch(source))
