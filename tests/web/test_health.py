"""Is it alive, is it of use, and who may read its numbers."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from app.config import Settings
from app.database.engine import POOL_SIZE, Database
from app.models.monitor import MonitorHeartbeat
from app.monitor import heartbeats
from app.web.app import create_app
from app.web.context import Dashboard
from app.web.readiness import ANSWERED_WITHIN, REMEMBERED, Readiness
from tests.support.waiting import until

Clock = Callable[[], float]

ELSEWHERE = ("203.0.113.7", 1234)
HERE = ("127.0.0.1", 1234)


@asynccontextmanager
async def started(settings: Settings) -> AsyncIterator[Dashboard]:
    app = create_app(settings)
    async with app.test_app():
        yield app


async def listening(app: Dashboard) -> None:
    async def look() -> bool:
        return app.listener.connected

    await until(look)


async def ready(app: Dashboard, clock: Clock = time.monotonic) -> tuple[int, dict[str, bool]]:
    """As it is now, however long it takes to find out."""
    app.readiness = Readiness(clock)
    return await told(app)


async def told(app: Dashboard) -> tuple[int, dict[str, bool]]:
    answer = await app.test_client().get("/readyz")
    return answer.status_code, await answer.get_json()


async def metrics(app: Dashboard, client: tuple[str, int] = HERE, **headers: str) -> Any:
    return await app.test_client().get("/metrics", headers=headers, scope_base={"client": client})


async def test_it_is_alive_while_it_answers(dashboard: Dashboard) -> None:
    assert (await dashboard.test_client().get("/healthz")).status_code == 200


async def test_it_is_ready_when_everything_works(dashboard: Dashboard, database: Database) -> None:
    await listening(dashboard)
    async with database.sessions.begin() as session:
        session.add(MonitorHeartbeat())
    names = ("database", "schema", "monitor", "listener", "way_out", "writable")
    assert await ready(dashboard) == (200, dict.fromkeys(names, True))


async def test_while_pages_have_all_connections_it_says_what_it_knows(
    dashboard: Dashboard, database: Database
) -> None:
    await listening(dashboard)
    async with database.sessions.begin() as session:
        session.add(MonitorHeartbeat())
    now = 1000.0
    assert (await ready(dashboard, lambda: now))[0] == 200
    async with AsyncExitStack() as pages:
        for _ in range(POOL_SIZE):
            await pages.enter_async_context(database.engine.connect())
        assert (await told(dashboard))[0] == 200  # they are still out
        now += REMEMBERED - 1
        assert (await told(dashboard))[0] == 200
        await until(lambda: _looked(dashboard))  # it has waited in vain


async def test_what_it_knew_is_forgotten_before_a_database_is_away_for_six_seconds() -> None:
    """The bound of `bench chaos`."""
    now = 1000.0
    readiness = Readiness(lambda: now)
    assert await readiness.parts(_well) == {"database": True}
    now += 6
    assert await readiness.parts(_away) == {"database": False}


async def _well() -> dict[str, bool]:
    return {"database": True}


async def _away() -> dict[str, bool]:
    """Found out later than anybody would wait who is told what is remembered."""
    found_out = asyncio.Event()
    asyncio.get_running_loop().call_later(2 * ANSWERED_WITHIN, found_out.set)
    await found_out.wait()
    return {"database": False}


async def _looked(app: Dashboard) -> bool:
    """The look that waited for a connection has ended, and left none to the next test."""
    return not app.readiness.is_looking


async def test_without_a_monitor_it_is_not_ready(dashboard: Dashboard, database: Database) -> None:
    await listening(dashboard)
    status, parts = await ready(dashboard)
    assert (status, parts["monitor"], parts["database"]) == (503, False, True)
    async with database.sessions.begin() as session:
        session.add(MonitorHeartbeat(beat_at=text("now() - interval '31 seconds'")))
    assert heartbeats.HEARTBEAT_FRESH.total_seconds() == 30
    assert (await ready(dashboard))[0] == 503


async def test_while_every_monitor_is_offline_it_is_not_ready(
    dashboard: Dashboard, database: Database
) -> None:
    await listening(dashboard)
    async with database.sessions.begin() as session:
        session.add(MonitorHeartbeat(cut_off_since=text("now()")))
    status, parts = await ready(dashboard)
    assert (status, parts["way_out"], parts["monitor"]) == (503, False, True)
    async with database.sessions.begin() as session:
        session.add(MonitorHeartbeat())
    assert await ready(dashboard) == (200, dict.fromkeys(parts, True))


async def test_a_database_that_takes_no_writes_is_not_ready(
    settings: Settings, database: Database, database_url: str
) -> None:
    """As a standby, or one that its host has set to read-only."""
    async with database.sessions.begin() as session:
        session.add(MonitorHeartbeat())
    url = f"{database_url}?options=-c%20default_transaction_read_only%3Don"
    async with started(replace(settings, database_url=url)) as app:
        await listening(app)
        status, parts = await ready(app)
    assert (status, parts) == (503, dict.fromkeys(parts, True) | {"writable": False})


async def test_a_schema_that_is_behind_is_not_ready(
    dashboard: Dashboard, database: Database
) -> None:
    change = text("UPDATE alembic_version SET version_num = :revision")
    known = text("SELECT version_num FROM alembic_version")
    async with database.sessions.begin() as session:
        revision = await session.scalar(known)
        await session.execute(text("DELETE FROM alembic_version"))
    assert (await ready(dashboard))[1]["schema"] is False
    async with database.sessions.begin() as session:
        before = {"revision": f"{int(revision) - 1:04}"}
        await session.execute(text("INSERT INTO alembic_version VALUES (:revision)"), before)
    assert (await ready(dashboard))[1]["schema"] is False
    async with database.sessions.begin() as session:
        await session.execute(change, {"revision": "newer"})
    assert (await ready(dashboard))[1]["schema"] is True  # a deploy is under way
    async with database.sessions.begin() as session:
        await session.execute(change, {"revision": revision})


async def test_without_a_database_it_says_so_and_lives(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = replace(settings, database_url="postgresql://nobody:no@127.0.0.1:1/nothing")
    async with started(nowhere) as app:
        status, parts = await ready(app)
        assert status == 503
        assert not any(parts.values())
        assert (await app.test_client().get("/healthz")).status_code == 200
    assert "nobody:no" not in caplog.text


async def test_a_dead_monitor_does_not_live_on_because_the_clock_stepped_back(
    dashboard: Dashboard, database: Database
) -> None:
    async with database.sessions.begin() as session:
        session.add(MonitorHeartbeat(beat_at=text("now() + interval '1 hour'")))
    assert (await ready(dashboard))[1]["monitor"] is False


async def test_a_database_that_lets_nobody_in_is_away_and_no_surprise(
    settings: Settings, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = database_url.replace("svyazka:", "svyazka:wrong", 1)
    async with started(replace(settings, database_url=wrong)) as app:
        assert (await ready(app))[0] == 503
        form = {"email": "anna@example.ru", "password": "a long enough password"}
        assert (await app.test_client().post("/login", form=form)).status_code == 503
    assert "request_failed" not in caplog.text


async def test_numbers_are_for_this_machine_only(dashboard: Dashboard) -> None:
    answer = await metrics(dashboard)
    assert answer.status_code == 200
    assert "python_info" in await answer.get_data(as_text=True)
    assert (await metrics(dashboard, ELSEWHERE)).status_code == 404
    forwarded = {"X-Forwarded-For": "127.0.0.1"}
    assert (await metrics(dashboard, HERE, **forwarded)).status_code == 404


@pytest.mark.parametrize(
    "header",
    [
        *("Forwarded", "Via", "X-Real-IP", "X-Forwarded-For", "X-Forwarded-Proto"),
        *("X-Forwarded-Host", "True-Client-IP", "CF-Connecting-IP", "X-Client-IP"),
    ],
)
async def test_numbers_are_for_nobody_behind_a_proxy_of_this_machine(
    dashboard: Dashboard, header: str
) -> None:
    assert (await metrics(dashboard, HERE, **{header: "127.0.0.1"})).status_code == 404


async def test_where_a_proxy_is_known_of_numbers_want_the_token(settings: Settings) -> None:
    """It may pass requests on without a header of its own."""
    async with started(replace(settings, trusted_hops=1)) as app:
        assert (await metrics(app, HERE)).status_code == 404


async def test_with_a_token_they_are_for_whoever_has_it(
    dashboard: Dashboard, settings: Settings
) -> None:
    async with started(replace(settings, metrics_token="a token of the metrics")) as app:
        good = {"Authorization": "Bearer a token of the metrics"}
        assert (await metrics(app, ELSEWHERE, **good)).status_code == 200
        assert (await metrics(app, HERE, Authorization="Bearer токен")).status_code == 404
        assert (await metrics(app, HERE)).status_code == 404


async def test_requests_are_counted_by_route_and_never_by_address(dashboard: Dashboard) -> None:
    client = dashboard.test_client()
    for path in ("/healthz", "/no-such-page", "/evotor/callback?code=hunter2"):
        await client.get(path)
    told = await (await metrics(dashboard)).get_data(as_text=True)
    assert 'svyazka_requests_total{method="GET",route="/healthz",status="200"}' in told
    assert 'route="none",status="404"' in told
    assert "hunter2" not in told
    assert "no-such-page" not in told
