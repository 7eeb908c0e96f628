"""What a client of httpx's may rely on: its own exceptions, and nothing that it acts on unasked."""

import gzip
import socket
import ssl
import time
import traceback
from asyncio import Event
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from aiohttp import web

from app.outbound.allowed_hosts import Destination, Hosts
from app.outbound.client import HttpClient
from app.outbound.connector import Address
from app.outbound.failures import MAX_BODY, AddressNotAllowed, BodyTooLarge, failure_of
from app.outbound.transport import bounds
from tests.support.certificates import self_signed
from tests.support.outbound import ANYWHERE, open_client
from tests.support.servers import serving
from tests.support.waiting import PATIENCE

SECRET = "the-secret"


async def hang(_: web.Request) -> web.Response:
    await Event().wait()
    return web.Response()


async def hang_up(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def pour(_: web.Request) -> web.Response:
    return web.Response(body=b" " * (MAX_BODY + 1))


async def break_off(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "100"})
    await response.prepare(request)
    await response.write(SECRET.encode())
    assert request.transport is not None
    request.transport.close()
    return response


async def no_such_name(_host: str, _port: int) -> list[Address]:
    raise socket.gaierror(socket.EAI_NONAME, "no such name")


async def silence(_host: str, _port: int) -> list[Address]:
    await Event().wait()
    return []


async def inside(_host: str, port: int) -> list[Address]:
    return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("10.0.0.1", port))]


@pytest.fixture
async def url() -> AsyncIterator[str]:
    handlers = {"hang": hang, "hang_up": hang_up, "pour": pour, "break_off": break_off}
    async with serving(handlers) as url:
        yield url


async def raised(
    http: HttpClient, url: str, timeout: float = PATIENCE, **request: object
) -> httpx.HTTPError:
    extensions = bounds(timeout, ANYWHERE)
    with pytest.raises(httpx.HTTPError) as caught:
        await http.get(url, extensions=extensions, **request)  # type: ignore[arg-type]
    return caught.value


def _patience(code: str) -> float:
    """Where the end of patience is what is to be seen, it is short."""
    return 0.5 if code == "timeout" else PATIENCE


@pytest.mark.parametrize(
    ("path", "kind", "code"),
    [
        ("/hang", httpx.ReadTimeout, "timeout"),
        ("/hang_up", httpx.ReadError, "unreachable"),
        ("/pour", BodyTooLarge, "too_large"),
        ("/break_off", httpx.RemoteProtocolError, "not_http"),
    ],
)
async def test_what_a_server_does_is_raised_as_httpx_names_it(
    url: str, path: str, kind: type[Exception], code: str
) -> None:
    async with open_client(loopback=True) as http:
        for longer in (1, 10, 100):  # on a busy machine patience may end before the request left
            error = await raised(http, url + path, longer * _patience(code))
            failure = failure_of(error, 0.5, 0.1)
            if failure.reached:
                break
    assert (type(error), failure.code, failure.reached) == (kind, code, True)


@pytest.mark.parametrize(
    ("resolve", "url", "kind", "code"),
    [
        (no_such_name, "https://acme.ru", httpx.ConnectError, "unreachable"),
        (silence, "https://acme.ru", httpx.ConnectTimeout, "timeout"),
        (inside, "https://acme.ru", AddressNotAllowed, "not_allowed"),
        (no_such_name, "http://acme.ru", AddressNotAllowed, "not_allowed"),
        (no_such_name, "https://user:pass@acme.ru", AddressNotAllowed, "not_allowed"),
        (no_such_name, "http://127.0.0.1:1", httpx.ConnectError, "unreachable"),
    ],
)
async def test_a_request_that_never_left_says_so(
    resolve: Callable[[str, int], Awaitable[list[Address]]],
    url: str,
    kind: type[Exception],
    code: str,
) -> None:
    async with open_client(loopback=True, resolve=resolve) as http:  # type: ignore[arg-type]
        failure = failure_of(error := await raised(http, url, _patience(code)), 0.5, 0.1)
    assert (type(error), failure.code, failure.reached) == (kind, code, False)


