"""A shop owner at a browser: what they do, and what they see."""

from dataclasses import dataclass, field

from playwright.async_api import BrowserContext, Locator, Page, expect

from tests.browser.site import Site
from tests.support.people import MAIN_SHOP, Sandbox
from tests.support.settings import PASSWORD
from tests.support.waiting import until

EMAIL = "anna@example.ru"
EVOTOR = "evotor"

# Every status that the card of a connection goes through, in order.
RECORDER = """
window.seen = [];
new MutationObserver((changes) => {
  for (const { target } of changes) {
    if (window.seen.at(-1) !== target.dataset.status) window.seen.push(target.dataset.status);
  }
}).observe(document.getElementById("cards"), { subtree: true, attributeFilter: ["data-status"] });
"""
COUNTER = """
window.updates = 0;
document.addEventListener("htmx:sse:after:message", () => { window.updates += 1; });
"""


@dataclass
class Visitor:
    site: Site
    context: BrowserContext
    page: Page
    complaints: list[str] = field(default_factory=list)  # what the browser had to say about us
    expected: list[str] = field(default_factory=list)

    def expects(self, *words: str) -> None:
        """Complaints with these words in them are part of the story."""
        self.expected.extend(words)

    def unexpected(self) -> list[str]:
        return [
            complaint
            for complaint in self.complaints
            if not any(words in complaint for words in self.expected)
        ]

    async def sign_up(self, email: str = EMAIL) -> None:
        await self.page.goto("/signup")
        await self.page.get_by_label("Почта").fill(email)
        await self.page.get_by_label("Придумайте пароль").fill(PASSWORD)
        await self.page.get_by_role("button", name="Зарегистрироваться").click()
        await self.page.wait_for_url("**/connections")

    async def connect(self, provider: str = EVOTOR) -> None:
        """Over the provider's own consent page and back."""
        await self.page.goto(f"/{provider}")
        await self.page.get_by_role("button", name="Подключить").click()
        await self.page.get_by_role("button", name="Разрешить").click()
        await self.page.wait_for_url("**/connections")

    async def arrive(
        self, sandbox: Sandbox, email: str = EMAIL, account: str | None = MAIN_SHOP
    ) -> None:
        """Sign up and connect without looking at a page: for tests of what comes after."""
        asking = self.context.request
        await asking.post("/signup", form={"email": email, "password": PASSWORD})
        if account:
            way = await asking.post("/evotor/connect", max_redirects=0)
            query = await sandbox.consent(way.headers["location"], account)
            await asking.get("/evotor/callback", params=dict(query), max_redirects=0)
        await self.page.goto("/connections")

    async def sees(self, status: str, provider: str = EVOTOR, page: Page | None = None) -> None:
        card = self.card(provider, page)
        await expect(card).to_have_attribute("data-status", status)

    def card(self, provider: str = EVOTOR, page: Page | None = None) -> Locator:
        return (page or self.page).locator(f"#cards [data-provider={provider}]")

    def button(self, name: str, provider: str = EVOTOR) -> Locator:
        return self.card(provider).get_by_role("button", name=name, exact=False).first

    async def is_live(self, page: Page | None = None) -> None:
        await expect((page or self.page).locator("html[data-link=live]")).to_be_attached()

    async def watch(self) -> None:
        """From here on, note every status, count every update, and notice a reload."""
        await self.is_live()
        await self.page.evaluate(RECORDER)
        await self.page.evaluate(COUNTER)

    async def seen(self) -> list[str] | None:
        """The statuses since `watch`; None: the page was loaded anew."""
        found: list[str] | None = await self.page.evaluate("window.seen ?? null")
        return found

    async def has_seen(self, *statuses: str) -> None:
        """The card went through these and no others, however briefly."""

        async def look() -> bool:
            return await self.seen() == list(statuses)

        await until(look)

    async def updates(self, number: int = 2) -> None:
        """So many more live updates went over this page."""
        goal = await self.page.evaluate("window.updates") + number

        async def look() -> bool:
            return bool(await self.page.evaluate("window.updates") >= goal)

        await until(look)
