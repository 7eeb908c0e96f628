"""A database whose clock a test sets: in its transaction, `now()` is what the test says."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.database.engine import Database

SCHEMA = """
    CREATE SCHEMA IF NOT EXISTS clock;
    CREATE OR REPLACE FUNCTION clock.now() RETURNS timestamptz STABLE LANGUAGE sql AS
    $$ SELECT pg_catalog.current_setting('clock.now')::timestamptz $$
"""


@asynccontextmanager
async def own_clock(database: Database) -> AsyncIterator[AsyncSession]:
    """One transaction that is rolled back at the end, with a clock of its own."""
    async with database.sessions() as session:
        for statement in SCHEMA.split(";\n"):
            await session.execute(text(statement))
        # Found before pg_catalog's, because pg_catalog is named after it.
        await session.execute(text("SET LOCAL search_path = clock, pg_catalog, public"))
        yield session
        await session.rollback()


async def set_clock(session: AsyncSession, now: datetime) -> None:
    setting = text("SELECT set_config('clock.now', :now, true)")
    await session.execute(setting, {"now": now.isoformat()})
