"""The one client: what it never does, and failures as values."""

import asyncio
import sys

import httpx
import pytest

from app.config import ROOT
from app.outbound.allowed_hosts import Destination, Hosts
from app.outbound.client import HttpClient, client_of, send_request
from app.outbound.failures import Failure
from app.outbound.pool import HttpPool
from app.outbound.transport import bounds
from tests.support.outbound import ANYWHERE
from tests.support.servers import saying, serving
from tests.support.waiting import PATIENCE

APP = ROOT / "app"
ASK = """
import asyncio, sys, httpx
from app.logging import set_up_logging
from tests.support.outbound import ANYWHERE
from app.outbound.client import client_of, send_request
from app.outbound.pool import open_pool

async def ask():
    async with open_pool(loopback=True) as pool, client_of(pool) as http:
        return await send_request(http, httpx.Request("POST", sys.argv[1]), 5, ANYWHERE)

set_up_logging("debug", "text")
print(asyncio.run(ask()))
"""


async def test_an_answer_says_how_long_it_took(http: HttpClient) -> None:
    async with serving({"me": saying(name="Shop")}) as url:
        answer = await send_request(http, httpx.Request("GET", f"{url}/me"), PATIENCE, ANYWHERE)
    assert isinstance(answer, httpx.Response)
    assert answer.json() == {"name": "Shop"}
    assert 0 < answer.elapsed.total_seconds() < PATIENCE


async def test_a_failure_is_a_value(http: HttpClient) -> None:
    elsewhere = Destination(Hosts.of(["https://acme.ru"]))
    failure = await send_request(http, httpx.Request("GET", "https://evil.ru"), 5, elsewhere)
    assert isinstance(failure, Failure)
    assert (failure.code, failure.reached) == ("not_allowed", False)


async def test_no_proxy_of_the_environment_is_asked(
    http_pool: HttpPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    async with serving({"me": saying(name="Shop")}) as url, client_of(http_pool) as http:
        answer = await http.get(f"{url}/me", extensions=bounds(PATIENCE, ANYWHERE))
    assert answer.json() == {"name": "Shop"}


async def test_an_address_with_a_token_in_it_is_in_no_log() -> None:
    """A client of httpx writes every address down, and Telegram's have the bot's token in them."""
    async with serving({"bot1:the-secret": saying()}) as url:
        command = (sys.executable, "-c", ASK, f"{url}/bot1:the-secret")
        pipe = asyncio.subprocess.PIPE
        asking = await asyncio.create_subprocess_exec(
            *command, stdout=pipe, stderr=asyncio.subprocess.STDOUT, cwd=ROOT
        )
        said, _ = await asking.communicate()
    assert b"200 OK" in said
    assert b"the-secret" not in said


def test_only_a_probe_goes_below_the_client() -> None:
    """It is what the program does all day; for the rest the client is quick enough."""
    files = [file for file in APP.rglob("*.py") if file.parent.name != "outbound"]
    below = [file for file in files if "app.outbound.request" in file.read_text(encoding="utf-8")]
    assert [file.relative_to(APP).as_posix() for file in below] == ["monitor/probe.py"]
