"""Alembic on the application's own models; several processes may start it at once."""

import asyncio
import os

from alembic import context
from sqlalchemy import Connection, text

from app.config import NEEDED_BY_DATABASE, read_settings
from app.database.engine import open_database
from app.models.alert import Base  # with all of app.models

ONE_AT_A_TIME = 7_207_001  # advisory lock: of two migrations started together, one waits


def migrate(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": ONE_AT_A_TIME})
    connection.commit()
    context.configure(connection=connection, target_metadata=Base.metadata, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()


async def migrate_online() -> None:
    url = context.config.attributes.get("database_url")
    async with (
        open_database(
            url or read_settings(os.environ, NEEDED_BY_DATABASE).database_url, patience=None
        ) as database,
        database.engine.connect() as connection,
    ):
        await connection.run_sync(migrate)
        await connection.commit()


asyncio.run(migrate_online())
