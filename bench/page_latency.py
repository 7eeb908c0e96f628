"""From a committed change to the changed page: real database, processes and browser."""

import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

from playwright.async_api import Page
from sqlalchemy import case, update

from app import local_postgres
from app.cli.commands import migrate_database
from app.database.engine import Database, open_database
from app.models.connection import Connection
from app.realtime.events import announce_cards
from tests.browser.chromium import find_chromium, open_chromium
from tests.support.processes import APP, Program, answers, environment, free_port
from tests.support.settings import PASSWORD, PROVIDERS_TOML
from tests.support.waiting import until

CHANGES = 100
WARM_UP = 10  # changes that are not counted
PAUSE = (0.05, 0.2)  # seconds between two changes, so that none is conflated with the next
INTERVAL = "86400"  # seconds: the worker lives, but writes nothing in between

# The browser's and our clock are the same one; Date.now() cuts it down to whole milliseconds.
OBSERVER = """
window.times = {};
new MutationObserver((changes) => {
  for (const { target } of changes) window.times[target.dataset.version] ??= Date.now();
}).observe(document.getElementById("cards"), { subtree: true, attributeFilter: ["data-version"] });
"""


async def measure() -> dict[str, object]:
    """Prints the figures, and returns them in milliseconds."""
    program = find_chromium()
    if not program:
        raise SystemExit("bench: wants Chromium (CHROMIUM or PATH)")
    with local_postgres.throwaway() as server, tempfile.TemporaryDirectory() as folder:
        await asyncio.to_thread(migrate_database, server.url)
        async with (
            open_database(server.url) as database,
            _product(server.url, Path(folder)) as url,
            open_chromium(program) as browser,
        ):
            page = await (await browser.new_context(base_url=url)).new_page()
            connection_id = await _connected(page)
            times = await _times(database, page, UUID(connection_id))
            figures = _figures(times) | {"chromium": browser.version, "changes": len(times)}
    print("  ".join(f"{name} {value}" for name, value in figures.items()))
    return figures


@asynccontextmanager
async def _product(database_url: str, folder: Path) -> AsyncIterator[str]:
    """Sandbox, web server and worker, each a process of its own; yields the address."""
    port, sandbox_port = free_port(), free_port()
    sandbox = f"http://localhost:{sandbox_port}"
    file = folder / "providers.toml"
    file.write_text(PROVIDERS_TOML.format(sandbox=sandbox), encoding="utf-8")
    environ = environment(
        database_url,
        port,
        PROVIDERS_FILE=str(file),
        ALLOW_INSECURE_PROVIDERS="1",
        HEALTH_CHECK_INTERVAL_SECONDS=INTERVAL,
        RUN_MONITOR="0",
        EVOTOR_CLIENT_ID="evotor",
        EVOTOR_CLIENT_SECRET="evotor-secret",
    )
    commands = (("sandbox", "--port", str(sandbox_port)), ("worker",), ("web",))
    programs = [Program([*APP, *command], environ).start() for command in commands]
    try:
        await answers(programs[0], f"{sandbox}/control")
        await answers(programs[-1], f"http://127.0.0.1:{port}/readyz")
        yield f"http://127.0.0.1:{port}"
    finally:
        for program in programs:
            await program.close()


async def _connected(page: Page) -> str:
    """Sign up, connect, look at the page; returns the connection's id."""
    await page.goto("/signup")
    await page.get_by_label("Почта").fill("anna@example.ru")
    await page.get_by_label("Придумайте пароль").fill(PASSWORD)
    await page.get_by_role("button", name="Зарегистрироваться").click()
    await page.get_by_role("button", name="Подключить").first.click()
    await page.get_by_role("button", name="Разрешить").click()
    card = page.locator("#cards [data-provider=evotor][data-status=online]")
    await card.wait_for()
    await page.locator("html[data-link=live]").wait_for(state="attached")
    await page.evaluate(OBSERVER)
    return (await card.get_attribute("id") or "").removeprefix("connection-")


async def _times(database: Database, page: Page, connection_id: UUID) -> list[tuple[float, float]]:
    """Of each change: milliseconds to the changed page from after, and from before the COMMIT."""
    commits: dict[str, tuple[float, float]] = {}
    for _ in range(WARM_UP + CHANGES):
        version, before, after = await _change(database, connection_id)
        commits[version] = (after, before)
        await asyncio.sleep(random.uniform(*PAUSE))
    last = version

    async def seen() -> dict[str, float]:
        times: dict[str, float] = await page.evaluate("window.times")
        return times if last in times else {}

    shown = await until(seen)
    pairs = [tuple(shown[version] - at for at in commits[version]) for version in commits]
    return [(pair[0], pair[1]) for pair in pairs[WARM_UP:]]


async def _change(database: Database, connection_id: UUID) -> tuple[str, float, float]:
    """One change as the monitor makes it: row and announcement in one transaction."""
    turned = case((Connection.status == "online", "offline"), else_="online")
    statement = (
        update(Connection)
        .where(Connection.id == connection_id)
        .values(status=turned, version=Connection.version + 1)
        .returning(Connection.version, Connection.user_id)
    )
    async with database.sessions() as session:
        version, user_id = (await session.execute(statement)).one()
        await announce_cards(session, [(user_id, connection_id)])
        before = time.time() * 1000
        await session.commit()
        return str(version), before, time.time() * 1000


def _figures(times: list[tuple[float, float]]) -> dict[str, object]:
    figures: dict[str, object] = {}
    for name, values in zip(
        ("after_commit", "before_commit"), zip(*times, strict=True), strict=True
    ):
        ordered = sorted(values)
        figures[f"{name}_median_ms"] = round(statistics.median(ordered), 1)
        figures[f"{name}_p95_ms"] = round(ordered[int(len(ordered) * 0.95) - 1], 1)
        figures[f"{name}_max_ms"] = round(ordered[-1], 1)
    return figures
