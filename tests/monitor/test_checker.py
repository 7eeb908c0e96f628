"""One check from lease to row: waited for, not doubled, fenced, and silent about our own delays."""

import asyncio
import time
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from aiohttp import web
from sqlalchemy import delete, func, update
from sqlalchemy.dialects.postgresql import array

from app.connections import queries
from app.database.encryption import Keys
from app.database.engine import Database
from app.models.connection import Connection, Status
from app.monitor.checked import Checked
from app.monitor.checker import Checker
from app.monitor.event_loop_lag import LAG_LIMIT, LAG_TICK, EventLoopLag
from app.monitor.leases import Lease, claim_one
from app.monitor.no_verdict import NoVerdict
from tests.support import rows
from tests.support.servers import Acme, Handler, saying
from tests.support.waiting import until


@pytest.fixture
async def connection_id(database: Database, keys: Keys) -> UUID:
    user = await rows.add_person(database)
    return await rows.add_connection(database, keys, user, provider="acme")


class Gate:
    """An API that answers when it is told to."""

    def __init__(self) -> None:
        self.asked, self.opened = asyncio.Event(), asyncio.Event()

    async def __call__(self, _: web.Request) -> web.Response:
        self.asked.set()
        await self.opened.wait()
        return web.json_response({"sub": "shop-1"})


async def claimed(database: Database, connection_id: UUID) -> Lease:
    async with database.sessions.begin() as session:
        lease = await claim_one(session, connection_id)
    assert lease is not None
    return lease


async def test_a_good_answer_is_in_the_database(
    checker: Checker, database: Database, connection_id: UUID
) -> None:
    assert await checker.check_now(connection_id) is Status.ONLINE
    connection = await rows.found(database, connection_id)
    assert (connection.is_online, connection.status, connection.cause) == (True, "online", None)
    assert (connection.account, connection.label) == ("shop-1", "Shop")
    assert connection.last_checked_at is not None
    pause = connection.next_check_at - connection.last_checked_at
    assert timedelta(seconds=540) <= pause <= timedelta(seconds=660)
    assert (connection.lease_id, connection.lease_until) == (None, None)


async def test_a_check_by_hand_waits_for_the_one_under_way(
    checker: Checker, acme: Acme, connection_id: UUID
) -> None:
    gate = acme.api_says = Gate()
    first = asyncio.create_task(checker.check_now(connection_id))
    await gate.asked.wait()
    second = asyncio.create_task(checker.check_now(connection_id))
    await asyncio.wait({second}, timeout=0.2)
    assert not second.done()
    gate.opened.set()
    assert await first is await second is Status.ONLINE
    assert len(acme.shown) == 1


async def test_many_checks_by_hand_ask_once(
    checker: Checker, acme: Acme, connection_id: UUID
) -> None:
    gate = acme.api_says = Gate()
    checks = []
    for _ in range(10):  # out of step, so that one of them looks just when the first ends
        checks.append(asyncio.create_task(checker.check_now(connection_id)))
        await asyncio.wait(checks, timeout=0.011)
    gate.opened.set()
    assert set(await asyncio.gather(*checks)) == {Status.ONLINE}
    assert len(acme.shown) == 1


async def test_what_another_process_checks_is_waited_for(
    checker: Checker, database: Database, acme: Acme, connection_id: UUID
) -> None:
    lease = await claimed(database, connection_id)
    waiting = asyncio.create_task(checker.check_now(connection_id))
    checked = await checker.check(lease)
    assert isinstance(checked, Checked)
    await checker.write([checked])
    assert await waiting is Status.ONLINE
    assert len(acme.shown) == 1


async def test_a_dead_process_gives_its_connection_back(
    checker: Checker, database: Database, acme: Acme, connection_id: UUID
) -> None:
    await claimed(database, connection_id)
    await rows.let_lease_run_out(database, connection_id)
    assert await checker.check_now(connection_id) is Status.ONLINE
    assert len(acme.shown) == 1


async def test_a_connection_that_is_not_there_is_not_checked(
    checker: Checker, database: Database, connection_id: UUID
) -> None:
    async with database.sessions.begin() as session:
        await session.execute(delete(Connection))
    assert await checker.check_now(connection_id) is NoVerdict.NOT_CHECKABLE


