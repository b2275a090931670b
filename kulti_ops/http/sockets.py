"""The sockets of a client's connections: what was opened is closed before the loop ends.

An exchange that is cancelled in the very turn in which its TLS handshake ends leaves a
connection to asyncio alone, which then waits for the server's farewell; aiohttp no longer
knows it. So the sockets are known here.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

# Turns of the loop in which a connection whose socket was shut down lets go of it: it is told
# of the end, breaks off its handshake or farewell, closes. Seen with 3.11 and 3.13: four.
_TURNS = 20

AddressInfo = tuple[int, int, int, str, tuple[object, ...]]


class Sockets:
    """Makes the sockets of one client and closes what is left of them."""

    def __init__(self) -> None:
        self._made: list[socket.socket] = []

    def make(self, address: AddressInfo) -> socket.socket:
        """Return a socket for an address as getaddrinfo describes it."""
        family, kind, protocol, _, _ = address
        made = socket.socket(family, kind, protocol)
        self._made = [*self._open(), made]
        return made

    async def close(self) -> None:
        """Let every connection end, and close its socket.

        A closed connection lets go of its socket in one of the loop's next turns. One that
        nobody closed ends when its socket is shut down.
        """
        await asyncio.sleep(0)
        for left in self._open():
            with suppress(OSError):
                left.shutdown(socket.SHUT_RDWR)
        for _ in range(_TURNS):
            if not self._open():
                return
            await asyncio.sleep(0)
        for left in self._open():
            left.close()

    def _open(self) -> list[socket.socket]:
        return [made for made in self._made if made.fileno() >= 0]
