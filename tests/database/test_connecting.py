"""What becomes of a connection whose maker is cancelled before anybody has it."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from sqlalchemy import make_url

from app.database.engine import open_database
from tests.support.waiting import PATIENCE

FIRST_STATEMENT = b"idle_in_transaction_session_timeout"


class Held:
    """A way to PostgreSQL that keeps our first statement back."""

    def __init__(self) -> None:
        self.stuck = asyncio.Event()
        self.left = asyncio.Event()
        self.port = 0


@asynccontextmanager
async def held_at_the_first_statement(database_url: str) -> AsyncIterator[Held]:
    held, there = Held(), urlsplit(database_url)

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, asks = await asyncio.open_connection(there.hostname, there.port)
        back = asyncio.create_task(_copy(answers, writer))
        while piece := await reader.read(65_536):
            if FIRST_STATEMENT in piece:
                held.stuck.set()
            else:
                asks.write(piece)
        held.left.set()
        back.cancel()
        asks.close()
        writer.close()

    server = await asyncio.start_server(carry, "127.0.0.1", 0)
    held.port = server.sockets[0].getsockname()[1]
    try:
        yield held
    finally:
        server.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(65_536):
        writer.write(piece)


async def test_it_is_closed_at_once_and_not_when_python_cleans_up(database_url: str) -> None:
    gc.disable()
    try:
        async with held_at_the_first_statement(database_url) as held:
            url = make_url(database_url).set(port=held.port)
            async with open_database(url.render_as_string(hide_password=False)) as database:
                making = asyncio.create_task(database.engine.connect().start())
                async with asyncio.timeout(PATIENCE):
                    await held.stuck.wait()
                making.cancel()
                await asyncio.wait([making])
                async with asyncio.timeout(PATIENCE):
                    await held.left.wait()
    finally:
        gc.enable()
