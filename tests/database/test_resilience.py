"""Things get killed: pages and checks come back by themselves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import text

from app.database.engine import Database
from tests.support.people import JSON, MAIN_SHOP, Sandbox
from tests.support.processes import APP, Program, answers, environment, free_port
from tests.support.servers import local_client
from tests.support.settings import PASSWORD, PROVIDERS_TOML
from tests.support.waiting import PATIENCE, until

pytestmark = pytest.mark.processes

KILL_BACKENDS = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
)
END_LEASES = text("UPDATE connections SET lease_until = now() WHERE lease_id IS NOT NULL")


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


@pytest.fixture
async def site(
    database: Database, database_url: str, sandbox: Sandbox, sandbox_server: str, tmp_path: Path
) -> AsyncIterator[Site]:
    port = free_port()
    file = tmp_path / "providers.toml"
    file.write_text(PROVIDERS_TOML.format(sandbox=sandbox_server), encoding="utf-8")
    environ = environment(
        database_url,
        port,
        PROVIDERS_FILE=str(file),
        ALLOW_INSECURE_PROVIDERS="1",
        EVOTOR_CLIENT_ID="evotor",
        EVOTOR_CLIENT_SECRET="evotor-secret",
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


async def test_a_worker_killed_in_the_middle_of_a_check_is_replaced(
    site: Site, sandbox: Sandbox, database: Database
) -> None:
    await site.comes_to("online")
    await sandbox.set("timeout")

    async def leased() -> bool:
        async with database.sessions() as session:
            query = text("SELECT count(*) FROM connections WHERE lease_until > now()")
            return bool(await session.scalar(query))

    await until(leased)
    await site.worker.kill()
    await sandbox.set("error")
    async with database.sessions.begin() as session:
        await session.execute(END_LEASES)  # they run out by themselves, but not within a test
    async with site.open_page() as page:
        site.worker.start()
        await page.shows("offline")


async def test_lost_database_connections_cost_no_change(
    site: Site, sandbox: Sandbox, database: Database
) -> None:
    async with site.open_page() as page:
        await page.shows("online")
        await sandbox.set("error")
        for _ in range(3):
            async with database.engine.connect() as connection:
                await connection.execute(KILL_BACKENDS)
        await page.shows("offline")
    assert site.web.runs
    assert site.worker.runs


async def test_a_killed_web_process_serves_fresh_pages_when_it_is_back(
    site: Site, sandbox: Sandbox
) -> None:
    await site.comes_to("online")
    await site.web.kill()
    await sandbox.set("error")
    site.web.start()
    await answers(site.web, f"{site.url}/readyz")
    async with site.open_page() as page:
        await page.shows("offline")


async def test_a_stopping_web_process_ends_its_streams_cleanly(site: Site) -> None:
    async with site.open_page() as page:
        await page.shows("online")
        ended = asyncio.create_task(site.web.stop())
        async with asyncio.timeout(PATIENCE):
            async for _ in page.lines:
                pass
        assert await ended == 0
