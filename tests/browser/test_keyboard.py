"""The whole story without a mouse: log in, connect, see it break, repair it, disconnect."""

import pytest
from playwright.async_api import expect

from tests.browser.conftest import NewVisitor
from tests.browser.keyboard import COMPLAIN_OF_LOST_FOCUS, Keyboard
from tests.browser.visitor import EMAIL, Visitor
from tests.support.people import Sandbox
from tests.support.settings import PASSWORD

pytestmark = pytest.mark.browser

# Notes which forms would have been sent, and sends none: the page stays as if no answer came.
STAY = """
window.sent = [];
addEventListener("submit", (event) => {
  window.sent.push(!event.defaultPrevented);
  event.preventDefault();
});
"""


async def allow(owner: Visitor, keyboard: Keyboard) -> None:
    """The provider's consent page, and back."""
    await expect(owner.page.get_by_role("button", name="Разрешить")).to_be_visible()
    await keyboard.to("account")
    await keyboard.press("ArrowDown", "ArrowUp")  # the other account, and the first one again
    await keyboard.to("Разрешить")
    await keyboard.press("Enter")
    await owner.page.wait_for_url("**/connections")
    await owner.sees("online")
    await owner.is_live()


async def test_the_keyboard_is_enough_from_the_log_in_to_the_disconnect(
    new_visitor: NewVisitor, visitor: Visitor, sandbox: Sandbox
) -> None:
    await visitor.arrive(sandbox, account=None)
    owner = await new_visitor()
    await owner.context.add_init_script(COMPLAIN_OF_LOST_FOCUS)
    page, keyboard = owner.page, Keyboard(owner.page)
    await page.goto("/login")
    await expect(page.get_by_label("Почта")).to_be_focused()
    await keyboard.type(EMAIL)
    await keyboard.press("Tab")
    await keyboard.type(PASSWORD)
    await keyboard.press("Enter")
    await page.wait_for_url("**/connections")

    await keyboard.to("Подключить «Эвотор»")
    await keyboard.press("Enter")
    await allow(owner, keyboard)

    check, group = owner.button("Проверить"), page.locator("#cards > .group:visible")
    await keyboard.to("Проверить: ")
    await expect(group).to_have_text(["Работают", "Можно подключить"])
    await sandbox.order("revoke")
    await owner.sees("revoked")
    await expect(group).to_have_text(["Требует внимания", "Можно подключить"])
    await expect(check).to_be_focused()

    await keyboard.to("Переподключить: ", key="Shift+Tab")
    await keyboard.press("Space")
    await allow(owner, keyboard)
    await expect(group).to_have_text(["Работают", "Можно подключить"])

    await keyboard.to("Отключить: ")
    await keyboard.press("Space")
    question = page.get_by_role("dialog")
    await expect(question).to_be_visible()
    await keyboard.press("Escape")
    await expect(question).to_be_hidden()
    await expect(owner.button("Отключить")).to_be_focused()
    await keyboard.press("Enter")
    await expect(question.get_by_role("button", name="Отключить")).to_be_focused()
    await keyboard.press("Enter")
    await expect(page.get_by_text("доступ отозван и проверен")).to_be_visible()
    await owner.sees("disconnected")


async def test_a_form_on_its_way_is_sent_once_and_keeps_the_focus_on_its_button(
    owner: Visitor,
) -> None:
    await owner.page.goto("/evotor")
    await owner.page.evaluate(STAY)
    button = owner.page.get_by_role("button", name="Подключить ещё один аккаунт")
    await button.focus()
    for _ in range(2):
        await owner.page.keyboard.press("Enter")
    assert await owner.page.evaluate("window.sent") == [True, False]
    await expect(button).to_have_attribute("aria-busy", "true")
    await expect(button).to_be_focused()
