"""What a name server says, and what happens to a request then."""

import gzip
import socket
from collections import deque
from collections.abc import Iterable
from uuid import uuid4

import httpx
import pytest
from aiohttp import web

from app.grants.store import OpenGrant
from app.models.connection import Cause, Status
from app.monitor.probe import probe
from app.monitor.verdict import PriorState, verdict_of
from app.outbound.allowed_hosts import is_public
from app.outbound.client import HttpClient
from app.outbound.connector import Address, NotAllowed, checked_socket
from app.outbound.pool import open_pool
from app.outbound.request import USER_AGENT
from app.providers.provider import Provider
from app.providers.spec_parts import Probe
from tests.support.outbound import ask, open_client
from tests.support.servers import Acme, saying, serving


class NameServer:
    """Answers each look-up with the next of these lists of addresses; counts them."""

    def __init__(self, *answers: Iterable[str]) -> None:
        self.answers = deque(list(answer) for answer in answers)
        self.asked = 0

    async def __call__(self, _host: str, port: int) -> list[Address]:
        self.asked += 1
        return [address_of(each, port) for each in self.answers.popleft()]


def address_of(address: str, port: int = 443) -> Address:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return family, socket.SOCK_STREAM, 0, "", (address, port)


def entry(url: str) -> Provider:
    return Provider("acme", "Acme", f"{url}/auth", f"{url}/token", Probe(f"{url}/me"))


def get(url: str) -> httpx.Request:
    return httpx.Request("GET", url)


@pytest.mark.parametrize(
    "answer",
    [
        ["127.0.0.1"],
        ["10.0.0.5"],
        ["169.254.169.254"],
        ["100.64.1.1"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["fe80::1%eth0"],
        ["64:ff9b::a00:1"],
        ["2002:7f00:1::"],
        ["8.8.8.8", "127.0.0.1"],
        ["127.0.0.1", "8.8.8.8"],
        ["2606:4700::1111", "fd00::1"],
    ],
    ids=str,
)
async def test_a_name_with_any_address_that_is_not_public_is_refused(answer: list[str]) -> None:
    server = NameServer(answer)
    async with open_client(loopback=True, resolve=server) as http:
        reply = await ask(
            http, get("https://api.acme.ru/me"), 5, entry("https://api.acme.ru").destination
        )
    assert (reply.failure, reply.reached, server.asked) == ("not_allowed", False, 1)


async def test_a_name_that_is_found_nowhere_is_the_providers_trouble() -> None:
    async def nobody(_host: str, _port: int) -> list[Address]:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    async with open_client(resolve=nobody) as http:
        reply = await ask(
            http, get("https://api.acme.ru/me"), 5, entry("https://api.acme.ru").destination
        )
    assert reply.failure == "unreachable"


async def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    """One look-up for one connection: a second answer would only come if somebody asked again."""
    async with serving({"me": saying(name="Shop")}) as url:
        port = httpx.URL(url).port
        server = NameServer(["127.0.0.1"], ["10.0.0.1"])
        async with open_client(loopback=True, resolve=server) as http:
            own = f"http://localhost:{port}"
            reply = await ask(http, get(f"{own}/me"), 5, entry(own).destination)
    assert (reply.status, server.asked) == (200, 1)


async def test_a_name_that_moves_to_a_private_address_later_is_refused_then() -> None:
    async def close(_: web.Request) -> web.Response:
        return web.json_response({}, headers={"Connection": "close"})

    async with serving({"me": close}) as url:
        server = NameServer(["127.0.0.1"], ["10.0.0.1"])
        own = f"http://localhost:{httpx.URL(url).port}"
        for expected in ("", "not_allowed"):  # a client each, so that neither keeps the address
            async with open_client(loopback=True, resolve=server) as http:
                assert (
                    await ask(http, get(f"{own}/me"), 5, entry(own).destination)
                ).failure == expected


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "::1", "fe80::1%eth0", "0.0.0.0"])
def test_no_socket_is_made_for_an_address_that_never_was_a_name(address: str) -> None:
    with pytest.raises(NotAllowed):
        checked_socket(address_of(address), is_public)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "10.0.0.1", "[::1]", "192.168.1.1", "[::ffff:7f00:1]"]
)
async def test_an_address_of_the_entry_itself_must_be_public_too(host: str) -> None:
    own = f"https://{host}"
    async with open_client(loopback=False) as http:
        reply = await ask(http, get(f"{own}/me"), 5, entry(own).destination)
    assert (reply.failure, reply.reached) == ("not_allowed", False)


