"""The monitor at work: for ever, politely, side by side with others, to a clean end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from aiohttp import web
from sqlalchemy import func, select, update

from app.background import running
from app.database.encryption import Keys
from app.database.engine import Database
from app.grants import revocation
from app.grants.store import OpenGrant
from app.models.connection import Connection, Grant, Revocation
from app.models.monitor import MonitorHeartbeat
from app.monitor import heartbeats, loop
from app.monitor.checker import Checker
from app.monitor.leases import claim_due
from app.monitor.loop import Monitor, monitoring
from app.oauth.token_response import Tokens
from tests.support import rows
from tests.support.servers import Acme, Handler, open_acme, saying
from tests.support.waiting import every, until

SHORT = 0.1  # seconds


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "IDLE_PAUSE", 0.05)


@pytest.fixture
async def acme() -> AsyncIterator[Acme]:
    async with open_acme(max_concurrency=4) as acme:
        yield acme


@pytest.fixture
def checker(checker: Checker) -> Checker:
    return replace(checker, timeout=5)


async def connections(checker: Checker, database: Database, number: int = 1) -> list[UUID]:
    user = await rows.add_person(database)
    return [
        await rows.add_connection(
            database, checker.keys, user, Tokens(f"access-{each}"), provider="acme"
        )
        for each in range(number)
    ]


async def test_a_monitor_whose_verdicts_are_not_written_has_no_heartbeat(
    checker: Checker, database: Database, acme: Acme, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk: rows are found and changed in place, and nothing new is taken."""
    monkeypatch.setattr(loop, "HEARTBEAT_PAUSE", 0.0)
    refuse = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    refuse += " RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END $$"
    trigger = "CREATE TRIGGER full_disk BEFORE UPDATE OF status ON connections"
    trigger += " EXECUTE FUNCTION refuse()"

    async def run(*statements: str) -> None:
        async with database.engine.begin() as connection:
            for statement in statements:
                await connection.exec_driver_sql(statement)

    async def alive() -> bool:
        async with database.sessions() as session:
            return await heartbeats.monitor_alive(session)

    def failing(monitor: Monitor) -> Callable[[], Awaitable[bool]]:
        async def look() -> bool:
            return monitor._recorder.is_failing

        return look

    (connection_id,) = await connections(checker, database)
    await run(refuse, trigger)
    try:
        monitor = Monitor(checker)
        async with running(monitor.run()):
            await until(alive)
            await until(failing(monitor))
            await run("UPDATE monitors SET beat_at = now() - interval '1 minute'")
            async for _ in every(SHORT, 10 * SHORT):
                assert not await alive()
            await run("DROP TRIGGER full_disk ON connections")
            await until(alive)
            assert (await rows.found(database, connection_id)).status == "online"
    finally:
        await run("DROP FUNCTION refuse CASCADE")


async def test_what_was_put_off_by_a_clock_that_went_back_is_looked_at_soon(
    checker: Checker, database: Database, acme: Acme
) -> None:
    """An hour ahead it was checked, leased, and put off; then the clock was set right."""
    acme.api_says = each_its_own()
    checked, leased = await connections(checker, database, 2)
    later = func.now() + timedelta(hours=1)
    async with database.sessions.begin() as session:
        ahead = update(Connection).values(next_check_at=later)
        await session.execute(ahead.where(Connection.id == checked).values(last_checked_at=later))
        lost = ahead.where(Connection.id == leased)
        await session.execute(lost.values(lease_id=uuid4(), lease_until=later))

    async def both_seen() -> bool:
        found = [await rows.found(database, each) for each in (checked, leased)]
        return all(each.status == "online" for each in found)

    async with monitoring(replace(checker, interval=0.2)):
        await until(both_seen)


async def test_a_sign_of_life_from_later_is_none(database: Database) -> None:
    async with database.sessions.begin() as session:
        session.add(MonitorHeartbeat(id=uuid4(), beat_at=func.now() + timedelta(hours=1)))
    async with database.sessions() as session:
        assert not await heartbeats.monitor_alive(session)
        assert await heartbeats.count_alive(session) == 0


def each_its_own(before: Callable[[], Awaitable[None]] | None = None) -> Handler:
    """An API where every token belongs to an account of its own."""

    async def handler(request: web.Request) -> web.Response:
        if before:
            await before()
        return web.json_response({"sub": request.headers["Authorization"]})

    return handler


async def statuses(database: Database) -> list[str]:
    async with database.sessions() as session:
        return list(await session.scalars(select(Connection.status)))


async def has_status(database: Database, status: str, number: int = 1) -> None:
    async def look() -> bool:
        return (await statuses(database)).count(status) == number

    await until(look)


async def test_it_turns_red_after_two_strikes_and_green_again(
    checker: Checker, database: Database, acme: Acme
) -> None:
    (connection_id,) = await connections(checker, database)
    async with monitoring(replace(checker, interval=SHORT)):
        await has_status(database, "online")
        acme.api_says = saying(503)
        await has_status(database, "offline")
        acme.api_says = saying(sub="shop-1")
        await has_status(database, "online")
    (outage,) = await rows.outages(database, connection_id)
    assert (outage.status, outage.cause) == ("offline", "provider_error")
    assert outage.closed_at is not None


