"""The Procfile's own lines, run as a platform runs them."""

import asyncio
import shlex
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from app.config import ROOT
from tests.support.processes import Program, answers, environment, free_port
from tests.support.servers import local_client
from tests.support.settings import PASSWORD
from tests.support.waiting import until

pytestmark = pytest.mark.processes

LINES = dict(
    line.split(": ", 1) for line in (ROOT / "Procfile").read_text(encoding="utf-8").splitlines()
)
STOPS_WITHIN = 30.0  # seconds; then a platform kills
NEEDED = ("DATABASE_URL", "TOKEN_ENCRYPTION_KEYS", "PUBLIC_URL", "SECRET_KEY")


class Platform:
    """Starts Procfile lines with one environment, and leaves none of them behind."""

    def __init__(self, environ: dict[str, str]) -> None:
        self.environ = environ
        self.programs: list[Program] = []

    def start(self, name: str, **changes: str) -> Program:
        program = Program(["sh", "-c", LINES[name]], self.environ | changes).start()
        self.programs.append(program)
        return program

    async def run(self, name: str, **changes: str) -> tuple[int, str]:
        program = self.start(name, **changes)
        return await program.ended(), program.said()

    def visitor(self) -> httpx.AsyncClient:
        return local_client(base_url=self.url)

    @property
    def url(self) -> str:
        return self.environ["PUBLIC_URL"]


@pytest.fixture(scope="module")
async def empty_database(database_url: str) -> AsyncIterator[str]:
    """As Heroku names it."""
    server = await asyncpg.connect(database_url)
    await server.execute("CREATE DATABASE platform")
    yield f"{database_url.rpartition('/')[0]}/platform".replace("postgresql://", "postgres://")
    await server.execute("DROP DATABASE platform WITH (FORCE)")
    await server.close()


@pytest.fixture
async def platform(empty_database: str) -> AsyncIterator[Platform]:
    platform = Platform(environment(empty_database, free_port()))
    yield platform
    for program in platform.programs:
        await program.close()


@pytest.fixture(scope="module")
async def release(empty_database: str) -> list[tuple[int, str]]:
    """Two at once on the empty database, and a third one after them: what each came to."""
    platform = Platform(environment(empty_database, free_port()))
    at_once = await asyncio.gather(*(platform.run("release") for _ in range(2)))
    results = [*at_once, await platform.run("release")]
    for program in platform.programs:
        await program.close()
    return results


@pytest.fixture
def taken_port() -> Iterator[str]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield str(other.getsockname()[1])


async def test_release_can_run_twice_and_two_at_once(release: list[tuple[int, str]]) -> None:
    assert [status for status, _ in release] == [0, 0, 0], release


@pytest.mark.usefixtures("release")
async def test_web_and_worker_serve_and_end_cleanly_with_a_stream_open(platform: Platform) -> None:
    web, worker = platform.start("web", RUN_MONITOR="0"), platform.start("worker")
    await answers(web, f"{platform.url}/readyz")
    async with platform.visitor() as client:
        form = {"email": "anna@example.ru", "password": PASSWORD}
        assert (await client.post("/signup", data=form)).status_code == 303
        async with client.stream("GET", "/connections/stream") as stream:
            chunks = stream.aiter_text()
            assert "event: heartbeat" in await anext(chunks)
            ends = [asyncio.create_task(each.stop()) for each in (web, worker)]
            async with asyncio.timeout(STOPS_WITHIN):
                async for _ in chunks:  # a stream that was cut off raises RemoteProtocolError
                    pass
                assert [await end for end in ends] == [0, 0], (web.said(), worker.said())


@pytest.mark.usefixtures("release")
async def test_without_a_worker_the_web_process_is_not_ready_and_says_so(
    platform: Platform,
) -> None:
    web = platform.start("web", RUN_MONITOR="0")
    await answers(web, f"{platform.url}/healthz")
    async with platform.visitor() as client:

        async def all_but_the_monitor() -> bool:
            answer = await client.get("/readyz")
            wanted = dict.fromkeys(("database", "schema", "listener", "way_out", "writable"), True)
            return (answer.status_code, answer.json()) == (503, wanted | {"monitor": False})

        await until(all_but_the_monitor)


@pytest.mark.usefixtures("release")
async def test_one_web_process_alone_checks_by_itself(platform: Platform) -> None:
    await answers(platform.start("web"), f"{platform.url}/readyz")


@pytest.mark.parametrize(("name", "needed"), [("web", NEEDED), ("worker", NEEDED[:3])])
async def test_all_missing_variables_are_named_in_one_message(
    platform: Platform, name: str, needed: tuple[str, ...]
) -> None:
    status, said = await platform.run(name, **dict.fromkeys(NEEDED, ""))
    assert status == 2
    assert [variable in said for variable in needed] == [True] * len(needed), said
    assert "Traceback" not in said


@pytest.mark.usefixtures("release")
async def test_release_needs_the_database_alone(platform: Platform) -> None:
    others = dict.fromkeys(NEEDED[1:], "")
    assert (await platform.run("release", **others))[0] == 0
    status, said = await platform.run("release", DATABASE_URL="")
    assert status == 2
    assert "DATABASE_URL is not set" in said


@pytest.mark.usefixtures("release")
async def test_a_taken_port_is_one_sentence(platform: Platform, taken_port: str) -> None:
    status, said = await platform.run("web", PORT=taken_port)
    assert status == 2
    assert said == f"app: port {taken_port} is taken: choose another with PORT\n"


def test_every_line_hands_its_signals_to_the_program() -> None:
    assert {"release", "web", "worker"} == set(LINES)
    for name in ("web", "worker"):  # without exec the shell would be waited for instead
        assert shlex.split(LINES[name])[0] == "exec"
    assert not Path(ROOT / "uv.lock").exists()  # Heroku's build takes exactly one way to install
