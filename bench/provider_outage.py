"""A provider fails for 200 connections of 20 people who look: one outage, told and taken back."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Browser, Page
from sqlalchemy import func, select

from app import local_postgres
from app.cli.commands import migrate_database
from app.config import NEEDED_BY_CHECKS, read_settings
from app.database.engine import Database, open_database
from app.models.account import User
from app.models.connection import Connection
from app.models.history import ProviderOutage
from app.monitor.checker import Checker
from app.monitor.setup import open_checker
from tests.browser.chromium import find_chromium, open_chromium
from tests.support import rows
from tests.support.people import NO_SHOP, Sandbox
from tests.support.processes import APP, Program, answers, free_port
from tests.support.race import sandbox_environment, tokens_of
from tests.support.settings import PASSWORD
from tests.support.waiting import until

PEOPLE, EACH = 20, 10
INTERVAL = 10  # seconds between two checks of one connection
PATIENCE = 180.0  # seconds

# When the strip came, and when every card was green again, by the page's own clock.
OBSERVER = """
const all = document.querySelectorAll("#cards .card").length;
window.seen = {};
new MutationObserver(() => {
  const told = document.querySelector("#outages .strip") !== null;
  const green = document.querySelectorAll("#cards [data-status=online]").length;
  if (told) window.seen.told ??= Date.now();
  if (window.seen.told && !told) window.seen.taken_back ??= Date.now();
  if (window.seen.taken_back && green === all) window.seen.green ??= Date.now();
}).observe(document.body, { subtree: true, childList: true, attributes: true });
"""


@dataclass(frozen=True)
class Scene:
    database: Database
    sandbox: Sandbox
    pages: list[Page]

    async def all_online(self) -> bool:
        async with self.database.sessions() as session:
            green = await session.scalar(select(func.count()).where(Connection.is_online))
        return green == PEOPLE * EACH

    async def seen(self, what: str) -> list[float]:
        """When each page saw it, Unix seconds."""

        async def look() -> list[float]:
            moments = [await page.evaluate(f"window.seen.{what} ?? 0") for page in self.pages]
            return [each / 1000 for each in moments] if all(moments) else []

        return await until(look, PATIENCE)


async def measure() -> dict[str, object]:
    """Prints the figures, and returns them in seconds."""
    with local_postgres.throwaway() as server, tempfile.TemporaryDirectory() as folder:
        await asyncio.to_thread(migrate_database, server.url)
        async with _open_scene(server.url, Path(folder)) as scene:
            await until(scene.all_online, PATIENCE)
            broken_at = time.time()
            await scene.sandbox.set("error")
            told = await scene.seen("told")
            mended_at = time.time()
            await scene.sandbox.set("ok")
            taken_back, green = await scene.seen("taken_back"), await scene.seen("green")
            figures = {
                "told": _spread(told, broken_at),
                "taken_back": _spread(taken_back, mended_at),
                "green": _spread(green, mended_at),
                "outages": await _outages(scene.database),
            }
    for name, value in figures.items():
        print(f"{name:<12} {value}")
    return {"people": PEOPLE, "each": EACH, "interval": INTERVAL} | figures


@asynccontextmanager
async def _open_scene(database_url: str, folder: Path) -> AsyncIterator[Scene]:
    """Sandbox, worker and web server; twenty browsers with a page of ten connections each."""
    program = find_chromium()
    if not program:
        raise SystemExit("bench: wants Chromium (CHROMIUM or PATH)")
    port, sandbox_port = free_port(), free_port()
    url, sandbox_url = f"http://127.0.0.1:{port}", f"http://localhost:{sandbox_port}"
    environ = sandbox_environment(
        database_url,
        port,
        sandbox_url,
        folder,
        HEALTH_CHECK_INTERVAL_SECONDS=str(INTERVAL),
        RUN_MONITOR="0",
    )
    async with AsyncExitStack() as stack:
        for command, address in (
            (("sandbox", "--port", str(sandbox_port)), f"{sandbox_url}/control"),
            (("worker",), None),
            (("web",), f"{url}/readyz"),
        ):
            started = Program([*APP, *command], environ).start()
            stack.push_async_callback(started.close)
            if address:
                await answers(started, address)
        database = await stack.enter_async_context(open_database(database_url))
        settings = read_settings(environ, NEEDED_BY_CHECKS)
        checker = await stack.enter_async_context(open_checker(settings))
        browser = await stack.enter_async_context(open_chromium(program))
        scene = Scene(database, Sandbox(sandbox_url, checker.http), [])
        for number in range(PEOPLE):
            scene.pages.append(await _signed_up(browser, url, number))
        await _connect_everybody(scene, checker)
        for page in scene.pages:
            await _watch(page)
        yield scene


async def _signed_up(browser: Browser, url: str, number: int) -> Page:
    page = await (await browser.new_context(base_url=url)).new_page()
    await page.goto("/signup")
    await page.get_by_label("Почта").fill(f"person-{number}@example.ru")
    await page.get_by_label("Придумайте пароль").fill(PASSWORD)
    await page.get_by_role("button", name="Зарегистрироваться").click()
    return page


async def _connect_everybody(scene: Scene, checker: Checker) -> None:
    """An account without a shop is never named, so that one person may have it ten times."""
    evotor = checker.catalogue["evotor"]
    for user_id in await _user_ids(scene.database):
        for _ in range(EACH):
            tokens = await tokens_of(checker, scene.sandbox, evotor, NO_SHOP)
            await rows.add_connection(scene.database, checker.keys, user_id, tokens)


async def _watch(page: Page) -> None:
    await page.goto("/connections")
    await page.locator("html[data-link=live]").wait_for(state="attached")
    await page.evaluate(OBSERVER)


async def _user_ids(database: Database) -> list[int]:
    async with database.sessions() as session:
        return list(await session.scalars(select(User.id)))


async def _outages(database: Database) -> int:
    async with database.sessions() as session:
        return await session.scalar(select(func.count()).select_from(ProviderOutage)) or 0


def _spread(moments: list[float], since: float) -> dict[str, float]:
    """First, median and last page, in seconds after `since`."""
    after = sorted(round(each - since, 2) for each in moments)
    return {"first": after[0], "median": round(statistics.median(after), 2), "last": after[-1]}
