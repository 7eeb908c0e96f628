"""What the gauges of `/metrics` cost: statements and milliseconds, by number of connections."""

import asyncio
import statistics
import time

from prometheus_client import generate_latest
from sqlalchemy import event, text

from app import local_postgres
from app.cli.commands import migrate_database
from app.config import Settings
from app.database.engine import Database, open_database
from app.monitor import gauges
from app.monitor.gauges import Gauges
from app.providers.registry import catalogue_of
from bench._machine import show

SIZES = (1_000, 10_000, 100_000)  # connections
SCRAPES = 21  # the first one is not counted
PEOPLE = text("INSERT INTO users (email, password_hash) VALUES ('shop@example.ru', 'x')")
CONNECTIONS = text(
    """
    INSERT INTO connections (id, user_id, provider, account, status, since, last_checked_at,
        next_check_at, connected_at)
    SELECT gen_random_uuid(), (SELECT min(id) FROM users),
        (ARRAY['evotor', 'ozon', 'github', 'square'])[1 + n % 4], 'shop-' || n,
        CASE WHEN n % 20 = 0 THEN 'offline' ELSE 'online' END, now(), now(),
        now() + n % 600 * interval '1 second', now()
    FROM generate_series(CAST(:first AS int), CAST(:last AS int)) n
    """
)


async def measure() -> dict[str, object]:
    figures: dict[str, object] = {}
    rows: list[tuple[object, ...]] = []
    with local_postgres.throwaway() as server:
        await asyncio.to_thread(migrate_database, server.url)
        async with open_database(server.url) as database:
            before, least = 0, 0.0
            for size in SIZES:
                await _fill(database, before, size)
                statements, fresh, kept = await _cost(database)
                before, least = size, least or fresh
                rows.append(
                    (size, statements, round(fresh, 2), round(fresh / least, 1), round(kept, 2))
                )
                figures[str(size)] = {"statements": statements, "ms": fresh, "ms kept": kept}
    show(("connections", "statements", "ms", "÷ fewest", f"ms within {gauges.FRESH:.0f} s"), rows)
    return figures


async def _fill(database: Database, before: int, size: int) -> None:
    async with database.sessions.begin() as session:
        if not before:
            await session.execute(PEOPLE)
        await session.execute(CONNECTIONS, {"first": before + 1, "last": size})
    async with database.reading() as reader:
        await reader.execute(text("VACUUM ANALYZE connections"))


async def _cost(database: Database) -> tuple[int, float, float]:
    """Statements of a scrape, the milliseconds of one that reads, and of one that need not."""
    catalogue = catalogue_of(Settings())
    seen: list[str] = []

    def note(*called: object) -> None:
        seen.append(str(called[2]))

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    fresh, kept = [], []
    for _ in range(SCRAPES):
        reader = Gauges(database.sessions, catalogue)  # has read nothing yet
        seen.clear()
        fresh.append(await _milliseconds(reader))
        statements = len(seen)
        kept.append(await _milliseconds(reader))
    event.remove(database.engine.sync_engine, "before_cursor_execute", note)
    return statements, statistics.median(fresh[1:]), statistics.median(kept[1:])


async def _milliseconds(reader: Gauges) -> float:
    began = time.perf_counter()
    await reader.refresh()
    generate_latest()
    return (time.perf_counter() - began) * 1000
