"""Why a header matters and which line to send: what a finding says next. Pure texts.

The values are OWASP's recommended ones, where a video platform can bear them.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class Advice:
    """Why a check exists, and the line (or change) that satisfies it."""

    why: str
    set: str


ADVICE: Mapping[str, Advice] = MappingProxyType(
    {
        "content-security-policy": Advice(
            why="without it one injected script acts as the person who is signed in",
            set="Content-Security-Policy: default-src 'self'; script-src 'nonce-{random}' "
            "'strict-dynamic'; object-src 'none'; base-uri 'none'; frame-ancestors 'self'",
        ),
        "cookies": Advice(
            why="a cookie without its flags can be read by scripts or sent from other sites",
            set="Set-Cookie: NAME=…; Path=/; Secure; HttpOnly; SameSite=Lax",
        ),
        "cross-origin-resource-sharing": Advice(
            why="any site could read answers meant for the person who is signed in",
            set="no Access-Control-Allow-Origin that repeats the Origin it was asked with",
        ),
        "redirection": Advice(
            why="the first request over http can be read and changed on the way",
            set="HTTP/1.1 308 with Location: https://(the same host) for every http request",
        ),
        "referrer-policy": Advice(
            why="addresses of your pages, with what is in them, reach other sites",
            set="Referrer-Policy: strict-origin-when-cross-origin",
        ),
        "strict-transport-security": Advice(
            why="without it a browser can be led to the site over http",
            set="Strict-Transport-Security: max-age=63072000; includeSubDomains",
        ),
        "subresource-integrity": Advice(
            why="whoever controls the other host controls the page",
            set='<script src="https://…" integrity="sha384-…" crossorigin="anonymous">',
        ),
        "x-content-type-options": Advice(
            why="a browser may take an uploaded file for a script",
            set="X-Content-Type-Options: nosniff",
        ),
        "x-frame-options": Advice(
            why="another site can put the page into a frame and lead clicks astray",
            set="Content-Security-Policy: frame-ancestors 'self' (where it stands, browsers "
            "ignore X-Frame-Options); without it X-Frame-Options: DENY",
        ),
        "cross-origin-resource-policy": Advice(
            why="other sites can embed the answer and measure it",
            set="Cross-Origin-Resource-Policy: same-origin",
        ),
        "cross-origin-embedder-policy": Advice(
            why="the page shares a process with what it embeds",
            set="Cross-Origin-Embedder-Policy: credentialless",
        ),
        "cross-origin-opener-policy": Advice(
            why="a page that opens this one keeps a handle on it",
            set="Cross-Origin-Opener-Policy: same-origin",
        ),
        "permissions-policy": Advice(
            why="sessions need camera, microphone and screen; strangers' frames do not",
            set="Permissions-Policy: camera=(self), microphone=(self), display-capture=(self), "
            "geolocation=()",
        ),
        "x-xss-protection": Advice(
            why="the filter was given up because it could be abused",
            set="X-XSS-Protection: 0, or none",
        ),
        "banners": Advice(
            why="it tells which known holes to try",
            set="no X-Powered-By (Next.js: poweredByHeader: false); Server without a version",
        ),
        "cache-control": Advice(
            why="a shared cache could hand one person's data to another",
            set="Cache-Control: private, no-store",
        ),
    }
)
