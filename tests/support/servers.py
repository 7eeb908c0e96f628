"""A provider on a port of its own, which answers as a test tells it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from aiohttp import web

from app.config import Client
from app.http_bounds import Bounds
from app.http_server import http_server
from app.providers.provider import Provider
from app.providers.spec_parts import Probe
from tests.support.waiting import PATIENCE

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

CLIENT = Client("svyazka", "client-secret")


def local_client(**options: Any) -> httpx.AsyncClient:
    """For servers on this machine: patient, and without the authorities of the world, which take
    longer to load than most tests.
    """
    return httpx.AsyncClient(verify=False, trust_env=False, timeout=PATIENCE, **options)


@asynccontextmanager
async def serving(handlers: Mapping[str, Handler]) -> AsyncIterator[str]:
    """Each handler answers at the path of its name; yields the server's address."""
    app = web.Application()
    for name, handler in handlers.items():
        app.router.add_route("*", f"/{name}", handler)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def served(
    app: Any, listening: socket.socket, bounds: Bounds | None = None
) -> AsyncIterator[None]:
    """An ASGI application that is started already, over real HTTP, in this process."""
    server = http_server(app, bounds, lifespan="off")
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield
    finally:
        server.force_exit = server.should_exit = True
        await serving
        unanswered = set(server.server_state.tasks)
        for each in unanswered:  # left alone, they would hold connections to the database
            each.cancel()
        await asyncio.gather(*unanswered, return_exceptions=True)


def saying(status: int = 200, **answer: Any) -> Handler:
    """A handler that always answers with this JSON."""

    async def handler(_: web.Request) -> web.Response:
        return web.json_response(answer, status=status)

    return handler


@dataclass
class Acme:
    """Rotates its tokens: access-1 and refresh-1 are followed by access-2 and refresh-2, …"""

    provider: Provider = field(init=False)
    token_says: Handler | None = None
    api_says: Handler = field(default_factory=lambda: saying(sub="shop-1", name="Shop"))
    spent: list[str] = field(default_factory=list)  # refresh tokens, as they came
    shown: list[str] = field(default_factory=list)  # access tokens at the API, as they came
    revoked: list[str] = field(default_factory=list)

    async def token(self, request: web.Request) -> web.StreamResponse:
        self.spent.append(str((await request.post())["refresh_token"]))
        if self.token_says:
            return await self.token_says(request)
        number = int(self.spent[-1].removeprefix("refresh-")) + 1
        return web.json_response(
            {
                "access_token": f"access-{number}",
                "refresh_token": f"refresh-{number}",
                "expires_in": 3600,
            }
        )

    async def me(self, request: web.Request) -> web.StreamResponse:
        self.shown.append(request.headers["Authorization"].removeprefix("Bearer "))
        return await self.api_says(request)

    async def revoke(self, request: web.Request) -> web.StreamResponse:
        self.revoked.append(str((await request.post())["token"]))
        return web.Response()

    async def refuse_first_tokens(self, _: web.Request) -> web.StreamResponse:
        """An API that knows nothing before access-2."""
        return web.json_response(
            {"sub": "shop-1"}, status=401 if self.shown[-1] == "access-1" else 200
        )


@asynccontextmanager
async def open_acme(name: str = "acme", **entry: Any) -> AsyncIterator[Acme]:
    acme = Acme()
    async with serving({"token": acme.token, "me": acme.me, "revoke": acme.revoke}) as url:
        acme.provider = Provider(
            name,
            name.title(),
            f"{url}/auth",
            f"{url}/token",
            Probe(f"{url}/me", label="name", account="sub"),
            revocation_endpoint=f"{url}/revoke",
            client=CLIENT,
            **entry,
        )
        yield acme
