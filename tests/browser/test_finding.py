"""Filters and counts that stay true while cards change, and the check of everything."""

import pytest
from playwright.async_api import Page, expect

from app.models.connection import Cause, Status
from tests.browser.conftest import NewVisitor
from tests.browser.test_live import LOST
from tests.browser.visitor import Visitor
from tests.support.people import MAIN_SHOP, OTHER_SHOP, Sandbox
from tests.support.waiting import until

pytestmark = pytest.mark.browser

UP = (Status.ONLINE,)
DOWN = (Status.OFFLINE, Cause.PROVIDER_ERROR)
KILLED = ("ERR_INCOMPLETE_CHUNKED_ENCODING", "network error")  # a stream whose server is gone
NOT_NOW = (
    "UPDATE connections SET last_checked_at = now() - interval '1 minute' WHERE account = '{}'"
)
RELEASE = "UPDATE connections SET lease_id = NULL, lease_until = NULL"
NOTE_FADES = """
window.fades = [];
document.addEventListener("transitionrun", ({ target, propertyName }) => {
  if (target.matches(".card")) window.fades.push(propertyName);
});
"""


async def counts(page: Page, **numbers: int) -> None:
    """What the summary line says; a status that nothing has is not named."""
    for status, number in numbers.items():
        item = page.locator(f".lead [data-count={status}]")
        await expect(item.locator("b")).to_have_text(str(number))
        await (expect(item).to_be_visible() if number else expect(item).to_be_hidden())


async def with_two(owner: Visitor, sandbox: Sandbox, *, held: bool = False) -> None:
    """One more connection; `held`: the worker leaves the first one alone until RELEASE."""
    way = await owner.context.request.post("/evotor/connect", max_redirects=0)
    query = await sandbox.consent(way.headers["location"], OTHER_SHOP)
    await owner.context.request.get("/evotor/callback", params=dict(query), max_redirects=0)
    if held:
        await hold(owner, MAIN_SHOP)
    await owner.page.goto("/connections")
    await owner.watch()


async def hold(visitor: Visitor, account: str) -> None:
    """The worker leaves it alone until RELEASE, and its last check was a while ago."""
    await visitor.site.turn(*UP, account=account)
    await visitor.site.run(NOT_NOW.format(account))


async def test_a_card_leaves_a_filter_gently_and_comes_back(owner: Visitor) -> None:
    await owner.page.goto("/connections?show=online")
    await owner.watch()
    await owner.page.evaluate(NOTE_FADES)
    await expect(owner.card()).to_be_visible()
    await owner.site.turn(*DOWN)
    await expect(owner.card()).to_be_hidden()
    await expect(owner.page.get_by_text("Нет подключений в состоянии «В сети»")).to_be_visible()
    assert {"opacity", "display"} <= set(await owner.page.evaluate("window.fades"))
    await owner.site.turn(*UP)
    await expect(owner.card()).to_be_visible()
    await expect(owner.page.get_by_text("Нет подключений в состоянии «В сети»")).to_be_hidden()
    assert owner.page.url.endswith("/connections?show=online")
    assert await owner.seen() == ["offline", "online"]


async def test_a_card_comes_into_a_filter_that_it_matches_now(owner: Visitor) -> None:
    await owner.page.goto("/connections?show=trouble")
    await owner.watch()
    await expect(owner.card()).to_be_hidden()
    await owner.site.turn(*DOWN)
    await expect(owner.card()).to_be_visible()


async def test_a_card_that_breaks_goes_to_the_top_and_comes_back_as_a_row(
    owner: Visitor, sandbox: Sandbox
) -> None:
    await with_two(owner, sandbox)
    await owner.context.request.post("/connections/view", form={"view": "rows"})
    await owner.page.goto("/connections")
    await owner.watch()
    order = "[...document.querySelectorAll('#cards > *')].map((each) => each.dataset.status ?? '-')"
    card = owner.page.locator("#cards [data-status=online]").last
    name = await card.get_attribute("id")
    last = owner.page.locator(f"#{name}")
    check = last.get_by_role("button", name="Проверить")
    await expect(check).to_be_hidden()
    await last.locator("summary").press("Enter")
    await expect(check).to_be_visible()
    await check.focus()
    await owner.site.turn(*DOWN, account=OTHER_SHOP)
    await expect(last).to_have_attribute("data-status", "offline")
    assert (await owner.page.evaluate(order))[:2] == ["-", "offline"]
    await expect(check).to_be_focused()
    await owner.site.turn(*UP, account=OTHER_SHOP)
    await expect(last).to_have_attribute("data-status", "online")
    assert (await owner.page.evaluate(order))[:4] == ["-", "-", "online", "online"]


