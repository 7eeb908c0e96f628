"""A pooled connection that PostgreSQL has cut a moment ago, before anybody could notice."""

import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from app.database import engine
from app.database.engine import Database, open_database
from tests.support.waiting import PATIENCE

BACKEND = text("SELECT pg_backend_pid()")
NAME = text("INSERT INTO refusal_counts VALUES ('lost', current_date, 1)")


@pytest.fixture
async def pool(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Database]:
    """One connection that was used just now: none is tested before it is used."""
    monkeypatch.setattr(engine, "IDLE_BEFORE_PING", PATIENCE)
    async with open_database(database_url, pool_size=1) as pool:
        yield pool


async def backend(reader: AsyncConnection | AsyncSession) -> int:
    return int((await reader.execute(BACKEND)).scalar_one())


def cut(process: int) -> None:
    """Without a turn of the event loop, which would hear of it."""
    os.kill(process, signal.SIGTERM)
    end = time.monotonic() + PATIENCE
    with suppress(ProcessLookupError):
        while time.monotonic() < end:
            os.kill(process, 0)
    assert time.monotonic() < end


async def test_a_pages_query_is_asked_again_over_another_connection(pool: Database) -> None:
    async with pool.reading() as reader:
        first = await backend(reader)
    async with pool.reading() as reader:
        cut(first)
        second = await backend(reader)
        cut(second)
        assert len({first, second, await backend(reader)}) == 3


async def test_a_transaction_that_has_done_nothing_yet_begins_anew(pool: Database) -> None:
    """Nothing of it can have been committed."""
    async with pool.sessions() as session:
        process = await backend(session)
    async with pool.sessions.begin() as session:
        cut(process)
        assert (await session.execute(NAME)).rowcount == 1  # type: ignore[attr-defined]
    async with pool.sessions() as session:
        kept = text("SELECT count(*) FROM refusal_counts WHERE provider = 'lost'")
        assert await session.scalar(kept) == 1


async def test_a_transaction_that_has_begun_is_not_repeated_in_part(pool: Database) -> None:
    async with pool.sessions() as session:
        process = await backend(session)
        cut(process)
        with pytest.raises(DBAPIError):
            await backend(session)
    async with pool.sessions() as session:
        assert await backend(session) != process


async def test_a_write_of_its_own_may_have_been_done_and_is_not_repeated(pool: Database) -> None:
    async with pool.reading() as reader:
        cut(await backend(reader))
        with pytest.raises(DBAPIError):
            await reader.execute(NAME)


async def test_codecs_and_statements_are_those_of_the_new_connection(pool: Database) -> None:
    json = text("""SELECT CAST('{"a": 1}' AS jsonb)""")
    async with pool.reading() as reader:
        assert (await reader.execute(json)).scalar_one() == {"a": 1}
        cut(await backend(reader))
        for _ in range(2):
            assert (await reader.execute(json)).scalar_one() == {"a": 1}
