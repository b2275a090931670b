"""Bodies: read and unpacked up to a bound."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from kulti_ops.http.failure import ExchangeError, Failure

if TYPE_CHECKING:
    import aiohttp

_CHUNK = 65_536
# zlib's window for each content coding; what is called deflate comes with or without zlib's frame.
_WINDOWS = {
    "gzip": (zlib.MAX_WBITS | 16,),
    "x-gzip": (zlib.MAX_WBITS | 16,),
    "deflate": (zlib.MAX_WBITS, -zlib.MAX_WBITS),
}


async def read_body(stream: aiohttp.StreamReader, limit: int) -> tuple[bytes, bool]:
    """Return at most `limit` bytes, and whether there are more."""
    parts: list[bytes] = []
    size = 0
    async for part in stream.iter_chunked(_CHUNK):
        parts.append(part)
        size += len(part)
        if size > limit:
            return b"".join(parts)[:limit], True
    return b"".join(parts), False


def unpack(packed: bytes, encoding: str, limit: int, *, is_cut: bool) -> tuple[bytes, bool]:
    """Return the body unpacked up to `limit` bytes, and whether there would be more.

    Raises: ExchangeError when it is not what its encoding says.
    """
    if encoding in {"", "identity"} or not packed:
        return packed, False
    windows = _WINDOWS.get(encoding)
    if windows is None:
        raise ExchangeError(Failure.PROTOCOL, f"the body is packed as {encoding[:20]!r}, unasked")
    for window in windows:
        inflater = zlib.decompressobj(window)
        try:
            body = inflater.decompress(packed, limit + 1)
        except zlib.error:
            continue
        if len(body) > limit or inflater.eof or is_cut:
            return body[:limit], len(body) > limit
    raise ExchangeError(Failure.PROTOCOL, f"the body is no whole {encoding}")
