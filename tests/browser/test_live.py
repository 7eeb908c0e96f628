"""What an open page does by itself, and what it leaves alone."""

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import expect

from app.models.connection import Cause, Status
from tests.browser.conftest import NewVisitor
from tests.browser.visitor import Visitor
from tests.support.people import MAIN_SHOP, OTHER_SHOP, Sandbox

pytestmark = pytest.mark.browser

UP = (Status.ONLINE,)
SHAKY = (Status.DEGRADED, Cause.PROVIDER_ERROR)
REFUSED = (Status.REVOKED, Cause.REVOKED)
DOWN = (Status.OFFLINE, Cause.PROVIDER_ERROR)
HIDE = """
Object.defineProperty(document, "hidden", { value: true });
document.dispatchEvent(new Event("visibilitychange"));
"""
LOST = ("Failed to fetch", "ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE")


async def test_two_tabs_are_both_live(owner: Visitor) -> None:
    second = await owner.context.new_page()
    await second.goto("/connections")
    await owner.is_live(second)
    await owner.site.turn(*DOWN)
    await owner.sees("offline")
    await owner.sees("offline", page=second)


async def test_somebody_elses_trouble_is_not_shown(
    owner: Visitor, new_visitor: NewVisitor, sandbox: Sandbox
) -> None:
    other = await new_visitor()
    await other.arrive(sandbox, "boris@example.ru", OTHER_SHOP)
    await other.is_live()
    await owner.site.turn(*DOWN, account=OTHER_SHOP)
    await other.sees("offline")
    await owner.site.turn(*SHAKY, account=MAIN_SHOP)
    await owner.sees("degraded")
    await other.sees("offline")
    assert await owner.seen() == ["degraded"]


async def test_focus_stays_on_its_button_while_the_card_changes(owner: Visitor) -> None:
    for name in ("Проверить", "Отключить"):
        await owner.button(name).focus()
        await owner.site.turn(*DOWN)
        await owner.sees("offline")
        await expect(owner.button(name)).to_be_focused()
        await owner.site.turn(*UP)
        await owner.sees("online")
        await expect(owner.button(name)).to_be_focused()


async def test_an_open_question_stays_open_while_the_card_changes(owner: Visitor) -> None:
    await owner.button("Отключить").click()
    await owner.site.turn(*DOWN)
    await owner.sees("offline")
    question = owner.page.get_by_role("dialog")
    await expect(question).to_be_visible()
    await question.get_by_role("button", name="Оставить").click()
    await expect(question).to_be_hidden()
    await owner.sees("offline")


async def test_confirmed_changes_are_said_and_a_first_strike_is_not(owner: Visitor) -> None:
    for change in (SHAKY, SHAKY, DOWN, DOWN):
        await owner.site.turn(*change)
        await owner.sees(change[0].value)
    said = owner.page.get_by_role("log").locator("p")
    await expect(said).to_have_text(["Основной магазин: Не в сети"])
    await owner.site.turn(*UP)
    await owner.sees("online")
    await expect(said).to_have_text(
        [f"Основной магазин: {each}" for each in ("Не в сети", "В сети")]
    )


async def test_the_banner_comes_when_nobody_checks_and_goes_when_somebody_does(
    owner: Visitor,
) -> None:
    banner = owner.page.get_by_text("Проверки сейчас не идут")
    await expect(banner).to_be_hidden()
    try:
        await owner.site.lose_the_worker()
        await expect(banner).to_be_visible()
    finally:
        owner.site.worker.start()
    await expect(banner).to_be_hidden()
    assert await owner.seen() == []


async def test_a_page_gets_over_a_restart_of_the_server(owner: Visitor) -> None:
    owner.expects(*LOST)
    assert await owner.site.web.stop() == 0
    try:
        await expect(owner.page.get_by_text("Нет связи")).to_be_visible()
        await expect(owner.page.get_by_text("Связь с сервером потеряна.")).to_be_visible()
        await owner.site.turn(*DOWN)
    finally:
        owner.site.web.start()
    await owner.is_live()
    await owner.sees("offline")
    await expect(owner.page.get_by_text("Связь с сервером потеряна.")).to_be_hidden()
    assert await owner.seen() is not None


async def test_a_lost_page_names_its_time_by_the_accounts_clock_not_the_browsers(
    new_visitor: NewVisitor, sandbox: Sandbox
) -> None:
    visitor = await new_visitor(timezone_id="Asia/Kamchatka")
    visitor.expects(*LOST)
    await visitor.arrive(sandbox)
    await visitor.site.run("UPDATE users SET zone = 'America/Sao_Paulo'")
    await visitor.page.reload()
    await visitor.is_live()
    before = datetime.now(ZoneInfo("America/Sao_Paulo")) - timedelta(seconds=30)
    assert await visitor.site.web.stop() == 0
    try:
        shown = visitor.page.get_by_text("Показаны данные на")
        await expect(shown).to_be_visible()
        after = datetime.now(before.tzinfo)
        times = {f"Показаны данные на {each:%H:%M}." for each in (before, after)}
        assert await shown.text_content() in times
    finally:
        visitor.site.web.start()
    await visitor.is_live()


async def test_a_card_that_gets_no_news_says_so_by_itself(owner: Visitor) -> None:
    late = owner.card().get_by_text("Нет свежих данных")
    await owner.site.turn(*UP)  # and from then on nobody checks it
    await expect(late).to_be_visible()
    await owner.site.run("UPDATE connections SET lease_id = NULL, lease_until = NULL")
    await expect(late).to_be_hidden()


async def test_what_waits_for_its_owner_is_in_the_title_and_on_the_icon(owner: Visitor) -> None:
    icon, badge = owner.page.locator("link[rel=icon]"), owner.page.locator("#waiting")
    await expect(badge).to_be_hidden()
    for change, title, file in (
        (REFUSED, "(1) Подключения — Связка", "favicon-waiting.svg"),
        (UP, "Подключения — Связка", "favicon.svg"),
    ):
        await owner.site.turn(*change)
        await expect(owner.page).to_have_title(title)
        await expect(icon).to_have_attribute("href", re.compile(f"/{file}"))
    await expect(badge).to_be_hidden()


async def test_a_hidden_page_asks_what_waits_for_its_owner(owner: Visitor) -> None:
    await owner.page.clock.install()
    await owner.page.reload()
    await owner.is_live()
    await owner.page.evaluate(HIDE)
    await owner.site.turn(*REFUSED)
    await owner.page.clock.fast_forward(91_000)
    await expect(owner.page).to_have_title("(1) Подключения — Связка")
    await owner.sees("online")  # nothing came over the stream


async def test_an_offline_browser_is_believed_and_a_click_that_failed_is_forgotten_after_it(
    owner: Visitor,
) -> None:
    owner.expects(*LOST, "ERR_INTERNET_DISCONNECTED")
    offline = owner.page.get_by_text("Нет интернета, попробуем сами.")
    failed = owner.page.get_by_text("Не получилось.")
    await owner.context.set_offline(True)
    await expect(offline).to_be_visible()
    await owner.button("Проверить").click()
    await expect(failed).to_be_visible()
    await owner.context.set_offline(False)
    await owner.is_live()
    await expect(offline).to_be_hidden()
    await expect(failed).to_be_hidden()
