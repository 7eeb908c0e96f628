"""A provider that is played, and a person with the whole dashboard before them."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from app.config import Client, Settings
from app.database.engine import Database
from app.models.connection import Grant
from app.outbound.client import HttpClient
from app.providers.registry import BUILT_IN
from tests.providers.shapes.key_service import KeyService
from tests.providers.shapes.oauth_service import CLIENT_ID, CLIENT_SECRET, OAuthService
from tests.providers.shapes.overlay import overlay
from tests.providers.shapes.push_service import WEBHOOK_SECRET, PushService
from tests.providers.shapes.service import Service, serve
from tests.support.applications import new_application
from tests.support.people import Person, Sandbox

SECRETS = {"evotor": WEBHOOK_SECRET}
ENTRIES = {each.name: each for each in BUILT_IN}


@dataclass(frozen=True)
class Stand:
    """A provider that is played, and a person with the whole dashboard before them."""

    service: Service
    person: Person
    database: Database

    async def connect(self, card: dict[str, Any] | None = None) -> dict[str, Any]:
        """The whole way, as this kind of provider wants it; the card after it."""
        form = {"connection": card["id"]} if card else {}
        if isinstance(self.service, KeyService):
            form |= self.service.new_key()
            answer = await self.person.post(f"/{self.service.name}/connect", **form)
            assert answer.headers.get("Location") == "/connections", await answer.get_data(True)
        elif isinstance(self.service, PushService):
            await self.install(self.service, card)
        else:
            await self.go_and_come_back(form)
        (found,) = await self.person.connected()
        return found

    async def install(self, service: PushService, card: dict[str, Any] | None) -> None:
        """The application is installed (anew), and its token comes; a code only the first time."""
        if card is None:
            await self.person.post(f"/{service.name}/install")
            code = code_on(await self.person.page(f"/{service.name}"))
            await self.hook("/user/verify", service.sign_in("anna@example.ru", code))
        await self.hook("/user/token", service.install())
        (found,) = await self.person.connected()
        await self.check(found)

    async def hook(self, path: str, content: dict[str, str]) -> None:
        headers = {"Authorization": f"Bearer {WEBHOOK_SECRET}"}
        cloud = self.person.app.test_client()
        at = f"/{self.service.name}/hooks{path}"
        answer = await cloud.post(at, json=content, headers=headers)
        assert answer.status_code == 200, await answer.get_data(True)

    async def go_and_come_back(self, form: dict[str, str]) -> None:
        service = cast(OAuthService, self.service)
        typed = {} if "connection" in form else service.typed
        url = await self.person.go_to_provider(service.name, **form, **typed)
        assert url.startswith(f"{service.url}/")
        back = await self.person.come_back(service.name, service.authorize(url))
        assert back == "/connections"

    async def check(self, card: dict[str, Any], times: int = 1) -> dict[str, Any]:
        for _ in range(times):
            found = await self.person.check(card)
        return found

    async def shown(self, card: dict[str, Any]) -> tuple[str, str | None]:
        """(status, cause) once it is confirmed by a second look."""
        found = await self.check(card, times=2)
        return found["status"], found["cause"]

    async def grant(self, card: dict[str, Any]) -> Grant:
        async with self.database.sessions() as session:
            return await session.get_one(Grant, UUID(card["id"]))


def code_on(page: str) -> str:
    """The code that a person reads on a provider's page."""
    found = re.search(r'<code class="code">([A-Z0-9-]+)</code>', page)
    assert found, "there is no code on the page"
    return found[1]


@asynccontextmanager
async def open_stand(
    service: Service, settings: Settings, database: Database, http: HttpClient, folder: Path
) -> AsyncIterator[Stand]:
    """The shipped entry against this service. At the end, no rule of the service was broken."""
    async with serve(service):
        file = folder / "providers.toml"
        file.write_text(overlay(ENTRIES[service.name], service.url), encoding="utf-8")
        client = Client(CLIENT_ID, CLIENT_SECRET)
        known = replace(settings, clients={service.name: client}, webhook_secrets=SECRETS)
        app = new_application(replace(known, providers_file=file), database)
        async with app.test_app():
            person = await Person.signed_up(app, Sandbox("", http), "anna@example.ru")
            yield Stand(service, person, database)
    assert service.broken == []
