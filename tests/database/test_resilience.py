"""Things get killed: pages and checks come back by themselves."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from app.database.engine import Database
from tests.support.people import Sandbox
from tests.support.processes import answers
from tests.support.site import Site, open_site
from tests.support.waiting import PATIENCE, until

pytestmark = pytest.mark.processes

KILL_BACKENDS = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
)
END_LEASES = text("UPDATE connections SET lease_until = now() WHERE lease_id IS NOT NULL")


@pytest.fixture
async def site(
    database: Database, database_url: str, sandbox: Sandbox, sandbox_server: str, tmp_path: Path
) -> AsyncIterator[Site]:
    async with open_site(database_url, sandbox, sandbox_server, tmp_path) as site:
        yield site


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
