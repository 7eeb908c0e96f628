"""Alembic on the application's own models; several processes may start it at once."""

import asyncio
import logging
import os
import time
from typing import Any

from alembic import context
from sqlalchemy import Connection, text

from app.config import NEEDED_BY_DATABASE, read_settings
from app.database.engine import open_database
from app.database.migration import LOCK_TIMEOUT, OLDEST_CODE, oldest_code_of
from app.logging import LogEvent
from app.models.alert import Base  # with all of app.models

log = logging.getLogger("app.database.migration")

ONE_AT_A_TIME = 7_207_001  # advisory lock: of two migrations started together, one waits


class Progress:
    """Tells each step, and writes into the database which code runs on what came of it."""

    def __init__(self) -> None:
        self._tell = context.config.attributes.get("tell") or (lambda _: None)
        self._began = time.monotonic()

    def __call__(self, ctx: Any, step: Any, heads: set[str], **_: Any) -> None:
        """In the transaction of the step. A step down begins with the newer revision."""
        now = time.monotonic()
        into, out_of = step.destination_revision_ids, step.source_revision_ids
        way = " → ".join(str(*ids) if ids else "empty" for ids in (out_of, into))
        self._tell(f"{way}  {step.up_revision.doc}  {now - self._began:.1f} s")
        log.info(LogEvent("migration", step=way, seconds=now - self._began))
        self._began = now
        write_oldest_code(ctx.connection, *heads)


def write_oldest_code(connection: Connection, revision: str = "") -> None:
    oldest = f"{OLDEST_CODE}{oldest_code_of(context.script, revision)}" if revision else ""
    # A comment takes no parameters; these are the names of our own revisions.
    connection.execute(text(f"COMMENT ON TABLE alembic_version IS '{oldest}'"))


def migrate(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": ONE_AT_A_TIME})
    # Who waits for a lock is waited for by everybody who wants one after it.
    connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}s'"))
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_type=True,
        transaction_per_migration=True,
        on_version_apply=Progress(),
    )
    with context.begin_transaction():
        context.run_migrations()


async def migrate_online() -> None:
    url = context.config.attributes.get("database_url")
    async with (
        open_database(
            url or read_settings(os.environ, NEEDED_BY_DATABASE).database_url,
            patience=None,
            role="migrate",
        ) as database,
        database.engine.connect() as connection,
    ):
        await connection.run_sync(migrate)
        await connection.commit()


asyncio.run(migrate_online())