async def test_the_summary_counts_live(owner: Visitor, sandbox: Sandbox) -> None:
    await with_two(owner, sandbox)
    await counts(owner.page, online=2, offline=0)
    await owner.site.turn(*DOWN, account=OTHER_SHOP)
    await counts(owner.page, online=1, offline=1)
    await owner.site.turn(Status.REVOKED, Cause.REVOKED, account=OTHER_SHOP)
    await counts(owner.page, online=1, offline=0, revoked=1)
    await owner.site.turn(*UP, account=OTHER_SHOP)
    await counts(owner.page, online=2, revoked=0)


async def test_everything_is_checked_before_ones_eyes_in_every_tab(
    owner: Visitor, sandbox: Sandbox
) -> None:
    owner.expects(*LOST, *KILLED)
    await with_two(owner, sandbox, held=True)
    second = await owner.context.new_page()
    await second.goto("/connections")
    await owner.is_live(second)
    await owner.page.get_by_role("button", name="Проверить все подключения").click()
    for page in (owner.page, second):
        await expect(page.get_by_text("проверено 1 из 2")).to_be_visible()
        await expect(page.get_by_role("progressbar")).to_have_attribute("value", "1")
    await second.get_by_role("button", name="Проверить все подключения").click()  # joins it
    await expect(second.get_by_text("проверено 1 из 2")).to_be_visible()
    await second.reload()
    await owner.is_live(second)
    await expect(second.get_by_text("проверено 1 из 2")).to_be_visible()
    await owner.site.web.kill()
    owner.site.web.start()
    await owner.site.ready()
    await owner.site.run(RELEASE)
    for page in (owner.page, second):
        await expect(page.locator("#round")).to_contain_text(
            "Проверено 2 подключения: 2 в порядке."
        )
    said = owner.page.get_by_role("log").get_by_text("Проверено 2 подключения: 2 в порядке.")
    await expect(said).to_be_attached()
    assert await owner.seen() == []
    await owner.page.get_by_role("button", name="Скрыть итог проверки").click()
    for page in (owner.page, second):
        await expect(page.locator("#round")).to_be_empty()


async def test_the_search_finds_while_it_is_typed_and_keeps_the_focus(owner: Visitor) -> None:
    await owner.page.goto("/connections?show=online")
    await owner.watch()
    field = owner.page.get_by_role("searchbox")
    await field.press_sequentially("ОСНОВ")
    await expect(owner.card()).to_be_visible()
    await field.press_sequentially("зв")
    await expect(owner.card()).to_be_hidden()
    await expect(owner.page.get_by_text("по запросу «ОСНОВзв»")).to_be_visible()
    await owner.site.turn(*DOWN)
    await owner.site.turn(*UP)
    await expect(owner.card()).to_be_hidden()  # the stream's card is sought, too
    await expect(field).to_be_focused()
    assert owner.page.url.endswith("?show=online&q=%D0%9E%D0%A1%D0%9D%D0%9E%D0%92%D0%B7%D0%B2")
    await field.press("Enter")
    await field.fill("")
    await expect(owner.card()).to_be_visible()


async def test_everything_is_checked_without_a_script(
    new_visitor: NewVisitor, sandbox: Sandbox
) -> None:
    visitor = await new_visitor(java_script_enabled=False)
    await visitor.arrive(sandbox)
    way = await visitor.context.request.post("/evotor/connect", max_redirects=0)
    query = await sandbox.consent(way.headers["location"], OTHER_SHOP)
    await visitor.context.request.get("/evotor/callback", params=dict(query), max_redirects=0)
    await hold(visitor, OTHER_SHOP)
    await visitor.page.goto("/connections")
    await visitor.page.get_by_role("button", name="Проверить все подключения").click()
    await expect(visitor.page.get_by_text("Проверяем все подключения. Сколько")).to_be_visible()
    await expect(visitor.page.get_by_text("из 2")).to_be_visible()
    await visitor.site.run(RELEASE)

    async def is_over() -> bool:
        await visitor.page.goto("/connections")
        return await visitor.page.get_by_text("2 в порядке").is_visible()

    await until(is_over)
