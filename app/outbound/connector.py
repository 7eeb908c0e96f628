"""Connections to checked addresses only.

A name is looked up once, every address of the answer is checked, and the socket is made for one of
those very addresses: between the check and the connection nothing is looked up again, so that a
name server cannot answer differently the second time (DNS rebinding). The certificate is checked
against the name, as ever.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple, TypeVar

from aiohappyeyeballs import start_connection

from app.outbound.allowed_hosts import is_loopback, is_public

NAMES_KEPT = 10.0  # seconds: many probes of one provider may begin at once
MANY_NAMES = 1024  # tenants' hosts come and go
SECOND_ADDRESS = 0.25  # seconds until the next one is tried beside it, RFC 8305 section 5

Address = tuple[Any, ...]  # as of getaddrinfo: family, kind, protocol, canonical name, address
Resolve = Callable[[str, int], Coroutine[None, None, list[Address]]]
P = TypeVar("P", bound=asyncio.Protocol)


class NotAllowed(OSError):  # noqa: N818 - reads as what it is
    """Nothing was sent: the address is none that we may talk to."""


class Peer(NamedTuple):
    """Whom a connection leads to; those to the same one are as good as each other."""

    scheme: str
    host: str  # without brackets
    port: int
    ca_file: str
    is_loopback: bool  # this machine was named, and is allowed


class Dialer:
    """Makes connections. `resolve` raises OSError for a name that is not found."""

    def __init__(self, resolve: Resolve, authorities: Callable[[str], ssl.SSLContext]) -> None:
        self._names = _Names(resolve)
        self._authorities = authorities

    async def dial(self, peer: Peer, protocol: Callable[[], P]) -> P:
        """Raises NotAllowed, ssl.SSLError, or OSError where nobody answers."""
        accepts = is_loopback if peer.is_loopback else is_public
        addresses = await self._names.addresses(peer.host, peer.port)
        # A mixed answer is an attack, so one address of it that is not accepted refuses them all.
        if not all(accepts(str(each[4][0])) for each in addresses):
            raise NotAllowed("the name has an address that is not accepted")
        made = await start_connection(
            addresses,
            happy_eyeballs_delay=SECOND_ADDRESS,
            socket_factory=lambda address: checked_socket(address, accepts),
        )
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _, connected = await asyncio.get_running_loop().create_connection(
            protocol, sock=made, **self._tls(peer)
        )
        return connected

    def _tls(self, peer: Peer) -> dict[str, Any]:
        if peer.scheme != "https":
            return {}
        return {"ssl": self._authorities(peer.ca_file), "server_hostname": peer.host}


def checked_socket(address: Address, accepts: Callable[[str], bool]) -> socket.socket:
    """The last look, at the very address: also for one that never was a name."""
    family, kind, protocol, _, place = address
    if not accepts(str(place[0])):
        raise NotAllowed("the address is not accepted")
    made = socket.socket(family=family, type=kind, proto=protocol)
    made.setblocking(False)
    return made


async def look_up(host: str, port: int) -> list[Address]:
    """The system's own answer."""
    loop = asyncio.get_running_loop()
    return list(await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))


class _Names:
    """Asks for each name once, however many want it, and remembers the answer for a moment."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._asked: dict[tuple[str, int], tuple[float, asyncio.Task[list[Address]]]] = {}

    async def addresses(self, host: str, port: int) -> list[Address]:
        now = time.monotonic()
        until, task = self._asked.get((host, port), (0.0, None))
        if task is None or now >= until or _failed(task):
            self._forget_old_ones(now)
            task = asyncio.create_task(self._resolve(host, port))
            task.add_done_callback(_failed)  # nobody may be waiting any more
            self._asked[host, port] = now + NAMES_KEPT, task
        return await asyncio.shield(task)

    def _forget_old_ones(self, now: float) -> None:
        if len(self._asked) >= MANY_NAMES:
            self._asked = {name: kept for name, kept in self._asked.items() if kept[0] > now}


def _failed(task: asyncio.Task[list[Address]]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