async def test_loopback_is_for_those_who_switched_it_on(acme: Acme) -> None:
    url = acme.provider.probe.url
    headers = {"Authorization": "Bearer x"}
    for allowed, failure in ((True, ""), (False, "not_allowed")):
        async with open_client(loopback=allowed) as http:
            request = httpx.Request("GET", url, headers=headers)
            assert (await ask(http, request, 5, acme.provider.destination)).failure == failure
            assert (await ask(http, request, 5)).failure == failure
    assert len(acme.shown) == 2


async def test_a_loopback_entry_still_allows_its_own_port_alone(
    acme: Acme, http: HttpClient
) -> None:
    async with serving({"secret": saying(secret="x")}) as other:
        assert (
            await ask(http, get(f"{other}/secret"), 5, acme.provider.destination)
        ).failure == "not_allowed"


async def test_a_redirect_is_not_followed(http: HttpClient) -> None:
    seen: list[str] = []

    async def inside(request: web.Request) -> web.Response:
        seen.append(request.path)
        return web.Response()

    async def away(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "/inside"})

    async with serving({"me": away, "inside": inside}) as url:
        reply = await ask(http, get(f"{url}/me"), 5, entry(url).destination)
    assert (reply.status, seen) == (302, [])


async def test_what_was_not_allowed_is_our_mistake_and_says_so() -> None:
    """Nobody is asked to reconnect, and the provider is not blamed."""
    provider = entry("https://10.0.0.1")
    async with open_pool() as pool:
        answer = await probe(pool, provider, OpenGrant(uuid4(), 1, "access-1"), 5)
    verdict = verdict_of(answer, PriorState(Status.ONLINE), 600)
    assert (verdict.status, verdict.cause) == (Status.ONLINE, Cause.MISCONFIGURED)
    assert Cause.MISCONFIGURED.fault == "us"
    assert answer.evidence == (
        "GET 10.0.0.1/me → запрос не отправлен: этот адрес сервису не разрешён"
    )
    assert "access-1" not in repr(answer)


async def test_a_request_says_who_sends_it() -> None:
    async def who(request: web.Request) -> web.Response:
        return web.Response(text=request.headers["User-Agent"])

    async with serving({"me": who}) as url, open_client(loopback=True) as http:
        assert (
            await ask(http, get(f"{url}/me"), 5, entry(url).destination)
        ).body == USER_AGENT.encode()


@pytest.mark.parametrize("encodings", [("gzip, gzip",), ("gzip", "gzip")], ids=str)
async def test_an_answer_that_is_packed_twice_is_not_unpacked(encodings: tuple[str, ...]) -> None:
    async def packed(_: web.Request) -> web.Response:
        headers = [("Content-Encoding", each) for each in encodings]
        return web.Response(body=gzip.compress(gzip.compress(b"{}")), headers=headers)

    async with serving({"me": packed}) as url, open_client(loopback=True) as http:
        assert (await ask(http, get(f"{url}/me"), 5, entry(url).destination)).failure == "not_http"


async def test_a_header_that_is_not_ascii_spoils_no_answer() -> None:
    async def odd(_: web.Request) -> web.Response:
        return web.json_response({}, headers={"X-Shop": "Лавка"})

    async with serving({"me": odd}) as url, open_client(loopback=True) as http:
        assert (await ask(http, get(f"{url}/me"), 5, entry(url).destination)).status == 200


@pytest.mark.parametrize("asked", ["/me?a=%2F+%20b&c", "/me?redirect=https%3A%2F%2Fa.ru%3Fb%3Dc"])
async def test_an_address_arrives_as_it_was_written(asked: str) -> None:
    async def path(request: web.Request) -> web.Response:
        return web.Response(text=request.raw_path)

    async with serving({"me": path}) as url, open_client(loopback=True) as http:
        assert (await ask(http, get(url + asked), 5, entry(url).destination)).body == asked.encode()
