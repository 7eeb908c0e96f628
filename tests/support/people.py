"""A person with a browser, and the switches of the sandbox."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from quart.typing import TestClientProtocol

from app.accounts import passwords, users
from app.outbound.client import HttpClient
from app.outbound.transport import bounds
from app.web.context import Dashboard
from tests.support.outbound import ANYWHERE
from tests.support.servers import local_client
from tests.support.settings import PASSWORD, PUBLIC_URL
from tests.support.waiting import PATIENCE

MAIN_SHOP = "01-000000000000001"
OTHER_SHOP = "01-000000000000002"
NO_SHOP = "01-000000000000003"

JSON = {"Accept": "application/json"}
HTMX = {"HX-Request": "true", "HX-Current-URL": f"{PUBLIC_URL}/connections"}


@dataclass(frozen=True)
class Sandbox:
    """The sandbox's control interface."""

    url: str
    http: HttpClient

    async def reset(self) -> None:
        await self.order("reset")

    async def set(self, mode: str, **order: Any) -> None:
        await self.order("", mode=mode, **order)

    async def order(self, action: str, **order: Any) -> None:
        url = f"{self.url}/control/{action}".rstrip("/")
        answer = await self.http.post(url, json=order, extensions=bounds(PATIENCE, ANYWHERE))
        assert answer.status_code == 200, answer

    async def state(self) -> dict[str, Any]:
        answer = await self.http.get(f"{self.url}/control", extensions=bounds(PATIENCE, ANYWHERE))
        return dict(answer.json())

    async def requests(self, path: str, since: float) -> int:
        """How often this path was asked since that `time.time()`; its log holds the last 200."""
        log = (await self.state())["requests"]
        return sum(each["path"] == path and each["at"] >= since for each in log)

    async def consent(
        self, url: str, account: str = MAIN_SHOP, decision: str = "allow"
    ) -> dict[str, str]:
        """Say yes (or no) on the consent page; returns what the callback gets."""
        form = {"account": account, "decision": decision}
        async with local_client() as browser:
            answer = await browser.post(url, data=form)
        assert answer.status_code == 303, answer.text
        query = parse_qs(urlsplit(answer.headers["Location"]).query)
        return {name: values[0] for name, values in query.items()}


@dataclass(frozen=True)
class Person:
    """Somebody signed in, in a browser of their own."""

    app: Dashboard
    client: TestClientProtocol
    sandbox: Sandbox

    @classmethod
    async def signed_up(cls, app: Dashboard, sandbox: Sandbox, email: str) -> "Person":
        person = cls(app, app.test_client(), sandbox)
        answer = await person.post("/signup", email=email, password=PASSWORD)
        assert answer.status_code == 303, await answer.get_data(as_text=True)
        return person

    @classmethod
    async def known(cls, app: Dashboard, sandbox: Sandbox, email: str) -> "Person":
        """Somebody who signed up earlier, and logs in now."""
        password_hash = await passwords.hash_password(PASSWORD)
        async with app.database.sessions.begin() as session:
            await users.sign_up(session, email, password_hash)
        return await cls(app, app.test_client(), sandbox).back(email)

    async def back(self, email: str, password: str = PASSWORD) -> "Person":
        """The same person in another browser."""
        other = Person(self.app, self.app.test_client(), self.sandbox)
        answer = await other.post("/login", email=email, password=password)
        assert answer.status_code == 303, await answer.get_data(as_text=True)
        return other

    async def is_in(self) -> bool:
        return bool((await self.get("/connections")).status_code == 200)

    async def get(self, path: str, **headers: str) -> Any:
        return await self.client.get(path, headers=headers)

    async def post(self, path: str, **form: str) -> Any:
        return await self.client.post(path, form=form)

    async def page(self, path: str = "/connections") -> str:
        answer = await self.client.get(path)
        assert answer.status_code == 200, answer.status_code
        return str(await answer.get_data(as_text=True))

    async def cards(self) -> list[dict[str, Any]]:
        answer = await self.client.get("/connections", headers=JSON)
        return list((await answer.get_json())["connections"])

    async def connected(self) -> list[dict[str, Any]]:
        return [card for card in await self.cards() if card["connected"]]

    async def go_to_provider(self, provider: str = "evotor", **form: str) -> str:
        """Press «Подключить»; returns where the provider's page is."""
        answer = await self.post(f"/{provider}/connect", **form)
        assert answer.status_code == 303, answer.status_code
        return str(answer.headers["Location"])

    async def come_back(self, provider: str, query: dict[str, str]) -> str:
        """The provider sends the browser back; returns where it ends up."""
        answer = await self.client.get(f"/{provider}/callback", query_string=query)
        assert answer.status_code == 303, answer.status_code
        return str(answer.headers["Location"])

    async def connect(
        self, provider: str = "evotor", account: str = MAIN_SHOP, **form: str
    ) -> dict[str, Any]:
        """The whole way to the provider and back; returns the newest card of that provider."""
        query = await self.sandbox.consent(await self.go_to_provider(provider, **form), account)
        assert await self.come_back(provider, query) == "/connections"
        return [card for card in await self.connected() if card["provider"] == provider][-1]

    async def reconnect(self, card: dict[str, Any], account: str = MAIN_SHOP) -> str:
        """The whole way there and back for this card; returns where the browser ends up."""
        provider = card["provider"]
        way = await self.go_to_provider(provider, connection=card["id"])
        return await self.come_back(provider, await self.sandbox.consent(way, account))

    async def check(self, card: dict[str, Any]) -> dict[str, Any]:
        """Check now, without the limit on checks by hand; returns the card after it."""
        await self.app.checker.check_now(UUID(card["id"]))
        return next(each for each in await self.cards() if each["id"] == card["id"])
