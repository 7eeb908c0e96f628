"""Coming in and going out."""

import re

import pytest
from playwright.async_api import expect

from tests.browser.visitor import Visitor
from tests.support.settings import PASSWORD

pytestmark = pytest.mark.browser

LOG_IN_AND_RETURN = re.compile(r"/login\?(expired=1&)?next=(/|%2F)connections$")


async def log_out(visitor: Visitor) -> None:
    await visitor.page.get_by_role("button", name="Меню").click()
    await visitor.page.get_by_role("button", name="Выйти").click()
    await visitor.page.wait_for_url("**/login")


async def test_logging_out_in_one_tab_ends_the_other(owner: Visitor) -> None:
    second = await owner.context.new_page()
    await second.goto("/connections")
    await owner.is_live(second)
    await log_out(owner)
    await second.wait_for_url(LOG_IN_AND_RETURN)
    await expect(second.get_by_text("Сеанс закончился")).to_be_visible()
    await second.get_by_label("Почта").fill("anna@example.ru")
    await second.get_by_label("Пароль").fill(PASSWORD)
    await second.get_by_role("button", name="Войти").click()
    await second.wait_for_url("**/connections")
    await owner.sees("online", page=second)


async def test_a_click_in_a_session_that_is_over_leads_to_the_log_in_page(owner: Visitor) -> None:
    owner.expects("401")
    await owner.context.clear_cookies(name="session")
    await owner.button("Проверить").click()
    await owner.page.wait_for_url(LOG_IN_AND_RETURN)


async def test_the_back_button_shows_nothing_after_log_out(owner: Visitor) -> None:
    await log_out(owner)
    await owner.page.go_back()
    await owner.page.wait_for_url("**/login?next=/connections")
    await expect(owner.page.get_by_text("Основной магазин")).to_have_count(0)


async def test_a_wrong_password_is_told_and_the_address_is_kept(visitor: Visitor) -> None:
    visitor.expects("422")
    await visitor.page.goto("/login")
    await visitor.page.get_by_label("Почта").fill("anna@example.ru")
    await visitor.page.get_by_label("Пароль").fill("not the password")
    await visitor.page.get_by_role("button", name="Войти").click()
    await expect(visitor.page.get_by_role("alert")).to_contain_text("не подходят")
    await expect(visitor.page.get_by_label("Почта")).to_have_value("anna@example.ru")
