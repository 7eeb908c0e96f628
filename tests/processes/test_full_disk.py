"""PostgreSQL's disk is really full: it is said at once, and all goes on by itself afterwards."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import text

from app.config import Settings
from app.database.engine import Database, open_database
from app.database.migration import migrate_database
from app.monitor import loop
from app.monitor.checker import Checker
from app.monitor.loop import monitoring
from app.oauth.token_response import Tokens
from tests.support import rows
from tests.support.applications import new_application
from tests.support.servers import Acme
from tests.support.small_disk import SmallDisk, small_disk
from tests.support.waiting import until

pytestmark = pytest.mark.processes

CONNECTIONS = 100
INTERVAL = 0.2  # seconds: what is free within the tables is used up soon
SILENCE = 5  # seconds without a heartbeat, of one that beats ten times a second
SILENT = text(f"SELECT max(beat_at) < now() - interval '{SILENCE} seconds' FROM monitors")
CHECKED = text("SELECT count(*) FROM connections WHERE last_checked_at > :moment")
NOW = text("SELECT clock_timestamp()")


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallDisk]:
    monkeypatch.setattr(loop, "HEARTBEAT_PAUSE", 0.1)
    monkeypatch.setattr(loop, "IDLE_PAUSE", 0.05)
    with small_disk() as disk:
        yield disk


async def test_a_full_disk_is_told_and_when_there_is_room_checks_go_on_by_themselves(
    disk: SmallDisk, checker: Checker, acme: Acme, settings: Settings
) -> None:
    await asyncio.to_thread(migrate_database, disk.url)
    app = new_application(replace(settings, database_url=disk.url))
    async with open_database(disk.url) as database, app.test_app():
        client = app.test_client()

        async def ready() -> tuple[int, dict[str, bool]]:
            answer = await client.get("/readyz")
            return answer.status_code, await answer.get_json()

        async def is_ready() -> bool:
            return (await ready())[0] == 200

        async def is_full() -> bool:
            return not (await ready())[1]["writable"]

        async def is_silent() -> bool:
            return bool(await scalar(database, SILENT))

        async def beats() -> bool:
            return not await is_silent()

        await fill_with_connections(database, checker)
        async with monitoring(replace(checker, sessions=database.sessions, interval=INTERVAL)):
            await until(is_ready)
            disk.fill()
            await until(is_full)
            await until(is_silent)
            status, parts = await ready()
            assert (status, parts["database"], parts["writable"]) == (503, True, False)

            disk.free()
            moment = await scalar(database, NOW)

            async def are_checked_again() -> bool:
                async with database.sessions() as session:
                    return bool(await session.scalar(CHECKED, {"moment": moment}) == CONNECTIONS)

            await until(are_checked_again)
            await until(is_ready)
            await until(beats)


async def fill_with_connections(database: Database, checker: Checker) -> None:
    user = await rows.add_person(database)
    for number in range(CONNECTIONS):
        tokens = Tokens(f"access-{number}")
        name = f"shop-{number}"
        await rows.add_connection(
            database, checker.keys, user, tokens, provider="acme", account=name
        )


async def scalar(database: Database, query: object) -> object:
    async with database.sessions() as session:
        return await session.scalar(query)  # type: ignore[call-overload]
