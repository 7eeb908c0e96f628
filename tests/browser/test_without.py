"""Without JavaScript, and without a mouse where it is more than test_keyboard.py walks."""

import pytest
from playwright.async_api import expect

from tests.browser.conftest import NewVisitor
from tests.browser.visitor import Visitor
from tests.support.people import Sandbox

pytestmark = pytest.mark.browser

FOCUSED = "document.activeElement.getAttribute('aria-label') || document.activeElement.innerText"


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
