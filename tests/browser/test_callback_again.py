"""Back from the provider more than once, or after the log-in has expired, in a real browser."""

import pytest
from playwright.async_api import expect

from tests.browser.visitor import EMAIL, Visitor
from tests.support.people import Sandbox
from tests.support.settings import PASSWORD

pytestmark = pytest.mark.browser


async def allow(visitor: Visitor) -> None:
    await visitor.page.get_by_role("button", name="Разрешить").click()


async def log_in(visitor: Visitor) -> None:
    await visitor.page.get_by_label("Почта").fill(EMAIL)
    await visitor.page.get_by_label("Пароль").fill(PASSWORD)
    await visitor.page.get_by_role("button", name="Войти").first.click()


async def test_back_and_allow_again_shows_the_same_green_card(
    visitor: Visitor, sandbox: Sandbox
) -> None:
    await visitor.arrive(sandbox, account=None)
    await visitor.page.goto("/evotor")
    await visitor.page.get_by_role("button", name="Подключить").click()
    await visitor.page.wait_for_url("**/oauth/authorize**")
    consent = visitor.page.url
    await allow(visitor)
    await visitor.page.wait_for_url("**/connections")
    await visitor.sees("online")
    await visitor.page.goto(consent)
    await allow(visitor)
    await visitor.page.wait_for_url("**/connections")
    await expect(visitor.page.get_by_text("«Эвотор»: подключено")).to_be_visible()
    await expect(visitor.page.get_by_text("Ничего не подключено")).to_be_hidden()
    await visitor.sees("online")


async def test_a_log_in_that_expired_meanwhile_is_said_after_the_next_one(
    visitor: Visitor, sandbox: Sandbox
) -> None:
    await visitor.arrive(sandbox)
    await visitor.page.goto("/evotor")
    await visitor.page.get_by_role("button", name="Подключить ещё один аккаунт").click()
    await visitor.page.wait_for_url("**/oauth/authorize**")
    await visitor.context.clear_cookies()
    await allow(visitor)
    await visitor.page.wait_for_url("**/login?next=**")
    assert "code=" not in visitor.page.url
    await log_in(visitor)
    await visitor.page.wait_for_url("**/evotor?error=signed_out")
    strip = visitor.page.get_by_role("alert")
    await expect(strip).to_contain_text("Подключение не закончено")
    await expect(strip).to_contain_text("прежние подключения остались как были")
    await strip.get_by_role("button", name="Подключить").click()
    await allow(visitor)
    await visitor.page.wait_for_url("**/connections")
    await visitor.sees("online")
