"""What the product is for, from the first visit to the last."""

import pytest
from playwright.async_api import expect

from tests.browser.visitor import Visitor
from tests.support.people import Sandbox

pytestmark = pytest.mark.browser


async def test_a_shop_owner_connects_sees_trouble_come_and_go_and_disconnects(
    visitor: Visitor, sandbox: Sandbox
) -> None:
    await visitor.sign_up()
    await visitor.connect()
    await visitor.sees("online")
    await expect(visitor.card()).to_contain_text("Основной магазин")
    await visitor.watch()
    await sandbox.set("error")
    await visitor.sees("offline")
    await expect(visitor.card()).to_contain_text("503")
    await sandbox.set("ok")
    await visitor.sees("online")
    assert await visitor.seen() == ["degraded", "offline", "online"]
    await visitor.button("Отключить").click()
    await visitor.page.get_by_role("dialog").get_by_role("button", name="Отключить").click()
    await visitor.sees("disconnected")
    await expect(
        visitor.page.get_by_text("«Эвотор»: отключено, доступ отозван и проверен")
    ).to_be_visible()
    assert (await sandbox.state())["grants"] == []


async def test_check_now_updates_the_card_and_a_second_press_does_no_harm(
    owner: Visitor, sandbox: Sandbox
) -> None:
    await sandbox.set("error", count=1)
    await owner.button("Проверить").click()
    await owner.has_seen("degraded", "online")  # the first perhaps for a moment only
    owner.expects("429")
    if await _pressed(owner) != 429:  # the check that came by itself took more than ten seconds
        assert await _pressed(owner) == 429
    await owner.updates()
    await expect(owner.card()).to_be_visible()
    await expect(owner.page.locator("#notice")).to_contain_text("Подождите десять секунд")
    assert await owner.seen() == ["degraded", "online"]


async def _pressed(owner: Visitor) -> int:
    async with owner.page.expect_response("**/checks") as answer:
        await owner.button("Проверить").click()
    return (await answer.value).status


async def test_a_click_that_fails_is_told_without_leaving_the_page(owner: Visitor) -> None:
    owner.expects("404")
    await owner.site.run("DELETE FROM connections")  # announced to nobody
    await owner.button("Проверить").click()
    await expect(owner.page.locator("#notice")).to_be_visible()
    await expect(owner.card()).to_be_visible()
    assert await owner.seen() == []


async def test_two_providers_stand_side_by_side(owner: Visitor, sandbox: Sandbox) -> None:
    await owner.connect("sklad")
    await owner.watch()
    await sandbox.set("error", client="sklad")
    await owner.sees("offline", "sklad")
    await owner.sees("online", "evotor")
    summary = owner.page.locator("[data-count=offline]")
    await expect(summary).to_have_text("1 не в сети")
    await expect(owner.page.locator("[data-count=online]")).to_have_text("1 в сети")


async def test_a_revoked_grant_is_reconnected_from_its_card(
    owner: Visitor, sandbox: Sandbox
) -> None:
    await sandbox.order("revoke")
    await owner.sees("revoked")
    await owner.button("Переподключить").click()
    await owner.page.get_by_role("button", name="Разрешить").click()
    await owner.page.wait_for_url("**/connections")
    await owner.sees("online")
    await expect(owner.page.locator("#cards [data-provider=evotor]")).to_have_count(1)


async def test_whoever_says_no_is_told_that_nothing_was_kept(visitor: Visitor) -> None:
    await visitor.sign_up()
    await visitor.button("Подключить").click()
    await visitor.page.get_by_role("button", name="Отказать").click()
    await visitor.page.wait_for_url("**/evotor?error=denied")
    await expect(visitor.page.get_by_role("alert").first).to_contain_text("Доступ не разрешён")
