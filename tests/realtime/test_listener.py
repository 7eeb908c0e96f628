"""The listener hears every announcement, and comes back after whatever happened to it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from sqlalchemy import text

from app.background import running
from app.database.engine import Database
from app.realtime.events import CHANNEL, Announcement
from app.realtime.listener import Listener
from tests.support.waiting import until

KILL = text(
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE application_name LIKE 'svyazka % listener %'"
)


@dataclass
class Ears:
    """Remembers what it was told."""

    heard: list[Announcement] = field(default_factory=list)
    resyncs: int = 0

    def announced(self, announcement: Announcement) -> None:
        self.heard.append(announcement)

    def resync(self) -> None:
        self.resyncs += 1

    async def resynced(self, times: int) -> None:
        async def look() -> bool:
            return self.resyncs >= times

        await until(look)

    async def heard_list_of(self, user_id: int) -> None:
        async def look() -> bool:
            return Announcement(lists=[user_id]) in self.heard

        await until(look)


@pytest.fixture
def ears() -> Ears:
    return Ears()


@pytest.fixture
async def listener(database: Database, ears: Ears) -> AsyncIterator[Listener]:
    listener = Listener(database, ears)
    async with running(listener.run()):
        await ears.resynced(1)
        yield listener


async def say(database: Database, payload: str, channel: str = CHANNEL) -> None:
    async with database.sessions.begin() as session:
        await session.execute(text("SELECT pg_notify(:c, :p)"), {"c": channel, "p": payload})


async def kill(database: Database) -> int:
    async with database.sessions.begin() as session:
        return await session.scalar(KILL) or 0


async def test_what_is_announced_is_heard(
    database: Database, ears: Ears, listener: Listener
) -> None:
    assert listener.connected
    await say(database, '{"lists": [7]}')
    await ears.heard_list_of(7)


async def test_after_a_break_it_listens_again_and_says_that_something_may_be_missed(
    database: Database, ears: Ears, listener: Listener
) -> None:
    for times in (2, 3):
        assert await kill(database) >= 1
        await ears.resynced(times)
        await say(database, f'{{"lists": [{times}]}}')
        await ears.heard_list_of(times)
    assert listener.connected


async def test_rubbish_is_told_in_the_log_and_changes_nothing(
    database: Database, ears: Ears, listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    for payload in ("rubbish", "[]", '{"cards": 5}', '{"ended": ["xyz"]}'):
        await say(database, payload)
    await say(database, '{"lists": [7]}')
    await ears.heard_list_of(7)
    assert "not an announcement" in caplog.text
    assert ears.resyncs == 1


async def test_other_channels_are_none_of_its_business(
    database: Database, ears: Ears, listener: Listener
) -> None:
    await say(database, '{"lists": [1]}', "somebody_else")
    await say(database, '{"lists": [2]}')
    await ears.heard_list_of(2)
    assert ears.heard == [Announcement(lists=[2])]


async def test_a_database_that_is_not_there_yet_is_waited_for(
    database: Database, ears: Ears
) -> None:
    away = Database("postgresql://nobody@127.0.0.1:1/nothing", 5)
    listener = Listener(away, ears)
    async with running(listener.run()):
        await asyncio.sleep(0)  # so that it has begun
        assert not listener.connected
        away._listens = database._listens
        await ears.resynced(1)
    await away.close()


async def test_at_the_end_it_leaves_no_connection_behind(database: Database, ears: Ears) -> None:
    async with running(Listener(database, ears).run()):
        await ears.resynced(1)

    async def nobody_left() -> bool:
        return await kill(database) == 0

    await until(nobody_left)
