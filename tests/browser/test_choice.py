"""A reconnect that comes back with another account, as a shop owner meets it."""

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import NewVisitor
from tests.browser.visitor import Visitor
from tests.support.people import OTHER_SHOP, Sandbox
from tests.support.waiting import until

pytestmark = pytest.mark.browser

CARDS = "#cards [data-provider=evotor]"
TELEPHONE = {"width": 390, "height": 844}


async def bring_another_account(visitor: Visitor, page: Page, sandbox: Sandbox) -> None:
    await sandbox.order("revoke")
    await page.goto("/connections")
    await page.get_by_role("button", name="Переподключить").click()
    await page.locator(f"input[value='{OTHER_SHOP}']").check()
    await page.get_by_role("button", name="Разрешить").click()
    await page.wait_for_url("**/choice")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Вернулся другой аккаунт")


async def test_the_owner_keeps_both_and_every_open_page_sees_it(
    owner: Visitor, sandbox: Sandbox
) -> None:
    await sandbox.order("revoke")
    await owner.sees("revoked")
    page = await owner.context.new_page()
    await bring_another_account(owner, page, sandbox)
    strip = owner.page.locator("#unsettled .strip")
    await expect(strip).to_contain_text("Вернулся другой аккаунт.")
    await page.get_by_role("button", name="Сделать новым подключением").click()
    await page.wait_for_url("**/connections")
    await expect(page.locator(CARDS)).to_have_count(2)
    await expect(owner.page.locator(CARDS)).to_have_count(2)
    await expect(strip).to_have_count(0)


async def test_the_owner_thinks_about_it_and_cancels(owner: Visitor, sandbox: Sandbox) -> None:
    await sandbox.order("revoke")
    await owner.sees("revoked")
    await bring_another_account(owner, owner.page, sandbox)
    await owner.page.get_by_role("link", name="Решить позже").click()
    await owner.page.get_by_role("link", name="Выбрать, что с ним делать").click()
    await owner.page.get_by_role("button", name="Отменить").click()
    await owner.page.wait_for_url("**/connections")
    await expect(owner.page.get_by_text("отозван и проверен")).to_be_visible()
    await expect(owner.page.locator(CARDS)).to_have_count(1)
    assert (await sandbox.state())["grants"] == []


@pytest.mark.parametrize("button", ["Сделать новым подключением", "Отменить"])
async def test_it_works_without_javascript_on_a_telephone(
    new_visitor: NewVisitor, sandbox: Sandbox, button: str
) -> None:
    visitor = await new_visitor(java_script_enabled=False, viewport=TELEPHONE)
    await visitor.arrive(sandbox)
    await sandbox.order("revoke")

    async def is_revoked() -> bool:  # at the second look, which comes by itself
        await visitor.page.goto("/connections")
        return await visitor.page.locator(f"{CARDS}[data-status=revoked]").count() == 1

    await until(is_revoked)
    await bring_another_account(visitor, visitor.page, sandbox)
    await visitor.page.get_by_role("button", name=button).click()
    await visitor.page.wait_for_url("**/connections")
    kept = 2 if button.startswith("Сделать") else 1
    await expect(visitor.page.locator(CARDS)).to_have_count(kept)