async def test_what_is_disconnected_while_it_is_asked_stays_gone(
    checker: Checker, database: Database, acme: Acme, connection_id: UUID
) -> None:
    gate = acme.api_says = Gate()
    check = asyncio.create_task(checker.check_now(connection_id))
    await gate.asked.wait()
    async with database.sessions.begin() as session:
        await session.execute(delete(Connection))
    gate.opened.set()
    await check
    assert await rows.get(database, connection_id) is None


async def test_a_late_verdict_changes_nothing(
    checker: Checker, database: Database, acme: Acme, connection_id: UUID
) -> None:
    late = await checker.check(await claimed(database, connection_id))
    assert isinstance(late, Checked)
    await rows.let_lease_run_out(database, connection_id)
    acme.api_says = saying(503)
    assert await checker.check_now(connection_id) is Status.DEGRADED
    after = await rows.found(database, connection_id)
    await checker.write([late])
    unchanged = await rows.found(database, connection_id)
    assert (unchanged.status, unchanged.version) == (after.status, after.version)
    assert unchanged.status == "degraded"


async def test_a_batch_with_one_lost_lease_writes_the_others(
    checker: Checker, database: Database, keys: Keys, connection_id: UUID
) -> None:
    user = (await rows.found(database, connection_id)).user_id
    other_id = await rows.add_connection(database, keys, user, provider="acme")
    batch = [
        await checker.check(await claimed(database, each)) for each in (connection_id, other_id)
    ]
    async with database.sessions.begin() as session:
        await session.execute(delete(Connection).where(Connection.id == connection_id))
    await checker.write([each for each in batch if isinstance(each, Checked)])
    assert (await rows.found(database, other_id)).status == "online"


async def test_a_label_outlives_an_outage(
    checker: Checker, database: Database, acme: Acme, connection_id: UUID
) -> None:
    await checker.check_now(connection_id)
    acme.api_says = saying(503)
    await checker.check_now(connection_id)
    connection = await rows.found(database, connection_id)
    assert (connection.label, connection.account) == ("Shop", "shop-1")
    assert str(connection.evidence).startswith("GET 127.0.0.1/me → 503 за ")


def hanging_after_a_stall() -> Handler:
    """Our own process stands still, so whatever was sent meanwhile comes too late."""

    async def handler(request: web.Request) -> web.Response:
        _stand_still(LAG_LIMIT + 2 * LAG_TICK)
        return await Gate()(request)

    return handler


def _stand_still(seconds: float) -> None:
    time.sleep(seconds)


async def test_a_timeout_while_we_lag_ourselves_is_no_verdict(
    checker: Checker, database: Database, acme: Acme, connection_id: UUID
) -> None:
    acme.api_says = hanging_after_a_stall()
    hurried = replace(checker, timeout=0.3)
    watching = asyncio.create_task(hurried.lag.watch())
    before = await rows.found(database, connection_id)
    await asyncio.sleep(0)  # so that the watch has begun
    assert await hurried.check_now(connection_id) is NoVerdict.OUR_FAULT
    watching.cancel()
    after = await rows.found(database, connection_id)
    assert (after.status, after.version, after.last_checked_at) == (
        "checking",
        before.version,
        None,
    )
    assert after.lease_id is None
    assert after.next_check_at > before.next_check_at


async def test_a_timeout_without_our_lag_is_one(
    checker: Checker, database: Database, acme: Acme, connection_id: UUID
) -> None:
    acme.api_says = Gate()
    assert await replace(checker, timeout=0.1).check_now(connection_id) is Status.DEGRADED
    connection = await rows.found(database, connection_id)
    assert (connection.status, connection.cause) == ("degraded", "timeout")
    assert connection.latency_ms is None


async def test_lag_is_seen_and_passes() -> None:
    lag = EventLoopLag()
    watching = asyncio.create_task(lag.watch())
    await asyncio.sleep(0)  # so that the watch has begun
    began = time.monotonic()
    assert not lag.seen_since(began)
    _stand_still(LAG_LIMIT + 2 * LAG_TICK)

    async def seen() -> bool:
        return lag.seen_since(began)

    await until(seen)
    assert not lag.seen_since(time.monotonic())
    watching.cancel()


