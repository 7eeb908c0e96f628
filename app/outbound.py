"""HTTP to providers: bounded in time and size, no redirects, expected failures as values.

The transport is aiohttp behind httpx's API: httpx's own pool is linear in its connections for every
request and collapses at some fifty at once (docs/decisions/0004).
"""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

MAX_BODY = 256 * 1024  # bytes, after decompression
KEEP_ALIVE = 60  # seconds
GARBLED = "ответ оборвался или испорчен"
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
    failure: str = ""  # "", "timeout", "unreachable", "tls", "too_large" or "not_http"
    reached: bool = True  # False: the connection was never made, so nobody got the request
    detail: str = ""  # for the evidence line, in Russian; never anything the provider sent


class Outbound:
    """One client for each set of certificate authorities; use `open_outbound`."""

    def __init__(self) -> None:
        self._clients: dict[str, httpx.AsyncClient] = {}

    async def send(self, request: httpx.Request, timeout: float, ca_file: str = "") -> Reply:
        """Send it once, and wait at most `timeout` seconds for the whole answer."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(timeout):
                return await self._receive(request, ca_file, started)
        except EXPECTED as error:
            return _failed(error, started, timeout)

    async def close(self) -> None:
        for client in self._clients.values():
            await client.aclose()

    async def _receive(self, request: httpx.Request, ca_file: str, started: float) -> Reply:
        response = await self._client(ca_file).send(request, stream=True)
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

    def _client(self, ca_file: str) -> httpx.AsyncClient:
        if ca_file not in self._clients:
            self._clients[ca_file] = httpx.AsyncClient(
                transport=AiohttpTransport(
                    verify=_authorities(ca_file), client=lambda: _session(ca_file)
                ),
                timeout=None,  # noqa: S113 - `send` bounds the whole
                headers={"User-Agent": USER_AGENT},
                follow_redirects=False,
                trust_env=False,
            )
        return self._clients[ca_file]


@asynccontextmanager
async def open_outbound() -> AsyncIterator[Outbound]:
    outbound = Outbound()
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


def _session(ca_file: str) -> aiohttp.ClientSession:
    # The callers bound what is in flight; a pool that made them wait would look like a slow
    # provider.
    connector = aiohttp.TCPConnector(
        limit=0, keepalive_timeout=KEEP_ALIVE, ssl=_authorities(ca_file)
    )
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())


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
