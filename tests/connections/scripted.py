"""A provider whose every answer is a test's own, and a person with the dashboard before them."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aiohttp import web

from app.config import Client, Settings
from app.database.engine import Database
from app.outbound.client import HttpClient
from tests.support.applications import new_application
from tests.support.people import Person, Sandbox
from tests.support.servers import serving
from tests.support.waiting import until

ENTRY = """
[providers.acme]
name = "Acme"
icon = "bi-plug"
authorization_endpoint = "{url}/auth"
token_endpoint = "{url}/token"
{more}
[providers.acme.probe]
url = "{me}"
label = "name"
account = "sub"
{probe}
"""


@dataclass
class Says:
    """One answer, byte for byte."""

    body: bytes | str | Mapping[str, Any] = b""
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> web.Response:
        body = self.body if isinstance(self.body, (bytes, str)) else json.dumps(self.body)
        raw = body if isinstance(body, bytes) else body.encode()
        headers = {"Content-Type": self.content_type, **self.headers}
        return web.Response(body=raw, status=self.status, headers=headers)


GRANT = {"access_token": "access-1", "refresh_token": "refresh-1", "token_type": "Bearer"}


@dataclass
class Scripted:
    """What the provider says, what it was asked, and the person who connects it."""

    url: str = ""
    token: Says = field(default_factory=lambda: Says(GRANT))
    me: Says = field(default_factory=lambda: Says({"sub": "shop-1", "name": "Лавка"}))
    revoke: Says = field(default_factory=Says)
    exchanges: list[dict[str, str]] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)  # access tokens at the API
    revocations: list[tuple[dict[str, Any], Mapping[str, str]]] = field(default_factory=list)
    token_may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    revoke_may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    person: Person = field(init=False)

    def __post_init__(self) -> None:
        self.token_may_answer.set()
        self.revoke_may_answer.set()

    @property
    def revoked(self) -> list[str]:
        return [str(content.get("token")) for content, _ in self.revocations]

    async def on_token(self, request: web.Request) -> web.Response:
        self.exchanges.append({name: str(value) for name, value in (await request.post()).items()})
        await self.token_may_answer.wait()
        return self.token.response()

    async def on_me(self, request: web.Request) -> web.Response:
        self.shown.append(request.headers.get("Authorization", "").removeprefix("Bearer "))
        return self.me.response()

    async def on_revoke(self, request: web.Request) -> web.Response:
        written_as_json = "json" in request.headers.get("Content-Type", "")
        content = await request.json() if written_as_json else dict(await request.post())
        self.revocations.append((content, dict(request.headers)))
        await self.revoke_may_answer.wait()
        return self.revoke.response()

    async def traded(self) -> None:
        """The code has come here; its answer may still be waited for."""

        async def asked() -> bool:
            return bool(self.exchanges)

        await until(asked)

    async def way(self, **form: str) -> dict[str, str]:
        """Press the button; what the provider would send back."""
        url = await self.person.go_to_provider("acme", **form)
        return {"state": parse_qs(urlsplit(url).query)["state"][0], "code": "the-code"}

    async def connect(self, **form: str) -> str:
        """The whole way; returns where the browser ends up."""
        return await self.person.come_back("acme", await self.way(**form))

    async def card(self) -> dict[str, Any]:
        (card,) = await self.person.connected()
        return card


@asynccontextmanager
async def open_scripted(
    settings: Settings,
    database: Database,
    http: HttpClient,
    folder: Path,
    more: str = "",
    probe: str = "",
    *,
    me: str = "",
    without_revocation: bool = False,
) -> AsyncIterator[Scripted]:
    """`more` are further keys of the entry, `probe` of its probe; `me` is another address of it."""
    acme = Scripted()
    handlers = {"token": acme.on_token, "me": acme.on_me, "revoke": acme.on_revoke}
    async with serving(handlers) as url:
        acme.url = url
        if not without_revocation:
            more += f'\nrevocation_endpoint = "{url}/revoke"'
        file = folder / "scripted.toml"
        file.write_text(
            ENTRY.format(url=url, me=me or f"{url}/me", more=more, probe=probe), encoding="utf-8"
        )
        own = replace(settings, providers_file=file, clients={"acme": Client("our-id", "secret")})
        app = new_application(own, database)
        async with app.test_app():
            acme.person = await Person.signed_up(app, Sandbox(url, http), "anna@example.ru")
            yield acme
