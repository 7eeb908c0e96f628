"""On a telephone, in the dark."""

from uuid import uuid4

import pytest
from playwright.async_api import Page, expect
from sqlalchemy import func, select, text

from app.models.account import User
from app.models.connection import Cause, Connection, Grant, Status
from tests.browser.conftest import NewVisitor
from tests.browser.site import Site
from tests.browser.visitor import Visitor
from tests.support.people import Sandbox

pytestmark = pytest.mark.browser

HEIGHT = 844
PAGES = (
    *("/connections", "/providers", "/evotor", "/evotor?error=exchange_refused", "/nowhere"),
    *("/account", "/account/delete", "/expiries", "/outages", "/journal", "/alerts"),
)
OPEN_PAGES = ("/", "/privacy", "/help", "/login", "/login?expired=1", "/signup", "/reset")

TOO_WIDE = """() => {
  const root = document.documentElement;
  return Math.max(root.scrollWidth, document.body.scrollWidth) - root.clientWidth;
}"""
BACKGROUND = "getComputedStyle(document.body).backgroundColor"

NEVER = text("now() + interval '1 day'")
CAUSES = {
    Status.DEGRADED: Cause.TIMEOUT,
    Status.BLOCKED: Cause.PAYMENT_REQUIRED,
    Status.OFFLINE: Cause.PROVIDER_ERROR,
    Status.REVOKED: Cause.REVOKED,
}
LONG_NAME = "Магазин хозяйственных товаров и садового инвентаря имени Четырнадцатого Партсъезда"
LONG_EVIDENCE = (
    "GET api.a-very-long-host-name-of-a-provider.example.ru/stores/search → 503 за 412 мс"
)


async def give_every_status(site: Site) -> None:
    """One connection of each kind to whoever is there; nobody checks them."""
    async with site.database.sessions.begin() as session:
        user_id = await session.scalar(select(User.id))
        for number, status in enumerate(set(Status) - {Status.DISCONNECTED}):
            cause = CAUSES.get(status)
            connection_id = uuid4()
            session.add(
                Connection(
                    id=connection_id,
                    user_id=user_id,
                    provider="evotor",
                    account=str(number),
                    label=LONG_NAME,
                    status=status.value,
                    cause=cause and cause.value,
                    evidence=cause and LONG_EVIDENCE,
                    last_checked_at=func.now(),
                    next_check_at=NEVER,
                    latency_ms=120,
                )
            )
            await session.flush()
            session.add(
                Grant(
                    connection_id=connection_id,
                    access_token=b"",
                    expires_at=NEVER,
                    scopes=[
                        "store:read",
                        "a-scope-with-a-very-long-name.example.ru/documents.read",
                    ],
                )
            )


async def fits(page: Page, path: str) -> None:
    await page.goto(path)
    assert await page.evaluate(TOO_WIDE) <= 0, path


@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (390, "dark")])
async def test_nothing_sticks_out_on_a_telephone(
    new_visitor: NewVisitor, sandbox: Sandbox, width: int, scheme: str
) -> None:
    screen = {"width": width, "height": HEIGHT}
    visitor = await new_visitor(viewport=screen, color_scheme=scheme)
    visitor.expects("404")
    for path in OPEN_PAGES:
        await fits(visitor.page, path)
    await visitor.arrive(sandbox, account=None)
    for path in PAGES:
        await fits(visitor.page, path)
    await give_every_status(visitor.site)
    for path in PAGES:
        await fits(visitor.page, path)
    async with visitor.site.database.sessions() as session:
        ids = await session.scalars(select(Connection.id))
    for connection_id in ids:
        await fits(visitor.page, f"/connections/{connection_id}")
        await fits(visitor.page, f"/connections/{connection_id}/report")


async def test_the_page_follows_the_system_and_the_button_overrules_it(
    new_visitor: NewVisitor, sandbox: Sandbox
) -> None:
    visitor = await new_visitor(color_scheme="light")
    page = visitor.page
    await visitor.arrive(sandbox, account=None)
    light = await page.evaluate(BACKGROUND)
    await page.emulate_media(color_scheme="dark")
    dark = await page.evaluate(BACKGROUND)
    await page.emulate_media(color_scheme="light")
    await page.get_by_role("button", name="Включить тёмную").click()
    await expect(page.locator("html[data-bs-theme=dark]")).to_be_attached()
    assert await page.evaluate(BACKGROUND) == dark != light
    await page.get_by_role("button", name="Включить светлую").click()
    await expect(page.locator("html[data-bs-theme=light]")).to_be_attached()
    await page.get_by_role("button", name="Вернуть как в системе").click()
    await expect(page.locator("html:not([data-bs-theme])")).to_be_attached()
    assert page.url.endswith("/connections")


async def test_an_empty_page_invites_to_connect(visitor: Visitor, sandbox: Sandbox) -> None:
    await visitor.arrive(sandbox, account=None)
    await visitor.page.get_by_role("button", name="Подключить «Эвотор»").click()
    await expect(visitor.page.get_by_role("button", name="Разрешить")).to_be_visible()
