"""HTTP to providers: bounded in time and size, no redirects, to allowed hosts only, expected
failures as values.

A request is httpx's value, or written down for a target that is the same for many; what sends it is
our own exchange (docs/decisions/0004).
"""

import asyncio
import socket
import ssl
import time
import zlib
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache, partial

import httpx

from app.outbound import http1
from app.outbound.allowed_hosts import LOOPBACK, Destination, Origin, origin_of
from app.outbound.connector import Dialer, NotAllowed, Peer, Resolve, look_up
from app.outbound.http1 import Closed, Garbled, HttpConnection, TooLarge, Unanswered

MAX_BODY = 256 * 1024  # bytes, after decompression
KEEP_ALIVE = 60.0  # seconds
SURELY_OPEN = 1.0  # seconds: what may not be sent twice goes over no connection idle for longer
REPEATABLE = frozenset({"GET", "HEAD"})
UNPACKED = {"gzip": 31, "x-gzip": 31, "deflate": 15}  # zlib's wbits
GARBLED = "ответ оборвался или испорчен"
NOT_ALLOWED = "запрос не отправлен: этот адрес сервису не разрешён"
EXPECTED = (ValueError, OSError)  # Garbled is one of the first, TimeoutError of the second
USER_AGENT = "svyazka/0.1 (+connection dashboard)"
USUAL = {  # what a request says unless it says otherwise
    b"accept": (b"Accept", b"*/*"),
    b"accept-encoding": (b"Accept-Encoding", b"gzip, deflate"),
    b"user-agent": (b"User-Agent", USER_AGENT.encode()),
}


@dataclass(frozen=True)
class Reply:
    """What came back. `status` None means that nothing whole did, and `failure` says why."""

    seconds: float
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    failure: str = ""  # "", "timeout", "unreachable", "tls", "too_large", "not_http", "not_allowed"
    reached: bool = True  # False: the connection was never made, so nobody got the request
    detail: str = ""  # for the evidence line, in Russian; never anything the provider sent


@dataclass(frozen=True)
class RequestTarget:
    """Where a request goes, read once: that takes longer than all the rest of writing it."""

    address: str
    origin: Origin
    host: bytes  # as its header has it
    path: bytes  # with the query
    has_userinfo: bool

    @classmethod
    def of(cls, url: httpx.URL) -> "RequestTarget":
        return cls(str(url), origin_of(url), url.netloc, url.raw_path, bool(url.userinfo))

    @property
    def is_loopback(self) -> bool:
        return self.origin[1] in LOOPBACK


@dataclass(frozen=True)
class WrittenRequest:
    """A request as it goes over the wire; use `written`."""

    method: str
    target: RequestTarget
    text: bytes = field(repr=False)  # with a token in it


def written(method: str, target: RequestTarget, headers: Mapping[str, str]) -> WrittenRequest:
    """A request without a body. Raises ValueError for a header that would be two."""
    given = [(name.encode("ascii"), value.encode()) for name, value in headers.items()]
    return WrittenRequest(method, target, _head(method, target, given))


def written_request(request: httpx.Request) -> WrittenRequest:
    """Raises ValueError for a header that would be two."""
    target = RequestTarget.of(request.url)
    text = _head(request.method, target, request.headers.raw) + request.content
    return WrittenRequest(request.method, target, text)


class Outbound:
    """Sends requests, and keeps connections for the next; use `open_outbound`."""

    def __init__(self, loopback: bool, resolve: Resolve) -> None:
        self._loopback = loopback
        self._dialer = Dialer(resolve, _authorities)
        self._idle = _Idle()

    async def send(
        self,
        request: httpx.Request | WrittenRequest,
        timeout: float,
        destination: Destination | None = None,
    ) -> Reply:
        """Send it once, and wait at most `timeout` seconds for the whole answer.

        It goes to these hosts alone; without a destination, to any public one by https.
        """
        started = time.monotonic()
        exchange = None
        try:
            message = request if isinstance(request, WrittenRequest) else written_request(request)
            if not self._may_go(message.target, destination):
                return _not_allowed()
            exchange = _Exchange(self._dialer, self._idle, message, destination)
            answer = await exchange.answer(started + timeout)
            body = _unpacked(answer)
        except EXPECTED as error:
            reached = exchange is not None and exchange.reached
            return _failed(error, time.monotonic() - started, timeout, reached)
        return Reply(time.monotonic() - started, answer.status, answer.headers, body)

    def close(self) -> None:
        self._idle.close()

    def _may_go(self, target: RequestTarget, destination: Destination | None) -> bool:
        if target.has_userinfo or (target.is_loopback and not self._loopback):
            return False
        if destination is not None:
            return destination.hosts.allow_origin(target.origin)
        return target.origin[0] == "https" or target.is_loopback


