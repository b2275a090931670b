"""A deploy as it answered: what of each route is kept, and the file that keeps it. Pure.

Kept are statuses, headers without what changes by itself, the body's shape, size and times;
no body, no cookie's value, no query, no nonce.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from kulti_ops.clock import iso
from kulti_ops.errors import OperationFailedError
from kulti_ops.message import host_of
from kulti_ops.smoke.shape import Shape, shape_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from kulti_ops.message import Response
    from kulti_ops.smoke.probe import Exchange

SCHEMA_VERSION = 1
KIND = "kulti-ops smoke baseline"
LARGEST_FILE_BYTES = 5_000_000
_LONGEST_VALUE = 2_000
# Headers that differ between two answers of the same deploy, or say what others say better.
VOLATILE = frozenset(
    {"date", "age", "etag", "last-modified", "expires", "content-length", "transfer-encoding"}
    | {"connection", "keep-alive", "retry-after", "via", "server-timing", "nel", "report-to"}
    | {"traceparent", "tracestate", "x-cache", "x-cache-hits", "x-served-by", "x-timer", "alt-svc"}
)
_VOLATILE_NAME = re.compile(
    r"(?:x-)?(?:request|correlation|trace|amzn-trace|amz-request)-?id|cf-.*|x-vercel-.*|x-nextjs-.*"
    r"|x-amz-.*|x-ratelimit-.*|ratelimit.*|.*nonce.*|.*-time|.*token.*|.*secret.*"
)
# Of these the value is kept; of any other header only that it was there.
WITH_VALUE = frozenset(
    {"strict-transport-security", "content-security-policy", "x-frame-options"}
    | {"content-security-policy-report-only", "x-content-type-options", "referrer-policy"}
    | {"cross-origin-resource-policy", "cross-origin-embedder-policy", "permissions-policy"}
    | {"cross-origin-opener-policy", "x-xss-protection", "access-control-allow-origin"}
    | {"access-control-allow-credentials", "content-type", "content-encoding", "cache-control"}
    | {"server", "x-powered-by"}
)
LOCATION, COOKIE = "location", "set-cookie"
_NONCE = re.compile(r"'nonce-[^']*'", re.IGNORECASE)
_QUERY = re.compile(r"(?<=\S)[?#][^\s;,'\"]*")
_COOKIE_FLAGS = frozenset({"secure", "httponly", "samesite", "path", "partitioned"})
# A host that no grading takes for anything: the site's own, which a preview's differs in.
OWN_HOST = "site.invalid"


@dataclass(frozen=True, kw_only=True)
class Observation:
    """One route as it answered. `size_bytes` is unpacked; None when not all of it was read."""

    probe: str
    status: int
    headers: tuple[tuple[str, str], ...]
    shape: Shape
    size_bytes: int | None
    median_s: float
    samples: int


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """A deploy's routes by name, and when and where they were looked at."""

    base_url: str
    saved_at: str
    routes: Mapping[str, Observation]


def observe(exchanges: Iterable[Exchange], *, hide: Callable[[str], str]) -> dict[str, Observation]:
    """Return each route as it answered first, with the times of all its answers.

    `hide` takes known secrets out of a text.
    """
    by_route: dict[str, list[Exchange]] = {}
    for exchange in exchanges:
        by_route.setdefault(exchange.route, []).append(exchange)
    return {hide(route): _observation(found, hide) for route, found in sorted(by_route.items())}


def _observation(exchanges: list[Exchange], hide: Callable[[str], str]) -> Observation:
    first = exchanges[0]
    response = first.response
    shape = shape_of(response)
    return Observation(
        probe=first.probe,
        status=response.status,
        headers=tuple((name, hide(value)) for name, value in kept_headers(response)),
        shape=replace(
            shape,
            title=hide(shape.title),
            fields={hide(path): kind for path, kind in shape.fields.items()},
        ),
        size_bytes=None if response.truncated else len(response.body),
        median_s=round(median(e.response.timings.total_s for e in exchanges), 4),
        samples=len(exchanges),
    )


