"""A connection is named and tagged in one tab; the others learn of it."""

import pytest
from playwright.async_api import expect

from tests.browser.test_connection import look_closer
from tests.browser.test_live import REFUSED
from tests.browser.visitor import Visitor

pytestmark = pytest.mark.browser


async def test_a_name_and_tags_reach_the_tabs_that_are_open(owner: Visitor) -> None:
    await look_closer(owner)
    by_tags = await owner.context.new_page()
    await by_tags.goto("/connections?group=tag&q=вокзал")
    await owner.is_live(by_tags)
    about = await owner.context.new_page()
    await about.goto(owner.page.url)
    await owner.is_live(about)
    card = owner.card(page=by_tags)
    await expect(card).to_be_hidden()

    page = owner.page
    await page.get_by_text("Название и метки").click()
    await page.get_by_label("Название", exact=True).fill("У вокзала")
    await page.keyboard.press("Enter")
    for each in (page, about):
        await expect(each.locator("h1")).to_have_text("Подключение «У вокзала»")
        await expect(each).to_have_title("У вокзала — Связка")
    await expect(card.locator("h2")).to_have_text("У вокзала")

    await page.get_by_text("Название и метки").click()
    await page.get_by_label("Метки через запятую").fill("Тула, касса")
    await page.keyboard.press("Enter")
    await expect(about.locator("#cards .tags")).to_have_text("Тулакасса")
    await expect(by_tags.locator("#cards > .group:visible")).to_have_text(["Тула"])


async def test_a_number_at_a_title_outlives_the_name_beside_it(owner: Visitor) -> None:
    await look_closer(owner)
    await owner.site.turn(*REFUSED)
    await expect(owner.page).to_have_title("(1) Основной магазин — Связка")
    path = owner.page.url.removeprefix(owner.site.url)
    await owner.context.request.post(f"{path}/name", form={"name": "У вокзала"})
    await expect(owner.page).to_have_title("(1) У вокзала — Связка")
