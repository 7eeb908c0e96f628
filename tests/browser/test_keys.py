"""Passkeys and codes from a telephone, in a real Chromium whose authenticator is a program."""

import re
import time
from typing import Any

import pytest
from playwright.async_api import CDPSession, Page, expect

from app.accounts import totp
from tests.browser.conftest import NewVisitor
from tests.browser.visitor import EMAIL, Visitor
from tests.support.people import Sandbox
from tests.support.settings import PASSWORD

pytestmark = pytest.mark.browser

TELEPHONE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
BY_KEY = "Войти с ключом доступа"


class Authenticator:
    """Chromium's virtual one, by the WebAuthn domain of its DevTools protocol."""

    def __init__(self, devtools: CDPSession, name: str) -> None:
        self._devtools, self._name = devtools, name

    @classmethod
    async def of(cls, page: Page) -> "Authenticator":
        devtools = await page.context.new_cdp_session(page)
        await devtools.send("WebAuthn.enable")
        added = await devtools.send("WebAuthn.addVirtualAuthenticator", {"options": TELEPHONE})
        return cls(devtools, added["authenticatorId"])

    async def tell(self, command: str, **arguments: Any) -> Any:
        return await self._devtools.send(
            f"WebAuthn.{command}", {"authenticatorId": self._name, **arguments}
        )

    async def keys(self) -> list[dict[str, Any]]:
        return list((await self.tell("getCredentials"))["credentials"])


@pytest.fixture
async def anna(new_visitor: NewVisitor, named_url: str, sandbox: Sandbox) -> Visitor:
    visitor = await new_visitor(base_url=named_url)
    await visitor.arrive(sandbox, account=None)
    return visitor


async def add_key(page: Page, name: str = "Мой телефон") -> None:
    await page.goto("/account")
    form = page.locator("form[data-passkey=create]")
    await form.get_by_label("Название").fill(name)
    await form.get_by_label("Пароль").fill(PASSWORD)
    await form.get_by_role("button").click()
    await expect(page.get_by_text("Ключ доступа добавлен")).to_be_visible()


async def leave(page: Page) -> None:
    """Out, without the server's knowledge: as on another computer."""
    await page.context.clear_cookies()
    await page.goto("/login")


async def test_a_passkey_is_added_and_logs_in_without_a_password(anna: Visitor) -> None:
    authenticator = await Authenticator.of(anna.page)
    await add_key(anna.page)
    (key,) = await authenticator.keys()
    assert key["isResidentCredential"]
    assert key["rpId"] == "localhost"
    await leave(anna.page)
    await anna.page.get_by_role("button", name=BY_KEY).click()
    await anna.page.wait_for_url("**/connections")
    await anna.page.goto("/account")
    await expect(anna.page.get_by_text("Мой телефон")).to_be_visible()
    await expect(anna.page.get_by_text(re.compile("Добавлен .*, вход "))).to_be_visible()


async def test_with_a_passkey_no_code_is_asked_for(anna: Visitor) -> None:
    await Authenticator.of(anna.page)
    await add_key(anna.page)
    await turn_codes_on(anna.page)
    await leave(anna.page)
    await anna.page.get_by_role("button", name=BY_KEY).click()
    await anna.page.wait_for_url("**/connections")


async def test_the_same_telephone_is_not_added_twice(anna: Visitor) -> None:
    authenticator = await Authenticator.of(anna.page)
    await add_key(anna.page)
    form = anna.page.locator("form[data-passkey=create]")
    await form.get_by_label("Пароль").fill(PASSWORD)
    await form.get_by_role("button").click()
    await expect(form.get_by_role("alert")).to_have_text("Ключ на этом устройстве уже есть.")
    assert len(await authenticator.keys()) == 1


async def test_a_wrong_password_makes_no_key(anna: Visitor) -> None:
    anna.expects("422")
    authenticator = await Authenticator.of(anna.page)
    await anna.page.goto("/account")
    form = anna.page.locator("form[data-passkey=create]")
    await form.get_by_label("Пароль").fill("not the password")
    await form.get_by_role("button").click()
    await expect(form.get_by_role("alert")).to_contain_text("Пароль не подходит")
    assert await authenticator.keys() == []


async def test_whoever_cannot_unlock_the_telephone_does_not_get_in(anna: Visitor) -> None:
    authenticator = await Authenticator.of(anna.page)
    await add_key(anna.page)
    await leave(anna.page)
    await authenticator.tell("setUserVerified", isUserVerified=False)
    await anna.page.get_by_role("button", name=BY_KEY).click()
    await expect(anna.page.get_by_role("alert")).to_have_text(
        "Не подтверждено. Попробуйте ещё раз."
    )
    assert anna.page.url.endswith("/login")


async def test_a_removed_key_does_not_log_in(anna: Visitor) -> None:
    anna.expects("422")
    await Authenticator.of(anna.page)
    await add_key(anna.page)
    await anna.page.get_by_role("button", name="Удалить ключ: Мой телефон").click()
    await expect(anna.page.get_by_text("Ключ доступа удалён")).to_be_visible()
    await leave(anna.page)
    await anna.page.get_by_role("button", name=BY_KEY).click()
    await expect(anna.page.get_by_role("alert")).to_contain_text("здесь не подходит")


