"""A real browser, the product as real processes, and a sandbox to break."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from playwright.async_api import Browser, BrowserContext, expect

from app.alerts.channels.webpush_encryption import new_vapid_key
from app.cli.commands import migrate_database
from app.database.engine import open_database
from tests.browser.chromium import find_chromium, open_chromium
from tests.browser.site import Site
from tests.browser.visitor import Visitor
from tests.support.people import Sandbox
from tests.support.processes import APP, Program, answers, environment, free_port
from tests.support.settings import PROVIDERS_TOML
from tests.support.waiting import PATIENCE

MILLISECONDS = PATIENCE * 1000
REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`CSP: ${event.violatedDirective} blocked ${event.blockedURI} ${event.sample}`));
"""

# A service with keys: whatever the sandbox has issued to «sklad» is one, and lives for 180 days.
KEYS_TOML = """
[providers.kassa]
name = "Касса"
kind = "api_key"
expiry = 15552000
fields = [{{ name = "token", label = "Ключ", secret = true }}]
[providers.kassa.probe]
url = "{sandbox}/me"
label = "name"
account = "sub"
"""

NewVisitor = Callable[..., Awaitable[Visitor]]


@pytest.fixture(scope="session")
async def site(
    database_url: str, sandbox_server: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    """Web and worker as processes of their own. They outlive each test, so nobody may be left whose
    connections the worker asks other tests' sandbox about.
    """
    url = await _database_of_our_own(database_url)
    file = tmp_path_factory.mktemp("browser") / "providers.toml"
    entries = (PROVIDERS_TOML + KEYS_TOML).format(sandbox=sandbox_server)
    file.write_text(entries, encoding="utf-8")
    port = free_port()
    environ = environment(url, port, **_settings(file))
    async with open_database(url) as database:
        web, worker = (Program([*APP, name], environ) for name in ("web", "worker"))
        try:
            site = Site(f"http://127.0.0.1:{port}", database, web, worker)
            await site.start()
            yield site
        finally:
            await web.close()
            await worker.close()


@pytest.fixture(scope="session")
async def named_url(site: Site) -> AsyncIterator[str]:
    """The same product under a name: browsers make no passkeys for an address of numbers."""
    port = free_port()
    url = f"http://localhost:{port}"
    web = Program([*APP, "web"], {**site.web.environ, "PUBLIC_URL": url, "PORT": str(port)})
    try:
        await answers(web.start(), f"http://127.0.0.1:{port}/readyz")
        yield url
    finally:
        await web.close()


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    program = find_chromium()
    if not program:
        pytest.skip("no Chromium here")
    expect.set_options(timeout=MILLISECONDS)
    async with open_chromium(program) as browser:
        yield browser


@pytest.fixture
async def new_visitor(chromium: Browser, site: Site, sandbox: Sandbox) -> AsyncIterator[NewVisitor]:
    """Opens a fresh browser; at the end none of them may have anything to complain about."""
    await site.forget_everybody()
    visitors: list[Visitor] = []

    async def open_browser(**options: Any) -> Visitor:
        usual = {"base_url": site.url, "locale": "ru-RU"}
        context = await chromium.new_context(**usual | options)
        context.set_default_timeout(MILLISECONDS)
        await context.add_init_script(REPORT_VIOLATIONS)
        visitor = Visitor(site, context, await context.new_page())
        _listen(context, visitor.complaints)
        visitors.append(visitor)
        return visitor

    yield open_browser
    for visitor in visitors:
        await visitor.context.close()
    await site.forget_everybody()
    complaints = [each for visitor in visitors for each in visitor.unexpected()]
    assert complaints == [], site.web.said()


@pytest.fixture
async def visitor(new_visitor: NewVisitor) -> Visitor:
    """Somebody who is not known yet."""
    return await new_visitor()


@pytest.fixture
async def owner(visitor: Visitor, sandbox: Sandbox) -> Visitor:
    """Somebody with one connection, looking at it live."""
    await visitor.arrive(sandbox)
    await visitor.sees("online")
    await visitor.watch()
    return visitor


async def _database_of_our_own(database_url: str) -> str:
    server = await asyncpg.connect(database_url)
    await server.execute("CREATE DATABASE browser")
    await server.close()
    url = f"{database_url.rpartition('/')[0]}/browser"
    await asyncio.to_thread(migrate_database, url)
    return url


def _settings(providers_file: Path) -> dict[str, str]:
    clients = {f"{name}_CLIENT_ID": name.lower() for name in ("EVOTOR", "SKLAD")}
    passwords = {f"{name}_CLIENT_SECRET": f"{name.lower()}-secret" for name in ("EVOTOR", "SKLAD")}
    return {
        "PROVIDERS_FILE": str(providers_file),
        "ALLOW_INSECURE_PROVIDERS": "1",
        "RUN_MONITOR": "0",
        "VAPID_PRIVATE_KEY": new_vapid_key(),
        "HEALTH_CHECK_INTERVAL_SECONDS": "0.6",  # at every look of the monitor, once a second
        "HEALTH_CHECK_TIMEOUT_SECONDS": "5",
        **clients,
        **passwords,
    }


def _listen(context: BrowserContext, complaints: list[str]) -> None:
    def hear(kind: str, text: str, where: str) -> None:
        if kind == "error":
            complaints.append(f"{text} ({where})")

    context.on("console", lambda said: hear(said.type, said.text, str(said.location.get("url"))))
    context.on("weberror", lambda said: hear("error", str(said.error), "page error"))
