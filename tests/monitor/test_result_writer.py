"""Verdicts on their way into the database: none is lost because it is away for a moment."""

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from app.database.engine import Database
from app.models.connection import Status
from app.monitor import result_writer
from app.monitor.checked import Checked
from app.monitor.checker import Checker
from app.monitor.leases import claim_one
from app.monitor.result_writer import ResultWriter
from tests.support import rows


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result_writer, "WRITE_PAUSE", 0.01)


async def test_a_verdict_waits_for_a_pool_that_is_exhausted(
    checker: Checker, database: Database, database_url: str
) -> None:
    user = await rows.add_person(database)
    connection_id = await rows.add_connection(database, checker.keys, user, provider="acme")
    url = make_url(database_url).set(drivername="postgresql+asyncpg")
    engine = create_async_engine(url, pool_size=1, max_overflow=0, pool_timeout=0.1)
    narrow = ResultWriter(replace(checker, sessions=async_sessionmaker(engine)))
    narrow.put(await checked(checker, database, connection_id))
    async with engine.connect():  # the only one that there is
        writing = asyncio.create_task(narrow.write_next())
        for _ in range(result_writer.WRITE_TRIES + 1):
            with pytest.raises(PoolTimeout):
                await engine.connect().start()
    await writing
    assert (await rows.found(database, connection_id)).status == Status.ONLINE
    await engine.dispose()


async def checked(checker: Checker, database: Database, connection_id: UUID) -> Checked:
    async with database.sessions.begin() as session:
        lease = await claim_one(session, connection_id)
    assert lease is not None
    found = await checker.check(lease)
    assert isinstance(found, Checked)
    return found
