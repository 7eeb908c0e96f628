"""How often something may be tried: a window that slides, for all processes together."""

import asyncio
from datetime import timedelta

from sqlalchemy import func, select, update

from app.accounts import rate_limits
from app.accounts.rate_limits import LONGEST_WINDOW, RateLimit
from app.database.engine import Database
from app.models.account import Attempt

THREE = RateLimit(3, timedelta(minutes=10))


async def attempt(database: Database, key: str = "a", limit: RateLimit = THREE) -> int | None:
    async with database.sessions.begin() as session:
        return await rate_limits.attempt(session, key, limit)


async def let_pass(database: Database, minutes: float) -> None:
    async with database.sessions.begin() as session:
        await session.execute(update(Attempt).values(at=Attempt.at - timedelta(minutes=minutes)))


async def counted(database: Database) -> int:
    async with database.sessions() as session:
        return await session.scalar(select(func.count()).select_from(Attempt)) or 0


async def test_so_many_tries_and_no_more(database: Database) -> None:
    assert [await attempt(database) for _ in range(3)] == [None, None, None]
    wait = await attempt(database)
    assert wait is not None
    assert 590 <= wait <= 600


async def test_a_refused_try_is_not_counted(database: Database) -> None:
    for _ in range(6):
        await attempt(database)
    assert await counted(database) == 3


async def test_the_window_slides(database: Database) -> None:
    await attempt(database)
    await let_pass(database, 6)
    for _ in range(2):
        await attempt(database)
    wait = await attempt(database)
    assert wait is not None
    assert 230 <= wait <= 240  # until the first one is ten minutes old
    await let_pass(database, 4)
    assert await attempt(database) is None
    assert await attempt(database) is not None


async def test_everybody_has_a_window_of_their_own(database: Database) -> None:
    for _ in range(4):
        await attempt(database, "a")
    assert await attempt(database, "b") is None


async def test_tries_at_once_cannot_get_past_it(database: Database) -> None:
    answers = await asyncio.gather(*(attempt(database) for _ in range(12)))
    assert answers.count(None) == 3
    assert await counted(database) == 3


async def test_a_good_try_may_be_forgiven(database: Database) -> None:
    for _ in range(3):
        await attempt(database)
    async with database.sessions.begin() as session:
        await rate_limits.forgive(session, "a")
    assert await attempt(database) is None


async def test_one_try_may_be_taken_back(database: Database) -> None:
    for key in ("a", "a", "b"):
        await attempt(database, key)
    async with database.sessions.begin() as session:
        await rate_limits.take_back(session, "a")
    async with database.sessions() as session:
        keys = list(await session.scalars(select(Attempt.key).order_by(Attempt.id)))
    assert keys == ["a", "b"]


async def test_old_tries_are_forgotten(database: Database) -> None:
    await attempt(database)
    await let_pass(database, LONGEST_WINDOW.total_seconds() / 60 + 1)
    await attempt(database)
    async with database.sessions.begin() as session:
        await rate_limits.forget_old_attempts(session)
    assert await counted(database) == 1
