"""The page of one connection, open in a browser."""

import pytest
from playwright.async_api import expect

from app.models.connection import Cause, Status
from tests.browser.test_live import LOST
from tests.browser.visitor import Visitor

pytestmark = pytest.mark.browser

LATE_IN_A_MINUTE = "UPDATE connections SET next_check_at = now() + interval '1 minute'"


async def look_closer(owner: Visitor) -> None:
    await owner.card().locator("h2 a").click()
    await owner.page.wait_for_url("**/connections/*")
    await owner.is_live()


async def test_the_page_is_live_and_so_are_its_facts(owner: Visitor) -> None:
    await look_closer(owner)
    facts = owner.page.locator("#facts")
    await expect(facts).to_contain_text("Продлеваем сами")
    await owner.site.turn(Status.REVOKED, Cause.REVOKED)
    await owner.sees("revoked")
    await expect(owner.card()).to_contain_text("Ваш ход")
    await expect(facts).to_contain_text("Больше не действует")
    await owner.site.turn(Status.ONLINE)
    await owner.sees("online")
    await expect(facts).to_contain_text("Продлеваем сами")


async def test_a_check_by_hand_and_a_disconnect_work_from_there(owner: Visitor) -> None:
    await look_closer(owner)
    async with owner.page.expect_response("**/checks"):
        await owner.button("Проверить").click()
    await owner.sees("online")
    await owner.button("Отключить").click()
    await owner.page.get_by_role("dialog").get_by_role("button", name="Отключить").click()
    await owner.page.wait_for_url("**/connections")
    await owner.sees("disconnected")


async def test_a_connection_that_goes_elsewhere_is_told_kindly(owner: Visitor) -> None:
    second = await owner.context.new_page()
    await second.goto("/connections")
    await look_closer(owner)
    await second.get_by_role("button", name="Отключить").first.click()
    await second.get_by_role("dialog").get_by_role("button", name="Отключить").click()
    await second.wait_for_url("**/connections")
    await expect(owner.page.get_by_text("Этого подключения больше нет.")).to_be_visible()
    await expect(owner.page.locator("#facts")).to_be_hidden()


async def test_asking_anew_about_a_connection_that_just_went_is_no_mistake(owner: Visitor) -> None:
    """A card can change and go before the page has asked for the facts of the change."""
    await look_closer(owner)
    await owner.site.run("DELETE FROM connections")  # and no word of it on the stream
    # The page may have asked by itself, just before.
    async with owner.page.expect_response(lambda answer: answer.status == 204):
        await owner.page.locator("#facts").dispatch_event("facts:old")
    await expect(owner.page.locator("#facts")).to_contain_text("Продлеваем сами")


async def test_a_connection_that_went_while_the_server_was_away_is_told_too(
    owner: Visitor,
) -> None:
    owner.expects(*LOST, "404")
    await look_closer(owner)
    assert await owner.site.web.stop() == 0
    try:
        await owner.site.run("DELETE FROM connections")
    finally:
        owner.site.web.start()
    await expect(owner.page.get_by_text("Возможно, подключение уже отключили")).to_be_visible()


async def test_every_page_says_by_itself_that_nothing_fresh_came_though_all_is_gone(
    owner: Visitor,
) -> None:
    owner.expects(*LOST)
    await owner.site.turn(Status.ONLINE)  # and from then on nobody checks it
    await owner.site.run(LATE_IN_A_MINUTE)
    pages = [owner.page, await owner.context.new_page(), await owner.context.new_page()]
    for page in pages:
        await page.clock.install()
    await owner.page.goto("/connections")
    path = await owner.card().locator("h2 a").get_attribute("href")
    await pages[1].goto(str(path))
    await pages[2].goto("/evotor")
    late = [page.locator("[id^=connection-] .stale") for page in pages]
    for each in late:
        await expect(each).to_be_hidden()
    assert await owner.site.web.stop() == 0
    try:
        for page, each in zip(pages, late, strict=True):
            await page.bring_to_front()
            await page.clock.fast_forward("02:00")
            await expect(each).to_be_visible()
    finally:
        owner.site.web.start()
        await owner.site.ready()
