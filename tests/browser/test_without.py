"""Without a mouse, without JavaScript."""

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import NewVisitor
from tests.browser.visitor import Visitor
from tests.support.people import Sandbox
from tests.support.settings import PASSWORD

pytestmark = pytest.mark.browser

FOCUSED = "document.activeElement.getAttribute('aria-label') || document.activeElement.innerText"
TABS = 20  # presses of the Tab key after which a thing counts as out of reach


async def tab_to(page: Page, label: str) -> None:
    for _ in range(TABS):
        await page.keyboard.press("Tab")
        if label in await page.evaluate(FOCUSED):
            return
    raise AssertionError(f"no way to {label} by keyboard")


async def test_everything_works_without_javascript(new_visitor: NewVisitor) -> None:
    visitor = await new_visitor(java_script_enabled=False)
    await visitor.sign_up()
    await visitor.button("Подключить").click()
    await visitor.page.get_by_role("button", name="Разрешить").click()
    await visitor.page.wait_for_url("**/connections")
    await visitor.sees("online")
    await visitor.button("Проверить").click()
    await visitor.page.wait_for_url("**/connections")
    await visitor.sees("online")
    await visitor.button("Отключить").click()
    await expect(visitor.page.get_by_role("heading")).to_have_text("Отключить «Основной магазин»?")
    await visitor.page.get_by_role("button", name="Отключить").click()
    await visitor.sees("disconnected")


async def test_without_javascript_a_check_too_soon_is_explained(
    new_visitor: NewVisitor, sandbox: Sandbox
) -> None:
    visitor = await new_visitor(java_script_enabled=False)
    visitor.expects("429")
    await visitor.arrive(sandbox)
    for _ in range(2):
        await visitor.button("Проверить").click()
    await expect(visitor.page.get_by_text("Подождите десять секунд")).to_be_visible()
    await visitor.page.get_by_role("main").get_by_role("link").click()
    await visitor.sees("online")


async def test_the_keyboard_is_enough_to_log_in_and_connect(
    new_visitor: NewVisitor, visitor: Visitor, sandbox: Sandbox
) -> None:
    await visitor.arrive(sandbox, account=None)
    page = (await new_visitor()).page
    await page.goto("/login")
    await expect(page.get_by_label("Почта")).to_be_focused()
    await page.keyboard.type("anna@example.ru")
    await page.keyboard.press("Tab")
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/connections")
    await tab_to(page, "Подключить")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Разрешить")).to_be_visible()


async def test_the_first_tab_leads_to_the_content(owner: Visitor) -> None:
    await owner.page.goto("/connections")
    await owner.page.keyboard.press("Tab")
    assert await owner.page.evaluate(FOCUSED) == "К содержанию"


async def test_escape_closes_the_question_and_focus_is_back(owner: Visitor) -> None:
    button = owner.button("Отключить")
    await button.focus()
    await owner.page.keyboard.press("Enter")
    question = owner.page.get_by_role("dialog")
    await expect(question).to_be_visible()
    await owner.page.keyboard.press("Escape")
    await expect(question).to_be_hidden()
    await expect(button).to_be_focused()


async def test_a_stranger_sees_an_outage_heal_without_javascript_and_without_movement(
    new_visitor: NewVisitor,
) -> None:
    visitor = await new_visitor(java_script_enabled=False, reduced_motion="reduce")
    page = visitor.page
    await page.goto("/")
    scenes = page.locator(".scenes .card")
    shown = scenes.locator("visible=true")
    await expect(shown).to_have_count(1)
    await expect(shown).to_have_attribute("data-status", "offline")
    await page.get_by_text("Снова в сети").click()
    await expect(scenes.nth(2)).to_be_visible()
    await expect(scenes.nth(1)).to_be_hidden()
