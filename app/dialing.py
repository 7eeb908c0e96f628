"""Sockets to checked addresses only, as aiohttp's own hooks.

A name is looked up once, every address of the answer is checked, and the socket is made for one of
those very addresses: between the check and the connection nothing is looked up again, so that a
name server cannot answer differently the second time (DNS rebinding). The certificate is checked
against the name, as ever.
"""

import socket
from collections.abc import Callable

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import AddrInfoType

Accepts = Callable[[str], bool]  # of an IP address as text


class NotAllowed(OSError):  # noqa: N818 - reads as what it is
    """Nothing was sent: the address is none that we may talk to."""


class CheckedResolver(AbstractResolver):
    """Refuses a name of which any address is not accepted: a mixed answer is an attack."""

    def __init__(self, inner: AbstractResolver, accepts: Accepts) -> None:
        self._inner = inner
        self._accepts = accepts

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        if not all(self._accepts(each["host"]) for each in found):
            raise NotAllowed("the name has an address that is not accepted")
        return found

    async def close(self) -> None:
        await self._inner.close()


def checked_sockets(accepts: Accepts) -> Callable[[AddrInfoType], socket.socket]:
    """The last look, at the very address: also for one that never was a name."""

    def make(info: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, address = info
        if not accepts(str(address[0])):
            raise NotAllowed("the address is not accepted")
        return socket.socket(family=family, type=kind, proto=protocol)

    return make
