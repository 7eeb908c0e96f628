"""The gallery in a real browser, under our own policy."""

from itertools import pairwise

import pytest
from playwright.async_api import expect

from tests.browser.conftest import NewVisitor
from tests.browser.visitor import Visitor
from tests.support.people import Sandbox

pytestmark = pytest.mark.browser


async def test_a_service_is_found_as_one_types(visitor: Visitor, sandbox: Sandbox) -> None:
    await visitor.arrive(sandbox)
    page = visitor.page
    await page.get_by_role("link", name="Добавить подключение").click()
    await expect(page.locator("#pick-evotor")).to_contain_text("Подключено: 1")
    await page.get_by_label("Название сервиса").press_sequentially("скл")
    await expect(page.locator("#pick-evotor")).to_have_count(0)
    await expect(page.get_by_label("Название сервиса")).to_be_focused()
    await expect(page.get_by_role("status").filter(has_text="Найдено: 2")).to_be_visible()
    await page.keyboard.press("Enter")
    for _ in range(3):  # past the button and the first of the two
        await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/sklad")


async def test_a_form_with_a_key_is_read_from_top_to_bottom(
    visitor: Visitor, sandbox: Sandbox
) -> None:
    await visitor.arrive(sandbox, account=None)
    await visitor.page.goto("/ozon")
    parts = visitor.page.locator("form.typed > :is(label, input, .rule, button)")
    boxes = await parts.evaluate_all("all => all.map((each) => each.getBoundingClientRect())")
    assert len({box["x"] for box in boxes}) == 1
    for above, below in pairwise(boxes):
        assert above["bottom"] <= below["top"]


async def test_a_service_is_found_without_javascript(
    new_visitor: NewVisitor, sandbox: Sandbox
) -> None:
    visitor = await new_visitor(java_script_enabled=False)
    await visitor.arrive(sandbox)
    page = visitor.page
    await page.get_by_role("link", name="Добавить подключение").click()
    await page.get_by_label("Название сервиса").fill("эвотор")
    await page.get_by_role("button", name="Найти").click()
    await expect(page.locator("#pick-sklad")).to_have_count(0)
    await page.locator("#pick-evotor").click()
    await page.get_by_role("button", name="Подключить ещё один аккаунт").click()
    await expect(page.get_by_role("button", name="Разрешить")).to_be_visible()
