"""Every page and state of a page, as axe reads it: WCAG 2.2, A and AA, in both themes."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Page, expect
from sqlalchemy import select

from app.models.connection import Connection
from app.web.context import Dashboard
from tests.browser.conftest import NewVisitor
from tests.browser.test_keys import turn_codes_on
from tests.browser.test_looks import give_every_status
from tests.browser.visitor import Visitor
from tests.support.people import Sandbox
from tests.support.routes import routes

pytestmark = pytest.mark.browser

LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]
RULES = {"light": {"type": "tag", "values": LEVELS}, "dark": ["color-contrast"]}
RUN = """async (rules) => {
  const { violations } = await axe.run(document, { runOnly: rules, resultTypes: ["violations"] });
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => [id, html.slice(0, 200)]));
}"""
CONNECTION = "/connections/<uuid:connection_id>"
NOBODYS = "00000000-0000-4000-8000-000000000000"

OPEN = (
    *("/", "/privacy", "/help", "/login", "/login?expired=1", "/login/code"),
    *("/signup", "/signup/confirm", "/reset", "/reset/password", "/account/email/confirm"),
    f"/alerts/unsubscribe/{NOBODYS}",
)
OWN = (
    *("/connections", "/connections?show=trouble&q=вокзал", "/connections?group=tag"),
    *("/providers", "/providers?q=ничего", "/evotor", "/evotor?error=exchange_refused", "/kassa"),
    *("/outages", "/expiries", "/journal", "/alerts", "/account", "/account/delete"),
    *("/account/second-factor", "/nowhere"),
)
OF_A_CONNECTION = ("", "?naming=1", "/report", "/disconnect", "/choice")
# What is answered with something else than a page, or sends on to one.
NO_PAGES = {
    *("/outages.csv", "/outages.json", "/uptime.csv", "/uptime.json", "/expiries/<secret>.ics"),
    *("/healthz", "/readyz", "/metrics", "/account/data", "/static/<path:filename>"),
    *("/favicon.ico", "/connections/stream", "/connections/waiting"),
    f"{CONNECTION}/stream",
}

ALL_THAT_CAN_BE_SAID = (
    """UPDATE connections SET tags = '{вокзал,касса}', latency_ms = 900, baseline_ms = 300,
    slow_since = now() - interval '1 hour'
    WHERE status = 'online'""",
    """UPDATE connections SET paused_until = '9999-01-01T00:00Z' WHERE account = (
    SELECT account FROM connections WHERE status = 'degraded')""",
    "UPDATE grants SET expires_at = now() + interval '3 days'",
    """INSERT INTO outages (connection_id, opened_at, closed_at, status, cause, fault, evidence)
    SELECT id, now() - interval '2 hours', now() - interval '1 hour', 'offline', 'timeout',
    'provider', 'GET x' FROM connections""",
    """INSERT INTO provider_outages (provider, cause, evidence, opened_at)
    VALUES ('evotor', 'provider_error', '', now() - interval '18 minutes')""",
)
OVER = "DELETE FROM provider_outages"


class Reader:
    """Opens pages and reads them with axe; keeps what it finds."""

    def __init__(self, page: Page, axe: str) -> None:
        self._page, self._axe = page, axe
        self.found: list[tuple[str, str, Any]] = []

    async def open(self, path: str) -> None:
        await self._page.goto(path)
        await self.read(path)

    async def read(self, path: str) -> None:
        await self._page.evaluate(self._axe)
        for scheme, rules in RULES.items():
            await self._page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            self.found += [(path, scheme, each) for each in await self._page.evaluate(RUN, rules)]


@pytest.fixture
def axe() -> str:
    package = pytest.importorskip("axe_playwright_python.base")
    return str(package.AXE_FILE_PATH.read_text(encoding="utf-8"))


@pytest.fixture
async def everything(new_visitor: NewVisitor, sandbox: Sandbox) -> AsyncIterator[Visitor]:
    """Somebody with a connection in every state, and an outage of the service. Nothing moves: a
    colour on its way from one theme to the other is neither's.
    """
    visitor = await new_visitor(reduced_motion="reduce")
    visitor.expects("404", "410", "422")
    await visitor.arrive(sandbox)
    await give_every_status(visitor.site)
    await visitor.site.run(*ALL_THAT_CAN_BE_SAID)
    yield visitor
    await visitor.site.run(OVER)


async def test_axe_finds_nothing_on_any_page(everything: Visitor, axe: str) -> None:
    page, site = everything.page, everything.site
    reader = Reader(page, axe)
    async with site.database.sessions() as session:
        ids = list(await session.scalars(select(Connection.id)))
    for path in (*OWN, *(f"/connections/{each}" for each in ids)):
        await reader.open(path)
    for path in OF_A_CONNECTION:
        await reader.open(f"/connections/{ids[0]}{path}")
    await page.goto("/connections")
    await everything.button("Отключить").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await reader.read("the question before a disconnect")
    await site.lose_the_worker()
    try:
        await page.goto("/connections")
        await expect(page.get_by_text("Проверки сейчас не идут")).to_be_visible()
        await reader.read("nobody checks")
    finally:
        site.worker.start()
    await turn_codes_on(page)
    await reader.read("recovery codes")
    await everything.context.clear_cookies()
    for path in OPEN:
        await reader.open(path)
    assert reader.found == [], "\n".join(map(str, reader.found))


def test_every_page_is_read(dashboard: Dashboard) -> None:
    read = {path.partition("?")[0] for path in (*OPEN, *OWN)}
    read |= {f"{CONNECTION}{path.partition('?')[0]}" for path in OF_A_CONNECTION}
    answered = {
        route.path.replace("<uuid:id>", NOBODYS)
        for route in routes(dashboard)
        if "GET" in route.methods and not route.endpoint.startswith("providers.")
    }
    assert answered == (read & answered) | NO_PAGES
