"""HTTP to providers: bounded in time and size, no redirects, to allowed hosts only, expected
failures as values.

A request is httpx's value; what sends it is aiohttp, at a quarter of the cost of httpx around it
(docs/decisions/0004).
"""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver
from yarl import URL

from app.dialing import Accepts, CheckedResolver, NotAllowed, checked_sockets
from app.hosts import LOOPBACK, is_loopback, is_public, origin_of
from app.providers import Provider

MAX_BODY = 256 * 1024  # bytes, after decompression
KEEP_ALIVE = 60  # seconds
GARBLED = "ответ оборвался или испорчен"
NOT_ALLOWED = "запрос не отправлен: этот адрес сервису не разрешён"
EXPECTED = (  # ValueError: what libraries raise for a host or a reason phrase that cannot be
    aiohttp.ClientError,
    ValueError,
    OSError,  # TimeoutError is one of them
)
USER_AGENT = "svyazka/0.1 (+connection dashboard)"


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


class Outbound:
    """One client for each set of certificate authorities; use `open_outbound`."""

    def __init__(self, loopback: bool, resolver: Callable[[], AbstractResolver]) -> None:
        self._loopback = loopback
        self._resolver = resolver
        self._sessions: dict[tuple[str, bool], aiohttp.ClientSession] = {}

    async def send(
        self, request: httpx.Request, timeout: float, provider: Provider | None = None
    ) -> Reply:
        """Send it once, and wait at most `timeout` seconds for the whole answer.

        It goes to the provider's own hosts alone; without a provider, to any public one by https.
        """
        started = time.monotonic()
        if not self._may_go(request.url, provider):
            return _not_allowed(0.0)
        session = self._session(provider.ca_file if provider else "", _names_loopback(request.url))
        try:
            async with asyncio.timeout(timeout):
                return await _receive(session, request, started)
        except EXPECTED as error:
            return _failed(error, started, timeout)

    async def close(self) -> None:
        for session in self._sessions.values():
            await session.close()

    def _may_go(self, url: httpx.URL, provider: Provider | None) -> bool:
        if _names_loopback(url) and not self._loopback:
            return False
        if provider is not None:
            return provider.hosts.allow(url)
        return not url.userinfo and (url.scheme == "https" or _names_loopback(url))

    def _session(self, ca_file: str, loopback: bool) -> aiohttp.ClientSession:
        known = self._sessions.get((ca_file, loopback))
        if known is None:
            connector = self._connector(ca_file, is_loopback if loopback else is_public)
            known = self._sessions[ca_file, loopback] = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": USER_AGENT},
                timeout=aiohttp.ClientTimeout(total=None),  # `send` bounds the whole
                trust_env=False,
            )
        return known

    def _connector(self, ca_file: str, accepts: Accepts) -> aiohttp.TCPConnector:
        # The callers bound what is in flight; a pool that made them wait would look like a slow
        # provider.
        return aiohttp.TCPConnector(
            limit=0,
            keepalive_timeout=KEEP_ALIVE,
            ssl=_authorities(ca_file),
            resolver=CheckedResolver(self._resolver(), accepts),
            socket_factory=checked_sockets(accepts),
        )


@asynccontextmanager
async def open_outbound(
    loopback: bool = False, resolver: Callable[[], AbstractResolver] = aiohttp.ThreadedResolver
) -> AsyncIterator[Outbound]:
    """`loopback`: names and addresses of this machine may be asked (ALLOW_INSECURE_PROVIDERS)."""
    outbound = Outbound(loopback, resolver)
    try:
        yield outbound
    finally:
        await outbound.close()


@cache  # reading the system's authorities takes 20 ms
def _authorities(ca_file: str) -> ssl.SSLContext:
    authorities = ssl.create_default_context()
    if ca_file:
        authorities.load_verify_locations(ca_file)
    return authorities


async def _receive(session: aiohttp.ClientSession, request: httpx.Request, started: float) -> Reply:
    async with session.request(
        request.method,
        _same(request.url),
        headers=[(name.decode(), value.decode()) for name, value in request.headers.raw],
        data=request.content or None,
        allow_redirects=False,
    ) as response:
        # One that came twice is joined. Named, the encoding is not guessed anew for every look.
        headers = httpx.Headers(response.raw_headers, encoding="iso-8859-1")
        if "," in headers.get("content-encoding", ""):
            # Each layer may grow a thousandfold before anybody sees it.
            return Reply(time.monotonic() - started, failure="not_http", detail=GARBLED)
        body = await _bounded(response.content)
        seconds = time.monotonic() - started
        if body is None:
            detail = f"ответ больше {MAX_BODY // 1024} КиБ"
            return Reply(seconds, failure="too_large", detail=detail)
        return Reply(seconds, response.status, headers, body)


def _same(url: httpx.URL) -> URL:
    """Part by part: read anew, it might name another host, and a query would be rewritten."""
    path, _, query = url.raw_path.decode("ascii").partition("?")
    return URL.build(
        scheme=url.scheme,
        authority=url.netloc.decode("ascii"),
        path=path,
        query_string=query,
        encoded=True,
    )


async def _bounded(content: aiohttp.StreamReader) -> bytes | None:
    """The whole body, decompressed a piece at a time; None: it is more than MAX_BODY."""
    body = bytearray()
    while piece := await content.readany():
        body += piece
        if len(body) > MAX_BODY:
            return None
    return bytes(body)


def _names_loopback(url: httpx.URL) -> bool:
    return origin_of(url)[1] in LOOPBACK


def _not_allowed(seconds: float) -> Reply:
    return Reply(seconds, failure="not_allowed", reached=False, detail=NOT_ALLOWED)


def _failed(error: Exception, started: float, timeout: float) -> Reply:
    failure, detail = _failure(error, timeout)
    return Reply(
        time.monotonic() - started,
        failure=failure,
        reached=not isinstance(error, aiohttp.ClientConnectorError),
        detail=detail,
    )


def _failure(error: Exception, timeout: float) -> tuple[str, str]:
    match error:
        case aiohttp.ClientConnectorError(os_error=NotAllowed()):
            return "not_allowed", NOT_ALLOWED
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError():
            return "tls", "сертификат сервера не прошёл проверку"
        case aiohttp.ClientConnectorDNSError():
            return "unreachable", "адрес сервера не найден"
        case aiohttp.ClientConnectorError():
            return "unreachable", "соединение не установлено"
        case TimeoutError():  # aiohttp's own are some of them
            return "timeout", f"нет ответа за {timeout:.0f} с"
        case aiohttp.ClientResponseError() | aiohttp.ClientPayloadError() | UnicodeError():
            return "not_http", GARBLED
        case aiohttp.ClientConnectionError():
            return "unreachable", "соединение оборвалось"
    return "unreachable", "соединение не установлено"
