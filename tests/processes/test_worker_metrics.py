"""A worker is seen from outside: `/metrics` and `/healthz` on METRICS_PORT."""

from collections.abc import AsyncIterator

import pytest

from app.database import live_processes
from app.database.engine import Database
from tests.support.processes import APP, Program, answers, environment, free_port
from tests.support.servers import local_client
from tests.support.waiting import until

pytestmark = pytest.mark.processes
TOKEN = "a token of the metrics"


@pytest.fixture
async def worker(database: Database, database_url: str) -> AsyncIterator[Program]:
    port = str(free_port())
    environ = environment(database_url, 1, METRICS_PORT=port, METRICS_TOKEN=TOKEN)
    program = Program([*APP, "worker"], environ).start()
    yield program
    await program.close()


async def test_it_says_how_it_is_and_ends_cleanly(database: Database, worker: Program) -> None:
    url = f"http://127.0.0.1:{worker.environ['METRICS_PORT']}"
    await answers(worker, f"{url}/healthz")
    async with local_client(base_url=url) as client:
        told = await client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        refused = [await client.get("/metrics"), await client.get("/"), await client.post("/")]
    assert told.headers["Content-Type"].startswith("text/plain")
    assert "svyazka_database_up 1.0" in told.text
    assert "svyazka_pool_size 3.0" in told.text
    assert TOKEN not in told.text
    assert [answer.status_code for answer in refused] == [404] * 3

    async def says_which_keys_it_knows() -> bool:
        async with database.sessions() as session:
            names = await live_processes.without_key(session, "another")
        return [name.split()[:2] for name in names] == [["worker", str(worker.pid)]]

    await until(says_which_keys_it_knows)
    assert await worker.stop() == 0, worker.said()


async def test_a_port_that_is_taken_is_one_sentence(worker: Program) -> None:
    port = worker.environ["METRICS_PORT"]
    await answers(worker, f"http://127.0.0.1:{port}/healthz")
    second = Program([*APP, "worker"], worker.environ).start()
    try:
        assert await second.ended() == 2
        assert f"port {port} is taken: choose another with METRICS_PORT" in second.said()
    finally:
        await second.close()