async def test_its_heartbeat_comes_and_goes_with_it(checker: Checker, database: Database) -> None:
    async def alive() -> bool:
        async with database.sessions() as session:
            return await heartbeats.monitor_alive(session)

    assert not await alive()
    async with monitoring(checker):
        await until(alive)
    assert not await alive()


async def test_a_heartbeat_that_stopped_is_not_alive(database: Database) -> None:
    async with database.sessions.begin() as session:
        session.add(MonitorHeartbeat(beat_at=func.now() - heartbeats.HEARTBEAT_FRESH))
        assert not await heartbeats.monitor_alive(session)


async def test_no_more_than_the_bound_is_in_flight_at_a_provider(
    checker: Checker, database: Database, acme: Acme
) -> None:
    in_flight = most = 0

    async def take_a_while() -> None:
        nonlocal in_flight, most
        in_flight += 1
        most = max(most, in_flight)
        await asyncio.sleep(0.02)  # the provider's pace
        in_flight -= 1

    acme.api_says = each_its_own(take_a_while)
    await connections(checker, database, 20)
    async with monitoring(checker):
        await has_status(database, "online", 20)
    assert most == acme.provider.max_concurrency


async def test_a_provider_that_hangs_delays_no_other(
    checker: Checker, database: Database, acme: Acme, keys: Keys
) -> None:
    go_on = asyncio.Event()

    async def hang() -> None:
        await go_on.wait()

    acme.api_says = each_its_own(hang)
    await connections(checker, database, 8)
    async with open_acme("quick") as quick:
        both = replace(checker, catalogue=dict(checker.catalogue) | {"quick": quick.provider})
        other = await rows.add_person(database, "boris@example.ru")
        await rows.add_connection(database, keys, other, provider="quick")
        async with monitoring(both):
            await has_status(database, "online")
            assert (await statuses(database)).count("checking") == 8
            go_on.set()


async def test_a_check_under_way_is_recorded_before_the_end(
    checker: Checker, database: Database, acme: Acme
) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        asked.set()
        await go_on.wait()

    acme.api_says = each_its_own(hang)
    await connections(checker, database)
    async with monitoring(checker):
        await asked.wait()
        asyncio.get_running_loop().call_later(0.1, go_on.set)
    assert await statuses(database) == ["online"]


async def test_several_monitors_check_nothing_twice(
    checker: Checker, database: Database, acme: Acme
) -> None:
    acme.api_says = each_its_own()
    await connections(checker, database, 30)

    async def all_asked() -> bool:
        """Not what came of it: on a machine that stood still a request times out, and the second
        look, which is no mistake, comes after half a minute.
        """
        return len(set(acme.shown)) == 30

    async with monitoring(checker), monitoring(replace(checker)), monitoring(replace(checker)):
        await until(all_asked)
    assert len(acme.shown) == len(set(acme.shown)) == 30


async def test_a_check_that_crashes_harms_no_other(
    checker: Checker, database: Database, acme: Acme, caplog: pytest.LogCaptureFixture
) -> None:
    acme.api_says = each_its_own()
    broken, *_ = await connections(checker, database, 3)
    async with database.sessions.begin() as session:
        await session.execute(
            update(Grant)
            .where(Grant.connection_id == broken)
            .values(extra={"carrier": "no number"})
        )
    async with monitoring(checker):
        await has_status(database, "online", 2)
    assert f"check_crashed connection={broken}" in caplog.text
    assert (await rows.found(database, broken)).status == "checking"


async def test_a_provider_without_a_client_is_left_alone(
    checker: Checker, database: Database, acme: Acme, keys: Keys
) -> None:
    await connections(checker, database)
    async with open_acme("quick") as quick:
        unconfigured = replace(acme.provider, client=None)
        user = await rows.add_person(database, "boris@example.ru")
        await rows.add_connection(database, keys, user, provider="quick")
        catalogue = {"acme": unconfigured, "quick": quick.provider}
        async with monitoring(replace(checker, catalogue=catalogue)):
            await has_status(database, "online")
    assert sorted(await statuses(database)) == ["checking", "online"]
    assert acme.shown == []


async def test_what_is_still_to_be_revoked_is_revoked(
    checker: Checker, database: Database, acme: Acme
) -> None:
    (connection_id,) = await connections(checker, database)
    grant = OpenGrant(connection_id, 1, "access-0", "refresh-0")
    async with database.sessions.begin() as session:
        await revocation.enqueue(session, checker.keys, acme.provider, grant)

    async def is_empty() -> bool:
        async with database.sessions() as session:
            return await session.scalar(select(func.count()).select_from(Revocation)) == 0

    async with monitoring(checker):
        await until(is_empty)
    assert acme.revoked == ["refresh-0"]


async def test_a_lease_whose_check_never_began_is_given_back_at_the_end(
    checker: Checker, database: Database, acme: Acme
) -> None:
    """Cancelled between the claim and the check. Nobody else would know whose it is any more."""
    (lost,) = await connections(checker, database)
    async with database.sessions.begin() as session:
        assert await claim_due(session, "acme", 1, checker.monitor_id)

    async def beats() -> bool:
        async with database.sessions() as session:
            return await heartbeats.monitor_alive(session)

    async with monitoring(checker):
        await until(beats)
    async with database.sessions.begin() as session:
        assert [each.connection_id for each in await claim_due(session, "acme", 1)] == [lost]
