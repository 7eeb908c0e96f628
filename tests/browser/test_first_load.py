"""What a telephone has to fetch before it shows anything."""

from urllib.parse import urlsplit

import pytest
from playwright.async_api import Request, expect
from sqlalchemy import select

from app.database.encryption import Keys
from app.models.account import User
from tests.browser.conftest import NewVisitor
from tests.browser.visitor import Visitor
from tests.support.people import Sandbox
from tests.support.rows import add_connection

pytestmark = pytest.mark.browser

PAGE = "/connections"
MOST = 60_000  # bytes, headers included
LOG_IN_MOST = 17_000
CARDS = 5


async def test_five_cards_are_there_after_60_kilobytes(
    new_visitor: NewVisitor, sandbox: Sandbox, keys: Keys
) -> None:
    owner = await new_visitor()
    await owner.arrive(sandbox)
    async with owner.site.database.sessions() as session:
        user_id = (await session.scalars(select(User.id))).one()
    for number in range(1, CARDS):
        await add_connection(owner.site.database, keys, user_id, account=f"shop-{number}")
    # The same person, in a browser that has seen nothing of us.
    visitor = await new_visitor(storage_state=await owner.context.storage_state())
    first, again = await _loaded(visitor), await _loaded(visitor)
    assert {PAGE, "/static/base.css", "/static/app.css", "/static/icons.svg"} <= set(first)
    assert sum(first.values()) < MOST, first
    assert sum(again.values()) == again[PAGE], again  # all else is kept


async def _loaded(visitor: Visitor) -> dict[str, int]:
    """Bytes of everything that the page of connections took, headers included."""
    finished: list[Request] = []
    visitor.page.on("requestfinished", lambda request: finished.append(request))
    await visitor.page.goto(PAGE, wait_until="load")
    await expect(visitor.page.locator('.card[id^="connection-"]')).to_have_count(CARDS)
    await expect(visitor.page.locator("html")).to_have_attribute("data-link", "live")
    return {urlsplit(each.url).path: await _bytes(each) for each in finished}


async def _bytes(request: Request) -> int:
    sizes = await request.sizes()
    return sizes["responseHeadersSize"] + sizes["responseBodySize"]


async def test_the_log_in_is_there_after_17_kilobytes(visitor: Visitor) -> None:
    finished: list[Request] = []
    visitor.page.on("requestfinished", lambda request: finished.append(request))
    await visitor.page.goto("/login", wait_until="load")
    assert sum([await _bytes(each) for each in finished]) < LOG_IN_MOST
