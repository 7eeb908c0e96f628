"""A worker dies, or PostgreSQL does: how long until every connection is looked at again?

BENCH_CONNECTIONS (40). A worker is killed with checks under way, beside another and alone; a
primary is killed, and its standby promoted at once.
"""

import asyncio
import os
import tempfile
import time
from pathlib import Path

from app import local_postgres
from app.cli.commands import migrate_database
from app.database.engine import open_database
from bench._machine import show
from tests.support.fleet import INTERVAL, open_fleet
from tests.support.replication import replicated

CONNECTIONS = int(os.environ.get("BENCH_CONNECTIONS", "40"))


async def measure() -> dict[str, object]:
    """Prints the table; returns its figures."""
    beside, restarted = await _workers_killed()
    figures = {
        "a worker is killed, another is beside it": beside,
        "a worker is killed and restarted at once": restarted,
        "a primary is killed, its standby promoted": await _failover(),
    }
    show(("what", "s until all was looked at again"), list(figures.items()))
    return {"connections": CONNECTIONS, "interval": INTERVAL, **figures}


async def _workers_killed() -> tuple[float, float]:
    with local_postgres.throwaway() as server, tempfile.TemporaryDirectory() as folder:
        await asyncio.to_thread(migrate_database, server.url)
        async with (
            open_database(server.url) as database,
            open_fleet(database, server.url, Path(folder), CONNECTIONS) as fleet,
        ):
            first = await fleet.start()
            await fleet.hold_everything()
            second = await fleet.start()
            await first.kill()
            beside = await fleet.seconds_until_looked_at()
            await fleet.hold_everything()
            await second.kill()
            second.start()
            return round(beside, 1), round(await fleet.seconds_until_looked_at(), 1)


async def _failover() -> float:
    with replicated() as pair, tempfile.TemporaryDirectory() as folder:
        url = f"{pair.hosts()}?target_session_attrs=read-write&connect_timeout=2"
        await asyncio.to_thread(migrate_database, pair.primary.url())
        async with (
            open_database(url) as database,
            open_fleet(database, url, Path(folder), CONNECTIONS) as fleet,
        ):
            await fleet.start()
            await fleet.seconds_until_looked_at()
            began = time.monotonic()
            pair.kill_primary()
            pair.promote()
            await fleet.seconds_until_looked_at()
            return round(time.monotonic() - began, 1)
