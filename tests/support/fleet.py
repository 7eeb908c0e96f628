"""Workers in processes of their own, and a provider that holds its answers back when told to."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.database.encryption import Keys
from app.database.engine import Database
from app.oauth.token_response import Tokens
from tests.support import rows
from tests.support.processes import APP, Program, environment, free_port
from tests.support.servers import serving
from tests.support.settings import TOKEN_KEYS
from tests.support.waiting import until

INTERVAL = 5  # seconds
TIMEOUT = 25  # seconds: what is held back stays so
LONGEST = 120.0  # seconds; a lease runs out after 90

ENTRY = """
[providers.slow]
name = "Slow"
icon = "bi-plug"
authorization_endpoint = "{url}/auth"
token_endpoint = "{url}/token"
refresh = "never"
max_rate = 1000
max_concurrency = 100
[providers.slow.probe]
url = "{url}/me"
label = "name"
"""
LEASED = text("SELECT count(*) FROM connections WHERE lease_until > now()")
LOOKED_AT = text(
    "SELECT count(*) FROM connections WHERE last_checked_at > to_timestamp(CAST(:since AS float8))"
)
MONITORS = text("SELECT count(*) FROM monitors WHERE beat_at > now() - interval '10 seconds'")


@dataclass
class Fleet:
    database: Database
    environ: dict[str, str]
    count: int  # connections
    answers: asyncio.Event = field(default_factory=asyncio.Event)  # set: the provider answers
    workers: list[Program] = field(default_factory=list)

    async def start(self) -> Program:
        """One more worker, with its first heartbeat."""
        before = await self.monitors()
        worker = Program([*APP, "worker"], self.environ).start()
        self.workers.append(worker)

        async def beats() -> bool:
            assert worker.runs, worker.said()
            return await self.monitors() > before

        await until(beats)
        return worker

    async def hold_everything(self) -> None:
        """The provider says nothing, and every connection is leased by somebody."""
        self.answers.clear()
        await until(lambda: self._has(LEASED, self.count))

    async def seconds_until_looked_at(self) -> float:
        """From now on, until the last connection was looked at again. The provider answers."""
        self.answers.set()
        began, since = time.monotonic(), time.time()
        await until(lambda: self._has(LOOKED_AT, self.count, since=since), LONGEST)
        return time.monotonic() - began

    async def monitors(self) -> int:
        return int(await self.value(MONITORS))

    async def value(self, query: object, **values: object) -> float:
        async with self.database.sessions() as session:
            return float(await session.scalar(query, values) or 0)  # type: ignore[call-overload]

    async def _has(self, query: object, wanted: float, **values: object) -> bool:
        try:
            return await self.value(query, **values) >= wanted
        except (DBAPIError, OSError):  # the database is away, if that is what is tried
            return False

    async def answer(self, _: web.Request) -> web.Response:
        """What was held back is a failure in the end."""
        status = 200 if self.answers.is_set() else 503
        await self.answers.wait()
        return web.json_response({"name": "Shop"}, status=status)


@asynccontextmanager
async def open_fleet(
    database: Database, database_url: str, folder: Path, count: int
) -> AsyncIterator[Fleet]:
    """`count` connections of one person, and no worker yet; the provider answers."""
    fleet = Fleet(database, {}, count)
    fleet.answers.set()
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serving({"me": fleet.answer}))
        stack.callback(fleet.answers.set)
        file = folder / "providers.toml"
        file.write_text(ENTRY.format(url=url), encoding="utf-8")
        fleet.environ = environment(
            database_url,
            free_port(),
            PROVIDERS_FILE=str(file),
            ALLOW_INSECURE_PROVIDERS="1",
            SLOW_CLIENT_ID="slow",
            SLOW_CLIENT_SECRET="slow-secret",
            HEALTH_CHECK_INTERVAL_SECONDS=str(INTERVAL),
            HEALTH_CHECK_TIMEOUT_SECONDS=str(TIMEOUT),
        )
        user = await rows.add_person(database)
        for _ in range(count):
            tokens = Tokens("slow", None, None)
            await rows.add_connection(database, Keys(TOKEN_KEYS), user, tokens, provider="slow")
        try:
            yield fleet
        finally:
            for worker in fleet.workers:
                worker.signal(signal.SIGCONT)
                await worker.close()
