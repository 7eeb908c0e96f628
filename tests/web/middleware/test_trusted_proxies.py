"""Who a request came from, over HTTP, as rate limits count it."""

from collections.abc import AsyncIterator

import httpx
import pytest

from app.process import bind
from app.web.accounts.sign_in import PER_ADDRESS
from app.web.context import Dashboard
from app.web.middleware.trusted_proxies import TrustedProxies
from tests.support.servers import local_client, served


@pytest.fixture
async def browser(dashboard: Dashboard) -> AsyncIterator[httpx.AsyncClient]:
    """Behind one proxy, whose header it may write itself."""
    listening = bind("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    async with served(TrustedProxies(dashboard, 1), listening), local_client(base_url=url) as http:
        yield http


async def tried_from(browser: httpx.AsyncClient, address: str, number: int = 0) -> int:
    """The status of a log-in that nobody could get past."""
    form = {"email": f"nobody-{number}@example.ru", "password": "not the password"}
    answer = await browser.post("/login", data=form, headers={"X-Forwarded-For": address})
    return answer.status_code


async def test_a_subscriber_with_many_addresses_has_one_budget(browser: httpx.AsyncClient) -> None:
    spellings = (
        "2001:db8:0:1::{:x}", "2001:DB8:0:1:{:X}::", "[2001:0db8::1:0:0:0:{:x}]:443",
        "2001:db8::1:0:0:{:x}:1%eth0",
    )  # fmt: skip
    for number in range(PER_ADDRESS.tries):
        address = spellings[number % len(spellings)].format(number + 1)
        assert await tried_from(browser, address, number) == 422
    assert await tried_from(browser, "2001:db8:0:1:dead::beef") == 429
    assert await tried_from(browser, "2001:db8:0:2::1") == 422


async def test_an_ipv4_address_is_one_however_it_is_written(browser: httpx.AsyncClient) -> None:
    spellings = ("203.0.113.7", "203.0.113.7:{}", "::ffff:203.0.113.7", "[::FFFF:cb00:7107]:{}")
    for number in range(PER_ADDRESS.tries):
        address = spellings[number % len(spellings)].format(number + 1)
        assert await tried_from(browser, address, number) == 422
    assert await tried_from(browser, "203.0.113.7") == 429
    assert await tried_from(browser, "203.0.113.8") == 422