def kept_headers(response: Response) -> tuple[tuple[str, str], ...]:
    """Return the headers that a baseline keeps, by name in lower case, sorted."""
    found = set()
    for raw_name, value in response.headers:
        name = raw_name.lower()
        if name == COOKIE:
            found.add((name, _cookie(value)))
        elif name == LOCATION:
            found.add((name, _location(value, response.url)))
        elif name in WITH_VALUE:
            found.add((name, _plain(value, response.url)))
        elif name not in VOLATILE and not _VOLATILE_NAME.fullmatch(name):
            found.add((name, ""))
    return tuple(sorted(found))


def _plain(value: str, url: str) -> str:
    """Return a value without nonces, queries and the site's own host."""
    short = _QUERY.sub("", _NONCE.sub("'nonce-normalised'", value[:_LONGEST_VALUE]))
    own = re.escape(host_of(url))
    return re.sub(rf"(?<![\w.-]){own}(?::\d+)?(?![\w.-])", OWN_HOST, short) if own else short


def _location(value: str, url: str) -> str:
    try:
        target = urlsplit(urljoin(url, value))
    except ValueError:
        return "(no URL)"
    path = target.path or "/"
    own = host_of(url) == (target.hostname or "").lower()
    return path if own else f"{target.scheme}://{target.hostname}{path}"


def _cookie(value: str) -> str:
    """Return a cookie's name and flags; its value and dates are not kept."""
    first, *attributes = value.split(";")
    flags = sorted(
        part.strip()
        for part in attributes
        if part.partition("=")[0].strip().lower() in _COOKIE_FLAGS
    )
    return "; ".join([f"{first.partition('=')[0].strip()}=x", *flags])


def baseline_of(
    exchanges: Iterable[Exchange], *, base_url: str, now: datetime, hide: Callable[[str], str]
) -> Baseline:
    """Return a run's baseline."""
    return Baseline(base_url=base_url, saved_at=iso(now), routes=observe(exchanges, hide=hide))


def to_text(baseline: Baseline) -> str:
    """Return the file's text."""
    document = {"kind": KIND, "schema_version": SCHEMA_VERSION, **asdict(baseline)}
    return json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def parse_baseline(text: str, label: str) -> Baseline:
    """Return the baseline of a file's text.

    Raises: OperationFailedError when it is another file, damaged, or of a newer form.
    """
    again = f"save it again: kulti-ops smoke run --save-baseline {label}"
    try:
        document = json.loads(text)
        is_ours = isinstance(document, dict) and document.get("kind") == KIND
        version = document["schema_version"] if is_ours else SCHEMA_VERSION
        if isinstance(version, int) and version > SCHEMA_VERSION:
            raise OperationFailedError(
                f"the baseline {label} is of form {version}; this kulti-ops knows {SCHEMA_VERSION}",
                hint=f"use a newer kulti-ops, or {again}",
            )
        if is_ours and version == SCHEMA_VERSION:
            return Baseline(
                base_url=str(document["base_url"]),
                saved_at=str(document["saved_at"]),
                routes={
                    str(name): _parse_route(value) for name, value in document["routes"].items()
                },
            )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise OperationFailedError(f"the baseline {label} is damaged", hint=again) from error
    raise OperationFailedError(f"{label} is no baseline of smoke run", hint=again)


def _parse_route(value: dict[str, Any]) -> Observation:
    shape, size = value["shape"], value["size_bytes"]
    return Observation(
        probe=str(value["probe"]),
        status=int(value["status"]),
        headers=tuple((str(name), str(content)) for name, content in value["headers"]),
        shape=Shape(
            kind=str(shape["kind"]),
            fields={str(path): str(kind) for path, kind in shape["fields"].items()},
            title=str(shape["title"]),
            scripts=int(shape["scripts"]),
            stylesheets=int(shape["stylesheets"]),
        ),
        size_bytes=None if size is None else int(size),
        median_s=float(value["median_s"]),
        samples=int(value["samples"]),
    )
