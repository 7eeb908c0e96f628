"""A database whose clock a test moves: all our times come from its `now()`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from uuid import uuid4

import asyncpg
from sqlalchemy import make_url

from app.database.engine import open_database

# `public` stands before `pg_catalog`, so every `now()` of ours means this one, defaults included.
SHIFTED = """
CREATE TABLE clock (shift interval NOT NULL);
INSERT INTO clock VALUES ('0');
CREATE FUNCTION now() RETURNS timestamptz LANGUAGE sql STABLE AS
    'SELECT pg_catalog.now() + shift FROM public.clock';
"""


@asynccontextmanager
async def open_shifted(database_url: str) -> AsyncIterator[str]:
    """An empty database beside the given one; yields its address."""
    name = f"moved_{uuid4().hex}"
    url = make_url(database_url).set(database=name).render_as_string(hide_password=False)
    await run(database_url, f"CREATE DATABASE {name}")
    try:
        await run(database_url, f"ALTER DATABASE {name} SET search_path = public, pg_catalog")
        await run(url, SHIFTED)
        yield url
    finally:
        await run(database_url, f"DROP DATABASE {name} WITH (FORCE)")


async def run(url: str, statement: str) -> None:
    async with open_database(url) as database:
        listener: asyncpg.Connection[asyncpg.Record] = await database.listener(5)
        await listener.execute(statement)
        await listener.close()


class Clock:
    """The database's clock, moved forward only."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def go_to(self, moment: datetime, then: str = "") -> None:
        """`then`: a statement that nobody sees the new time without; all are one transaction."""
        text = moment.isoformat()
        await run(self._url, f"UPDATE clock SET shift = '{text}' - pg_catalog.now(); {then}")

    async def pass_(self, time: timedelta) -> None:
        await run(self._url, f"UPDATE clock SET shift = shift + '{time.total_seconds()} s'")
