"""A key that ends is replaced by its owner, while another page of theirs is open."""

import pytest
from playwright.async_api import Page, expect

from tests.browser.visitor import Visitor
from tests.sandbox.caller import Caller
from tests.support.people import Sandbox
from tests.support.servers import local_client

pytestmark = pytest.mark.browser

NORTH, SOUTH = "wh-02", "wh-05"
ENDS_SOON = "UPDATE grants SET expires_at = now() + interval '3 days'"
KASSA = "kassa"


async def type_key(page: Page, key: str, button: str) -> None:
    await page.get_by_label("Ключ", exact=True).fill(key)
    await page.locator("#connect").get_by_role("button", name=button).click()


async def test_an_expiring_key_is_replaced_without_a_red_minute(
    visitor: Visitor, sandbox: Sandbox, sandbox_server: str
) -> None:
    visitor.expects("422")
    async with local_client(base_url=sandbox_server) as http:
        cabinet = Caller(http, "sklad")
        old, new, anothers = [
            (await cabinet.connect(account))["access_token"] for account in (NORTH, NORTH, SOUTH)
        ]
        await visitor.arrive(sandbox, account=None)
        await visitor.page.goto(f"/{KASSA}")
        await type_key(visitor.page, old, "Подключить")
        await visitor.page.wait_for_url("**/connections")
        await visitor.site.run(ENDS_SOON)
        await visitor.page.reload()
        await visitor.sees("online", KASSA)
        await visitor.watch()
        page = await visitor.context.new_page()
        await page.goto("/expiries")
        await page.get_by_role("button", name="Заменить ключ").click()
        for wrong, why in (("no-key-at-all", "не принял этот ключ"), (anothers, "Склад „Юг“")):
            await type_key(page, wrong, "Заменить ключ")
            await expect(page.get_by_role("alert")).to_contain_text(why)
        await type_key(page, new, "Заменить ключ")
        await page.wait_for_url("**/connections")
        await expect(page.get_by_text("ключ заменён, новый уже работает")).to_be_visible()
        await cabinet.revoke(old)
        await visitor.updates(3)  # checks with the new key
    assert await visitor.seen() == []
    await expect(visitor.button("Заменить ключ", KASSA)).to_have_count(0)