async def test_a_certificate_of_an_unknown_authority_is_the_cause_of_a_connect_error(
    tmp_path: Path,
) -> None:
    files = self_signed(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*files)
    runner = web.AppRunner(web.Application(), shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    own = f"https://127.0.0.1:{runner.addresses[0][1]}"
    async with open_client(loopback=True) as http:
        error = await raised(http, own)
        trusted = Destination(Hosts.of([own]), str(files[0]))
        answer = await http.get(own, extensions=bounds(PATIENCE, trusted))
    await runner.cleanup()
    assert isinstance(error, httpx.ConnectError)
    assert isinstance(error.__cause__, ssl.SSLError)
    assert failure_of(error, 0.5, 0.1).code == "tls"
    assert answer.status_code == 404


async def test_a_header_that_would_be_two_is_our_own_mistake(url: str) -> None:
    async with open_client(loopback=True) as http:
        error = await raised(http, url, headers={"X-Token": f"{SECRET}\r\nX-Other: 1"})
    assert isinstance(error, httpx.LocalProtocolError)
    assert not failure_of(error, 0.5, 0.1).reached


async def test_no_exception_shows_an_address_a_header_or_a_body(url: str) -> None:
    paths = ["/hang", "/hang_up", "/pour", "/break_off"]
    bad = ["https://10.0.0.1", "http://acme.ru", "http://127.0.0.1:1"]
    for address in [url + path for path in paths] + bad:
        async with open_client(loopback=True, resolve=no_such_name) as http:
            error = await raised(
                http, f"{address}?token={SECRET}", headers={"Authorization": SECRET}
            )
        told = "".join(traceback.format_exception(error)) + repr(error)
        assert SECRET not in told
        assert SECRET not in repr(failure_of(error, 0.5, 0.1))


async def test_a_request_that_does_not_say_where_it_may_go_goes_nowhere() -> None:
    async with open_client(loopback=True, resolve=silence) as http:
        for extensions in ({}, {"deadline": time.monotonic() + 5}, {"destination": ANYWHERE}):
            with pytest.raises(KeyError):
                await http.get("https://acme.ru", extensions=extensions)


@dataclass
class Asked:
    """What a server was asked last, and how often."""

    headers: httpx.Headers
    body: bytes = b""
    times: int = 0


@pytest.fixture
def asked() -> Asked:
    return Asked(httpx.Headers())


async def answered(
    asked: Asked, http: HttpClient, headers: dict[str, str], status: int = 200, body: bytes = b""
) -> httpx.Response:
    """What comes of an answer like this, the second time it is given."""

    async def handler(request: web.Request) -> web.Response:
        asked.headers = httpx.Headers(dict(request.headers))
        asked.times += 1
        return web.Response(status=status, headers=headers, body=body)

    async with serving({"me": handler}) as url:
        await http.get(f"{url}/me", extensions=bounds(PATIENCE, ANYWHERE))
        return await http.get(f"{url}/me", extensions=bounds(PATIENCE, ANYWHERE))


@pytest.mark.parametrize(
    "location",
    ["mailto:x", "https://[", "http://a:99999/", "//", "http://169.254.169.254/", "/me", "\\"],
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_where_a_redirect_leads_is_not_even_read(
    http: HttpClient, asked: Asked, location: str, status: int
) -> None:
    answer = await answered(asked, http, {"Location": location}, status)
    assert (answer.status_code, answer.next_request, asked.times) == (status, None, 2)


async def test_no_cookie_is_kept_for_the_next_person(http: HttpClient, asked: Asked) -> None:
    answer = await answered(asked, http, {"Set-Cookie": "session=anna; Path=/"})
    assert "cookie" not in asked.headers
    assert not http.cookies
    assert not answer.cookies


async def test_a_body_is_unpacked_once(http: HttpClient, asked: Asked) -> None:
    packed = gzip.compress(b'{"name": "Shop"}')
    answer = await answered(asked, http, {"Content-Encoding": "gzip"}, body=packed)
    assert answer.json() == {"name": "Shop"}
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize(
    "headers", [{}, {"Transfer-Encoding": "chunked"}, {"Content-Length": "1"}], ids=str
)
async def test_a_body_goes_whole_under_its_own_length(
    http: HttpClient, asked: Asked, headers: dict[str, str]
) -> None:
    async def handler(request: web.Request) -> web.Response:
        asked.headers = httpx.Headers(dict(request.headers))
        asked.body = await request.read()
        return web.Response()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    async with serving({"me": handler}) as url:
        for content in (pieces(), b"onetwo"):
            await http.post(
                f"{url}/me", content=content, headers=headers, extensions=bounds(PATIENCE, ANYWHERE)
            )
            assert (asked.body, asked.headers["content-length"]) == (b"onetwo", "6")
            assert "transfer-encoding" not in asked.headers