@asynccontextmanager
async def open_outbound(
    loopback: bool = False, resolve: Resolve = look_up
) -> AsyncIterator[Outbound]:
    """`loopback`: names and addresses of this machine may be asked (ALLOW_INSECURE_PROVIDERS)."""
    outbound = Outbound(loopback, resolve)
    try:
        yield outbound
    finally:
        outbound.close()


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


class _Exchange:
    """One request, over a kept connection or a new one."""

    def __init__(
        self, dialer: Dialer, idle: _Idle, message: WrittenRequest, destination: Destination | None
    ) -> None:
        self.reached = False  # there was somebody to get the request
        self._dialer, self._idle, self._message = dialer, idle, message
        authorities = destination.ca_file if destination else ""
        self._peer = Peer(*message.target.origin, authorities, message.target.is_loopback)

    async def answer(self, until: float) -> http1.RawResponse:
        repeatable = self._message.method in REPEATABLE
        kept = self._idle.take(self._peer, KEEP_ALIVE if repeatable else SURELY_OPEN)
        if kept is not None:
            try:
                return await self._over(kept, until)
            except Unanswered:  # the other side had closed it meanwhile
                if not repeatable:
                    raise
        return await self._over(await self._dial(until), until)

    async def _dial(self, until: float) -> HttpConnection:
        self.reached = False
        async with asyncio.timeout(until - time.monotonic()):
            return await self._dialer.dial(self._peer, partial(HttpConnection, MAX_BODY))

    async def _over(self, connection: HttpConnection, until: float) -> http1.RawResponse:
        self.reached = True
        seconds = until - time.monotonic()
        answer = await connection.exchange(self._message.method, self._message.text, seconds)
        if connection.reusable:
            self._idle.keep(self._peer, connection)
        return answer


@cache  # reading the system's authorities takes 20 ms
def _authorities(ca_file: str) -> ssl.SSLContext:
    authorities = ssl.create_default_context()
    if ca_file:
        authorities.load_verify_locations(ca_file)
    return authorities


def _head(method: str, target: RequestTarget, given: list[tuple[bytes, bytes]]) -> bytes:
    said = {name.lower() for name, _ in given}
    headers = [] if b"host" in said else [(b"Host", target.host)]
    headers += given
    headers += [usual for name, usual in USUAL.items() if name not in said]
    return http1.head(method, target.path, headers)


def _unpacked(answer: http1.RawResponse) -> bytes:
    """The body as it was before it was packed. Raises Garbled, TooLarge."""
    encoding = answer.headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity") or not answer.body:
        return answer.body
    if encoding not in UNPACKED:  # two of them too: each may grow a thousandfold unseen
        raise Garbled
    window = UNPACKED[encoding]
    if encoding == "deflate" and answer.body[0] & 0xF != zlib.DEFLATED:
        window = -15  # without zlib's own head, as some servers have always sent it
    unpacking = zlib.decompressobj(window)
    try:
        body = unpacking.decompress(answer.body, MAX_BODY + 1)
    except zlib.error:
        raise Garbled from None
    if len(body) > MAX_BODY:
        raise TooLarge
    if not unpacking.eof:
        raise Garbled
    return body


def _not_allowed() -> Reply:
    return Reply(0.0, failure="not_allowed", reached=False, detail=NOT_ALLOWED)


def _failed(error: Exception, seconds: float, timeout: float, reached: bool) -> Reply:
    failure, detail = _failure(error, timeout)
    return Reply(seconds, failure=failure, reached=reached, detail=detail)


def _failure(error: Exception, timeout: float) -> tuple[str, str]:
    match error:
        case NotAllowed():
            return "not_allowed", NOT_ALLOWED
        case ssl.SSLError():
            return "tls", "сертификат сервера не прошёл проверку"
        case TimeoutError():
            return "timeout", f"нет ответа за {timeout:.0f} с"
        case socket.gaierror():
            return "unreachable", "адрес сервера не найден"
        case TooLarge():
            return "too_large", f"ответ больше {MAX_BODY // 1024} КиБ"
        case Garbled() | UnicodeError():
            return "not_http", GARBLED
        case Closed() | ConnectionResetError() | BrokenPipeError():
            return "unreachable", "соединение оборвалось"
    return "unreachable", "соединение не установлено"
