"""What a process loads: a web framework only where there are requests, a schema only for a file."""

import sys
from collections.abc import AsyncIterator, Callable

import pytest
from sqlalchemy import func, select

from app.database.engine import Database
from app.models.monitor import MonitorHeartbeat
from tests.support.processes import Program, environment, free_port
from tests.support.waiting import until

pytestmark = pytest.mark.processes

WEB = {"quart", "quart_auth", "flask", "werkzeug", "hypercorn", "uvicorn", "app.web"}
SCHEMA = {"pydantic", "pydantic_core"}  # for a PROVIDERS_FILE, which these have none of
EXTRAS = {"apprise", "opentelemetry", "sentry_sdk"}  # for what is set to be gathered elsewhere
COMMANDS = ("users list", "migrate", "keys new", "keys rotate", "providers", "check --all")
# `python -m app …` for each argument in turn; at the end, which modules the process has.
RUN = """
import sys
from app.cli import parser
for words in sys.argv[1:]:
    assert parser.run(parser.parse(words.split())) == 0, words
print("loaded:", *sys.modules)
"""

Start = Callable[..., Program]


@pytest.fixture
async def start(database: Database, database_url: str) -> AsyncIterator[Start]:
    started: list[Program] = []

    def start(*commands: str) -> Program:
        environ = environment(database_url, free_port())
        started.append(Program([sys.executable, "-c", RUN, *commands], environ).start())
        return started[-1]

    yield start
    for program in started:
        await program.close()


def loaded(ended: Program) -> set[str]:
    return set(ended.said().rpartition("loaded:")[2].split())


async def test_commands_load_no_web_framework_and_no_schema(start: Start) -> None:
    commands = start(*COMMANDS)
    assert await commands.ended() == 0, commands.said()
    assert "app.cli.commands" in loaded(commands)
    assert loaded(commands) & (WEB | SCHEMA | EXTRAS) == set()


async def test_a_worker_at_work_has_loaded_no_web_framework_and_no_schema(
    start: Start, database: Database
) -> None:
    worker = start("worker")

    async def beats() -> bool:
        assert worker.runs, worker.said()
        async with database.sessions() as session:
            return bool(await session.scalar(select(func.count()).select_from(MonitorHeartbeat)))

    await until(beats)
    assert await worker.stop() == 0, worker.said()
    assert "app.monitor.loop" in loaded(worker)
    assert loaded(worker) & (WEB | SCHEMA | EXTRAS) == set()
