"""Kept connections, and one exchange over them: bounded in time and size, to allowed addresses."""

import asyncio
import ssl
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache, partial

import httpx

from app.outbound.allowed_hosts import Destination
from app.outbound.connector import Dialer, NotAllowed, Peer, Resolve, look_up
from app.outbound.failures import MAX_BODY, AddressNotAllowed, BodyTooLarge
from app.outbound.http1 import HttpConnection, RawResponse, TooLarge, Unanswered
from app.outbound.request import RequestTarget, WrittenRequest
from app.outbound.unpacking import unpacked

KEEP_ALIVE = 60.0  # seconds
SURELY_OPEN = 1.0  # seconds: what may not be sent twice goes over no connection idle for longer
REPEATABLE = frozenset({"GET", "HEAD"})


class HttpPool:
    """Sends requests, and keeps connections for the next; use `open_pool`."""

    def __init__(self, loopback: bool, resolve: Resolve) -> None:
        self._loopback = loopback
        self._dialer = Dialer(resolve, _authorities)
        self._idle = _Idle()

    async def exchange(
        self,
        message: WrittenRequest,
        seconds: float,
        destination: Destination,
        *,
        new_connection: bool = False,
    ) -> RawResponse:
        """Send it once, and wait at most so long for the whole answer.

        `new_connection`: over none that is kept. Redirects are answers like any other. Raises
        httpx's exceptions, see `failures`.
        """
        if not self._may_go(message.target, destination):
            raise AddressNotAllowed("the address is not allowed")
        peer = Peer(*message.target.origin, destination.ca_file, message.target.is_loopback)
        try:
            until = time.monotonic() + seconds
            if new_connection:
                return unpacked(
                    await self._over(await self._dial(peer, until), peer, message, until)
                )
            return unpacked(await self._answer(peer, message, until))
        except TimeoutError as error:
            raise httpx.ReadTimeout("no whole answer in time") from error
        except TooLarge:
            raise BodyTooLarge("the body is too large") from None
        except OSError as error:  # TLS that breaks off among them
            raise httpx.ReadError("the connection broke before an answer began") from error
        except ValueError:
            raise httpx.RemoteProtocolError("no HTTP, or it stopped in the middle") from None

    def close(self) -> None:
        self._idle.close()

    def _may_go(self, target: RequestTarget, destination: Destination) -> bool:
        if target.has_userinfo:
            return False
        if target.is_loopback and not (self._loopback and destination.may_be_loopback):
            return False
        return destination.allows(target.origin)

    async def _answer(self, peer: Peer, message: WrittenRequest, until: float) -> RawResponse:
        repeatable = message.method in REPEATABLE
        kept = self._idle.take(peer, KEEP_ALIVE if repeatable else SURELY_OPEN)
        if kept is not None:
            try:
                answer = await self._over(kept, peer, message, until)
                answer.is_over_kept_connection = True
                return answer
            except Unanswered:  # the other side had closed it meanwhile
                if not repeatable:
                    raise
        return await self._over(await self._dial(peer, until), peer, message, until)

    async def _over(
        self, connection: HttpConnection, peer: Peer, message: WrittenRequest, until: float
    ) -> RawResponse:
        seconds = until - time.monotonic()
        answer = await connection.exchange(message.method, message.text, seconds)
        if connection.reusable:
            self._idle.keep(peer, connection)
        return answer

    async def _dial(self, peer: Peer, until: float) -> HttpConnection:
        try:
            async with asyncio.timeout(until - time.monotonic()):
                return await self._dialer.dial(peer, partial(HttpConnection, MAX_BODY))
        except NotAllowed:
            raise AddressNotAllowed("the name has an address that is not allowed") from None
        except TimeoutError as error:
            raise httpx.ConnectTimeout("no connection in time") from error
        except (OSError, ValueError) as error:  # a name that cannot be one is a ValueError
            raise httpx.ConnectError("no connection") from error


@asynccontextmanager
async def open_pool(loopback: bool = False, resolve: Resolve = look_up) -> AsyncIterator[HttpPool]:
    """`loopback`: names and addresses of this machine may be asked, if the destination says so."""
    pool = HttpPool(loopback, resolve)
    try:
        yield pool
    finally:
        pool.close()


class _Idle:
    """Connections that wait for their next request. There is no limit: callers bound what is in
    flight, and a pool that made them wait would look like a slow provider.
    """

    def __init__(self) -> None:
        self._of: defaultdict[Peer, list[HttpConnection]] = defaultdict(list)  # the newest last
        self._sweep: asyncio.TimerHandle | None = None

    def take(self, peer: Peer, longest: float) -> HttpConnection | None:
        """One that has been idle for at most so many seconds."""
        kept, oldest = self._of[peer], time.monotonic() - longest
        while kept and kept[-1].idle_since >= oldest:
            connection = kept.pop()
            if connection.reusable:
                return connection
        return None

    def keep(self, peer: Peer, connection: HttpConnection) -> None:
        connection.idle_since = time.monotonic()
        self._of[peer].append(connection)
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(KEEP_ALIVE / 2, self._close_old)

    def close(self) -> None:
        if self._sweep is not None:
            self._sweep.cancel()
        for kept in self._of.values():
            for connection in kept:
                connection.abort()

    def _close_old(self) -> None:
        oldest = time.monotonic() - KEEP_ALIVE
        for peer, kept in list(self._of.items()):
            young = [each for each in kept if each.reusable and each.idle_since >= oldest]
            for each in kept:
                if each.idle_since < oldest:
                    each.abort()
            self._of[peer] = young
            if not young:
                del self._of[peer]
        self._sweep = None
        if self._of:
            self._sweep = asyncio.get_running_loop().call_later(KEEP_ALIVE / 2, self._close_old)


@cache  # reading the system's authorities takes 20 ms
def _authorities(ca_file: str) -> ssl.SSLContext:
    authorities = ssl.create_default_context()
    authorities.minimum_version = ssl.TLSVersion.TLSv1_2  # Debian's Python leaves it to the system
    if ca_file:
        authorities.load_verify_locations(ca_file)
    return authorities
