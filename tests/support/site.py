"""A web process and a worker of their own, and somebody signed in with one connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from tests.support.people import JSON, MAIN_SHOP, Sandbox
from tests.support.processes import APP, Program, answers, free_port
from tests.support.race import sandbox_environment
from tests.support.servers import local_client
from tests.support.settings import PASSWORD
from tests.support.waiting import PATIENCE, until


@dataclass
class Site:
    """A web process and a worker, and somebody signed in with one connection."""

    web: Program
    worker: Program
    url: str
    browser: httpx.AsyncClient

    async def status(self) -> str:
        answer = await self.browser.get("/connections", headers=JSON)
        return str(answer.json()["connections"][0]["status"])

    async def comes_to(self, status: str) -> None:
        async def look() -> bool:
            try:
                return await self.status() == status
            except (httpx.TransportError, KeyError, ValueError):
                return False

        await until(look)

    @asynccontextmanager
    async def open_page(self) -> AsyncIterator["Page"]:
        stream = self.browser.stream("GET", "/connections/stream", timeout=PATIENCE)
        async with stream as answer:
            yield Page(answer.aiter_lines())


@dataclass
class Page:
    """An open stream."""

    lines: AsyncIterator[str]

    async def shows(self, status: str) -> None:
        async with asyncio.timeout(PATIENCE):
            async for line in self.lines:
                if f'data-status="{status}"' in line:
                    return
        raise AssertionError("the stream ended")


@asynccontextmanager
async def open_site(
    database_url: str, sandbox: Sandbox, sandbox_server: str, folder: Path
) -> AsyncIterator[Site]:
    port = free_port()
    environ = sandbox_environment(
        database_url,
        port,
        sandbox_server,
        folder,
        HEALTH_CHECK_INTERVAL_SECONDS="1",
        HEALTH_CHECK_TIMEOUT_SECONDS="5",
        RUN_MONITOR="0",
    )
    url = f"http://127.0.0.1:{port}"
    web = Program((*APP, "web"), environ).start()
    worker = Program((*APP, "worker"), environ).start()
    try:
        await answers(web, f"{url}/readyz")
        async with local_client(base_url=url) as browser:
            await _connect(browser, sandbox)
            yield Site(web, worker, url, browser)
    finally:
        await worker.close()
        await web.close()


async def _connect(browser: httpx.AsyncClient, sandbox: Sandbox) -> None:
    await browser.post("/signup", data={"email": "anna@example.ru", "password": PASSWORD})
    to_provider = await browser.post("/evotor/connect")
    query = await sandbox.consent(to_provider.headers["Location"], MAIN_SHOP)
    back = await browser.get("/evotor/callback", params=query)
    assert urlsplit(back.headers["Location"]).path == "/connections"
