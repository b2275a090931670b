"""Names and addresses: a name that leads to a private one is refused without leave."""

from __future__ import annotations

import socket
from functools import partial

from aiohttp.abc import AbstractResolver, ResolveResult

from kulti_ops.http.failure import PrivateAddressError
from kulti_ops.http.threads import in_thread
from kulti_ops.message import host_of, is_loopback_host, is_private_address


def own_loopback(*urls: str) -> frozenset[str]:
    """Return the hosts of these URLs that are loopback by name: the user asked for them."""
    hosts = {host_of(url) for url in urls}
    return frozenset(host for host in hosts if is_loopback_host(host))


class GuardedResolver(AbstractResolver):
    """Resolves names and refuses those that lead to a private address without leave."""

    def __init__(self, private_hosts: frozenset[str]) -> None:
        self._private_hosts = private_hosts

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return a host's addresses; without leave, none may be private."""
        found = await in_thread(
            partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM, family=family)
        )
        addresses = [(info[0], str(info[4][0])) for info in found]
        if host.lower() not in self._private_hosts and any(
            is_private_address(a) for _, a in addresses
        ):
            raise PrivateAddressError(host)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=address_family,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address_family, address in addresses
        ]

    async def close(self) -> None:
        """Hold nothing."""
