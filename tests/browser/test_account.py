"""One's own account as people meet it: with a keyboard alone, and without JavaScript."""

import json
import re
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import NewVisitor
from tests.browser.keyboard import Keyboard
from tests.browser.visitor import EMAIL, Visitor
from tests.support.people import Sandbox
from tests.support.settings import PASSWORD

pytestmark = pytest.mark.browser

OTHER_PASSWORD = "quite another password"


async def says(page: Page, words: str) -> None:
    await expect(page.get_by_role("status").filter(has_text=words)).to_be_visible()


@pytest.mark.parametrize("script", [True, False])
async def test_everything_on_the_page_works_with_and_without_javascript(
    new_visitor: NewVisitor, sandbox: Sandbox, script: bool
) -> None:
    visitor = await new_visitor(java_script_enabled=script)
    visitor.expects("422")
    await visitor.arrive(sandbox)
    page = visitor.page
    await page.get_by_role("button", name="Меню").click()
    await page.get_by_role("link", name="Учётная запись").click()
    part = page.locator("#password")
    await part.get_by_label("Нынешний пароль").fill("not the password")
    await part.get_by_label("Новый пароль").fill(OTHER_PASSWORD)
    await part.get_by_role("button").click()
    await expect(part.get_by_role("alert")).to_contain_text("Пароль не подходит")
    await part.get_by_label("Нынешний пароль").fill(PASSWORD)
    await part.get_by_label("Новый пароль").fill(OTHER_PASSWORD)
    await part.get_by_role("button").click()
    await says(page, "Пароль изменён")
    await page.get_by_label("Часовой пояс").select_option("Asia/Vladivostok")
    await page.get_by_role("button", name="Сохранить").click()
    await says(page, "Часовой пояс сохранён")
    await expect(page.get_by_label("Часовой пояс")).to_have_value("Asia/Vladivostok")
    part = page.locator("#email")
    await part.get_by_label("Новый адрес").fill("new@example.ru")
    await part.get_by_label("Пароль").fill(OTHER_PASSWORD)
    await part.get_by_role("button").click()
    await says(page, "Почта изменена")
    await page.get_by_role("link", name="Удалить учётную запись").click()
    await expect(page.get_by_text("Отключим все подключения (1)")).to_be_visible()
    await page.get_by_label("Пароль").fill(OTHER_PASSWORD)
    await page.get_by_role("button", name="Удалить навсегда").click()
    await says(page, "Учётная запись удалена")


async def test_ending_a_session_sends_its_open_page_to_the_log_in(
    owner: Visitor, new_visitor: NewVisitor
) -> None:
    other = await new_visitor()
    await other.page.goto("/login")
    await other.page.get_by_label("Почта").fill(EMAIL)
    await other.page.get_by_label("Пароль").fill(PASSWORD)
    await other.page.get_by_role("button", name="Войти", exact=True).click()
    await other.is_live()
    await owner.page.goto("/account")
    await owner.page.get_by_role("button", name="Завершить сеанс").click()
    await says(owner.page, "Сеанс завершён")
    await other.page.wait_for_url(re.compile("/login"))
    await expect(other.page.get_by_text("Сеанс закончился")).to_be_visible()


async def test_ones_data_come_as_a_file(owner: Visitor, tmp_path: Path) -> None:
    await owner.page.goto("/account")
    async with owner.page.expect_download() as started:
        await owner.page.get_by_role("link", name="Скачать").click()
    download = await started.value
    assert download.suggested_filename == "svyazka.json"
    await download.save_as(tmp_path / "data.json")
    assert json.loads((tmp_path / "data.json").read_text())["person"]["email"] == EMAIL


async def test_the_keyboard_is_enough_to_change_the_password(
    visitor: Visitor, sandbox: Sandbox
) -> None:
    await visitor.arrive(sandbox, account=None)
    page = visitor.page
    keyboard = Keyboard(page)
    await keyboard.to("Меню")
    await keyboard.press("Enter")
    await keyboard.to("Учётная запись")
    await keyboard.press("Enter")
    await page.wait_for_url("**/account")
    await page.get_by_role("button", name="Сменить почту").focus()
    await page.keyboard.press("Tab")
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Tab")
    await page.keyboard.type(OTHER_PASSWORD)
    await page.keyboard.press("Enter")
    await says(page, "Пароль изменён")


async def test_cards_that_come_live_tell_the_time_of_their_owner(owner: Visitor) -> None:
    """A card is rendered once for all of a person's pages: in that person's time zone."""
    await owner.page.goto("/account")
    await owner.page.get_by_label("Часовой пояс").select_option("Asia/Kamchatka")
    await owner.page.get_by_role("button", name="Сохранить").click()
    await owner.page.goto("/connections")
    await owner.watch()
    await owner.updates()
    shown = await owner.card().locator("rel-time").last.get_attribute("title")
    told = await owner.card().locator("rel-time").last.get_attribute("datetime")
    there = await owner.page.evaluate(
        "(at) => new Date(at).toLocaleTimeString('ru', { timeZone: 'Asia/Kamchatka' })", told
    )
    assert shown == there
