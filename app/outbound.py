"""HTTP to providers: bounded in time and size, no redirects, to allowed hosts only, expected
failures as values.

The transport is aiohttp behind httpx's API: httpx's own pool is linear in its connections for every
request and collapses at some fifty at once (docs/decisions/0004).
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
from httpx_aiohttp import AiohttpTransport

from app.dialing import Accepts, CheckedResolver, NotAllowed, checked_sockets
from app.hosts import LOOPBACK, is_loopback, is_public, origin_of
from app.providers import Provider

MAX_BODY = 256 * 1024  # bytes, after decompression
KEEP_ALIVE = 60  # seconds
GARBLED = "ответ оборвался или испорчен"
NOT_ALLOWED = "запрос не отправлен: этот адрес сервису не разрешён"
EXPECTED = (  # ValueError: what libraries raise for a host or a reason phrase that cannot be
    httpx.HTTPError,
    httpx.InvalidURL,
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
        self._clients: dict[tuple[str, bool], httpx.AsyncClient] = {}

    async def send(
        self, request: httpx.Request, timeout: float, provider: Provider | None = None
    ) -> Reply:
        """Send it once, and wait at most `timeout` seconds for the whole answer.

        It goes to the provider's own hosts alone; without a provider, to any public one by https.
        """
        started = time.monotonic()
        if not self._may_go(request.url, provider):
            return _not_allowed(0.0)
        client = self._client(provider.ca_file if provider else "", _names_loopback(request.url))
        try:
            async with asyncio.timeout(timeout):
                return await _receive(client, request, started)
        except EXPECTED as error:
            return _failed(error, started, timeout)

    async def close(self) -> None:
        for client in self._clients.values():
            await client.aclose()

    def _may_go(self, url: httpx.URL, provider: Provider | None) -> bool:
        if _names_loopback(url) and not self._loopback:
            return False
        if provider is not None:
            return provider.hosts.allow(url)
        return not url.userinfo and (url.scheme == "https" or _names_loopback(url))

    def _client(self, ca_file: str, loopback: bool) -> httpx.AsyncClient:
        known = self._clients.get((ca_file, loopback))
        if known is None:
            known = self._clients[ca_file, loopback] = httpx.AsyncClient(
                transport=AiohttpTransport(
                    verify=_authorities(ca_file),
                    client=lambda: self._session(ca_file, is_loopback if loopback else is_public),
                ),
                timeout=None,  # noqa: S113 - `send` bounds the whole
                headers={"User-Agent": USER_AGENT},
                follow_redirects=False,
                trust_env=False,
            )
        return known

    def _session(self, ca_file: str, accepts: Accepts) -> aiohttp.ClientSession:
        # The callers bound what is in flight; a pool that made them wait would look like a slow
        # provider.
        connector = aiohttp.TCPConnector(
            limit=0,
            keepalive_timeout=KEEP_ALIVE,
            ssl=_authorities(ca_file),
            resolver=CheckedResolver(self._resolver(), accepts),
            socket_factory=checked_sockets(accepts),
        )
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())


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


async def _receive(client: httpx.AsyncClient, request: httpx.Request, started: float) -> Reply:
    response = await client.send(request, stream=True)
    try:
        if "," in response.headers.get("content-encoding", ""):
            # Each layer may grow a thousandfold before anybody sees it.
            return Reply(time.monotonic() - started, failure="not_http", detail=GARBLED)
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > MAX_BODY:
                return Reply(
                    time.monotonic() - started,
                    failure="too_large",
                    detail=f"ответ больше {MAX_BODY // 1024} КиБ",
                )
        seconds = time.monotonic() - started
        return Reply(seconds, response.status_code, response.headers, bytes(body))
    finally:
        await response.aclose()


def _names_loopback(url: httpx.URL) -> bool:
    return origin_of(url)[1] in LOOPBACK


def _not_allowed(seconds: float) -> Reply:
    return Reply(seconds, failure="not_allowed", reached=False, detail=NOT_ALLOWED)


def _failed(error: Exception, started: float, timeout: float) -> Reply:
    # The transport maps every lost connection to httpx.ConnectTimeout, so its cause is what counts.
    cause = error.__cause__ if isinstance(error, httpx.HTTPError) else error
    failure, detail = _failure(error, cause, timeout)
    return Reply(
        time.monotonic() - started,
        failure=failure,
        reached=not isinstance(cause, aiohttp.ClientConnectorError),
        detail=detail,
    )


def _failure(error: Exception, cause: object, timeout: float) -> tuple[str, str]:
    match cause:
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
        case aiohttp.ClientResponseError() | aiohttp.ClientPayloadError():
            return "not_http", GARBLED
        case aiohttp.ClientConnectionError():
            return "unreachable", "соединение оборвалось"
    if isinstance(error, (httpx.DecodingError, UnicodeError)):
        return "not_http", GARBLED
    return "unreachable", "соединение не установлено"
