"""A saved response, as `curl -si` writes it: status line, headers, an empty line, body. Pure."""

from __future__ import annotations

import re

from kulti_ops.errors import UsageError
from kulti_ops.message import Response

_STATUS = re.compile(rb"HTTP/\d(?:\.\d)? (\d{3})")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*)")


def parse_saved(content: bytes, *, url: str) -> Response:
    """Return the last response in `content`; earlier ones are redirects and interim answers.

    Raises: UsageError when there is none.
    """
    status, headers = 200, None
    rest = content.lstrip(b"\r\n")
    while headers is None or (_STATUS.match(rest) and headers is not None):
        match = _STATUS.match(rest)
        head, body = _split(rest)
        if match:
            status = int(match[1])
        found = _headers(head)
        if headers is None and match is None and not _is_headers_only(head):
            raise UsageError(
                "the file holds no HTTP response", hint="save one: curl -si URL > FILE"
            )
        headers, rest = found, body
    return Response(url=url, status=status, headers=headers, body=rest)


def _is_headers_only(head: bytes) -> bool:
    """Tell whether a head without a status line is one: nothing but headers."""
    lines = [line for line in head.decode("utf-8", "replace").splitlines() if line.strip()]
    return bool(lines) and all(_HEADER.fullmatch(line) for line in lines)


def _split(content: bytes) -> tuple[bytes, bytes]:
    match = re.search(rb"\r?\n\r?\n", content)
    return (content[: match.start()], content[match.end() :]) if match else (content, b"")


def _headers(head: bytes) -> tuple[tuple[str, str], ...]:
    lines = re.split(r"\r\n|\n|\r", head.decode("utf-8", "replace"))
    matches = (_HEADER.fullmatch(line) for line in lines)
    return tuple((match[1], match[2].strip()) for match in matches if match)
