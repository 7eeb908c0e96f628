"""The README's pictures: `.venv/bin/python -m docs.screenshots`.

The product as it runs, with a database of its own, the demo's providers and a month that is made
up. Wants Chromium and the packages of requirements-dev.txt.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from playwright.async_api import Page
from sqlalchemy import text

from app import local_postgres
from app.cli.commands import migrate_database
from app.cli.demo import SANDBOX_PROVIDERS, providers_file
from app.database.engine import open_database
from app.outbound.client import client_of
from app.outbound.pool import open_pool
from bench.history_pages import LATENCIES, OUTAGES
from tests.browser.chromium import find_chromium, open_chromium
from tests.support.people import Sandbox
from tests.support.processes import APP, Program, answers, environment, free_port
from tests.support.settings import PASSWORD

IMAGES = Path(__file__).parent / "images"
INTERVAL = 2  # seconds between two checks
PAST = 60  # days
PROVIDERS = ("evotor", *(name for name, *_ in SANDBOX_PROVIDERS))
MADE_EARLIER = text(
    "UPDATE connections SET connected_at = now() - CAST(:past AS int) * interval '1 day'"
)


async def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    program = find_chromium()
    if not program:
        raise SystemExit("screenshots: wants Chromium (CHROMIUM or PATH)")
    with local_postgres.throwaway() as server, tempfile.TemporaryDirectory() as folder:
        await asyncio.to_thread(migrate_database, server.url)
        async with (
            _running(server.url, Path(folder)) as (url, sandbox),
            open_chromium(program) as browser,
        ):
            page = await browser.new_page(base_url=url, locale="ru-RU")
            await _sign_up(page)
            for provider in PROVIDERS:
                await _connect(page, provider)
            await _make_up_a_past(server.url)
            await sandbox.set("unpaid", client="sklad")
            await sandbox.set("error", client="dostavka")
            await page.wait_for_selector("[data-provider=sklad][data-status=blocked]")
            await page.wait_for_selector("[data-provider=dostavka][data-status=offline]")
            await _shoot_all(page)


@asynccontextmanager
async def _running(database_url: str, folder: Path) -> AsyncIterator[tuple[str, Sandbox]]:
    port, sandbox_port = free_port(), free_port()
    url, sandbox_url = f"http://127.0.0.1:{port}", f"http://localhost:{sandbox_port}"
    clients = {f"{name.upper()}_CLIENT_ID": name for name in PROVIDERS}
    passwords = {f"{name.upper()}_CLIENT_SECRET": f"{name}-secret" for name in PROVIDERS}
    environ = environment(
        database_url,
        port,
        PROVIDERS_FILE=str(providers_file(folder / "providers.toml", sandbox_url)),
        ALLOW_INSECURE_PROVIDERS="1",
        HEALTH_CHECK_INTERVAL_SECONDS=str(INTERVAL),
        **clients,
        **passwords,
    )
    async with AsyncExitStack() as stack:
        for command, address in (
            (("sandbox", "--port", str(sandbox_port)), f"{sandbox_url}/control"),
            (("web",), f"{url}/readyz"),
        ):
            started = Program([*APP, *command], environ).start()
            stack.push_async_callback(started.close)
            await answers(started, address)
        pool = await stack.enter_async_context(open_pool(loopback=True))
        http = await stack.enter_async_context(client_of(pool))
        yield url, Sandbox(sandbox_url, http)


async def _sign_up(page: Page) -> None:
    await page.goto("/signup")
    await page.get_by_label("Почта").fill("shop@example.ru")
    await page.get_by_label("Придумайте пароль").fill(PASSWORD)
    await page.get_by_role("button", name="Зарегистрироваться").click()
    await page.wait_for_url("**/connections")


async def _connect(page: Page, provider: str) -> None:
    await page.goto(f"/{provider}")
    await page.get_by_role("button", name="Подключить").click()
    await page.get_by_role("button", name="Разрешить").click()
    await page.wait_for_selector(f"[data-provider={provider}][data-status=online]")


async def _make_up_a_past(database_url: str) -> None:
    async with open_database(database_url) as database, database.sessions.begin() as session:
        await session.execute(MADE_EARLIER, {"past": PAST})
        await session.execute(OUTAGES, {"past": PAST})
        await session.execute(LATENCIES)


async def _shoot_all(page: Page) -> None:
    await page.goto("/connections")
    await page.wait_for_selector("html[data-link=live]")
    await _shoot(page, "connections-light", "light", 1280)
    await _shoot(page, "connections-dark-phone", "dark", 390)
    await page.click("[data-provider=dostavka] h2 a")
    await page.wait_for_selector("html[data-link=live]")
    await _shoot(page, "connection-dark", "dark", 1280)


async def _shoot(page: Page, name: str, scheme: str, width: int) -> None:
    await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    await page.set_viewport_size({"width": width, "height": 800})
    await page.wait_for_timeout(400)
    await page.screenshot(path=IMAGES / f"{name}.png", full_page=True)


if __name__ == "__main__":
    asyncio.run(main())
