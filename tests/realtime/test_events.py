"""Announcements: small enough, complete, and only of what was committed."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import pytest

from app.database.engine import Database
from app.realtime.events import (
    CHANNEL,
    Announcement,
    announce_cards,
    announce_ended,
    announce_list,
    read_announcement,
)
from tests.support.waiting import until


class Ears:
    """Hears what PostgreSQL says on our channel."""

    def __init__(self) -> None:
        self.payloads: list[str] = []

    def __call__(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        self.payloads.append(str(payload))

    async def hear(self, number: int) -> list[Announcement]:
        async def enough() -> bool:
            return len(self.payloads) >= number

        await until(enough)
        return [read_announcement(payload) for payload in self.payloads]


@asynccontextmanager
async def listening(database: Database) -> AsyncIterator[Ears]:
    connection = await database.listener(5)
    ears = Ears()
    await connection.add_listener(CHANNEL, ears)
    try:
        yield ears
    finally:
        await connection.close()


@pytest.mark.parametrize("users", [1, 7, 1000])
async def test_a_thousand_changes_arrive_whole_in_small_pieces(
    database: Database, users: int
) -> None:
    changed = sorted((2**62 + number % users, uuid4()) for number in range(1000))
    async with listening(database) as ears:
        async with database.sessions.begin() as session:
            await announce_cards(session, changed)
            await announce_list(session, 7)  # the last one, so that we know when all have come
        await until(_last_is_list(ears))
    assert max(len(payload.encode()) for payload in ears.payloads) < 8000
    assert len(ears.payloads) < 15
    heard = [
        (user, each)
        for payload in ears.payloads
        for user, ids in read_announcement(payload).cards.items()
        for each in ids
    ]
    assert sorted(heard) == changed


def _last_is_list(ears: Ears):  # type: ignore[no-untyped-def]
    async def look() -> bool:
        return bool(ears.payloads and read_announcement(ears.payloads[-1]).lists)

    return look


async def test_what_was_announced_is_what_is_read(database: Database) -> None:
    card = uuid4()
    async with listening(database) as ears:
        async with database.sessions.begin() as session:
            await announce_cards(session, [(5, card)])
            await announce_list(session, 6)
            await announce_ended(session, [b"\x00\xff"])
        assert await ears.hear(3) == [
            Announcement(cards={5: [card]}),
            Announcement(lists=[6]),
            Announcement(ended=[b"\x00\xff"]),
        ]


async def test_no_news_is_no_announcement(database: Database) -> None:
    async with listening(database) as ears:
        async with database.sessions.begin() as session:
            await announce_cards(session, [])
            await announce_ended(session, [])
            await announce_list(session, 1)
        assert await ears.hear(1) == [Announcement(lists=[1])]


async def test_what_is_rolled_back_is_never_heard(database: Database) -> None:
    async with listening(database) as ears:
        async with database.sessions.begin() as session:
            await announce_list(session, 1)
            await session.rollback()
        async with database.sessions.begin() as session:
            await announce_list(session, 2)
        assert await ears.hear(1) == [Announcement(lists=[2])]


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "hello",
        "[]",
        "5",
        "null",
        '"cards"',
        '{"cards": 5}',
        '{"cards": []}',
        '{"cards": {"anna": []}}',
        '{"cards": {"1": ["not-an-id"]}}',
        '{"cards": {"1": [5]}}',
        '{"cards": {"1": 5}}',
        '{"lists": ["anna"]}',
        '{"lists": 5}',
        '{"lists": [null]}',
        '{"ended": 5}',
        '{"ended": ["not hex"]}',
    ],
)
def test_rubbish_is_refused(payload: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any of them is told to the listener
        read_announcement(payload)


def test_nothing_but_ids_is_in_it() -> None:
    announcement = read_announcement(json.dumps({"cards": {"1": [UUID(int=1).hex]}}))
    assert announcement == Announcement(cards={1: [UUID(int=1)]})
