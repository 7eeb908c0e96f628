"""A worker dies, or stands still, with checks under way: another one takes them over in seconds."""

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from app.database.engine import Database
from tests.support.fleet import INTERVAL, Fleet, open_fleet
from tests.support.waiting import until

pytestmark = pytest.mark.processes

CONNECTIONS = 20
BESIDE = INTERVAL + 15.0  # seconds
RESTARTED = 20.0  # seconds from its start
CHECKS = text("SELECT sum(version) FROM connections")
WENT_DOWN = text("SELECT count(*) FROM connections WHERE transitions <> '{}' OR strikes > 0")


@pytest.fixture
async def fleet(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[Fleet]:
    async with open_fleet(database, database_url, tmp_path, CONNECTIONS) as fleet:
        yield fleet


async def test_a_killed_worker_is_replaced_by_another_and_by_itself(fleet: Fleet) -> None:
    first = await fleet.start()
    await fleet.hold_everything()
    second = await fleet.start()
    await first.kill()
    assert await fleet.seconds_until_looked_at() < BESIDE
    await fleet.hold_everything()
    await second.kill()
    second.start()
    assert await fleet.seconds_until_looked_at() < RESTARTED


async def test_a_worker_that_stood_still_writes_nothing_with_what_it_lost(fleet: Fleet) -> None:
    """What it was told is that the provider fails."""
    slow = await fleet.start()
    await fleet.seconds_until_looked_at()
    await fleet.hold_everything()
    await fleet.start()
    slow.signal(signal.SIGSTOP)
    assert await fleet.seconds_until_looked_at() < BESIDE
    before = await fleet.value(CHECKS)
    slow.signal(signal.SIGCONT)

    async def both_work() -> bool:
        checked = await fleet.value(CHECKS) - before
        return await fleet.monitors() == 2 and checked >= 2 * CONNECTIONS

    await until(both_work)
    assert slow.runs
    assert not await fleet.value(WENT_DOWN)
