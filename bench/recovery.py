"""A worker is killed with checks under way: how long until every connection is looked at again?

BENCH_CONNECTIONS (40). With another worker beside it, and restarted at once.
"""

import asyncio
import os
import tempfile
from pathlib import Path

from app import local_postgres
from app.cli.commands import migrate_database
from app.database.engine import open_database
from bench._machine import show
from tests.support.fleet import INTERVAL, open_fleet

CONNECTIONS = int(os.environ.get("BENCH_CONNECTIONS", "40"))


async def measure() -> dict[str, object]:
    """Prints the table; returns its figures."""
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
            restarted = await fleet.seconds_until_looked_at()
    figures = {"beside_s": round(beside, 1), "restarted_s": round(restarted, 1)}
    head = ("killed with everything leased", "s until all was looked at again")
    show(head, [("another worker beside it", beside), ("restarted at once", restarted)])
    return {"connections": CONNECTIONS, "interval": INTERVAL, **figures}