async def test_a_missing_key_is_our_mistake_and_no_news(
    checker: Checker, database: Database, acme: Acme, connection_id: UUID
) -> None:
    await checker.check_now(connection_id)
    before = await rows.found(database, connection_id)
    strange = replace(checker, keys=Keys((("other", b"2" * 32),)))
    await strange.check_now(connection_id)
    after = await rows.found(database, connection_id)
    assert (after.status, after.cause) == ("online", "misconfigured")
    assert after.last_checked_at == before.last_checked_at
    assert len(acme.shown) == 1


@pytest.mark.parametrize("known", [True, False])
async def test_a_provider_without_a_client_is_not_asked(
    checker: Checker, database: Database, acme: Acme, connection_id: UUID, known: bool
) -> None:
    catalogue = {"acme": replace(acme.provider, client=None)} if known else {}
    unable = replace(checker, catalogue=catalogue)
    assert await unable.check_now(connection_id) is NoVerdict.NOT_CHECKABLE
    connection = await rows.found(database, connection_id)
    assert (connection.status, connection.cause) == ("checking", None)
    assert (acme.shown, connection.last_checked_at) == ([], None)


async def test_strikes_are_counted_over_processes(
    checker: Checker, database: Database, acme: Acme, connection_id: UUID
) -> None:
    acme.api_says = saying(503)
    await checker.check_now(connection_id)
    first = await rows.found(database, connection_id)
    await replace(checker, lag=EventLoopLag()).check_now(connection_id)
    second = await rows.found(database, connection_id)
    assert (first.status, second.status) == ("degraded", "offline")
    assert second.since == first.since  # red is dated from the first strike


async def test_a_version_never_goes_back(
    checker: Checker, database: Database, connection_id: UUID
) -> None:
    versions = []
    for _ in range(3):
        await checker.check_now(connection_id)
        versions.append((await rows.found(database, connection_id)).version)
    assert versions == sorted(set(versions))


async def test_a_check_by_hand_does_not_wait_until_it_is_due(
    checker: Checker, database: Database, acme: Acme, connection_id: UUID
) -> None:
    async with database.sessions.begin() as session:
        tomorrow = func.now() + timedelta(days=1)
        await session.execute(update(Connection).values(next_check_at=tomorrow, status="revoked"))
    assert await checker.check_now(connection_id) is Status.ONLINE
    assert (await rows.found(database, connection_id)).status == "online"


async def test_what_goes_up_and_down_four_times_in_an_hour_flaps(
    checker: Checker, database: Database, acme: Acme, connection_id: UUID
) -> None:
    seen = []
    for status in (200, 503, 503, 200, 503, 200):
        acme.api_says = saying(status, sub="shop-1")
        await checker.check_now(connection_id)
        seen.append(await flapping(database, connection_id))
    assert seen == [False, False, False, False, False, True]
    assert len((await rows.found(database, connection_id)).transitions) == 4


async def test_an_hour_after_its_fourth_last_flip_it_does_not_flap_any_more(
    database: Database, connection_id: UUID
) -> None:
    for minutes, flaps in ((59, True), (61, False)):
        transitions = [func.now() - timedelta(minutes=each) for each in (1, 2, 3, minutes)]
        async with database.sessions.begin() as session:
            await session.execute(update(Connection).values(transitions=array(transitions)))
        assert await flapping(database, connection_id) is flaps


async def flapping(database: Database, connection_id: UUID) -> bool:
    async with database.sessions() as session:
        (row,) = await queries.by_id(session, [connection_id])
    return bool(row.flapping)


async def test_an_answer_for_somebody_elses_account_ends_no_connection(
    checker: Checker, acme: Acme, database: Database, connection_id: UUID
) -> None:
    assert await checker.check_now(connection_id) is Status.ONLINE
    first = await rows.found(database, connection_id)
    acme.api_says = saying(sub="shop-2", name="Other")
    other = await rows.add_connection(database, checker.keys, first.user_id, provider="acme")
    assert await checker.check_now(other) is Status.ONLINE
    # The API mixes the two up.
    assert await checker.check_now(connection_id) is Status.DEGRADED
    found = await rows.found(database, connection_id)
    assert (found.cause, found.account, found.label) == ("account_changed", "shop-1", first.label)
    accounts = [(await rows.found(database, each)).account for each in (connection_id, other)]
    assert accounts == ["shop-1", "shop-2"]
