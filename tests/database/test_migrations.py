"""Migrations: they make what the models say, back and forth, and several at once do no harm."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import make_url, text

from app.cli.commands import migrate_database
from app.config import ROOT
from app.database.engine import Database, open_database
from app.models.base import Base

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"


def config(url: str) -> Config:
    config = Config(ROOT / "alembic.ini")
    config.attributes["database_url"] = url
    return config


@pytest.fixture
async def empty_url(database_url: str) -> AsyncIterator[str]:
    """A database with nothing in it, beside the one with our tables."""
    name = f"empty_{uuid4().hex}"
    await _run(database_url, f"CREATE DATABASE {name}")
    yield make_url(database_url).set(database=name).render_as_string(hide_password=False)
    await _run(database_url, f"DROP DATABASE {name} WITH (FORCE)")


async def _run(url: str, statement: str) -> None:
    async with open_database(url) as database:
        listener = await database.listener(5)
        await listener.execute(statement)
        await listener.close()


async def tables(url: str) -> set[str]:
    async with open_database(url) as database, database.sessions() as session:
        return set(await session.scalars(text(TABLES)))


async def in_thread(function: object, *arguments: object) -> None:
    """Alembic runs an event loop of its own."""
    await asyncio.to_thread(function, *arguments)  # type: ignore[arg-type]


async def test_the_tables_are_what_the_models_say(database: Database, database_url: str) -> None:
    await in_thread(command.check, config(database_url))


async def test_there_and_back_and_there_again(empty_url: str) -> None:
    ours = {table.name for table in Base.metadata.sorted_tables}
    await in_thread(command.upgrade, config(empty_url), "head")
    assert await tables(empty_url) == {*ours, "alembic_version"}
    await in_thread(command.downgrade, config(empty_url), "base")
    assert await tables(empty_url) == {"alembic_version"}
    await in_thread(migrate_database, empty_url)
    await in_thread(command.check, config(empty_url))


async def test_several_at_once_do_no_harm(empty_url: str) -> None:
    runs = [await _started(empty_url) for _ in range(3)]
    ends = await asyncio.gather(*(run.communicate() for run in runs))
    assert [run.returncode for run in runs] == [0, 0, 0], ends
    assert "connections" in await tables(empty_url)


async def test_a_second_run_changes_nothing(database: Database, database_url: str) -> None:
    before = await tables(database_url)
    await in_thread(migrate_database, database_url)
    assert await tables(database_url) == before


async def test_online_is_made_by_the_database_itself(database: Database) -> None:
    query = text(
        "SELECT is_generated, generation_expression FROM information_schema.columns"
        " WHERE table_name = 'connections' AND column_name = 'is_online'"
    )
    async with database.sessions() as session:
        generated, expression = (await session.execute(query)).one()
    assert generated == "ALWAYS"
    assert "'online'" in expression


async def test_every_time_has_its_zone(database: Database) -> None:
    query = text(
        "SELECT table_name || '.' || column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND data_type = 'timestamp without time zone'"
    )
    async with database.sessions() as session:
        assert list(await session.scalars(query)) == []


async def _started(url: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", "migrate"),
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
