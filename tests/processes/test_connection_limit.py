"""A small plan's connections are enough for two generations at once, as during a deployment."""

import asyncio
import re
from collections.abc import AsyncIterator

import asyncpg
import pytest
from sqlalchemy import make_url

from tests.support.processes import APP, Program, answers, environment, free_port
from tests.support.servers import local_client
from tests.support.waiting import until

pytestmark = pytest.mark.processes

LIMIT = 20  # connections, of Heroku's smallest plans
VISITORS = 25  # at once, at each web process
MOST = re.compile(r"at most (\d+) connections to PostgreSQL")


@pytest.fixture
async def limited_url(database_url: str) -> AsyncIterator[str]:
    """A database of a role that may hold so many connections and no more."""
    server = await asyncpg.connect(database_url)
    await server.execute(f"CREATE ROLE small LOGIN PASSWORD 'small' CONNECTION LIMIT {LIMIT}")
    await server.execute("CREATE DATABASE small OWNER small")
    url = make_url(database_url).set(username="small", password="small", database="small")
    yield url.render_as_string(hide_password=False)
    await server.execute("DROP DATABASE small WITH (FORCE)")
    await server.execute("DROP ROLE small")
    await server.close()


@pytest.fixture
async def programs() -> AsyncIterator[list[Program]]:
    started: list[Program] = []
    yield started
    for program in started:
        await program.close()


async def test_two_generations_of_web_and_worker_fit_under_twenty(
    limited_url: str, programs: list[Program]
) -> None:
    def start(name: str, port: int) -> Program:
        environ = environment(limited_url, port, RUN_MONITOR="0", LOG_FORMAT="text")
        programs.append(Program([*APP, name], environ).start())
        return programs[-1]

    async def generation() -> int:
        port = free_port()
        assert await start("migrate", port).ended() == 0, programs[-1].said()
        web, worker = start("web", port), start("worker", port)
        await answers(web, f"http://127.0.0.1:{port}/readyz")
        await until(lambda: _said(worker, "monitor started"))
        return port

    ports = [await generation(), await generation()]
    statuses = await asyncio.gather(*(_visit(port) for port in ports for _ in range(VISITORS)))
    assert set(statuses) == {200}
    await until(lambda: _holds_at_most_what_they_say(limited_url, programs))
    ends = await asyncio.gather(*(program.stop() for program in programs if program.runs))
    assert set(ends) == {0}
    said = "".join(program.said() for program in programs)
    assert "TooManyConnections" not in said
    assert "TimeoutError" not in said


async def _said(program: Program, words: str) -> bool:
    assert program.runs, program.said()
    return words in program.said()


async def _visit(port: int) -> int:
    """A page that asks the database several things."""
    async with local_client() as client:
        return (await client.get(f"http://127.0.0.1:{port}/readyz")).status_code


async def _holds_at_most_what_they_say(url: str, programs: list[Program]) -> bool:
    """Two webs and two workers; one connection is the one that asks."""
    told = [int(most) for program in programs for most in MOST.findall(program.said())]
    assert sorted(told) == [3, 3, 5, 5]
    asking = await asyncpg.connect(url)
    try:
        held = await asking.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = 'small'"
        )
    finally:
        await asking.close()
    return int(held) <= sum(told) + 1 < LIMIT
