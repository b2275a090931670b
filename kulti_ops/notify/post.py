"""Posting to a receiver that the user configured: bounded, no redirects, no retries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kulti_ops.errors import OperationFailedError
from kulti_ops.http import Policy, open_client
from kulti_ops.message import Request, host_of, origin_of

if TYPE_CHECKING:
    from kulti_ops.message import Headers

_TAKEN = range(200, 300)


async def post(url: str, body: bytes, *, timeout_s: float, headers: Headers = ()) -> None:
    """Post `body`; a private address is reached, since the user named it.

    Raises: OperationFailedError naming the receiver's origin, never the path or the key in it.
    """
    policy = Policy(private_hosts=frozenset({host_of(url)}), timeout_s=timeout_s)
    request = Request(url=url, method="POST", body=body, credentials=headers)
    async with open_client(policy) as client:
        answer = await client.fetch(request)
    if answer.status not in _TAKEN:
        raise OperationFailedError(f"{origin_of(url)} answered {answer.status}")