async def test_an_answer_is_good_once(anna: Visitor) -> None:
    """Somebody who saw it on the way cannot come in with it again."""
    anna.expects("422")
    await Authenticator.of(anna.page)
    await add_key(anna.page)
    await leave(anna.page)
    async with anna.page.expect_request("**/login/passkey") as sent:
        await anna.page.get_by_role("button", name=BY_KEY).click()
    form = (await sent.value).post_data_json
    await anna.page.wait_for_url("**/connections")
    await anna.page.context.clear_cookies()
    again = await anna.context.request.post("/login/passkey", form=form, max_redirects=0)
    assert again.status == 422


async def test_a_passkey_is_enough_to_delete_the_account(anna: Visitor) -> None:
    await Authenticator.of(anna.page)
    await add_key(anna.page)
    await anna.page.get_by_role("link", name="Удалить учётную запись").click()
    await anna.page.get_by_role("button", name="Удалить, подтвердив ключом").click()
    await expect(anna.page.get_by_text("Учётная запись удалена")).to_be_visible()
    await anna.page.goto("/connections")
    await anna.page.wait_for_url("**/login?next=/connections")


async def test_another_persons_passkey_deletes_nothing(
    anna: Visitor, new_visitor: NewVisitor, named_url: str, sandbox: Sandbox
) -> None:
    """Boris's telephone answers Anna's question; the server looks whose key it is."""
    anna.expects("422")
    await Authenticator.of(anna.page)
    await add_key(anna.page)
    boris = await new_visitor(base_url=named_url)
    boris.expects("422")  # his own question may be spent by then: the two race
    await boris.arrive(sandbox, "boris@example.ru", account=None)
    await Authenticator.of(boris.page)
    await add_key(boris.page)
    await boris.page.goto("/account/delete")
    async with boris.page.expect_request("**/account/delete") as sent:
        await boris.page.get_by_role("button", name="Удалить, подтвердив ключом").click()
    stolen = (await sent.value).post_data_json
    answer = await anna.context.request.post("/account/delete", form=stolen, max_redirects=0)
    assert answer.status == 422
    await anna.page.goto("/account")
    await expect(anna.page.get_by_role("heading", name="Учётная запись")).to_be_visible()


async def test_under_an_address_of_numbers_no_passkeys_are_offered(
    visitor: Visitor, sandbox: Sandbox
) -> None:
    await visitor.arrive(sandbox, account=None)
    await visitor.page.goto("/account")
    await expect(visitor.page.get_by_text("Ключи доступа заработают")).to_be_visible()
    await expect(visitor.page.locator("form[data-passkey]")).to_have_count(0)


async def turn_codes_on(page: Page) -> tuple[str, list[str]]:
    """The secret and the recovery codes."""
    await page.goto("/account")
    part = page.locator("#second_factor")
    await part.get_by_label("Пароль").fill(PASSWORD)
    await part.get_by_role("button", name="Включить").click()
    await expect(page.get_by_role("img", name="QR-код")).to_be_visible()
    secret = (await page.locator("#secret").inner_text()).replace(" ", "")
    await page.get_by_label("Код из приложения").fill(code(secret))
    await page.get_by_role("button", name="Включить", exact=True).click()
    await expect(page.get_by_role("heading", name="Запасные коды")).to_be_visible()
    return secret, await page.locator(".codes code").all_inner_texts()


def code(secret: str, later: int = 0) -> str:
    return totp.code_of(secret, totp.step_at(time.time()) + later)


async def saved_codes(page: Page) -> list[str]:
    """What the button that saves the recovery codes puts into its file; only they are printed."""
    async with page.expect_download() as coming:
        await page.get_by_role("button", name="Сохранить файлом").click()
    saved = await (await coming.value).path()
    await page.emulate_media(media="print")
    await expect(page.get_by_role("button")).to_have_count(0)
    await page.emulate_media(media="screen")
    return saved.read_text().split()


async def log_in(page: Page) -> None:
    await leave(page)
    await page.get_by_label("Почта").fill(EMAIL)
    await page.get_by_label("Пароль").fill(PASSWORD)
    await page.get_by_role("button", name="Войти", exact=True).click()
    await page.wait_for_url("**/login/code**")


@pytest.mark.parametrize("script", [True, False])
async def test_a_code_from_the_telephone_or_a_recovery_code_is_asked_for(
    new_visitor: NewVisitor, sandbox: Sandbox, script: bool
) -> None:
    visitor = await new_visitor(java_script_enabled=script)
    visitor.expects("422")
    await visitor.arrive(sandbox, account=None)
    page = visitor.page
    secret, codes = await turn_codes_on(page)
    if script:
        assert await saved_codes(page) == codes
    await page.get_by_role("link", name="Записал, продолжить").click()
    await expect(page.get_by_text("Запасных кодов осталось: 10")).to_be_visible()
    for shown in (code(secret, later=1), codes[0]):
        await log_in(page)
        await page.get_by_label("Код").fill("123")
        await page.get_by_role("button", name="Войти").click()
        await expect(page.get_by_role("alert")).to_contain_text("Код не подходит")
        await page.get_by_label("Код").fill(shown)
        await page.get_by_role("button", name="Войти").click()
        await page.wait_for_url("**/connections")
