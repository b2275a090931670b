from __future__ import annotations

import pytest

from kulti_ops.errors import UsageError
from kulti_ops.smoke.saved import parse_saved

URL = "https://kulti.example/"


def test_saved_response_of_curl_is_read() -> None:
    found = parse_saved(
        b"HTTP/2 404 \r\nx-a: 1\r\nX-A:2\r\ncontent-type: text/html\r\n\r\n<p>\r\n\r\nx", url=URL
    )
    assert found.status == 404
    assert found.values("X-a") == ("1", "2")
    assert found.body == b"<p>\r\n\r\nx"
    assert found.is_html


def test_saved_last_of_several_responses_counts() -> None:
    found = parse_saved(
        b"HTTP/1.1 301 Moved\r\nLocation: /x\r\n\r\nHTTP/1.1 200 OK\r\nX-A: 1\r\n\r\nbody", url=URL
    )
    assert (found.status, found.value("x-a"), found.value("location")) == (200, "1", None)


def test_saved_headers_without_a_status_line_are_read() -> None:
    assert parse_saved(b"X-Frame-Options: DENY\n", url=URL).value("x-frame-options") == "DENY"


@pytest.mark.parametrize("content", [b"", b"\n\n", b"hello world", b"<html></html>", b"\x00\xff"])
def test_saved_file_without_a_response_is_refused(content: bytes) -> None:
    with pytest.raises(UsageError, match="no HTTP response"):
        parse_saved(content, url=URL)


@pytest.mark.parametrize(
    "content",
    [b"\x8f\x00\xff\nX: y\n\xfe\n", b"garbage\nServer: x\n\nbody", b"<html>\nX: y\n\n", b"\n\n"],
)
def test_saved_bytes_with_a_header_by_chance_are_no_response(content: bytes) -> None:
    with pytest.raises(UsageError, match="no HTTP response"):
        parse_saved(content, url=URL)
