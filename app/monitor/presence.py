"""A web or a worker says that it lives, and which token keys it knows."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import uuid4

from sqlalchemy.exc import SQLAlchemyError

from app.background import forever, running
from app.database import live_processes
from app.database.encryption import Keys
from app.database.engine import Sessions

PRESENCE_PAUSE = 10.0  # seconds; several fit into live_processes.PROCESS_GONE
LAST_WORD = 2.0  # seconds for deleting the row: a database that hangs must not hold up the end


@asynccontextmanager
async def present(sessions: Sessions, role: str, keys: Keys) -> AsyncIterator[None]:
    """While the block runs."""
    process_id = uuid4()

    async def say() -> None:
        async with sessions.begin() as session:
            await live_processes.touch(session, process_id, role, keys.ids)

    try:
        async with running(forever(say, PRESENCE_PAUSE)):
            yield
    finally:
        with suppress(SQLAlchemyError, OSError):  # then it counts as gone a minute later
            async with asyncio.timeout(LAST_WORD), sessions.begin() as session:
                await live_processes.remove(session, process_id)
