"""Two PostgreSQL servers: the primary is killed, its standby promoted, and everything goes on."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from app.cli.commands import migrate_database
from tests.support.people import Sandbox
from tests.support.processes import answers
from tests.support.replication import Pair, replicated
from tests.support.servers import local_client
from tests.support.settings import PASSWORD
from tests.support.site import Site, open_site

pytestmark = [pytest.mark.processes, pytest.mark.database]


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with replicated(synchronous=True) as pair:
        migrate_database(pair.primary.url())
        yield pair


@pytest.fixture
async def site(
    pair: Pair, sandbox: Sandbox, sandbox_server: str, tmp_path: Path
) -> AsyncIterator[Site]:
    url = f"{pair.hosts()}?target_session_attrs=read-write&connect_timeout=2"
    async with open_site(url, sandbox, sandbox_server, tmp_path) as site:
        yield site


async def test_web_worker_listener_and_open_pages_go_on_at_the_promoted_standby(
    site: Site, pair: Pair, sandbox: Sandbox
) -> None:
    async with site.open_page() as page:
        await page.shows("online")
        async with local_client(base_url=site.url) as boris:
            await boris.post("/signup", data={"email": "boris@example.ru", "password": PASSWORD})
            await asyncio.to_thread(pair.kill_primary)
            await sandbox.set("error")
            await asyncio.to_thread(pair.promote)
            await page.shows("offline")  # checked, written and announced by the new one
            await sandbox.set("ok")
            await page.shows("online")
            assert (await boris.get("/connections")).status_code == 200  # his session is there
    await answers(site.web, f"{site.url}/readyz")
    assert site.web.runs
    assert site.worker.runs
