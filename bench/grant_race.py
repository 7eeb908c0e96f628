"""Fifty rotating grants, three programs and checks by hand at once; then a worker is killed."""

import asyncio
import random
import signal
import tempfile
import time
from pathlib import Path
from uuid import UUID

from sqlalchemy import func, select

from app import local_postgres
from app.cli.commands import migrate_database
from app.grants.refresh import CHECK_LEASE
from app.models.connection import Connection, Status
from tests.support.race import HANDS, INTERVAL, LIFETIME, Race, open_race
from tests.support.waiting import until

SECONDS = 60.0  # of the race in which nobody dies
BEFORE = 10.0  # seconds of a second race until the worker is killed
FROZEN = 0.5  # seconds; whoever else has sent a refresh has its answer by then
KNOWN_WITHIN = CHECK_LEASE.total_seconds() + 60  # seconds from the kill until nothing is in doubt


async def measure() -> dict[str, object]:
    """Prints the figures, and returns them."""
    with local_postgres.throwaway() as server, tempfile.TemporaryDirectory() as folder:
        await asyncio.to_thread(migrate_database, server.url)
        async with open_race(server.url, Path(folder)) as race:
            await race.run(SECONDS)
            whole = (await race.outcome()).figures()
            print("race:", *(f"{name} {value}" for name, value in whole.items()), sep="  ")
            killed = await _kill(race)
            print("kill:", *(f"{name} {value}" for name, value in killed.items()), sep="  ")
    around = {"seconds": SECONDS, "lifetime": LIFETIME, "interval": INTERVAL, "hands": HANDS}
    return around | {"race": whole, "kill": killed}


async def _kill(race: Race) -> dict[str, object]:
    """kill -9 at the worst moment, while the others go on; what became of its grants."""
    checks = asyncio.create_task(race.run(BEFORE + KNOWN_WITHIN))
    await asyncio.sleep(BEFORE)
    in_doubt = await _kill_in_doubt(race)
    killed_at = time.monotonic()
    leased = await _leased_by_the_dead(race)
    slow = set(in_doubt) - set(await race.in_doubt())  # of the living, answered meanwhile
    in_doubt = [each for each in in_doubt if each not in slow]

    async def known() -> bool:
        return not set(in_doubt) & set(await race.in_doubt())

    await until(known, KNOWN_WITHIN)
    seconds = time.monotonic() - killed_at
    checks.cancel()
    await asyncio.wait({checks})
    statuses = [await race.checker.check_now(each) for each in in_doubt]
    return {
        "leased_by_the_dead": leased,
        "in_doubt": len(in_doubt),
        "healed": statuses.count(Status.ONLINE),
        "asked_to_reconnect": statuses.count(Status.REVOKED),
        "seconds_until_known": round(seconds, 1),
        "after": (await race.outcome()).figures(),
    }


async def _kill_in_doubt(race: Race) -> list[UUID]:
    """Freeze a worker until it is one with refreshes on their way, and let it never read a word.

    The provider carries them out meanwhile, so that their refresh tokens are spent: the worst case.
    """
    worker = race.programs[0]
    while True:
        worker.signal(signal.SIGSTOP)
        await asyncio.sleep(FROZEN)
        if in_doubt := await race.in_doubt(FROZEN):
            await worker.kill()
            return in_doubt
        worker.signal(signal.SIGCONT)
        await asyncio.sleep(random.uniform(0.05, 0.5))


async def _leased_by_the_dead(race: Race) -> int:
    """Connections that nobody checks until their lease has run out."""
    await asyncio.sleep(FROZEN)
    held = Connection.lease_until < func.now() + CHECK_LEASE - func.make_interval(
        0, 0, 0, 0, 0, 0, FROZEN
    )
    async with race.database.sessions() as session:
        return await session.scalar(select(func.count()).where(held)) or 0
